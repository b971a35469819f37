"""Networks that several families share: perceptrons and DCGAN-shaped convolutions of any size.

Every generator is called as `(noise [N, z], labels [N] or None)` and gives examples
[N, *shape]; every discriminator as `(examples, labels)` and gives logits [N], high for real.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gankit.parts.convolutions import conv2d, doubling_conv
from gankit.parts.layers import ConditionalBatchNorm2d, DrawnDropout, Maxout, label_map
from gankit.parts.stabilisers import MinibatchDiscrimination

Norm = Callable[[int], nn.Module]
Output = Literal["tanh", "sigmoid", "linear"]
Activation = Literal["relu", "sigmoid"]
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}
OUTPUTS: dict[str, Callable[[], nn.Module]] = {
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "linear": nn.Identity,
}


class MLPGenerator(nn.Module):
    """noise (and the label's code, concatenated) -> ReLU layers -> an example of `shape`.

    With dropout, the noise [N, z] has the chances of the hidden units' masks, U(0, 1), behind it.
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
        """`activations` of the hidden layers in turn, the last one for all that follow; `dropout`
        of what each of them says."""
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
        """Set the last bias so that images start around the mean of `examples` [N, *shape]."""
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
    """An example (and the label's code) -> maxout or leaky ReLU layers -> a logit.

    Dropout is on each layer's input, as in the GAN paper: `dropout` is (pixels, elsewhere).
    With `projection` classes, the label's embedding is projected on the last hidden layer.
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
        """`pieces` of maxout; 0 for leaky ReLU of slope 0.2; `projection` of so many classes, or
        of a vector of `projected` numbers."""
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


class Head(nn.Module):
    """D's last layer: features [N, F] -> logits [N], or with `outputs` [N, outputs].

    `v1` is one sigmoid output. `v2` is a softmax over (true, fake): its probability of true
    is the sigmoid of the difference of the two, so that difference is the logit. With
    `classes` (or a `condition`'s size), the label's embedding projected on the features is added
    (arXiv 1802.05637).
    """

    def __init__(
        self,
        features: int,
        classes: int = 0,
        kind: Literal["v1", "v2"] = "v1",
        outputs: int | None = None,
        condition: int = 0,
    ) -> None:
        super().__init__()
        self.outputs = outputs
        self.linear = nn.Linear(features, outputs or (1 if kind == "v1" else 2))
        self.closeness: MinibatchDiscrimination | None = None
        self.projection = label_map(classes, condition, features) if classes or condition else None
        if self.projection is not None:
            # Torch's own start, N(0, 1), would drown the unconditional logit.
            nn.init.normal_(self.projection.weight, std=features**-0.5)

    def forward(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        out: Tensor = self.linear(features)
        if self.closeness is not None:
            out = out + self.closeness(features)
        if self.outputs is not None:
            return out
        logits = out[:, 0] if out.shape[1] == 1 else out[:, 0] - out[:, 1]
        if self.projection is not None:
            logits = logits + (self.projection(labels) * features).sum(1)
        return logits


def add_minibatch_discrimination(head: Head, kernels: int, size: int) -> None:
    """Let `head` see how close each sample is to the others of its batch, besides its features."""
    head.closeness = MinibatchDiscrimination(
        head.linear.in_features, kernels, size, head.linear.out_features
    )


class ConvGenerator(nn.Module):
    """noise -> a small picture of many channels -> doubled in size and halved in channels -> image.

    The stem is a linear map to the core; each stage is normalised and rectified, then a
    transposed convolution of stride 2. Any size works: each stage aims at its share of the
    final height and width, and what a stage makes too large is cut.
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
        """`widths`: channels of the core and of each later stage's input, largest first;
        `units` of a normalised hidden layer before the core, 0: none; `code_everywhere`: the
        label's code joins the input of every layer, not of the first alone; `normalised`: how
        many stages' inputs `norm` is applied to, from the core on, None: all."""
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
        x = x.view(len(x), *self.core, -1).permute(0, 3, 1, 2)
        for norm, up, (height, width) in zip(self.norms, self.ups, self.sizes, strict=True):
            x = norm(x, labels) if isinstance(norm, ConditionalBatchNorm2d) else norm(x)
            x = up(lay_code(torch.relu(x), labels, everywhere))[:, :, :height, :width]
        image: Tensor = self.output(x)
        return image


class ConvDiscriminator(nn.Module):
    """image -> convolutions of stride 2, leaky ReLU 0.2 -> (a hidden layer) -> a logit.

    `norm` follows every convolution but the first, and batch normalisation then the hidden layer.
    A label's code is laid over the image as constant planes; with `projection` classes it is
    projected on the last features.
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
    ) -> None:
        """`widths`: channels after each convolution; `units` of the hidden layer, 0: none;
        `classifier`: classes that a second head tells apart, 0: there is none;
        `code_everywhere`: as in G; `paired`: one of stride 1 before each of stride 2;
        `projected`: size of the vector that is projected in place of a class."""
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
            normed = norm is not None and i > 0
            stage: list[nn.Module] = [
                conv2d(inputs, outputs, kernel, stride, padding, bias=not normed)
            ]
            stage += [norm(outputs)] if norm is not None and i > 0 else []
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
        """Logits [N]; with a classifier [N, 1 + classes]: the logit, then the classes' own."""
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


def why_mlp_alone(options: Any, *names: str) -> str | None:
    """Why a body that is no `mlp` would not heed one of these options; None where all are as they
    are by default."""
    for name in names:
        if options.body != "mlp" and getattr(options, name) != getattr(type(options), name):
            return f"network.{name} is the mlp's: set network.body = mlp"
    return None


def join_code(x: Tensor, labels: Tensor | None, code: nn.Module | None) -> Tensor:
    """`x` [N, F] with the label's code [N, C] behind it, where there is one."""
    if code is None:
        return x
    assert labels is not None
    return torch.cat([x, code(labels).to(x.dtype)], 1)


def lay_code(x: Tensor, labels: Tensor | None, code: nn.Module | None) -> Tensor:
    """`x` [N, F, H, W] with the label's code as constant planes behind it, where there is one."""
    if code is None:
        return x
    assert labels is not None
    planes = code(labels).to(x.dtype)[..., None, None].expand(-1, -1, *x.shape[2:])
    return torch.cat([x, planes], 1)


def stages_for(shape: Sequence[int]) -> int:
    """How often an image can be halved before its short side falls under 4: 64 -> 4, 28 -> 2."""
    return max(1, int(math.log2(min(shape[1:]) / 4)))


def widths_for(base: int, stages: int, most: int = 1024) -> list[int]:
    """D's channels, doubling: (128, 4) -> [128, 256, 512, 1024]. G's are the reverse."""
    return [min(base * 2**i, most) for i in range(stages)]


def image_sizes(shape: Sequence[int], stages: int) -> list[tuple[int, int]]:
    """Height and width at the core and after each of `stages` doublings: (28, 2) -> 7, 14, 28."""
    height, width = shape[1:]
    return [(-(-height // 2**i), -(-width // 2**i)) for i in range(stages, -1, -1)]


def init_normal(network: nn.Module, std: float) -> None:
    """DCGAN's start (arXiv 1511.06434, section 4): weights N(0, std), gains N(1, std), biases 0."""
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, 0.0, std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) and module.affine:
            nn.init.normal_(module.weight, 1.0, std)


def init_glorot(network: nn.Module) -> None:
    """Weights that keep the variance of what passes through, in both directions (Glorot & Bengio
    2010), biases 0. With torch's own start each layer divides it by three."""
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def init_uniform(network: nn.Module, limit: float) -> None:
    """The GAN paper's start: weights U(-limit, limit), biases 0."""
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.uniform_(module.weight, -limit, limit)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):  # a linear map of the one-hot label
            nn.init.uniform_(module.weight, -limit, limit)


def _dropout(share: float) -> list[nn.Module]:
    return [nn.Dropout(share)] if share else []
