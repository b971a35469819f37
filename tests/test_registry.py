"""Names and the things they stand for."""

from __future__ import annotations

import pytest

from gankit.errors import ConfigError
from gankit.registry import Registry, did_you_mean, joined_names, load_plugins


@pytest.fixture
def fruits() -> Registry[object]:
    registry: Registry[object] = Registry("fruit")

    @registry.register("apple")
    def apple() -> str:
        """Keeps the doctor away.

        The second paragraph is for readers of the source.
        """
        return "red"

    registry.register("pear", "soft when ripe")(7)
    return registry


def test_a_name_gives_its_thing_and_its_line(fruits):
    assert fruits["apple"]() == "red"
    assert fruits["pear"] == 7
    assert "pear" in fruits
    assert "plum" not in fruits
    assert fruits.names() == ("apple", "pear")
    assert fruits.summaries() == {"apple": "Keeps the doctor away.", "pear": "soft when ripe"}


def test_an_unknown_name_gets_the_nearest_and_all(fruits):
    with pytest.raises(ConfigError) as caught:
        fruits["aple"]
    assert str(caught.value) == ("unknown fruit 'aple'. Did you mean 'apple'? Known: apple, pear")


def test_a_far_name_gets_no_suggestion(fruits):
    with pytest.raises(ConfigError, match=r"unknown fruit 'xyz'\. Known"):
        fruits["xyz"]
    assert did_you_mean("xyz", ["apple"]) == ""


def test_one_name_stands_for_one_thing(fruits):
    with pytest.raises(ValueError, match="'pear' is registered twice"):
        fruits.register("pear")(8)
    assert fruits["pear"] == 7


@pytest.mark.parametrize("name", [None, 3, "", int])
def test_what_is_registered_has_a_name(fruits, name):
    """A decorator is easily written without its call: what it decorates is then the name."""
    with pytest.raises(
        ConfigError, match=r"is registered by a name, as in register\('mine'\), got "
    ):
        fruits.register(name)


def test_a_summary_cannot_be_changed_from_outside(fruits):
    fruits.summaries()["apple"] = "changed"
    assert fruits.summaries()["apple"] == "Keeps the doctor away."


def test_what_an_installed_plugin_registers_was_not_asked_for(monkeypatch):
    shapes: Registry[int] = Registry("shape")

    class Plugin:
        name, value = "shapes", "shapes"

        def load(self):
            shapes.register("circle", "installed")(0)
            raise ImportError("half of it fails")

    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Plugin()])
    load_plugins.cache_clear()
    assert len(load_plugins()) == 1
    load_plugins.cache_clear()
    shapes.register("square", "imported")(4)
    assert shapes.names() == ("circle", "square")
    assert shapes.asked_for() == ("square",)


@pytest.mark.parametrize(
    ("setting", "names"),
    [("r1", ["r1"]), (" r1 +r2", ["r1", "r2"]), ("none", ["none"]), ("r1+", ["r1", ""])],
)
def test_joined_names_are_taken_apart(setting, names):
    assert joined_names(setting) == names
