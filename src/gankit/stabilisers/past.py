"""Stabilisers that remember the past: average weights, a lagged D, past fakes.

Each returns its memory from `state`, so that a resumed run goes on as if it had never stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor, nn

from gankit.bibliography import PFAU_2016, SALIMANS_2016
from gankit.game_types import Batch, Latent, Terms
from gankit.nn.ema import floats
from gankit.settings.config import Config
from gankit.stabilisers.base import Stabiliser

if TYPE_CHECKING:
    from gankit.game import Game


class HistoricalAverage(Stabiliser):
    """Historical averaging: ||w - mean of w over all steps so far||^2 joins each player's loss.

    See arXiv 1606.03498, section 3.3. The average of weights that samples are drawn from (`nn.ema`)
    is something else.
    """

    papers = (SALIMANS_2016,)
    replays = True

    def __init__(self, weight: float) -> None:
        self.weight = weight

    @classmethod
    def of(cls, config: Config) -> Self | None:
        return cls(config.stabilise.historical) if config.stabilise.historical else None

    def begin(self, game: Game) -> None:
        networks = {"generator": game.generator, "discriminator": game.discriminator}
        self.weights = {p: list(n.parameters()) for p, n in networks.items()}
        self.means = {p: [w.detach().clone() for w in ws] for p, ws in self.weights.items()}
        self.count = torch.ones((), dtype=torch.int64)

    def weight_terms(self, player: str) -> Terms:
        pairs = zip(self.weights[player], self.means[player], strict=True)
        distance = torch.stack([(weight - mean).square().sum() for weight, mean in pairs]).sum()
        return Terms({"historical": self.weight * distance})

    @torch.no_grad()
    def after_step(self, numbers: Mapping[str, Tensor]) -> None:
        self.count = self.count + 1
        for player, means in self.means.items():
            torch._foreach_lerp_(
                means, [w.detach() for w in self.weights[player]], 1 / int(self.count)
            )

    def state(self) -> dict[str, Tensor]:
        flat = {f"historical/{p}/{i}": m for p, ms in self.means.items() for i, m in enumerate(ms)}
        return flat | {"historical/count": self.count}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        for player, means in self.means.items():
            for i, mean in enumerate(means):
                mean.copy_(state[f"historical/{player}/{i}"])
        self.count = state["historical/count"].cpu()


class LaggedDiscriminator(Stabiliser):
    """A target network for G's step: G plays against an average of D that follows D's training.

    It comes from actor-critic methods; for GANs it goes beyond the claims of its paper (arXiv
    1610.01945, table 1).
    """

    papers = (PFAU_2016,)
    alternating_only = "G plays against a lagged D"
    replays = True

    def __init__(self, decay: float) -> None:
        self.decay = decay

    @classmethod
    def of(cls, config: Config) -> Self | None:
        return cls(config.stabilise.lagged) if config.stabilise.lagged else None

    def begin(self, game: Game) -> None:
        self.network = deepcopy(game.discriminator).requires_grad_(False)
        self._mine = floats(self.network)
        self._theirs = floats(game.discriminator)

    def opponent(self, discriminator: nn.Module) -> nn.Module:
        return self.network

    @torch.no_grad()
    def after_step(self, numbers: Mapping[str, Tensor]) -> None:
        torch._foreach_lerp_(self._mine, self._theirs, 1 - self.decay)

    def state(self) -> dict[str, Tensor]:
        return {f"lagged/{name}": value for name, value in self.network.state_dict().items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        self.network.load_state_dict(
            {name: state[f"lagged/{name}"] for name in self.network.state_dict()}
        )


class Replay(Stabiliser):
    """A replay buffer: some of the fakes shown to D are past ones.

    Pfau & Vinyals call it asymptotically wrong for GANs (arXiv 1610.01945): D learns against
    generators that no longer play. It is here for experiments.
    """

    papers = (PFAU_2016,)
    alternating_only = "D is shown past fakes, G's are new"
    one_process = "stabilise.replay keeps past fakes in one process"

    def __init__(self, size: int, share: float) -> None:
        self.size, self.share = size, share
        self.pool: dict[str, Tensor] = {}

    @classmethod
    def of(cls, config: Config) -> Self | None:
        s = config.stabilise
        return cls(s.replay_size, s.replay) if s.replay else None

    def __len__(self) -> int:
        return len(next(iter(self.pool.values()))) if self.pool else 0

    def d_batch(self, batch: Batch, fake: Tensor) -> tuple[Batch, Tensor]:
        """Return fakes with past ones among them, and the batch with the latents of all of them."""
        latent = batch.latent
        rows = {"fake": fake, "noise": latent.noise}
        if latent.labels is not None:
            rows["labels"] = latent.labels
        shown = self.mixed(rows)
        past = Latent(shown["noise"], shown.get("labels"))
        return replace(batch, latent=past), shown["fake"]

    def mixed(self, rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the rows of a batch, the last `share` of them replaced by past ones.

        `rows` are the fakes and what they were made from, [N, ...] by name. While the pool is empty
        they are returned as they are. This batch's own rows then join the pool; once it is full,
        they replace random ones.
        """
        fresh = {name: row.detach() for name, row in rows.items()}
        shown, n = fresh, len(next(iter(fresh.values())))
        if self.pool:
            # A restored pool comes from a file, so it may lie on another device.
            self.pool = {name: self.pool[name].to(row.device) for name, row in fresh.items()}
            count = round(self.share * n)
            old = torch.randint(len(self), (count,))
            shown = {
                k: torch.cat([row[: n - count], self.pool[k][old]]) for k, row in fresh.items()
            }
        self._keep(fresh, n)
        return shown

    def _keep(self, fresh: Mapping[str, Tensor], n: int) -> None:
        if len(self) < self.size:
            past = self.pool or {name: row[:0] for name, row in fresh.items()}
            together = {k: torch.cat([past[k], row]) for k, row in fresh.items()}
            self.pool = {name: row[: self.size].clone() for name, row in together.items()}
            return
        places = torch.randperm(self.size)[:n]
        for name, row in fresh.items():
            self.pool[name][places] = row[: len(places)]

    def state(self) -> dict[str, Tensor]:
        return {f"replay/{name}": row.contiguous() for name, row in self.pool.items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        mine = {k.removeprefix("replay/"): v for k, v in state.items() if k.startswith("replay/")}
        # A pool of an earlier version lacks the latents of its fakes: begin a new one.
        self.pool = {name: row.clone() for name, row in mine.items()} if "noise" in mine else {}

    def holds(self, example: int, batch: int) -> int:
        return self.size * example
