"""Behaviour cloning."""

from __future__ import annotations

import pytest
import torch

import gankit
from gankit.run import Plan


@pytest.mark.slow
@pytest.mark.parametrize("environment", ["CartPole-v1", "MountainCarContinuous-v0"])
def test_it_does_what_the_expert_did_where_the_expert_did_it(small, environment):
    data = f"expert:{environment}"
    dataset = gankit.load_dataset(data)
    config = small("bc", data, **{"generator_optimizer.lr": 0.01})
    with gankit.Trainer(gankit.build_game(config, dataset), dataset) as trainer:
        trainer.plan = Plan(150, 1)
        before = torch.cat([p.flatten() for p in trainer.game.discriminator.parameters()])
        for _ in range(150):
            moves = trainer.step()
        world = dataset.world
        examples = torch.from_numpy(dataset.examples[:, 0])
        seen, done = examples[:, : world.observations], examples[:, world.observations :]
        chosen = torch.from_numpy(trainer.game.act(seen))
        after = torch.cat([p.flatten() for p in trainer.game.discriminator.parameters()])
    expected = done.argmax(1) if world.discrete else done.sign()
    found = chosen if world.discrete else chosen.sign()
    assert (found == expected).float().mean() > 0.75  # by chance 0.5
    assert torch.equal(before, after)
    assert "d/adversarial" not in moves
