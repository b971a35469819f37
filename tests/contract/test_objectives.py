"""What a family claims of its objectives, held to it in float64."""

from __future__ import annotations

import pytest
import torch

from gankit.families import FAMILIES, Task
from gankit.training.runtime import Runtime
from gankit.training.state import build_game, build_state, draw_batch
from gankit.training.update import one_backward, two_backwards, why_not_simultaneous

from ..conftest import IMAGE_FAMILIES
from .test_every_family import Feed, pictures

RUNTIME = Runtime(torch.device("cpu"), "64")
SIMULTANEOUS = {
    "stabilise.matching": "none",
    "network.discriminator_norm": "none",
    "network.head_norm": "none",
}
"""Without what keeps both players from moving at once, if a family has it."""
every_family = pytest.mark.parametrize("family", IMAGE_FAMILIES)


def opened(small, family):
    changes = {"objective.update": "auto", "runtime.precision": "64"}
    options = FAMILIES[family].Options.__dataclass_fields__
    norm = {k: v for k, v in SIMULTANEOUS.items() if k.removeprefix("network.") in options}
    config = small(family, **changes, **norm)
    data = pictures()
    state = build_state(build_game(config, Task(data.shape, data.class_names)), RUNTIME)
    feed = Feed(data, seed=0, batch=config.training.batch)
    return state, draw_batch(state, feed, RUNTIME, 0)


def from_pass_back(backward, state, batch):
    """The terms, D's gradient and that of the fakes."""
    leaf = state.game.generate(batch.latent).detach().requires_grad_()
    torch.manual_seed(0)  # dropout in D
    for p in state.players["discriminator"].network.parameters():
        p.grad = None
    moves, for_fake = backward(state, batch, leaf)
    return moves, [p.grad for p in state.players["discriminator"].network.parameters()], for_fake


@every_family
def test_only_logits_is_true_where_it_is_claimed(small, family):
    """One pass back through D gives what two passes give, from the whole objectives."""
    state, batch = opened(small, family)
    if why_not_simultaneous(state.game) or not all(p.only_logits for p in state.game.parts):
        pytest.skip("it claims no such thing")
    found = from_pass_back(one_backward, state, batch)
    expected = from_pass_back(two_backwards, state, batch)
    assert dict(found[0]) == pytest.approx(dict(expected[0]), rel=1e-12)
    # Where D has no slope, one_backward gives it 1e-10 of G's (update.SMALLEST_SHARE).
    pairs = [*zip(found[1], expected[1], strict=True), (found[2], expected[2])]
    pairs = [(a, b) for a, b in pairs if b is not None]
    largest = max(float(b.abs().max()) for _, b in pairs)
    assert all(torch.allclose(a, b, rtol=1e-7, atol=1e-8 * largest) for a, b in pairs)


@every_family
def test_shared_terms_are_the_terms_of_each_player(small, family):
    """Unless it says that its players do not share a pass through D."""
    state, batch = opened(small, family)
    if why_not_simultaneous(state.game):
        pytest.skip("its players do not move at once")
    state.players["discriminator"].network.eval()  # without dropout
    fake = state.game.generate(batch.latent).detach()
    shared = state.game.shared_terms(batch, fake)
    apart = state.game.discriminator_terms(batch, fake), state.game.generator_terms(batch, fake)
    for one, other in zip(shared, apart, strict=True):
        assert one.minimised.keys() == other.minimised.keys()
        for name, value in one.minimised.items():
            assert torch.allclose(value, other.minimised[name], rtol=1e-9, atol=1e-12), name
