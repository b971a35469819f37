"""Which stabilisers are called, and in which order."""

from __future__ import annotations

import pytest
import torch

from gankit.choose_recipe import configure
from gankit.errors import ConfigError
from gankit.families import FAMILIES, Task
from gankit.game_types import Batch, Latent
from gankit.settings.config import override
from gankit.stabilisers.base import PLUGIN_STABILISERS, Stabiliser
from gankit.stabilisers.order import ORDER, asked_for

EVERY = {
    "stabilise.joint_batch": True,
    "stabilise.virtual_batch": 8,
    "stabilise.minibatch_kernels": 3,
    "stabilise.replay": 0.5,
    "stabilise.augment": "flip",
    "stabilise.noise": 0.1,
    "stabilise.lagged": 0.9,
    "stabilise.top_k": 0.5,
    "stabilise.matching": "l1",
    "stabilise.perceptual": 1.0,
    "stabilise.entropy": 0.1,
    "stabilise.lecam": 0.1,
    "stabilise.historical": 0.1,
    "stabilise.freeze_d": 0.9,
}


def game_of(**changes):
    config = override(configure("gan", "digits"), changes)
    return FAMILIES["gan"](config, Task((1, 16, 16)))


def test_none_is_asked_for_by_default():
    assert asked_for(override(configure("gan", "digits"), {})) == ()


def test_each_setting_asks_for_one_and_their_order_is_stated():
    config = override(configure("gan", "digits"), EVERY)
    assert [type(s) for s in asked_for(config)] == list(ORDER)
    assert [kind.__name__ for kind in ORDER] == [
        "JointBatch", "VirtualBatch", "MinibatchCloseness", "Replay", "Augment", "Noise",
        "LaggedDiscriminator", "TopK", "FeatureMatching", "PerceptualMatching", "Entropy", "LeCam",
        "HistoricalAverage", "Freezing",
    ]  # fmt: skip


def test_d_sees_replayed_fakes_augmented_and_then_noisy():
    """With brightness alone changed, a noiseless picture has one value; noise comes after it."""
    game = game_of(**{"stabilise.augment": "colour", "stabilise.noise": 0.01})
    torch.manual_seed(0)
    seen = game.seen(torch.zeros(16, 1, 16, 16)).flatten(1)
    level, spread = seen.mean(1), seen.std(1)
    assert float(level.std()) > 0.05  # each picture's own brightness
    assert torch.allclose(spread, torch.full_like(spread, 0.01), rtol=0.3)  # not scaled by contrast


def test_replay_keeps_fakes_as_they_were_made():
    game = game_of(**{"stabilise.replay": 0.5, "stabilise.augment": "colour"})
    fake, latent = torch.full((4, 1, 16, 16), 0.25), Latent(torch.zeros(4, game.latent_size))
    game.discriminator_terms(Batch(torch.zeros_like(fake), None, latent, torch.zeros(4)), fake)
    (replay,) = (s for s in game.stabilisers if hasattr(s, "pool"))
    assert torch.equal(replay.pool["fake"], fake)


def test_one_from_outside_is_called_last_with_its_strength(monkeypatch):
    class Shift(Stabiliser):
        def __init__(self, strength: float = 1.0) -> None:
            self.strength = strength

        def shown(self, examples, progress):
            return examples + self.strength

    monkeypatch.setitem(PLUGIN_STABILISERS._things, "shift", Shift)
    changes = {"stabilise.plugins": "shift:0.5,shift", "stabilise.noise": 0.1}
    game = game_of(**changes)
    assert [type(s).__name__ for s in game.stabilisers] == ["Noise", "Shift", "Shift"]
    game.progress = 1.0
    assert torch.equal(game.seen(torch.zeros(2, 1, 16, 16)), torch.full((2, 1, 16, 16), 1.5))
    for wrong in ("shift:much", "shift:"):
        with pytest.raises(ConfigError, match="makes no stabiliser"):
            game_of(**{"stabilise.plugins": wrong})
    with pytest.raises(ConfigError, match=r"unknown stabiliser 'shft'\. Did you mean 'shift'\?"):
        game_of(**{"stabilise.plugins": "shft"})
