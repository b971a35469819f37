"""Stabilisers that remember."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from gankit.stabilisers.past import HistoricalAverage, LaggedDiscriminator, Replay


def cost(history):
    return history.weight_terms("generator").loss.item()


def test_the_historical_average_is_the_mean_of_all_weights_so_far():
    torch.manual_seed(0)
    layer = nn.Linear(2, 1, bias=False)
    game = SimpleNamespace(generator=layer, discriminator=nn.Linear(1, 1))
    history = HistoricalAverage(0.5)
    history.begin(game)
    seen = [layer.weight.detach().clone()]
    for step in range(4):
        expected = 0.5 * (layer.weight - torch.stack(seen).mean(0)).square().sum()
        assert cost(history) == pytest.approx(expected.item(), rel=1e-5)
        with torch.no_grad():
            layer.weight.add_(step + 1.0)
        history.after_step({})
        seen.append(layer.weight.detach().clone())
    other = HistoricalAverage(0.5)
    other.begin(game)
    other.load_state(history.state())
    assert cost(other) == cost(history) > 0


def test_a_lagged_d_follows_at_its_distance_buffers_too():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    lagged = LaggedDiscriminator(0.75)
    lagged.begin(SimpleNamespace(discriminator=network))
    with torch.no_grad():
        before = network[0].weight.clone()
        network[0].weight.add_(4.0)
        network[1].running_mean.add_(8.0)
    lagged.after_step({})
    assert lagged.opponent(network) is lagged.network
    assert torch.allclose(lagged.network[0].weight, before + 1.0)
    assert lagged.network[1].running_mean.tolist() == [2.0, 2.0]
    assert not any(p.requires_grad for p in lagged.network.parameters())


def test_replay_shows_past_fakes_for_the_last_share():
    torch.manual_seed(0)
    pool = Replay(size=6, share=0.5)
    first, second = torch.zeros(4, 1), torch.ones(4, 1)
    assert torch.equal(pool.mixed({"fake": first})["fake"], first)
    assert pool.mixed({"fake": second})["fake"][:, 0].tolist() == [1, 1, 0, 0]
    assert len(pool) == 6
    for _ in range(20):
        pool.mixed({"fake": torch.full((4, 1), 2.0)})
    assert len(pool) == 6
    assert float(pool.pool["fake"].mean()) > 1.5  # old ones give way


def test_a_pool_of_fakes_alone_is_begun_anew():
    """Checkpoints of an earlier version have no latents beside them."""
    pool = Replay(size=6, share=0.5)
    pool.load_state({"replay/pool": torch.ones(4, 1)})
    rows = {"fake": torch.zeros(4, 1), "noise": torch.zeros(4, 2)}
    assert torch.equal(pool.mixed(rows)["fake"], rows["fake"])
    assert len(pool) == 4
    again = Replay(size=6, share=0.5)
    again.load_state(pool.state())
    assert {k: v.shape for k, v in again.pool.items()} == {"fake": (4, 1), "noise": (4, 2)}
