"""Multilayer perceptrons: a generator and a discriminator.

Every generator is called as `(noise [N, z], labels [N] or None)` and returns examples
[N, *shape]; every discriminator is called as `(examples, labels)` and returns logits [N], high
for real.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from gankit.nn.head import Head, join_code
from gankit.nn.layers import DrawnDropout, Maxout
from gankit.nn.shapes import ACTIVATIONS, OUTPUTS, Activation, Output


class MLPGenerator(nn.Module):
    """Generator of dense layers: noise, followed by the label's code -> an example of `shape`.

    With dropout, the noise [N, z + sum(hidden)] carries after its z numbers the numbers from
    U(0, 1) that decide which hidden units are dropped (`nn.layers.DrawnDropout`).

    >>> g = MLPGenerator(16, shape=(1, 8, 8), hidden=(32,), output="tanh")
    >>> g(torch.randn(5, 16)).shape
    torch.Size([5, 1, 8, 8])
    """

    def __init__(
        self,
        noise: int,
        shape: Sequence[int],
        hidden: Sequence[int],
        output: Output,
        label_code: nn.Module | None = None,
        code_size: int = 0,
        activations: Sequence[Activation] = ("relu",),
        dropout: float = 0.0,
    ) -> None:
        """Build the network for one shape of examples.

        Args:
            noise: z, numbers in a noise vector.
            shape: of an example.
            hidden: units of each hidden layer, in order.
            output: last activation: "tanh", "sigmoid" or "linear".
            label_code: maps labels [N] to codes [N, code_size]; None: no code joins the noise.
            code_size: numbers in a label's code.
            activations: of the hidden layers in order, "relu" or "sigmoid"; the last one given
                also serves all later layers.
            dropout: share of each hidden layer's outputs that is dropped, in [0, 1).
        """
        super().__init__()
        self.label_code = label_code
        self.drawn = [noise, *(hidden if dropout else ())]  # sizes of noise and masks' chances
        sizes = [noise + code_size, *hidden]
        layers: list[nn.Module] = []
        for i, (inputs, outputs) in enumerate(pairwise(sizes)):
            name = activations[min(i, len(activations) - 1)]
            layers += [nn.Linear(inputs, outputs), ACTIVATIONS[name]()]
            layers += [DrawnDropout(dropout)] if dropout else []
        self.layers = nn.Sequential(
            *layers, nn.Linear(sizes[-1], math.prod(shape)), OUTPUTS[output]()
        )
        self.shape = tuple(shape)
        self.output = output

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        noise, *chances = torch.split(noise, self.drawn, 1)
        masks = iter(chances)
        x = join_code(noise, labels, self.label_code)
        for layer in self.layers:
            x = layer(x, next(masks)) if isinstance(layer, DrawnDropout) else layer(x)
        return x.view(-1, *self.shape)

    @torch.no_grad()
    def start_at_mean(self, examples: Tensor, value_range: tuple[float, float] | None) -> None:
        """Set the last bias so that untrained samples lie around the mean of `examples`.

        Args:
            examples: [N, *shape].
            value_range: least and greatest value of an example; None: the mean itself becomes the
                bias.
        """
        raw = examples.double().mean(0).flatten()
        if value_range is not None:
            low, high = value_range
            share = ((raw - low) / (high - low)).clamp(1e-4, 1 - 1e-4)
            # tanh(x) = 2 sigmoid(2 x) - 1
            raw = {"sigmoid": share.logit(), "tanh": share.logit() / 2}.get(self.output, raw)
        last = self.layers[-2]
        assert isinstance(last, nn.Linear)
        last.bias.copy_(raw)


class MLPDiscriminator(nn.Module):
    """Discriminator of dense layers, maxout or leaky ReLU: an example -> a logit.

    The label's code, if there is one, follows the example's numbers. Dropout is on each layer's
    input, as in the GAN paper. With `projection` or `projected` the label's embedding is projected
    on the last hidden layer.

    >>> d = MLPDiscriminator((1, 8, 8), hidden=(32,), pieces=0, dropout=(0.0, 0.0))
    >>> d(torch.zeros(5, 1, 8, 8)).shape
    torch.Size([5])
    """

    def __init__(
        self,
        shape: Sequence[int],
        hidden: Sequence[int],
        pieces: int,
        dropout: tuple[float, float],
        label_code: nn.Module | None = None,
        code_size: int = 0,
        projection: int = 0,
        projected: int = 0,
    ) -> None:
        """Build the network for one shape of examples.

        Args:
            shape: of an example.
            hidden: units of each hidden layer, in order.
            pieces: linear maps in each maxout unit; 0: leaky ReLU of slope 0.2 instead.
            dropout: shares dropped of the example and of later layers' inputs, in [0, 1).
            label_code: maps labels [N] to codes [N, code_size]; None: no code joins the example.
            code_size: numbers in a label's code.
            projection: number of classes whose embedding is projected; 0: no classes are.
            projected: size of a label that is a vector and is projected in place of a class.
        """
        super().__init__()
        self.label_code = label_code
        sizes = [math.prod(shape) + code_size, *hidden]
        layers: list[nn.Module] = []
        for i, (inputs, outputs) in enumerate(pairwise(sizes)):
            layers += [*_dropout(dropout[0] if i == 0 else dropout[1])]
            if pieces:
                layers += [Maxout(inputs, outputs, pieces)]
            else:
                layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, *_dropout(dropout[1]))
        self.head = Head(sizes[-1], classes=projection, condition=projected)

    def forward(self, examples: Tensor, labels: Tensor | None = None) -> Tensor:
        features = self.layers(join_code(examples.flatten(1), labels, self.label_code))
        logits: Tensor = self.head(features, labels)
        return logits


def _dropout(share: float) -> list[nn.Module]:
    return [nn.Dropout(share)] if share else []
