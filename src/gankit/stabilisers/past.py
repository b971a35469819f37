"""Stabilisers that remember: average weights, a lagged D, past fakes.

Each says what it remembers in `state`, so that a resumed run goes on as if it had never stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

import torch
from torch import Tensor, nn

from gankit.nn.ema import floats


class HistoricalAverage:
    """||w - mean of w over all steps so far||^2 of each player (arXiv 1606.03498, section 3.3).

    It belongs in the loss. The weights' average that samples are drawn from is another thing.
    """

    def __init__(self, networks: Mapping[str, nn.Module]) -> None:
        self.weights = {p: list(n.parameters()) for p, n in networks.items()}
        self.means = {p: [w.detach().clone() for w in ws] for p, ws in self.weights.items()}
        self.count = torch.ones((), dtype=torch.int64)

    def distance(self, player: str) -> Tensor:
        """A scalar, differentiable by the player's weights."""
        pairs = zip(self.weights[player], self.means[player], strict=True)
        return torch.stack([(weight - mean).square().sum() for weight, mean in pairs]).sum()

    @torch.no_grad()
    def follow(self) -> None:
        """The step is over: its weights join the mean."""
        self.count = self.count + 1
        for player, means in self.means.items():
            torch._foreach_lerp_(
                means, [w.detach() for w in self.weights[player]], 1 / int(self.count)
            )

    def state(self) -> dict[str, Tensor]:
        """For the checkpoint."""
        flat = {f"historical/{p}/{i}": m for p, ms in self.means.items() for i, m in enumerate(ms)}
        return flat | {"historical/count": self.count}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        for player, means in self.means.items():
            for i, mean in enumerate(means):
                mean.copy_(state[f"historical/{player}/{i}"])
        self.count = state["historical/count"].cpu()


class LaggedDiscriminator:
    """A D that follows the playing one at a distance: a target network for G's step.

    From actor-critic methods; beyond what its paper claims for GANs (arXiv 1610.01945, table 1).
    """

    def __init__(self, discriminator: nn.Module, decay: float) -> None:
        self.network = deepcopy(discriminator).requires_grad_(False)
        self.decay = decay
        self._mine = floats(self.network)
        self._theirs = floats(discriminator)

    @torch.no_grad()
    def follow(self) -> None:
        """The step is over: move towards the playing D."""
        torch._foreach_lerp_(self._mine, self._theirs, 1 - self.decay)

    def state(self) -> dict[str, Tensor]:
        """For the checkpoint."""
        return {f"lagged/{name}": value for name, value in self.network.state_dict().items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        self.network.load_state_dict(
            {name: state[f"lagged/{name}"] for name in self.network.state_dict()}
        )


class Replay:
    """A pool of past fakes, some of which are shown to D again, as a replay buffer does.

    Pfau & Vinyals found it asymptotically wrong for GANs (arXiv 1610.01945): D learns against
    generators that no longer play. It is here to be tried.
    """

    def __init__(self, size: int, share: float) -> None:
        self.size, self.share = size, share
        self.pool: dict[str, Tensor] = {}

    def __len__(self) -> int:
        return len(next(iter(self.pool.values()))) if self.pool else 0

    def mixed(self, rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The rows of a batch, [N, ...] by name (fakes and what they were made from), the last
        `share` of them replaced by past ones, once there are any; this batch's own join the pool
        in place of random ones."""
        fresh = {name: row.detach() for name, row in rows.items()}
        shown, n = fresh, len(next(iter(fresh.values())))
        if self.pool:
            # A restored pool comes from a file.
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
        """For the checkpoint."""
        return {f"replay/{name}": row.contiguous() for name, row in self.pool.items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        mine = {k.removeprefix("replay/"): v for k, v in state.items() if k.startswith("replay/")}
        # A pool of another make, without what its fakes came from, is of no use: begin a new one.
        self.pool = {name: row.clone() for name, row in mine.items()} if "noise" in mine else {}
