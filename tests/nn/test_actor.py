"""What a policy says: choices and numbers, their chances, and standardised inputs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gankit.nn.actor import Actor, Choice, Gaussian, Judge, Standardise


def test_numbers_are_standardised_as_if_all_had_come_at_once():
    rng = np.random.default_rng(0)
    every = torch.from_numpy(rng.normal(3, 5, (900, 4)))
    layer = Standardise(4).double()
    for part in every.split([10, 290, 600]):
        layer.update(part)
    assert torch.allclose(layer.mean, every.mean(0))
    assert torch.allclose(layer.variance, every.var(0, correction=0))
    scaled = layer(every)
    assert torch.allclose(scaled.mean(0), torch.zeros(4).double(), atol=1e-9)
    assert torch.allclose(scaled.std(0, correction=0), torch.ones(4).double(), atol=1e-6)
    assert layer(torch.full((1, 4), 1e6).double()).max() == Standardise.LIMIT


def test_nothing_is_changed_by_looking():
    layer = Standardise(2)
    layer(torch.ones(5, 2))
    assert layer.count == 0


def test_choices_are_as_frequent_as_their_probability():
    said = torch.tensor([[0.0, 1.0, -1.0]]).expand(20_000, -1)
    chances = torch.from_numpy(np.random.default_rng(0).random(20_000, np.float32))
    chosen = Choice().choose(said, chances)
    shares = torch.bincount(chosen, minlength=3) / len(chosen)
    assert torch.allclose(shares, said[0].softmax(0), atol=0.015)  # 4 deviations


@pytest.mark.parametrize(
    ("means", "said", "actions"),
    [
        (Choice(), [[0.3, -1.0, 2.0]], [2]),
        (Gaussian(), [[0.3, -1.0, -0.5, 0.2]], [[0.1, 0.4]]),
    ],
)
def test_probabilities_and_entropies_are_torchs(means, said, actions):
    said, actions = torch.tensor(said), torch.tensor(actions)
    if isinstance(means, Choice):
        known = torch.distributions.Categorical(logits=said)
        probability, entropy = known.log_prob(actions), known.entropy()
    else:
        mean, spread = said.chunk(2, 1)
        known = torch.distributions.Normal(mean, spread.exp())
        probability, entropy = known.log_prob(actions).sum(1), known.entropy().sum(1)
    assert torch.allclose(means.log_probability(said, actions), probability)
    assert torch.allclose(means.entropy(said), entropy)


def test_how_undecided_a_policy_is():
    assert Choice().undecided(torch.zeros(1, 5)).item() == pytest.approx(1)
    assert Choice().undecided(torch.tensor([[100.0, 0.0]])).item() == pytest.approx(0)
    assert Gaussian().undecided(torch.tensor([[0.0, math.log(0.25)]])).item() == pytest.approx(0.25)


def test_an_actor_begins_by_trying_everything():
    for discrete in (True, False):
        actor = Actor(4, 2, (8,), discrete)
        said = actor(torch.randn(16, 4))[:, :-1]
        assert said.abs().max() < 0.1
        assert said.shape == (16, 2 if discrete else 4)


def test_a_judge_sees_actions_within_their_limits_alike():
    """Twice the limits and twice the action are the same to it."""
    torch.manual_seed(0)
    narrow, wide = Judge(3, (-1.0,), (1.0,), (8,)), Judge(3, (-4.0,), (4.0,), (8,))
    wide.layers.load_state_dict(narrow.layers.state_dict())
    moments = torch.randn(5, 1, 4)
    moved = moments.clone()
    moved[..., 3] *= 4
    assert torch.allclose(narrow(moments), wide(moved), atol=1e-6)
    assert narrow(moments).shape == (5,)
