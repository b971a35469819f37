"""What no machine holds is refused before anything is allocated; what it holds is not."""

from __future__ import annotations

import pytest

import gankit.size
from gankit.choose_recipe import configure
from gankit.errors import ConfigError
from gankit.families import FAMILIES, Task
from gankit.recipes import RECIPES
from gankit.settings.config import override
from gankit.size import check_size, memory
from gankit.worlds.world import World

from .conftest import families_of

DIGITS = Task((1, 28, 28), tuple("0123456789"))
COLOUR = Task((3, 64, 64), ("a", "b"))
FACES = Task((1, 48, 48), ("a", "b"))
CIFAR = Task((3, 32, 32), tuple("0123456789"))
POINTS = Task((2,), tuple("01234567"))
CART = World(name="CartPole-v1", observations=4, moments=500, choices=2)
MOVES = Task((1, 6), world=CART)
TRANSITIONS = Task((1, 11), world=CART)
WORDS = Task((8,), symbols=("a", "b", "end"), tokens="words")


@pytest.mark.parametrize("family", families_of("images"))
@pytest.mark.parametrize("task", [DIGITS, COLOUR], ids=["grey", "colour"])
def test_the_usual_networks_fit(family, task):
    check_size(configure(family, "digits"), task)


@pytest.mark.parametrize("recipe", RECIPES.names())
def test_every_recipe_fits_some_data(recipe):
    config = RECIPES[recipe]()
    vectors = Task((1, 28, 28), (), 50)
    for task in (DIGITS, CIFAR, FACES, POINTS, vectors, MOVES, TRANSITIONS, WORDS):
        try:
            FAMILIES[config.family](config, task)
        except ConfigError:
            continue
        check_size(config, task)
        return
    pytest.fail("it fits none")


@pytest.mark.parametrize("family", families_of("images"))
def test_what_does_not_fit_is_said_in_one_line(family, monkeypatch):
    monkeypatch.setattr(gankit.size, "memory", lambda: 2**20)
    with pytest.raises(
        ConfigError, match=r"needs about .* GiB of memory.*training.batch"
    ) as caught:
        check_size(configure(family, "digits"), DIGITS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("gan", {"network.generator_hidden": ",".join(["65536"] * 64)}),
        ("gan", {"network.pieces": 1000, "network.discriminator_hidden": "65536,65536"}),
        ("dcgan", {"network.generator_width": 65536, "network.most_channels": 65536}),
        ("began", {"network.width": 65536}),
        ("infogan", {"network.codes": "65536,65536", "network.units": 65536}),
        ("cgan", {"latent.size": 65536, "network.generator_width": 65536}),
        ("modern", {"network.blocks": 64, "network.most_channels": 65536,
                    "network.generator_width": 65536}),
        ("dcgan", {"training.batch": 2**20, "runtime.device": "cpu"}),
        ("cgan", {"stabilise.minibatch_kernels": 10_000, "training.batch": 2**16}),
        ("cgan", {"stabilise.replay": 0.5, "stabilise.replay_size": 10**6, "data.size": 256}),
    ],
)  # fmt: skip
def test_sizes_that_are_each_allowed_and_together_too_large(family, changes):
    task = Task((3, 256, 256), ("a", "b")) if "data.size" in changes else DIGITS
    with pytest.raises(ConfigError, match="GiB of memory"):
        check_size(override(configure(family, "digits"), changes), task)


def test_a_kernel_that_leaves_nothing_of_the_picture_is_no_network():
    changes = {"network.kernel": 2, "network.stages": 4, "network.paired": True}
    config = override(configure("dcgan", "digits"), changes)
    with pytest.raises(ConfigError, match="make no 'dcgan' for examples of shape"):
        check_size(config, Task((1, 16, 16)))


def test_memory_is_that_of_a_machine():
    there = memory()
    assert there is None or 2**26 < there < 2**50
