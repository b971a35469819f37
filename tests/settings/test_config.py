"""Settings: read, written, overridden, compared."""

from __future__ import annotations

import json
import math
import os
import pickle
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gankit.choose_recipe import configure
from gankit.errors import ConfigError
from gankit.families import FAMILIES
from gankit.recipes import RECIPES
from gankit.settings.config import (
    Config,
    TrainingConfig,
    differences,
    from_dict,
    override,
    to_dict,
)
from gankit.settings.reference import every_setting
from gankit.settings.schema import SettingError, flatten
from gankit.settings.text import parse_assignments, read_toml

CONFIG = RECIPES["cgan-fast"]()


@pytest.mark.parametrize("recipe", RECIPES.names())
def test_every_recipe_survives_a_round_trip(recipe):
    config = RECIPES[recipe]()
    assert from_dict(to_dict(config), FAMILIES[config.family].Options) == config


@pytest.mark.parametrize(
    ("key", "typed", "value"),
    [
        ("training.batch", "48", 48),
        ("data.size", "48x64", (48, 64)),
        ("data.size", "48X64", (48, 64)),
        ("data.size", "64px", (64, 64)),
        ("data.size", "48 x 64 pixels", (48, 64)),
        ("data.size", "48\xd764", (48, 64)),
        ("data.values", "0,4095", (0.0, 4095.0)),
        ("data.holdout", "0", 0.0),
        ("data.size", "64", (64, 64)),
        ("data.size", "none", None),
        ("generator_optimizer.lr", "1e-3", 1e-3),
        ("network.dropout", "0,0.5", (0.0, 0.5)),
        ("network.generator_hidden", "32,64,128", (32, 64, 128)),
        ("network.generator_hidden", "", ()),
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
        ("lr", "3", "Did you mean 'generator_optimizer.lr'"),
        ("training.batch", "3.5", "whole number"),
        ("training.batch", "many", "whole number"),
        ("training.batch", "1", "at least 2"),
        ("training.seed", "-1", "in \\[0"),
        ("generator_optimizer.lr", "inf", "finite"),
        ("generator_optimizer.beta1", "1", "in \\[0, 1\\)"),
        ("output.tensorboard", "perhaps", "true or false"),
        ("objective.update", "alternate", "Did you mean 'alternating'"),
        ("data.size", "1x2x3", "takes 2 numbers"),
        ("data.size", "x32", r"must be a whole number, or 2 such as 64x64, got 'x32'"),
        ("data.size", "32x", "got '32x'"),
        ("data.size", "32xx32", "got '32xx32'"),
        ("data.size", "32x32x32", "takes 2 numbers, got"),
        ("data.size", "32,", "got '32,'"),
        ("data.size", "3 2", "got '3 2'"),
        ("data.size", "px", "got 'px'"),
        ("data.size", "", "data.size is empty: give a value, or none"),
        ("data.size", " ", "got ' '"),
        ("data.size", "-5", "at least 1"),
        ("data.size", "1e3", "must be a whole number, got '1e3'"),
        ("data.size", "\u0663\u0662", "must be a whole number"),
        ("data.size", "6_4", "must be a whole number, got '6_4'"),
        ("data.crop", "", "data.crop is empty"),
        ("data.crop", "32x", "must be a whole number, got '32x'"),
        ("data.crop", "\uff16\uff14", "must be a whole number"),
        ("data.values", "0,", "must be a number, got ''"),
        ("training.minutes", "\u0663", "must be a number"),
        ("network.generator_hidden", "64,,64", "whole numbers joined by commas, got '64,,64'"),
        ("stabilise.plugins", "a,,b", "texts joined by commas, got 'a,,b'"),
        ("objective.real_target", "0.4", "in \\(0.5, 1\\]"),
    ],
)
def test_wrong_values_are_refused(key, typed, said):
    with pytest.raises(ConfigError, match=said):
        override(CONFIG, {key: typed})


@pytest.mark.parametrize("key", ["data.size", "data.crop", "training.minutes", "training.ema"])
@pytest.mark.parametrize("value", [np.array([64, 64]), np.array([])], ids=["two", "none"])
def test_arrays_are_no_settings(key, value):
    with pytest.raises(ConfigError, match=r"must be .*, got array\("):
        override(CONFIG, {key: value})


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
        from_dict(stored, FAMILIES["cgan"].Options)


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
    assert isinstance(config.network, FAMILIES[family].Options)


def test_no_setting_and_no_option_goes_or_comes_unnoticed():
    """Every dotted key is part of what users and stored runs rely on."""
    assert sorted(k for k in flatten(CONFIG) if not k.startswith("network.")) == KEYS.split()


@pytest.mark.parametrize("family", FAMILIES.names())
def test_every_network_option_has_a_dotted_key(family):
    config = configure(family, "digits")
    keys = {k for k in flatten(config) if k.startswith("network.")}
    assert keys == {f"network.{field.name}" for field in fields(FAMILIES[family].Options)}
    if family in NETWORK_KEYS:
        assert sorted(k.removeprefix("network.") for k in keys) == NETWORK_KEYS[family].split()


def test_the_family_is_not_a_setting_to_be_changed():
    """Its options are another class: a configuration of the two would be none."""
    assert override(CONFIG, {"family": "cgan"}) == CONFIG
    with pytest.raises(ConfigError, match=r"gankit\.configure\('dcgan'\)"):
        override(CONFIG, {"family": "dcgan"})


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_toml(tmp_path / "none.toml")


def test_a_file_is_worth_the_same_as_flags(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text("[data]\nsize = 32\n[training]\nsteps = 7\n[generator]\nlr = 1\n")
    typed = {"data.size": "32", "training.steps": "7", "generator_optimizer.lr": "1"}
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


def every_class():
    """The dataclasses that hold settings, each with its section."""
    sections = {name: type(value) for name, value in vars(CONFIG).items() if is_dataclass(value)}
    options = {f"network ({name})": FAMILIES[name].Options for name in FAMILIES.names()}
    return [*(pair for pair in sections.items() if pair[0] != "network"), *options.items()]


@pytest.mark.parametrize(("section", "kind"), every_class())
def test_every_number_has_limits(section, kind):
    hints = get_type_hints(kind)
    for item in fields(kind):
        inner = {hints[item.name], *get_args(hints[item.name])}
        parts = {part for hint in inner for part in (hint, *get_args(hint))}
        if parts & {int, float}:
            limits = item.metadata.get("limits")
            assert limits is not None, f"{section}.{item.name}"


LARGE = [10**39, 10**400, 1e39, "1e39", "9" * 30, 0xFFFF_FFFF_FFFF_FFFF_FFFF]
NO_NUMBER = [math.inf, math.nan, "inf", "nan", "1e400", "-inf", "9" * 5000, "0." + "3" * 10**6]
OTHER = [
    True,
    "",
    "abc",
    "\0",
    b"1",
    {},
    {"a": 1},
    {1},
    object(),
    1j,
    Decimal(10),
    date(2020, 1, 1),
]
DEEP: list = []
for _ in range(5000):
    DEEP = [DEEP]


def made_or_said(make):
    """What `make` makes and nothing, or None and the error's line."""
    try:
        return make(), None
    except ConfigError as error:
        return None, str(error)


def is_short_line(said):
    return "\n" not in said and len(said) < 500


@pytest.mark.parametrize("family", FAMILIES.names())
def test_no_setting_takes_what_it_cannot_be(family):
    """Every setting is given every kind of nonsense: it is taken as a value of its type within its
    limits, or refused in one line that names it."""
    config = configure(family, "digits")
    own = [key for key in flatten(config) if key.startswith("network.")]
    for key in flatten(config) if family == "cgan" else own:  # the others are every family's
        for value in (*LARGE, *NO_NUMBER, *OTHER, -1, -(10**39), [1, 2], [[1]], [DEEP], "1," * 99):
            made, said = made_or_said(lambda key=key, value=value: override(config, {key: value}))
            if made is None:
                assert is_short_line(said)
                assert key in said or "budget" in said
                continue
            taken = flatten(made)[key]
            json.dumps(taken)
            numbers = taken if isinstance(taken, tuple) else (taken,)
            assert all(abs(n) <= 10**15 for n in numbers if isinstance(n, (int, float)))


@pytest.mark.parametrize(
    ("family", "key", "typed", "said"),
    [
        ("cgan", "training.steps", math.inf, "training.steps must be a finite number, got inf"),
        ("cgan", "training.steps", 10**39, "must be at most 1,000,000,000, got a number of about"),
        ("cgan", "latent.size", 10**9, "latent.size must be at most 65,536, got 1000000000"),
        ("dcgan", "network.stages", 10**39, "network.stages must be at most 12, got a number"),
        ("dcgan", "network.stages", 0, "network.stages must be at least 1, got 0"),
        ("gan", "network.generator_hidden", ["64"] * 65, "takes 64 values at most, got 65"),
        ("gan", "network.generator_hidden", "64,0", r"must be at least 1, got \(64, 0\)"),
        ("gan", "network.kernels", "99,8,5", "network.kernels must be at most 64"),
        ("infogan", "network.codes", "1000000000", "categories from 2 to 65,536"),
        ("cgan", "stabilise.virtual_batch", 10**9, "must be at most 10,000"),
        ("cgan", "stabilise.minibatch_kernels", 10**9, "must be at most 10,000"),
        ("cgan", "stabilise.replay_size", 10**9, "must be at most 1,000,000"),
        ("cgan", "runtime.threads", 10**6, "must be at most 4,096"),
        ("cgan", "runtime.workers", True, "runtime.workers must be a whole number, got True"),
        ("cgan", "training.batch", 2**30, "must be at most 1,048,576"),
        (
            "cgan",
            "generator_optimizer.lr",
            1e39,
            r"generator_optimizer.lr must be at most 1,000, got 1e\+39",
        ),
        (
            "cgan",
            "discriminator_optimizer.lr",
            -1,
            "discriminator_optimizer.lr must be at least 0, got -1",
        ),
        ("cgan", "data.memory_gb", "1e400", "data.memory_gb must be a finite number"),
        ("cgan", "data.source", ["a"], r"data.source must be a text, got \['a'\]"),
        ("cgan", "data.source", "a\0b", "that can be a file's name"),
        ("cgan", "data.source", "\ud800", "that can be a file's name"),
        ("cgan", "data.source", "a" * 9999, "4,096 characters at most"),
        ("cgan", "data.size", "5000", "data.size must be at most 4,096"),
    ],
)
def test_limits_are_said_with_the_setting(family, key, typed, said):
    with pytest.raises(ConfigError, match=said):
        override(configure(family, "digits"), {key: typed})


def test_an_error_about_a_setting_carries_its_key():
    for typed in ("1", "many", "3.5", "inf"):
        with pytest.raises(SettingError) as caught:
            override(CONFIG, {"training.batch": typed})
        assert caught.value.about == ("training.batch",)
        assert str(caught.value).startswith("training.batch must be ")
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_limits_hold_where_no_text_is_read():
    for make, said in (
        (lambda: TrainingConfig(steps=10**10), "training.steps must be at most"),
        (lambda: TrainingConfig(steps="7"), "training.steps must be a number, got '7'"),
        (lambda: TrainingConfig(steps=5, batch=True), "training.batch must be a number, got True"),
        (lambda: FAMILIES["gan"].Options(dropout=(0.5, math.nan)), "network.dropout must be a fin"),
    ):
        with pytest.raises(ConfigError, match=said):
            make()


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
ODD = st.sampled_from([10**400, -(10**400), 1e308, "c", "1e400", "adam", 10**39])
ANYTHING = st.recursive(
    LEAVES | ODD,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(family=st.sampled_from(FAMILIES.names()), data=st.data())
def test_whatever_json_holds_is_a_configuration_or_a_configerror(family, data):
    options = FAMILIES[family].Options
    stored = json.loads(json.dumps(to_dict(configure(family, "digits"))))
    for _ in range(data.draw(st.integers(1, 2))):  # one or two places hold something else
        sections = [stored, *(part for part in stored.values() if isinstance(part, dict))]
        place = data.draw(st.sampled_from(sections))
        key = data.draw(st.sampled_from(sorted(place)) | st.text(max_size=5)) if place else ""
        place[key] = data.draw(ANYTHING)
    config, said = made_or_said(lambda: from_dict(stored, options))
    if config is None:
        assert is_short_line(said)
    else:
        assert from_dict(json.loads(json.dumps(to_dict(config))), options) == config


@settings(max_examples=100, deadline=None, derandomize=True)
@given(given=ANYTHING)
def test_whatever_stands_in_place_of_a_section_is_a_configerror_or_nothing(given):
    for stored in (given, {"network": given}, {"data": given}, {"generator": given}):
        with suppress(ConfigError):
            from_dict(stored, FAMILIES["gan"].Options)


NO_SECTIONS = [[], None, "abc", 3, {"data": None}, {"data": []}, {"data": "abc"}, {"network": ""}]


@pytest.mark.parametrize("stored", [*NO_SECTIONS, {"network": [1]}, {"data": DEEP}])
def test_what_is_no_section_is_said(stored):
    with pytest.raises(ConfigError, match="must be a section of settings, got"):
        from_dict(stored, FAMILIES["gan"].Options)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfes\0t\0", "is not UTF-8"),
        (b"x = " + b"[" * 5000 + b"]" * 5000, "nested too deeply"),
        (b"x" + b".x" * 5000 + b" = 1", "nested too deeply"),
        (b"x = " + b"9" * 5000, "holds a whole number of too many digits"),
        (b"x = '" + b"y" * 2**16 + b"'", "longer than 65,536 bytes"),
        (b"a = 1\na = 2", "is not TOML"),
        (b"a = \x00", "is not TOML"),
    ],
)
def test_hostile_toml_is_one_line(tmp_path, content, said):
    path = tmp_path / "c.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=said) as caught:
        read_toml(path)
    assert is_short_line(str(caught.value))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[training]\nsteps = inf", "training.steps must be a finite number"),
        ("[training]\nsteps = nan", "training.steps must be a whole number"),
        ("[training]\nsteps = 0x" + "f" * 9000, "training.steps must be at most 1,000,000,000"),
        ("[training]\nsteps = 2020-01-01", "training.steps must be a whole number"),
        ("[training.steps]\na = 1", "unknown setting 'training.steps.a'"),
        ("[[training]]\nsteps = 1", "unknown setting 'training'"),
        ("training = 3", "unknown setting 'training'"),
        ("'' = 3", "unknown setting ''"),
        ("family = 3", "cannot be set to '3'"),
        ("family = []", "family must be a text"),
    ],
)
def test_toml_of_other_types_is_one_line(tmp_path, text, said):
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        override(CONFIG, read_toml(path))


def test_a_file_of_settings_may_begin_with_a_mark(tmp_path):
    path = tmp_path / "c.toml"
    path.write_bytes(b"\xef\xbb\xbf[objective]\nk = 2\n")
    assert read_toml(path) == {"objective.k": 2}


def test_what_is_no_plain_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, said in ((tmp_path, "a folder"), (tmp_path / "pipe", "no plain file")):
        with pytest.raises(ConfigError, match=f"cannot be read: it is {said}"):
            read_toml(path)
    with pytest.raises(ConfigError, match="no plain file"):
        read_toml(Path(os.devnull))


KEYS = """
data.channels data.crop data.fit data.holdout data.labels_per_class data.length data.memory_gb
data.oracle data.sequences data.size data.source data.tokens data.train_size data.transitions
data.values data.vocabulary
discriminator_optimizer.beta1 discriminator_optimizer.beta2 discriminator_optimizer.clip
discriminator_optimizer.decay_from discriminator_optimizer.decay_rate discriminator_optimizer.eps
discriminator_optimizer.lr discriminator_optimizer.lr_floor discriminator_optimizer.max_norm
discriminator_optimizer.momentum discriminator_optimizer.momentum_end
discriminator_optimizer.name discriminator_optimizer.schedule
discriminator_optimizer.schedule_steps discriminator_optimizer.weight_decay
family generator_optimizer.beta1
generator_optimizer.beta2 generator_optimizer.clip generator_optimizer.decay_from
generator_optimizer.decay_rate generator_optimizer.eps generator_optimizer.lr
generator_optimizer.lr_floor
generator_optimizer.max_norm generator_optimizer.momentum generator_optimizer.momentum_end
generator_optimizer.name generator_optimizer.schedule generator_optimizer.schedule_steps
generator_optimizer.weight_decay latent.prior latent.size objective.g_steps objective.k
objective.loss objective.penalty objective.penalty_interval objective.penalty_weight
objective.real_target objective.update output.checkpoint_every output.doctor
output.evaluate_every output.evaluate_features output.evaluate_in output.keep output.log_every
output.sample_every output.tensorboard output.trackio runtime.device runtime.devices
runtime.graphs runtime.precision runtime.threads runtime.workers stabilise.augment
stabilise.augment_images stabilise.augment_probability stabilise.augment_target
stabilise.entropy stabilise.freeze_d
stabilise.freeze_g stabilise.historical stabilise.joint_batch stabilise.lagged
stabilise.lecam stabilise.matching stabilise.minibatch_kernels stabilise.minibatch_size
stabilise.noise stabilise.perceptual stabilise.perceptual_by_class
stabilise.plugins stabilise.replay stabilise.replay_size stabilise.top_k stabilise.virtual_batch
training.accumulate training.batch training.ema training.epochs training.images
training.minutes training.seed training.steps
"""
NETWORK_KEYS = {
    "dcgan": """
        discriminator_channels discriminator_norm discriminator_units discriminator_width first_norm
        generator_channels generator_units generator_width head init kernel most_channels paired
        stages
    """,
    "began": """
        embedded gamma lambda_k patience skips stages width
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
    "projected": """
        backbone class_maps class_strength class_weight classifier embedding generator_width
        head_norm head_width labels least_side mixed most_channels penalty_on pixels stages
    """,
    "ssgan": """
        body by_code discriminator_hidden discriminator_width dropout generator_hidden
        generator_width noise
    """,
}


def test_an_option_that_became_a_setting_of_all_is_read_where_it_was():
    """Runs of earlier versions hold the steps of G among the options of `seqgan`."""
    config = override(configure("seqgan", "oracle"), {"network.g_steps": "3"})
    assert config.objective.g_steps == 3
    stored = to_dict(config)
    stored["objective"]["g_steps"], stored["network"]["g_steps"] = 1, 3
    assert from_dict(stored, FAMILIES["seqgan"].Options) == config
    with pytest.raises(ConfigError, match=r"family 'cgan' has no setting 'network\.g_steps'"):
        override(configure("cgan", "digits"), {"network.g_steps": 3})
    stored["network"]["g_steps"] = "many"
    with pytest.raises(ConfigError, match=r"objective\.g_steps"):
        from_dict(stored, FAMILIES["seqgan"].Options)


@pytest.mark.parametrize("family", ["began", "cgan", "dcgan", "infogan", "projected", "seqgan"])
def test_false_turns_off_what_0_turns_off(family):
    options = FAMILIES[family].Options()
    config = replace(Config(family=family), network=options)
    for setting in every_setting(options):
        for typed in (False, "false", "off", "No"):
            if "; 0: " in setting.text:
                turned = flatten(override(config, {setting.key: typed}))[setting.key]
                assert turned in (0, (0, 0)), setting.key
            elif setting.kind is int:
                with pytest.raises(ConfigError, match=r"must be a whole number"):
                    override(config, {setting.key: typed})
    with pytest.raises(ConfigError, match=r"output\.doctor must be a whole number, got True"):
        override(config, {"output.doctor": True})


def test_former_names_of_sections_are_read_and_still_written():
    """run.json, artifacts and TOML files of earlier versions say `generator` for its optimiser."""
    changed = override(CONFIG, {"generator.lr": "0.25", "discriminator.beta1": 0.125})
    assert changed.generator_optimizer.lr == 0.25
    assert changed == override(
        CONFIG, {"generator_optimizer.lr": 0.25, "discriminator_optimizer.beta1": 0.125}
    )
    stored = to_dict(changed)
    assert stored["generator"]["lr"] == 0.25
    assert "generator_optimizer" not in stored
    options = FAMILIES[changed.family].Options
    assert from_dict(stored, options) == changed
    now = {**stored, "generator_optimizer": stored["generator"]}
    del now["generator"]
    assert from_dict(now, options) == changed
