"""AIRL: what a move is paid, what the discriminator's parts come to, what data it needs."""

from __future__ import annotations

import pytest
import torch

import gankit
from gankit.data.load import load_configured
from gankit.game_types import Batch, Latent, Task
from gankit.worlds.world import World

DATA = "expert:CartPole-v1"
GAMMA = 0.9
CHAIN = World(name="Chain-v0", observations=4, moments=50, choices=2)
"""Four places in a row, one-hot; a move goes one to the left or to the right, or stays at an end.

It is never played in, so no environment has to be there.
"""
WORTH = torch.tensor([0.0, 1.0, -1.0, 0.5], dtype=torch.float64)
"""What the expert is paid in each place."""


def chain_game(small):
    config = small("airl", DATA, **{"network.discount": GAMMA, "network.hidden": "16"})
    game = gankit.build_game(config, Task((1, CHAIN.transition), world=CHAIN))
    game.generator.double()
    game.discriminator.double()
    return game


def every_transition():
    """Each place with each move: places before, moves, places after, and transitions [8, 1, 11]."""
    before, move = torch.arange(4).repeat_interleave(2), torch.arange(2).repeat(4)
    after = (before + 2 * move - 1).clamp(0, 3)
    place, choice = torch.eye(4, dtype=torch.float64), torch.eye(2, dtype=torch.float64)
    ends = torch.zeros(8, 1, dtype=torch.float64)
    rows = torch.cat([place[before], choice[move], place[after], ends], 1)
    return before, move, after, rows[:, None]


def soft_advantages(before, after):
    """log pi of the expert that maximises what it is paid and its entropy, [8]; its values, [4]."""
    values = torch.zeros(4, dtype=torch.float64)
    for _ in range(500):
        worth = (WORTH[before] + GAMMA * values[after]).view(4, 2)
        values = worth.logsumexp(1)
    return (worth - values[:, None]).flatten(), values


def test_a_move_is_paid_the_closed_form(small):
    """D = exp f / (exp f + pi): log D - log(1 - D) = f - log pi, f = g(s) + gamma h(s') - h(s)."""
    game = chain_game(small)
    before, move, after, rows = every_transition()
    rows[-1, 0, -1] = 1  # one of them ends its episode
    with torch.no_grad():
        place = torch.eye(4, dtype=torch.float64)
        g = game.discriminator.reward(place)
        h = game.discriminator.potential(game.discriminator.seen(place))[:, 0]
        pi = game.generator(place)[:, :2].softmax(1)[before, move]
        f = g[before] + GAMMA * (1 - rows[:, 0, -1]) * h[after] - h[before]
        d = f.exp() / (f.exp() + pi)
        assert torch.allclose(game.logits(rows, None).sigmoid(), d, rtol=1e-12)
        assert torch.allclose(game.rewards(rows), d.log() - (1 - d).log(), rtol=1e-9)


def test_a_discriminator_that_cannot_tell_holds_the_experts_own_reward(small, monkeypatch):
    """Then f is its advantage; g is its reward, and h its values, each but for a constant."""
    game = chain_game(small)
    before, _, after, rows = every_transition()
    log_pi, values = soft_advantages(before, after)
    monkeypatch.setattr(game, "log_chance", lambda transitions: log_pi.repeat(2))
    game.penalties = ()
    batch = Batch(rows, None, Latent(torch.zeros(8, 2)), None)
    optimizer = torch.optim.LBFGS(
        game.discriminator.parameters(), max_iter=300, line_search_fn="strong_wolfe"
    )

    def loss():
        optimizer.zero_grad()
        found = game.discriminator_terms(batch, rows).loss
        found.backward()
        return found

    optimizer.step(loss)
    with torch.no_grad():
        place = torch.eye(4, dtype=torch.float64)
        g = game.discriminator.reward(place)
        h = game.discriminator.potential(game.discriminator.seen(place))[:, 0]
    for found, right in ((g, WORTH), (h, values)):
        assert ((found - found.mean()) - (right - right.mean())).abs().max() < 0.05


def test_the_policy_is_given_no_gradient_by_the_discriminator(small):
    config = small("airl", DATA)
    game = gankit.build_game(config, load_configured(config.data))
    transitions = torch.randn(6, 1, 11)
    game.logits(transitions, None).sum().backward()
    assert all(weight.grad is None for weight in game.generator.parameters())
    assert any(weight.grad is not None for weight in game.discriminator.parameters())


def test_single_moments_are_refused_with_what_to_do(small):
    with pytest.raises(gankit.ConfigError, match=r"set data\.transitions = true"):
        gankit.build_game(small("airl", DATA), gankit.load_dataset(DATA))
