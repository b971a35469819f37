"""What a person sees while a run trains."""

from __future__ import annotations

import io
import os
import signal
import threading
import time

import pytest
from rich.console import Console

from gankit.training import display as display_module
from gankit.training.display import Display, describe
from gankit.training.pace import in_words

NUMBERS = {
    "d/adversarial": 1.0,
    "d/r1": 0.25,
    "g/adversarial": 0.5,
    "d_real": 0.613,
    "d_fake": 0.38,
    "images_per_second": 3412.3,
}


def test_losses_are_sums_of_what_each_player_minimises():
    assert describe(NUMBERS) == "3,412 images/s  D 1.250  G 0.500  D(real) 0.61  D(fake) 0.38"
    assert describe({"images_per_second": 5.0}) == "5 images/s"


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test turns: `clock[0]` is its time."""
    now = [100.0]
    monkeypatch.setattr(display_module.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def terminal(monkeypatch):
    """What a terminal of 120 columns would get."""
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=120)
    monkeypatch.setattr(display_module, "Console", lambda **_: console)
    monkeypatch.setattr(display_module, "SECONDS_BETWEEN_TICKS", 0.005)
    return written


def wait_for(written: io.StringIO, text: str) -> None:
    until = time.time() + 30
    while text not in written.getvalue():
        assert time.time() < until, (text, written.getvalue())
        time.sleep(0.005)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "display"]


def test_plain_lines_say_how_much_is_left(capfd, clock):
    with Display() as display:
        display.begin(100, 1092, 50.0)
        for step in range(101, 401):  # 16 steps a second
            clock[0] += 1 / 16
            logged = NUMBERS if step == 130 else None
            display.advance(step, 50 + (step - 100) / 16, logged)
        assert not threads()
    first, second = capfd.readouterr().err.splitlines()  # after 3 s, and 10 s later
    assert first == f"step 148/1,092  {describe(NUMBERS)}  59 s left"
    assert second == f"step 308/1,092  {describe(NUMBERS)}  49 s left"


def test_slow_steps_are_no_flood_and_no_silence(capfd, clock):
    with Display() as display:
        display.begin(0, 20)
        for step in range(1, 9):
            clock[0] += 5.0
            display.advance(step, 5.0 * step)
    lines = capfd.readouterr().err.splitlines()
    assert lines == [f"step {n}/20  {in_words(100 - 5 * n)} left" for n in (1, 3, 5, 7)]


def test_on_a_terminal_time_passes_while_a_step_is_taken(clock, terminal):
    with Display() as display:
        display.begin(0, 40)
        for passed in range(1, 6):
            clock[0] += 1
            wait_for(terminal, f"{passed} s")
        display.advance(1, 5.0, NUMBERS)
        wait_for(terminal, "5 s, 3 min 15 s left")
        wait_for(terminal, describe(NUMBERS))
        clock[0] += 2
        wait_for(terminal, "7 s, 3 min 13 s left")
        clock[0] += 60  # scores are measured: that is no step
        wait_for(terminal, "1 min 7 s, 3 min 10 s left")
        display.advance(2, 10.0)
        wait_for(terminal, "step 2/40")
        with display.busy("pictures"):
            wait_for(terminal, "pictures")
        assert threads() == ["display"]
    assert not threads()
    ended = terminal.getvalue()
    time.sleep(0.05)
    assert terminal.getvalue() == ended


def test_what_comes_before_the_steps_has_a_line_of_its_own(clock, terminal):
    with Display().busy("reading the data"):
        clock[0] += 3
        wait_for(terminal, "reading the data 3 s")
    assert not threads()


def test_an_error_ends_the_thread(terminal):
    def broken():
        with Display() as display:
            display.begin(0, 40)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert not threads()
    with pytest.raises(ZeroDivisionError), Display().busy("reading the data"):
        raise ZeroDivisionError
    assert not threads()


def test_a_terminal_that_is_gone_hinders_nothing(clock, terminal, monkeypatch):
    def gone(text):
        raise OSError("the terminal is gone")

    with Display() as display:
        display.begin(0, 40)
        monkeypatch.setattr(terminal, "write", gone)
        for step in range(1, 5):
            display.advance(step, float(step), NUMBERS)
            time.sleep(0.02)
        display.say("hello")
    assert not threads()


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no such signal here")
def test_signals_arrive_while_the_bar_moves(terminal):
    got = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: got.append(number))
    try:
        with Display() as display:
            display.begin(0, 40)
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(0.05)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert got == [signal.SIGUSR1]


def test_a_quiet_one_has_no_bar_and_no_thread(terminal):
    with Display(quiet=True) as display:
        display.begin(0, 40)
        with display.busy("pictures"):
            assert not threads()


def test_a_wordless_one_has_a_bar_that_goes_and_says_no_line(clock, terminal):
    with Display(wordless=True) as display:
        display.begin(0, 40)
        display.say("hello")
        wait_for(terminal, "step 0/40")
    assert not threads()
    assert "hello" not in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K")  # the line of the bar is cleared


def test_brackets_in_a_name_are_no_markup(capfd):
    Display().say("cats [1] " + "x" * 200)
    assert capfd.readouterr().err == "cats [1] " + "x" * 200 + "\n"


@pytest.mark.parametrize("quiet", [True, False])
def test_only_the_first_process_speaks(capfd, quiet):
    Display(quiet).say("hello")
    assert bool(capfd.readouterr().err) is not quiet
