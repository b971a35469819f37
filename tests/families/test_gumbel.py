"""The relaxed choice."""

from __future__ import annotations

import pytest
import torch

import gankit


def test_the_temperature_falls_by_equal_factors(small):
    changes = {"network.temperature": 4.0, "network.temperature_end": 0.25}
    changes |= {"network.temperature_steps": 10}
    game = gankit.build_game(small("gumbel", **changes), gankit.load_dataset("sentences"))
    before = 3  # the steps that come before the game
    found = [game.temperature(before + step) for step in (-3, 0, 5, 10, 99)]
    assert found == pytest.approx([4.0, 4.0, 1.0, 0.25, 0.25])


@pytest.mark.parametrize("straight_through", [True, False])
def test_the_gradient_of_d_reaches_g(small, straight_through):
    config = small("gumbel", **{"network.straight_through": straight_through})
    data = gankit.load_dataset("sentences")
    game = gankit.build_game(config, data)
    fake = game.mixtures(torch.zeros(4, *data.shape), step=0)
    whole = torch.allclose(fake.detach().round(), fake.detach(), atol=1e-6)
    assert whole == straight_through
    game.answers(fake, None).output.sum().backward()
    assert game.generator.head.weight.grad.abs().max() > 0
