"""DCGAN-shaped convolutional networks, for images of any size.

They are called in the same way as the perceptrons in mlp.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from gankit.nn.convolutions import conv2d, doubling_conv
from gankit.nn.head import Head, join_code, lay_code
from gankit.nn.layers import ConditionalBatchNorm2d
from gankit.nn.shapes import OUTPUTS, Norm, Output, image_sizes


class ConvGenerator(nn.Module):
    """Generator that starts from a small picture of many channels and doubles it up to an image.

    A linear stem makes that first picture, the core. Each stage normalises and rectifies its
    input and then doubles it by a transposed convolution of stride 2. Any image size works: each
    stage aims at its share of the final height and width, and cuts off what is too large.

    Call it with noise [N, noise], and with the labels [N] if there is a `label_code` or if the
    normalisation is conditional; it returns images [N, *shape].

    >>> g = ConvGenerator(16, (3, 28, 20), widths=(32, 16), kernel=4, norm=nn.BatchNorm2d)
    >>> g(torch.randn(5, 16)).shape
    torch.Size([5, 3, 28, 20])
    """

    def __init__(
        self,
        noise: int,
        shape: Sequence[int],
        widths: Sequence[int],
        kernel: int,
        norm: Norm,
        output: Output = "tanh",
        label_code: nn.Module | None = None,
        code_size: int = 0,
        units: int = 0,
        code_everywhere: bool = False,
        normalised: int | None = None,
    ) -> None:
        """Build the network for one image shape.

        Args:
            noise: numbers in a noise vector.
            shape: of an image, (channels, height, width).
            widths: channels of the core and of each later stage's input, largest first; one
                stage for each.
            kernel: side of the transposed convolutions' kernels, in pixels.
            norm: makes the normalisation layer for a number of channels.
            output: last activation: "tanh", "sigmoid" or "linear".
            label_code: maps labels [N] to codes [N, code_size]; None: no code joins the noise.
            code_size: numbers in a label's code.
            units: of a batch-normalised hidden layer before the core; 0: no such layer.
            code_everywhere: whether the label's code joins the input of every layer, and not of
                the first alone.
            normalised: number of stages, counted from the core, whose inputs `norm` is applied
                to; None: all.
        """
        super().__init__()
        channels, stages = shape[0], len(widths)
        sizes = image_sizes(shape, stages)
        self.core = sizes[0]
        self.label_code = label_code
        inputs = noise + code_size
        self.hidden = None
        if units:
            self.hidden = nn.Sequential(nn.Linear(inputs, units), nn.BatchNorm1d(units), nn.ReLU())
        more = code_size if code_everywhere else 0
        self.code_everywhere = code_everywhere
        stem = units + more if units else inputs
        self.stem = nn.Linear(stem, widths[0] * math.prod(self.core))
        normalised = stages if normalised is None else normalised
        self.norms = nn.ModuleList(
            norm(w) if i < normalised else nn.Identity() for i, w in enumerate(widths)
        )
        outputs = [*widths[1:], channels]
        self.ups = nn.ModuleList(
            doubling_conv(a + more, b, kernel, bias=i + 1 >= normalised)
            for i, (a, b) in enumerate(zip(widths, outputs, strict=True))
        )
        self.sizes = sizes[1:]
        self.output = OUTPUTS[output]()

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        x = join_code(noise, labels, self.label_code)
        everywhere = self.label_code if self.code_everywhere else None
        if self.hidden is not None:
            x = join_code(self.hidden(x), labels, everywhere)
        x = self.stem(x)
        # Height, width, channels in memory: the channels-last layout, without a copy.
        x = x.view(x.shape[0], *self.core, -1).permute(0, 3, 1, 2)  # an export traces x.shape[0]
        for norm, up, (height, width) in zip(self.norms, self.ups, self.sizes, strict=True):
            x = norm(x, labels) if isinstance(norm, ConditionalBatchNorm2d) else norm(x)
            x = up(lay_code(torch.relu(x), labels, everywhere))[:, :, :height, :width]
        image: Tensor = self.output(x)
        return image


class ConvDiscriminator(nn.Module):
    """Discriminator of convolutions of stride 2 with leaky ReLU 0.2, then perhaps a hidden layer.

    `norm` follows every convolution, the first one only if `first_norm` says so; if there is a
    `norm`, batch normalisation follows the hidden layer. A label's code is laid over the image as
    constant planes; with `projection` or `projected` the label's embedding is projected on the last
    features.

    >>> d = ConvDiscriminator((3, 28, 20), widths=(16, 32), kernel=4, norm=None)
    >>> d(torch.zeros(5, 3, 28, 20)).shape
    torch.Size([5])
    """

    def __init__(
        self,
        shape: Sequence[int],
        widths: Sequence[int],
        kernel: int,
        norm: Norm | None,
        units: int = 0,
        head: Literal["v1", "v2"] = "v1",
        label_code: nn.Module | None = None,
        code_size: int = 0,
        projection: int = 0,
        classifier: int = 0,
        code_everywhere: bool = False,
        paired: bool = False,
        projected: int = 0,
        first_norm: bool = False,
    ) -> None:
        """Build the network for one image shape.

        Args:
            shape: of an image, (channels, height, width).
            widths: channels after each convolution of stride 2.
            kernel: side of the kernels, in pixels.
            norm: makes the normalisation layer for a number of channels; None: no normalisation.
            units: of the hidden layer; 0: no hidden layer.
            head: "v1": one output; "v2": the difference of two (`nn.head.Head`).
            label_code: maps labels [N] to codes [N, code_size]; None: no code joins the image.
            code_size: numbers in a label's code.
            projection: number of classes whose embedding is projected on the last features; 0:
                no classes are.
            classifier: number of classes that a second head tells apart; 0: no such head.
            code_everywhere: whether the label's code joins the input of every layer, and not of
                the first alone.
            paired: whether a convolution of stride 1 stands before each one of stride 2.
            projected: size of a label that is a vector and is projected in place of a class.
            first_norm: whether `norm` follows the first convolution too.
        """
        super().__init__()
        channels, height, width = shape
        self.label_code = label_code
        self.code_everywhere = code_everywhere
        more = code_size if code_everywhere else 0
        padding = (kernel - 1) // 2
        plan = [(w, stride) for w in widths for stride in ((1, 2) if paired else (2,))]
        stages: list[nn.Module] = []
        inputs = channels + code_size
        for i, (outputs, stride) in enumerate(plan):
            normed = norm if i > 0 or first_norm else None
            stage: list[nn.Module] = [
                conv2d(inputs, outputs, kernel, stride, padding, bias=normed is None)
            ]
            stage += [normed(outputs)] if normed is not None else []
            stages += [nn.Sequential(*stage, nn.LeakyReLU(0.2, inplace=True))]
            height, width = (1 + (n + 2 * padding - kernel) // stride for n in (height, width))
            inputs = outputs + more
        self.trunk = nn.ModuleList(stages)
        features = widths[-1] * height * width + more
        self.hidden: nn.Module | None = None
        if units and norm is None:
            self.hidden = nn.Linear(features, units)
        elif units:
            dense = nn.Linear(features, units, bias=False)
            self.hidden = nn.Sequential(dense, nn.BatchNorm1d(units))
        last = units + more if units else features
        self.head = Head(last, projection, head, condition=projected)
        self.classifier = nn.Linear(last, classifier) if classifier else None

    def forward(self, examples: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return logits [N]; with a classifier [N, 1 + classes]: the logit, then the class logits.

        Args:
            examples: images [N, *shape].
            labels: int64 [N], or float [N, projected]; needed only if the network uses labels.
        """
        everywhere = self.label_code if self.code_everywhere else None
        x = examples
        for i, stage in enumerate(self.trunk):
            x = stage(lay_code(x, labels, everywhere if i else self.label_code))
        # The order height, width, channels makes flattening a channels-last tensor free.
        x = join_code(x.permute(0, 2, 3, 1).flatten(1), labels, everywhere)
        if self.hidden is not None:
            x = nn.functional.leaky_relu(self.hidden(x), 0.2)
            x = join_code(x, labels, everywhere)
        logits: Tensor = self.head(x, labels)
        if self.classifier is None:
            return logits
        return torch.cat([logits[:, None], self.classifier(x)], 1)
