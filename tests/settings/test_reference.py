"""Every setting in words."""

from __future__ import annotations

import pytest

from gankit.families import FAMILIES
from gankit.settings.config import Config
from gankit.settings.reference import FLAGS, every_setting, settings_of
from gankit.settings.schema import flatten


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


@pytest.mark.parametrize("family", FAMILIES.names())
def test_the_command_line_knows_a_familys_flags_before_it_is_loaded(family):
    for setting in settings_of(FAMILIES[family].Options(), "network."):
        if setting.flag:
            known = FLAGS[setting.key]
            assert (known.flag, known.text) == (setting.flag, setting.text)
