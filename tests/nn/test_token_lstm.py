"""The LSTM that says tokens: its chances, its roll-outs, its relaxed choices."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from gankit.nn.token_lstm import TokenLSTM, gumbel

LENGTH, SYMBOLS = 5, 4


@pytest.fixture
def network():
    network = TokenLSTM(SYMBOLS, LENGTH, 6, 8, end=0).double()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, 0, 1)
    return network.requires_grad_(False)


def test_what_is_said_is_as_frequent_as_its_chance(network):
    tokens = network(torch.rand(4000, LENGTH, dtype=torch.float64))
    first = torch.bincount(tokens[:, 0], minlength=SYMBOLS) / 4000
    wanted = network.log_chances(tokens[:1])[0, 0].exp()
    assert (first - wanted).abs().max() < 5 * (0.25 / 4000) ** 0.5
    counted = network.counted(tokens)
    assert (tokens[counted == 0] == 0).all(), "after the end there is only the end"


def test_every_sequence_has_a_chance_and_together_they_are_one(network):
    grid = torch.cartesian_prod(*[torch.arange(SYMBOLS)] * LENGTH)
    ended = (grid == 0).long().cumsum(1)
    whole = grid[((ended == 0) | (grid == 0)).all(1)]  # nothing but ends after an end
    total = network.log_likelihood(whole).sum(1).exp().sum()
    assert float(total) == pytest.approx(1, rel=1e-12)


def test_roll_outs_by_kept_memories_are_what_whole_passes_say(network):
    count, ways = 3, 2
    begun = torch.rand(count, LENGTH, dtype=torch.float64)
    chances = torch.rand(ways, LENGTH - 1, count, LENGTH, dtype=torch.float64)
    found = network.go_on(network.say(begun), chances)
    for way in range(ways):
        for place in range(LENGTH - 1):
            whole = torch.cat([begun[:, : place + 1], chances[way, place, :, place + 1 :]], 1)
            assert torch.equal(found[way, place], network(whole))


def test_the_largest_symbol_of_a_mixture_is_as_frequent_as_its_chance(network):
    noise = gumbel(torch.rand(4000, LENGTH, SYMBOLS, dtype=torch.float64))
    for temperature in (0.1, 2.0):
        mixtures = network.relax(noise, temperature, hard=False)
        assert torch.allclose(mixtures.sum(2), torch.ones(4000, LENGTH, dtype=torch.float64))
        first = torch.bincount(mixtures[:, 0].argmax(1), minlength=SYMBOLS) / 4000
        wanted = network.log_chances(torch.zeros(1, LENGTH, dtype=torch.long))[0, 0].exp()
        assert (first - wanted).abs().max() < 5 * (0.25 / 4000) ** 0.5


def test_straight_through_shows_symbols_and_has_the_mixtures_gradient(network):
    network.head.weight.requires_grad_(True)
    noise = gumbel(torch.rand(7, LENGTH, SYMBOLS, dtype=torch.float64))
    hard = network.relax(noise, 1.0, hard=True)
    assert torch.allclose(hard.detach(), F.one_hot(hard.argmax(2), SYMBOLS).double(), atol=1e-12)
    ended = (hard.argmax(2) == 0).long().cumsum(1) > 1
    assert (hard.argmax(2)[ended] == 0).all()
    soft = network.relax(noise, 1.0, hard=False)
    slopes = [
        torch.autograd.grad(made[:, 0, 1].sum(), network.head.weight, retain_graph=True)[0]
        for made in (hard, soft)
    ]
    assert torch.allclose(*slopes)
    assert slopes[0].abs().max() > 0


def test_a_low_temperature_says_the_likeliest(network):
    network.temperature = 1e-4
    tokens = network(torch.rand(20, LENGTH, dtype=torch.float64))
    assert len(torch.unique(tokens, dim=0)) == 1
    assert tokens[0, 0] == network.log_chances(tokens)[0, 0].argmax()
