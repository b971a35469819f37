"""What a report says of how to repeat a run gives the very same configuration."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from gankit.choose_recipe import configure
from gankit.game_types import Task
from gankit.pages.repeat import changes_from_default, command, exactly
from gankit.recipes import RECIPES
from gankit.run import Origin, Plan
from gankit.settings.config import override
from gankit.settings.text import parse_assignments, read_toml, settings_toml

ODD = {
    "data.source": 'C:\\a "b"\n\x7f é \U0001f600',
    "data.size": (48, 64),
    "data.memory_gb": 1e-5,
    "training.images": 12_345,
    "training.seed": 2**47,
    "output.tensorboard": True,
    "runtime.threads": 3,
}


CONFIGS = [
    *(pytest.param(RECIPES[name](), id=name) for name in RECIPES.names()),
    pytest.param(override(configure("gan", "toy:ring8"), ODD), id="odd"),
    pytest.param(override(configure("cgan"), {"network.generator_hidden": ""}), id="empty"),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_the_file_gives_the_same_configuration(config, tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text(settings_toml(config))
    assert override(configure(config.family), read_toml(path)) == config


@pytest.mark.parametrize("config", CONFIGS)
def test_the_command_gives_the_same_configuration(config):
    first, second, family, source, *rest = shlex.split(command(config))
    assert (first, second) == ("gankit", "train")
    assert rest[::2] == ["--set"] * (len(rest) // 2)
    assert override(configure(family, source), parse_assignments(rest[1::2])) == config


def test_the_command_says_what_differs_and_no_more():
    config = override(configure("cgan"), {"objective.k": 2, "training.steps": 50})
    assert changes_from_default(config) == {"objective.k": 2, "training.steps": 50}
    assert command(config) == (
        "gankit train cgan digits --set objective.k=2 --set training.steps=50"
    )
    assert command(configure("cgan")) == "gankit train cgan digits"


def test_what_the_data_decides_is_no_difference_though_the_data_is_gone():
    photographs = override(configure(recipe="dcgan-photographs"), {"data.source": "./gone"})
    assert changes_from_default(photographs, Task((3, 64, 64))) == {}
    assert command(photographs, Task((3, 64, 64))) == "gankit train dcgan ./gone"
    assert changes_from_default(photographs, Task((1, 28, 28)))["training.batch"] == 16


def test_the_command_says_whose_weights_it_began_with():
    origin = Origin("runs/the other", 5, "f00d", {"generator": 1.0})
    assert command(configure("cgan"), init_from=origin) == (
        "gankit train cgan digits --init-from 'runs/the other'"
    )


def test_a_plan_is_settings_too():
    config = override(configure("cgan"), exactly(Plan(321, 2)))
    training = replace(configure("cgan").training, minutes=None, steps=321)
    assert config.training == training
    assert config.runtime.threads == 2
