"""Stabilisers that change how D treats a batch: joint, with a reference, with closeness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor, nn

from gankit.bibliography import SALIMANS_2016
from gankit.errors import ConfigError
from gankit.nn.head import add_minibatch_discrimination, last_layer
from gankit.randomness import Purpose, rng
from gankit.settings.config import Config
from gankit.stabilisers.base import Stabiliser

if TYPE_CHECKING:
    from gankit.game import Game


class JointBatch(Stabiliser):
    """A joint batch: real and fake share the statistics of a batch-normalised D."""

    shares_a_batch = True
    replays = True

    @classmethod
    def of(cls, config: Config) -> Self | None:
        return cls() if config.stabilise.joint_batch else None


class MinibatchCloseness(Stabiliser):
    """Minibatch discrimination: D's last layer sees how close each sample is to the others.

    The others are those of its batch (arXiv 1606.03498, section 3.2).
    """

    papers = (SALIMANS_2016,)
    one_process = "minibatch discrimination looks at the whole batch"
    replays = True

    def __init__(self, kernels: int, size: int) -> None:
        self.kernels, self.size = kernels, size

    @classmethod
    def of(cls, config: Config) -> Self | None:
        s = config.stabilise
        return cls(s.minibatch_kernels, s.minibatch_size) if s.minibatch_kernels else None

    def build(self, game: Game) -> None:
        if isinstance(game.discriminator, WithReference):
            raise ConfigError(
                "stabilise.minibatch_kernels would look at the reference batch of "
                "stabilise.virtual_batch too: leave one of the two out"
            )
        head = last_layer(game.discriminator)
        if head is None:
            raise ConfigError(
                f"the discriminator of '{game.config.family}' has no last hidden layer: leave "
                "stabilise.minibatch_kernels out"
            )
        add_minibatch_discrimination(head, self.kernels, self.size)

    def holds(self, example: int, batch: int) -> int:
        return self.kernels * batch**2


class VirtualBatchNorm(nn.Module):
    """Batch normalisation by a reference batch and the example itself, but no others of its batch.

    The first `rows` inputs are the reference, which is normalised by its own moments. Each other
    input is normalised by the moments of the reference and itself together, weighted rows to 1
    (arXiv 1606.03498, section 3.5).
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
    """A network that is shown a reference batch before every batch, and answers for the latter."""

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
    """Replace the batch normalisation in `network` by a virtual one, in place.

    Returns the network together with its reference batch, or None if it has no plain batch
    normalisation.
    """
    found = False
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            # One without weights is a backbone's, and stays as it is.
            if type(child) in (nn.BatchNorm1d, nn.BatchNorm2d) and [*child.parameters()]:
                assert isinstance(child, nn.modules.batchnorm._BatchNorm)
                virtual = VirtualBatchNorm(child.num_features, len(inputs), child.eps)
                virtual.load_state_dict({"weight": child.weight, "bias": child.bias})
                setattr(module, name, virtual)
                found = True
    return WithReference(network, inputs, labels) if found else None


class VirtualBatch(Stabiliser):
    """Virtual batch normalisation: both players take their moments from a reference batch.

    G's reference is drawn once from the prior, D's is the first real examples (arXiv 1606.03498,
    section 3.5).
    """

    papers = (SALIMANS_2016,)
    meets = True
    replays = True

    def __init__(self, rows: int) -> None:
        self.rows = rows

    @classmethod
    def of(cls, config: Config) -> Self | None:
        return cls(config.stabilise.virtual_batch) if config.stabilise.virtual_batch else None

    def build(self, game: Game) -> None:
        task, rows, labels = game.task, self.rows, None
        if game.conditional:
            if not task.classes:
                raise ConfigError("stabilise.virtual_batch takes classes, not vectors")
            labels = torch.arange(rows) % task.classes
        latent = game.latent(rows, labels, rng(game.config.training.seed, Purpose.REFERENCE))
        generator = normalise_virtually(game.generator, latent.noise, latent.labels)
        discriminator = normalise_virtually(
            game.discriminator, torch.zeros(rows, *task.shape), labels
        )
        if generator is None and discriminator is None:
            raise ConfigError(
                f"'{game.config.family}' has no plain batch normalisation here: leave "
                "stabilise.virtual_batch out"
            )
        game.generator = generator or game.generator
        game.discriminator = discriminator or game.discriminator
        self._judge, self._labelled = discriminator, game.conditional

    def meet(self, examples: Tensor, labels: Tensor | None) -> None:
        if self._judge is None:
            return
        if len(examples) < self.rows:
            raise ConfigError(
                f"stabilise.virtual_batch = {self.rows} is more than the {len(examples):,} "
                "examples that there are, or that it may look at"
            )
        self._judge.get_buffer("inputs").copy_(examples[: self.rows])
        if self._labelled and labels is not None:
            self._judge.get_buffer("labels").copy_(labels[: self.rows])
