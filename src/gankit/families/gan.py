"""Generative adversarial networks: the first game (Goodfellow et al. 2014, arXiv 1406.2661)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import nn

from gankit.game import Game, register_family
from gankit.parts.networks import MLPDiscriminator, MLPGenerator, check_options, init_uniform


@dataclass(frozen=True, kw_only=True)
class GANOptions:
    """Settings of the two perceptrons; the defaults are the paper's MNIST networks."""

    generator_hidden: tuple[int, ...] = (1200, 1200)
    discriminator_hidden: tuple[int, ...] = (240, 240)
    activation: Literal["maxout", "leaky"] = "maxout"  # of D
    pieces: int = 5  # of maxout
    dropout: tuple[float, float] = (0.2, 0.5)  # in D, on the pixels and on every other input
    output: Literal["sigmoid", "tanh"] = "sigmoid"
    init: tuple[float, float] | None = (0.05, 0.005)  # G, D: U(-a, a); None: torch's own

    def __post_init__(self) -> None:
        check_options(self)


@register_family("gan")
class GAN(Game):
    """The original: two perceptrons, maxout and dropout in D (Goodfellow 2014).

    Equation 1: min_G max_D E[log D(x)] + E[log(1 - D(G(z)))]. The default loss is the
    non-saturating one of section 3 (`objective.loss = "minimax"` is equation 1 itself),
    both players move at once from one minibatch as in the paper's own code.
    Departs from the paper: Adam in place of SGD with momentum (recipe `gan-mnist-paper`
    restores it); the output bias of G starts at 0 and there is no limit on column norms.
    """

    options = GANOptions

    @property
    def value_range(self) -> tuple[float, float] | None:
        if not self.task.is_images:
            return None
        return (0.0, 1.0) if self.network.output == "sigmoid" else (-1.0, 1.0)

    def build_generator(self) -> nn.Module:
        o = self.network
        network = MLPGenerator(
            self.config.latent.size,
            self.task.shape,
            o.generator_hidden,
            o.output if self.task.is_images else "linear",
        )
        if o.init:
            init_uniform(network, o.init[0])
        return network

    def build_discriminator(self) -> nn.Module:
        o = self.network
        network = MLPDiscriminator(
            self.task.shape,
            o.discriminator_hidden,
            o.pieces if o.activation == "maxout" else 0,
            o.dropout,
        )
        if o.init:
            init_uniform(network, o.init[1])
        return network
