"""Stabilisers of the game: each a small piece that a game is given when its settings ask for it.

Those that remember something say it in `state`, so that a resumed run goes on as if it had
never stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

import torch
from torch import Tensor, nn

from gankit.parts.averages import floats


class MinibatchDiscrimination(nn.Module):
    """How close each sample is to the others of its batch: [N, F] -> [N, outputs].

    M_i = f_i T with T in R^(F x B x C); o_b(i) = sum over j of exp(-|M_ib - M_jb|_1), and a
    linear map of o (Salimans et al. 2016, arXiv 1606.03498, section 3.2). The paper puts o
    beside the features before D's last layer: that is the sum of two linear maps.
    """

    def __init__(self, features: int, kernels: int, size: int, outputs: int) -> None:
        super().__init__()
        self.tensor = nn.Parameter(torch.randn(features, kernels, size) * features**-0.5)
        self.linear = nn.Linear(kernels, outputs)

    def closeness(self, features: Tensor) -> Tensor:
        """o: [N, kernels]."""
        m = torch.einsum("nf,fbc->nbc", features, self.tensor)
        distance = (m[:, None] - m[None]).abs().sum(3)
        return (-distance).exp().sum(1)

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.linear(self.closeness(features))
        return out


def feature_distance(real: Tensor, fake: Tensor, norm: str) -> Tensor:
    """Between D's mean features [N, F] of real and fake: the squared L2 norm, or the mean L1 norm.

    Feature matching (arXiv 1606.03498, section 3.1): the objective of G in place of fooling D.
    """
    difference = real.detach().mean(0) - fake.mean(0)
    return difference.square().sum() if norm == "l2" else difference.abs().mean()


def entropy(samples: Tensor) -> Tensor:
    """The differential entropy of the distribution that `samples` [N, ...] come from, in nats,
    up to a constant of N and D: D times the mean log distance to the nearest neighbour
    (Kozachenko & Leonenko 1987), divided by D so that its weight does not depend on the size.
    """
    flat = samples.flatten(1)
    # Not by way of inner products: small distances are what counts.
    distance = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist")
    distance = distance + torch.diag(torch.full_like(distance[0], float("inf")))
    # A floor on the distance: two equal samples would have an entropy of minus infinity.
    return distance.amin(1).clamp_min(1e-8).log().mean()


def most_real(logits_real: Tensor, logits_fake: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """The `share` of pairs whose fakes D takes for the most real (Sinha 2020, arXiv 2002.06224)."""
    count = max(1, round(share * len(logits_fake)))
    chosen = logits_fake.detach().topk(count).indices
    return logits_real[chosen], logits_fake[chosen]


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


class Freezing:
    """Who stands still: D while it judges too well, G while D judges too badly.

    The share of real and fake that D judged rightly in the last step decides; the shares of
    steps skipped so far are logged.
    """

    def __init__(self, freeze_d: float, freeze_g: float) -> None:
        self.limits = {"discriminator": freeze_d, "generator": freeze_g}
        # Steps; of them skipped by D, by G; the share judged rightly in the last one.
        self.numbers = torch.tensor([0.0, 0.0, 0.0, 0.5], dtype=torch.float64)

    def still(self, player: str) -> bool:
        """Whether `player` does not move in this step."""
        judged = float(self.numbers[3])
        if player == "discriminator":
            return judged > self.limits[player]
        return judged < self.limits[player]

    def note(self, judged: float) -> None:
        """The step is over; D judged this share rightly."""
        skipped = [1.0, float(self.still("discriminator")), float(self.still("generator"))]
        self.numbers[:3] += torch.tensor(skipped, dtype=torch.float64)
        self.numbers[3] = judged

    def rates(self) -> dict[str, Tensor]:
        """The shares of steps in which each stood still, for the log."""
        steps = self.numbers[0].clamp_min(1)
        return {"skipped_d": self.numbers[1] / steps, "skipped_g": self.numbers[2] / steps}

    def state(self) -> dict[str, Tensor]:
        """For the checkpoint."""
        return {"freezing/numbers": self.numbers}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        self.numbers = state["freezing/numbers"].cpu().clone()


class VirtualBatchNorm(nn.Module):
    """Batch normalisation by a reference batch and the example itself, nothing else of its batch.

    The first `rows` inputs are the reference, normalised by themselves; each other one by the
    moments of the reference and itself, rows : 1 (arXiv 1606.03498, section 3.5).
    """

    def __init__(self, channels: int, rows: int, eps: float) -> None:
        super().__init__()
        self.rows, self.eps = rows, eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        inner = tuple(range(2, x.dim()))
        mean = x.mean(inner, keepdim=True) if inner else x
        square = x.square().mean(inner, keepdim=True) if inner else x.square()
        moments = [m[: self.rows].mean(0, keepdim=True) for m in (mean, square)]
        shares = [
            torch.cat(
                [
                    whole.expand(self.rows, *m.shape[1:]),
                    (m[self.rows :] + self.rows * whole) / (self.rows + 1),
                ]
            )
            for m, whole in zip((mean, square), moments, strict=True)
        ]
        variance = (shares[1] - shares[0].square()).clamp_min(0)
        shape = (1, -1, *[1] * len(inner))
        normal = (x - shares[0]) * (variance + self.eps).rsqrt()
        return normal * self.weight.view(shape) + self.bias.view(shape)


class WithReference(nn.Module):
    """A network that sees a reference batch before each of its own, and answers for its own."""

    def __init__(self, network: nn.Module, inputs: Tensor, labels: Tensor | None) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("inputs", inputs)
        self.register_buffer("labels", labels)

    def forward(self, inputs: Tensor, labels: Tensor | None = None) -> Tensor:
        reference, rows = self.get_buffer("inputs"), len(self.get_buffer("inputs"))
        if labels is not None:
            labels = torch.cat([self.get_buffer("labels"), labels])
        out: Tensor = self.network(torch.cat([reference, inputs]), labels)
        return out[rows:]


def normalise_virtually(
    network: nn.Module, inputs: Tensor, labels: Tensor | None
) -> WithReference | None:
    """`network` with its batch normalisation replaced; None where it has none that can be."""
    found = False
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if type(child) in (nn.BatchNorm1d, nn.BatchNorm2d):
                assert isinstance(child, nn.modules.batchnorm._BatchNorm)
                virtual = VirtualBatchNorm(child.num_features, len(inputs), child.eps)
                virtual.load_state_dict({"weight": child.weight, "bias": child.bias})
                setattr(module, name, virtual)
                found = True
    return WithReference(network, inputs, labels) if found else None


class Tap:
    """Keeps what a layer is given: D's last hidden features, without a second pass."""

    def __init__(self, layer: nn.Module) -> None:
        self.seen: Tensor | None = None
        layer.register_forward_pre_hook(self._note)

    def _note(self, _layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        self.seen = given[0]
