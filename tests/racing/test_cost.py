"""The cost of a step, by which recipes are compared."""

from __future__ import annotations

import pytest

from gankit.families import Task
from gankit.racing.cost import OVERHEAD, cost_of_step, steps_at_equal_cost
from gankit.settings.config import override

from ..conftest import families_of

TASK = Task((1, 28, 28), tuple("0123456789"))


def test_twice_the_batch_is_twice_the_work(small):
    config = small("dcgan")
    one = cost_of_step(config, TASK) - OVERHEAD
    assert one > 0
    double = override(config, {"training.batch": 2 * config.training.batch})
    assert cost_of_step(double, TASK) - OVERHEAD == 2 * one
    assert cost_of_step(override(config, {"objective.k": 3}), TASK) - OVERHEAD == 3 * one


def test_a_product_of_matrices_is_counted_exactly(small):
    config = small("gan", **{"training.batch": 8, "latent.size": 4})
    o = {"network.generator_hidden": "16", "network.discriminator_hidden": "8"}
    config = override(config, {**o, "network.activation": "leaky"})
    task = Task((1, 8, 8))
    generator, discriminator = 4 * 16 + 16 * 64, 64 * 8 + 8 * 1
    products = 8 * (generator + 2 * discriminator)
    assert cost_of_step(config, task) == OVERHEAD + 2 * products  # and as many additions


@pytest.mark.parametrize("family", families_of("images"))
def test_every_family_has_a_cost(family, small):
    assert cost_of_step(small(family), TASK) > OVERHEAD


def test_wider_networks_get_fewer_steps():
    assert steps_at_equal_cost(900, 2.0, 2.0) == 900
    assert steps_at_equal_cost(900, 2.0, 6.0) == 300
    assert steps_at_equal_cost(1, 2.0, 600.0) == 1
