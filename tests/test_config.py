"""Settings: read, written, overridden, compared."""

from __future__ import annotations

from dataclasses import fields

import pytest

from gankit.cli import SETTINGS, app
from gankit.config import (
    TrainingConfig,
    differences,
    flatten,
    from_dict,
    override,
    parse_assignments,
    read_toml,
    to_dict,
)
from gankit.errors import ConfigError
from gankit.families import FAMILIES
from gankit.recipes import RECIPES, configure

CONFIG = RECIPES["cgan-fast"]()


@pytest.mark.parametrize("recipe", RECIPES.names())
def test_every_recipe_survives_a_round_trip(recipe):
    config = RECIPES[recipe]()
    assert from_dict(to_dict(config), FAMILIES[config.family].options) == config


def test_every_flag_is_a_setting():
    known = {key for family in FAMILIES.names() for key in flatten(configure(family, "digits"))}
    assert set(SETTINGS.values()) <= known


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
    free["data.memory_gb"] = 0.5
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


def test_no_setting_and_no_option_goes_or_comes_unnoticed():
    """Every dotted key is part of what users and stored runs rely on."""
    assert sorted(k for k in flatten(CONFIG) if not k.startswith("network.")) == KEYS.split()


@pytest.mark.parametrize("family", FAMILIES.names())
def test_every_network_option_has_a_dotted_key(family):
    config = configure(family, "digits")
    keys = {k for k in flatten(config) if k.startswith("network.")}
    assert keys == {f"network.{field.name}" for field in fields(FAMILIES[family].options)}
    if family in NETWORK_KEYS:
        assert sorted(k.removeprefix("network.") for k in keys) == NETWORK_KEYS[family].split()


def test_the_options_of_train_are_these():
    collection = app["train"].assemble_argument_collection(
        default_parameter=app.default_parameter, parse_docstring=False
    )
    names = {name for argument in collection for name in argument.names if name.startswith("-")}
    assert sorted(names - {"--help", "-h", "--version"}) == FLAGS.split()


def test_the_family_is_not_a_setting_to_be_changed():
    """Its options are another class: a configuration of the two would be none."""
    assert override(CONFIG, {"family": "cgan"}) == CONFIG
    with pytest.raises(ConfigError, match="`gankit train dcgan`"):
        override(CONFIG, {"family": "dcgan"})


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_toml(tmp_path / "none.toml")


def test_a_file_is_worth_the_same_as_flags(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text("[data]\nsize = 32\n[training]\nsteps = 7\n[generator]\nlr = 1\n")
    typed = {"data.size": "32", "training.steps": "7", "generator.lr": "1"}
    assert override(CONFIG, read_toml(path)) == override(CONFIG, typed)


def test_assignments():
    assert parse_assignments(["a.b=1", "c=x=y"]) == {"a.b": "1", "c": "x=y"}
    with pytest.raises(ConfigError, match=r"section\.key=value"):
        parse_assignments(["objective.k"])


def test_overriding_leaves_the_original_alone():
    before = flatten(CONFIG)
    override(CONFIG, {"training.batch": 9, "network.kernel": 3})
    assert flatten(CONFIG) == before


@pytest.mark.parametrize("budgets", [{}, {"steps": 3, "minutes": 1}, {"steps": 1, "images": 1}])
def test_exactly_one_budget(budgets):
    with pytest.raises(ConfigError, match="one budget is needed"):
        TrainingConfig(**budgets)


KEYS = """
data.channels data.fit data.labels_per_class data.memory_gb data.size data.source
discriminator.beta1 discriminator.beta2 discriminator.clip discriminator.decay_from
discriminator.decay_rate discriminator.lr discriminator.lr_floor discriminator.max_norm
discriminator.momentum discriminator.momentum_end discriminator.name discriminator.schedule
family generator.beta1 generator.beta2 generator.clip generator.decay_from generator.decay_rate
generator.lr generator.lr_floor generator.max_norm generator.momentum generator.momentum_end
generator.name generator.schedule latent.prior latent.size objective.k objective.loss
objective.penalty objective.penalty_interval objective.penalty_weight objective.real_target
objective.update output.checkpoint_every output.doctor
output.evaluate_every output.evaluate_features output.evaluate_in output.keep
output.log_every output.sample_every
output.tensorboard runtime.device runtime.devices runtime.precision runtime.threads
runtime.workers stabilise.augment stabilise.augment_images stabilise.augment_probability
stabilise.augment_target stabilise.entropy stabilise.freeze_d stabilise.freeze_g
stabilise.historical stabilise.joint_batch stabilise.lagged stabilise.matching
stabilise.minibatch_kernels stabilise.minibatch_size stabilise.noise stabilise.replay
stabilise.replay_size stabilise.top_k stabilise.virtual_batch training.batch training.ema
training.images training.minutes training.seed training.steps
"""
NETWORK_KEYS = {
    "dcgan": """
        discriminator_norm discriminator_units discriminator_width generator_units generator_width
        head init kernel most_channels paired stages
    """,
    "began": """
        embedded gamma lambda_k patience stages width
    """,
    "cgan": """
        body classifier conditioning discriminator_branches discriminator_hidden
        discriminator_norm discriminator_units discriminator_width dropout embedding
        generator_branches generator_dropout generator_hidden generator_units generator_width init
        kernel mlp_init most_channels output output_bias pieces stages
    """,
    "gan": """
        activation body channels conv_pieces core discriminator_hidden dropout
        generator_activations generator_hidden init kernels output output_bias pieces
    """,
    "infogan": """
        code_weights codes discriminator_channels discriminator_width generator_channels
        generator_width init kernel learned_sigma most_channels normalised output posterior_units
        slope stages units
    """,
    "modern": """
        blocks discriminator_width embedding generator_width group labels most_channels stages
    """,
    "ssgan": """
        body discriminator_hidden discriminator_width dropout generator_hidden generator_width
        noise
    """,
}
FLAGS = """
--augment --batch --channels --checkpoint-every --codes --config --device --devices --dry-run
--ema --evaluate-every --fit --images --k --keep --labels-per-class --loss --lr-d --lr-g --minutes
--out --penalty --penalty-weight --precision --prior --recipe --sample-every --seed --set --size
--steps --tensorboard --threads --update --z-dim -o
"""
