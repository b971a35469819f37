"""Settings: read, written, overridden, compared."""

from __future__ import annotations

import pytest

from gankit.cli import SETTINGS
from gankit.config import differences, flatten, from_dict, override, read_toml, to_dict
from gankit.errors import ConfigError
from gankit.families import FAMILIES
from gankit.recipes import RECIPES, configure

CONFIG = RECIPES["cgan-fast"]()


@pytest.mark.parametrize("recipe", RECIPES.names())
def test_every_recipe_survives_a_round_trip(recipe):
    config = RECIPES[recipe]()
    assert from_dict(to_dict(config), FAMILIES[config.family].options) == config


def test_every_flag_is_a_setting():
    assert set(SETTINGS.values()) <= set(flatten(CONFIG))


@pytest.mark.parametrize(
    ("key", "typed", "value"),
    [
        ("training.batch", "48", 48),
        ("data.size", "48x64", (48, 64)),
        ("data.size", "64", (64, 64)),
        ("data.size", "none", None),
        ("generator.lr", "1e-3", 1e-3),
        ("network.dropout", "0,0.5", (0.0, 0.5)),
        ("network.generator_hidden", "32,64,128", (32, 64, 128)),
        ("output.tensorboard", "yes", True),
        ("objective.update", "alternating", "alternating"),
        ("runtime.threads", "3", 3),
    ],
)
def test_typed_values_become_what_the_field_holds(key, typed, value):
    assert flatten(override(CONFIG, {key: typed}))[key] == value


@pytest.mark.parametrize(
    ("key", "typed", "said"),
    [
        ("training.bach", "3", "Did you mean 'training.batch'"),
        ("lr", "3", "Did you mean 'generator.lr'"),
        ("training.batch", "3.5", "whole number"),
        ("training.batch", "many", "whole number"),
        ("training.batch", "1", "at least 2"),
        ("training.seed", "-1", "in \\[0"),
        ("generator.lr", "inf", "finite"),
        ("generator.beta1", "1", "in \\[0, 1\\)"),
        ("output.tensorboard", "perhaps", "true or false"),
        ("objective.update", "alternate", "Did you mean 'alternating'"),
        ("data.size", "1x2x3", "takes 2 numbers"),
        ("objective.real_target", "0.4", "in \\(0.5, 1\\]"),
    ],
)
def test_wrong_values_are_refused(key, typed, said):
    with pytest.raises(ConfigError, match=said):
        override(CONFIG, {key: typed})


def test_one_budget_takes_the_place_of_another():
    changed = override(CONFIG, {"training.steps": 50})
    assert (changed.training.steps, changed.training.minutes) == (50, None)
    with pytest.raises(ConfigError, match="one budget"):
        override(CONFIG, {"training.steps": 50, "training.minutes": 3})


def test_toml_is_dotted_keys(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text("family = 'gan'\n[data]\nsize = [16, 20]\n[objective]\nk = 2\n")
    assert read_toml(path) == {"family": "gan", "data.size": [16, 20], "objective.k": 2}
    path.write_text("not toml")
    with pytest.raises(ConfigError, match="not TOML"):
        read_toml(path)


def test_unknown_keys_in_a_stored_configuration_are_refused():
    stored = to_dict(CONFIG)
    stored["objective"]["los"] = "hinge"
    with pytest.raises(ConfigError, match=r"objective\.los"):
        from_dict(stored, FAMILIES["cgan"].options)


def test_what_may_differ_when_a_run_is_resumed():
    free = {"training.steps": 9, "output.keep": 5, "runtime.threads": 2, "runtime.devices": 2}
    assert differences(CONFIG, override(CONFIG, free)) == []
    fixed = {"training.seed": 4, "runtime.precision": "64", "objective.loss": "hinge"}
    lines = differences(CONFIG, override(CONFIG, fixed))
    assert [line.split(":")[0] for line in lines] == sorted(fixed)
    assert "training.seed: 0 in the run, 4 asked" in lines


@pytest.mark.parametrize("family", FAMILIES.names())
@pytest.mark.parametrize("source", ["digits", "toy:ring8", "./folder"])
def test_every_family_has_a_configuration_for_every_kind_of_data(family, source):
    config = configure(family, source)
    assert config.family == family
    assert config.data.source == source
    assert isinstance(config.network, FAMILIES[family].options)
