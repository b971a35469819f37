"""Words without likelihood: what each token is paid, and who learns from what."""

from __future__ import annotations

import pytest
import torch

import gankit
from gankit.errors import ConfigError
from gankit.game_types import Answer


def built(small, **changes):
    data = gankit.load_dataset("sentences")
    return gankit.build_game(small("scratchgan", **changes), data), data


def test_a_token_is_paid_for_itself_and_less_for_each_that_follows(small):
    game, _ = built(small, **{"network.discount": 0.5, "network.dropout": 0.5})
    said = game.generator.say(torch.rand(9, *game.task.shape))
    paid = game.rewards(said)
    logits = game.discriminator.eval()(said.tokens).detach()
    for row, beliefs in zip(paid, logits.sigmoid(), strict=True):
        alone = [2 * float(belief) - 1 for belief in beliefs if not belief.isnan()]
        for place in range(len(row)):
            wanted = sum(0.5**later * one for later, one in enumerate(alone[place:]))
            assert float(row[place]) == pytest.approx(wanted, abs=1e-5)


def test_what_comes_after_the_end_teaches_d_nothing(small):
    game, _ = built(small)
    real, fake = torch.tensor([[2.0, -1.0], [0.5, torch.nan]]), torch.tensor([[1.0, torch.nan]])
    terms = game.discriminator_objective(Answer(real), Answer(fake), batch=None)
    flat = game.discriminator_adversarial(torch.tensor([2.0, -1.0, 0.5]), torch.tensor([1.0]))
    assert torch.equal(terms.loss, flat.loss)
    assert game.logits_of(Answer(real)).tolist() == [0.5, 0.5]


def test_the_game_begins_at_once_unless_likelihood_is_asked_for(small):
    steps = {"network.pretrain_steps": 0, "network.pretrain_d_steps": 0}
    for before, first in ((0, {"g/policy", "reward", "d/adversarial"}), (1, {"g/likelihood"})):
        game, data = built(small, **{**steps, "network.pretrain_steps": before})
        with gankit.Trainer(game, data) as trainer:
            assert first < set(trainer.step())
            assert {"g/policy", "d_real", "repeated"} < set(trainer.step())
    assert gankit.configure("scratchgan", "sentences").network.pretrain_steps == 0


def test_a_loss_without_a_probability_is_refused(small):
    with pytest.raises(ConfigError, match="not defined with loss 'hinge'"):
        built(small, **{"objective.loss": "hinge"})
