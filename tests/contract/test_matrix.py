"""Every family with every loss and every penalty: two steps where it is valid, else the reason.

Every loss meets every penalty too, in one family.
"""

from __future__ import annotations

import math

import pytest
import torch

from gankit.choose_recipe import configure
from gankit.data.batches import Feed
from gankit.errors import ConfigError
from gankit.families import FAMILIES, Task
from gankit.losses import LOSSES
from gankit.penalties import PENALTIES
from gankit.settings.config import override
from gankit.training.runtime import Runtime
from gankit.training.state import build_game, build_state, draw_batch
from gankit.training.update import choose_update

from ..conftest import families_of
from .test_every_family import pictures

RUNTIME = Runtime(torch.device("cpu"))


def refusal(family: str, loss: str, penalty: str) -> str | None:
    """What a combination that has no meaning is refused with; None where it has one."""
    kind = FAMILIES[family]
    if kind.losses and loss not in kind.losses:
        return f"family '{family}' is not defined with loss '{loss}'"
    if family == "ssgan" and penalty == "spectral_norm":
        return "normalises the weights of its discriminator already"
    if family == "projected" and penalty == "spectral_norm":
        return "normalises the heads of its discriminator already"
    if family == "modern" and penalty == "spectral_norm":
        return "have no spectral norm"
    return None


def pairs() -> list[tuple[str, str, str]]:
    """(family, loss, penalty) with every two of them together at least once."""
    penalties = ["none", *PENALTIES.names(), "r1+r2"]
    found = [("gan", loss, penalty) for loss in LOSSES.names() for penalty in penalties]
    for family in families_of("images"):
        loss = configure(family, "digits").objective.loss
        found += [(family, each, "none") for each in LOSSES.names()]
        found += [(family, loss, penalty) for penalty in penalties]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(("family", "loss", "penalty"), pairs())
@pytest.mark.slow
def test_two_steps_or_the_reason(small, family, loss, penalty):
    changes = {"objective.loss": loss, "objective.penalty": penalty}
    config = override(small(family), changes)
    data = pictures(16)
    expected = refusal(family, loss, penalty)
    if expected is not None:
        with pytest.raises(ConfigError, match=expected):
            build_state(build_game(config, Task.of(data)), RUNTIME)
        return
    state = build_state(build_game(config, Task.of(data)), RUNTIME)
    update = choose_update(state.game)
    with Feed(data, seed=0, batch=8) as feed:
        for _ in range(2):
            moves = update(state, lambda s: draw_batch(state, feed, RUNTIME, s), RUNTIME)
            state.step += 1
    assert all(math.isfinite(float(v.detach())) for v in moves.tensors().values())
    for network in (player.network for player in state.players.values()):
        assert all(torch.isfinite(p).all() for p in network.parameters())
