"""What a person sees while a run trains."""

from __future__ import annotations

import pytest

from gankit.training import display as display_module
from gankit.training.display import Display, describe

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


def test_plain_lines_say_how_much_is_left(capfd, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(display_module.time, "monotonic", lambda: now[0])
    with Display() as display:
        display.begin(100, 1100)
        now[0] = 5.0
        display.update(300, NUMBERS)  # too soon after the beginning for a line
        now[0] = 20.0
        display.update(500, NUMBERS)
    lines = capfd.readouterr().err.splitlines()
    assert lines == [f"step 500/1,100  {describe(NUMBERS)}  30 s left"]


def test_brackets_in_a_name_are_no_markup(capfd):
    Display().say("cats [1] " + "x" * 200)
    assert capfd.readouterr().err == "cats [1] " + "x" * 200 + "\n"


@pytest.mark.parametrize("quiet", [True, False])
def test_only_the_first_process_speaks(capfd, quiet):
    Display(quiet).say("hello")
    assert bool(capfd.readouterr().err) is not quiet
