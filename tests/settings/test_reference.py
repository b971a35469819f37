"""Every setting in words."""

from __future__ import annotations

import pytest

from gankit.families import FAMILIES
from gankit.settings.config import Config
from gankit.settings.reference import FLAGS, every_setting, flag_of, flags_of
from gankit.settings.schema import flatten
from gankit.settings.schema import setting as declare


@pytest.mark.parametrize("family", FAMILIES.names())
def test_every_setting_is_explained(family):
    options = FAMILIES[family].Options()
    settings = every_setting(options)
    assert [setting.key for setting in settings] == list(flatten(Config(network=options)))
    for setting in settings:
        assert setting.text, setting.key


def test_without_a_family_there_are_no_networks():
    keys = [setting.key for setting in every_setting()]
    assert keys == [key for key in flatten(Config()) if key != "network"]


@pytest.mark.parametrize(
    ("key", "allowed", "default"),
    [
        ("training.batch", "whole number from 2 to 1,048,576", "64"),
        ("training.minutes", "number above 0 to 10,000,000, or none", "2"),
        ("stabilise.replay", "number from 0 to below 1", "0.0"),
        ("data.size", "2 whole numbers from 1 to 4,096, or none", "none"),
        ("data.fit", "crop | stretch", "crop"),
        ("output.tensorboard", "true or false", "false"),
        ("network.generator_hidden", "whole numbers from 1 to 65,536", "1200,1200"),
        ("network.generator_activations", "several of relu | sigmoid", "relu"),
    ],
)
def test_types_and_limits_in_words(key, allowed, default):
    settings = {setting.key: setting for setting in every_setting(FAMILIES["gan"].Options())}
    assert settings[key].allowed == allowed
    assert settings[key].shown_default == default


def test_one_class_has_a_flag_for_each_player():
    assert FLAGS["generator_optimizer.lr"].flag == "--lr-g"
    assert FLAGS["discriminator_optimizer.lr"].flag == "--lr-d"
    assert "discriminator" in FLAGS["discriminator_optimizer.lr"].text


def test_a_flag_of_a_family_is_known_with_its_options():
    options = FAMILIES["infogan"].Options()
    assert list(flags_of(options)) == ["network.codes"]
    assert flag_of("network.codes", options) == "--codes"
    assert flag_of("network.codes", FAMILIES["gan"].Options()) is None
    assert flag_of("training.batch", None) == "--batch"


def test_a_flag_that_cannot_be_typed_is_refused_where_it_is_declared():
    for flag in ("depth", "-d", "--Depth", "--net_depth", "--depth=3"):
        with pytest.raises(TypeError, match="two hyphens and"):
            declare(1, "layers", flag=flag)
