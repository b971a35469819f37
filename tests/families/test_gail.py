"""GAIL: the sign of the reward, what PPO is given, who moves, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gankit
from gankit.acting import Played
from gankit.families.gail import REWARDS
from gankit.run import Plan

DATA = "expert:CartPole-v1"
LOGITS = torch.tensor([-3.0, -0.5, 0.0, 0.5, 3.0], dtype=torch.float64)


def opened(small, **changes):
    dataset = gankit.load_dataset(DATA)
    trainer = gankit.Trainer(gankit.build_game(small("gail", DATA, **changes), dataset), dataset)
    trainer.plan = Plan(6, 1)
    return trainer


def test_rewards_are_what_their_names_say():
    """D = sigmoid(logit) is the probability that the expert made the move."""
    d = LOGITS.sigmoid()
    assert torch.allclose(REWARDS["positive"](LOGITS), -torch.log(1 - d))
    assert torch.allclose(REWARDS["negative"](LOGITS), torch.log(d))
    assert torch.allclose(REWARDS["logit"](LOGITS), torch.log(d) - torch.log(1 - d))


def test_a_move_more_like_the_experts_is_paid_more_whatever_the_sign():
    for name in ("positive", "negative", "logit"):
        assert (REWARDS[name](LOGITS).diff() > 0).all(), name


def test_one_reward_pays_for_staying_one_for_leaving_one_for_neither():
    assert (REWARDS["positive"](LOGITS) > 0).all()
    assert (REWARDS["negative"](LOGITS) < 0).all()
    assert REWARDS["logit"](LOGITS).sign().tolist() == [-1, -1, 0, 1, 1]
    random = REWARDS["random"](LOGITS)
    assert ((random >= 0) & (random < 1)).all()


def test_a_discriminator_that_likes_the_expert_pays_its_moves_more(small):
    """From logits to rewards: high is for the expert's, as everywhere."""
    trainer = opened(small, **{"discriminator_optimizer.lr": 0.01})
    game = trainer.game
    real = torch.from_numpy(trainer.dataset.read(np.arange(25)))
    fake = torch.from_numpy(game.play(trainer._draw(0).latent).moments)[:25, None]
    for _ in range(40):
        terms = game.discriminator_adversarial(game.logits(real, None), game.logits(fake, None))
        trainer.state.players["discriminator"].optimizer.zero_grad()
        terms.loss.backward()
        trainer.state.players["discriminator"].optimizer.step()
    assert game.rewards(real).mean() > game.rewards(fake).mean() + 0.1


def test_actions_that_turned_out_better_become_likelier(small):
    paid_at_once = {"network.discount": 0.0, "network.decay": 0.0}
    changes = {"network.epochs": 20, "generator_optimizer.lr": 0.01, **paid_at_once}
    trainer = opened(small, **changes)
    game = trainer.game
    played = game.play_out(trainer._draw(0).latent)
    pushed = played.chosen == 1
    observations = torch.from_numpy(played.episodes.observations)
    game.generator.seen.update(observations)

    def chance():
        said = game.generator(observations)[:, :-1].softmax(1)
        return said[:, 1].mean().item()

    class Turn:
        def descend(self, player, terms):
            optimizer = trainer.state.players[player].optimizer
            optimizer.zero_grad()
            terms.loss.backward()
            optimizer.step()
            return 0.0

    before = chance()
    game._improve(Turn(), Played(played.episodes, played.chosen), pushed.float())
    assert chance() > before + 0.05


def test_each_player_moves_in_its_own_turn(small):
    trainer = opened(small, **{"objective.k": 2, "network.epochs": 3})
    steps = []
    for name, player in trainer.state.players.items():
        original = player.optimizer.step
        player.optimizer.step = lambda *a, n=name, f=original: (steps.append(n), f(*a))
    moves = trainer.step()
    assert steps[:2] == ["discriminator"] * 2
    assert set(steps[2:]) == {"generator"}
    assert len(steps) >= 5
    assert trainer.update_name == "own"  # as `--dry-run` says it
    assert {"d/adversarial", "g/policy", "g/value", "return", "undecided", "reward"} <= set(moves)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"network.episodes": 9}, "more than training.batch = 8"),
        ({"objective.loss": "wasserstein"}, "choose network.reward = logit"),
        ({"objective.update": "alternating"}, "brings its own"),
    ],
)
def test_settings_that_do_not_fit_are_refused(small, changes, said):
    with pytest.raises(gankit.ConfigError, match=said):
        opened(small, **changes)


def test_any_loss_will_do_if_the_logit_is_the_reward(small):
    trainer = opened(small, **{"objective.loss": "wasserstein", "network.reward": "logit"})
    assert np.isfinite(trainer.step()["g/policy"])
