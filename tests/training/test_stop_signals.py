"""Signals that ask a run to stop: noted once, and acted on as ever the second time."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from gankit.errors import Interrupted
from gankit.training.stop_signals import StopSignals

ASKING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1]


@pytest.fixture
def met():
    """Signals that reach the handlers of the test itself."""
    numbers, before = [], {}
    for number in ASKING:
        before[number] = signal.signal(number, lambda n, _frame: numbers.append(n))
    yield numbers
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def defaults():
    """Signals as the system acts on them."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in ASKING[1:]}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ASKING)
def test_the_first_is_noted_and_the_second_acts(met, number):
    with StopSignals() as signals:
        signals.wait_for_a_step()
        assert signals.received is None
        os.kill(os.getpid(), number)
        assert signals.received is number
        assert met == []
        os.kill(os.getpid(), number)
        assert met == [number]
    os.kill(os.getpid(), number)
    assert met == [number, number]


def signalled(number):
    with StopSignals():
        os.kill(os.getpid(), number)
        pytest.fail("the signal was to act")


@pytest.mark.parametrize("number", ASKING[1:])
def test_before_the_first_step_there_is_nothing_to_wait_for(defaults, number):
    with pytest.raises(Interrupted, match=f"ended by {number.name} before") as caught:
        signalled(number)
    assert caught.value.number == number
    assert signal.getsignal(number) is signal.SIG_DFL


def test_ctrl_c_before_the_first_step_is_the_usual_one():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            signalled(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_run_that_is_told_to_outlive_its_terminal_does():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what nohup does
    try:
        with StopSignals() as signals:
            signals.wait_for_a_step()
            os.kill(os.getpid(), signal.SIGHUP)
            assert signals.received is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_the_main_thread_nothing_is_touched(met):
    found = []

    def look():
        with StopSignals():
            found.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [before]
