"""Options of `gankit train` that a family brings."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import pytest

from gankit.cli.family_flags import own_flags, sort_words
from gankit.errors import ConfigError
from gankit.families import FAMILIES, Game
from gankit.settings.schema import setting

OPTIONS = {"--steps": True, "--recipe": True, "--tensorboard": False, "--out": True, "-o": True}


@dataclass(frozen=True, kw_only=True)
class Options:
    depth: int = setting(1, "layers", flag="--depth")


class Mine(Game):
    Options = Options


@pytest.fixture(autouse=True)
def mine(monkeypatch):
    monkeypatch.setitem(FAMILIES._things, "mine", Mine)


def keys(*typed: str) -> list[str] | None:
    own = own_flags(typed, OPTIONS)
    return None if own is None else list(own.settings)


@pytest.mark.parametrize(
    "typed",
    [
        ("mine", "digits", "--depth", "3"),
        ("mine", "--depth=3", "digits"),
        ("--steps", "5", "--tensorboard", "--out=x", "mine", "digits", "--depth", "3"),
        ("mine", "--help"),
        ("-o", "x", "mine", "-h"),
    ],
)
def test_a_family_is_found_wherever_it_stands_among_options_of_all(typed):
    assert keys(*typed) == ["network.depth"]


def test_a_recipe_names_its_family():
    for typed in (("--recipe", "infogan-fast"), ("--recipe=infogan-fast",)):
        assert keys(*typed, "--codes", "5") == ["network.codes"]


@pytest.mark.parametrize(
    "typed", [(), ("mine", "digits", "--steps", "5"), ("--help",), ("--steps", "5", "--help")]
)
def test_nothing_is_asked_of_a_family_that_need_not_be_known(typed, monkeypatch):
    monkeypatch.setattr("gankit.cli.family_flags._flags", None)  # to call it would be an error
    assert keys(*typed) is None


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            ("cgan", "digits", "--depth", "3"),
            "--depth is a setting of 'mine', not of 'cgan': leave it out, or train 'mine'",
        ),
        (("--depth", "3", "mine"), "--depth is a setting of 'mine': name the family first"),
        (("cgn", "--depth", "3"), "Did you mean 'cgan'"),
    ],
)
def test_what_belongs_to_another_family_is_said(typed, said):
    with pytest.raises(ConfigError, match=said):
        keys(*typed)


def test_a_slip_is_left_to_the_parser():
    assert keys("--stepz", "5", "mine") is None
    assert keys("mine", "--dept", "5") == ["network.depth"]


@pytest.mark.parametrize("taken", ["--steps", "--help", "--import", "--data"])
def test_a_flag_that_train_has_already_is_refused(taken, monkeypatch):
    @dataclass(frozen=True, kw_only=True)
    class Clash:
        depth: int = setting(1, "layers", flag=taken)

    Clash.__annotations__ = {"depth": int}
    monkeypatch.setattr(Mine, "Options", Clash)
    with pytest.raises(ConfigError, match=f"gives network.depth the flag {taken}, which"):
        keys("mine", "--help")


@pytest.mark.parametrize("typed", [("--help",), ("train", "--help")])
def test_help_loads_no_family(typed):
    code = (
        "import sys\nfrom gankit.cli import main\n"
        f"sys.argv = ['gankit', *{typed!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "assert 'torch' not in sys.modules\nassert 'gankit.families' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=300)


@pytest.mark.parametrize(
    ("words", "sorted_"),
    [
        ((None, None), (None, None)),
        (("mine", None), ("mine", None)),
        (("mine", "digits"), ("mine", "digits")),
        (("digits", None), (None, "digits")),
        (("toy:ring8", None), (None, "toy:ring8")),
        (("./anywhere", None), (None, "./anywhere")),
        (("photos/*.jpg", None), (None, "photos/*.jpg")),
        (("x.npz", None), (None, "x.npz")),
        (("mien", "digits"), ("mien", "digits")),  # which has a message of its own
    ],
)
def test_the_family_may_be_left_out(words, sorted_):
    assert sort_words(*words) == sorted_


def test_a_word_that_is_both_is_the_family_and_the_folder_has_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "photos").mkdir()
    assert sort_words("mine", None) == ("mine", None)
    assert sort_words("./mine", None) == (None, "./mine")
    assert sort_words("photos", None) == (None, "photos")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("digts", None), "'digts' is no family, no data set and no path. Did you mean 'digits'"),
        (("mien", None), "Did you mean 'mine'"),
        (("./photos", "mine"), "the family comes first: gankit train mine ./photos"),
        (("digits", "mine"), "the family comes first: gankit train mine digits"),
    ],
)
def test_words_in_the_wrong_place_are_put_right_in_words(words, said):
    with pytest.raises(ConfigError, match=said):
        sort_words(*words)


def test_data_alone_brings_no_options_of_a_family():
    assert own_flags(("digits", "--help"), OPTIONS) is None
    with pytest.raises(ConfigError, match=r"--depth is a setting of .*'mine'.*: name the family"):
        own_flags(("./photos", "--depth", "3"), OPTIONS)
