"""The feature network `digits`: a small classifier of handwritten digits, weights in the package.

tools/train_digits_features.py makes digits.safetensors, and says beside it how good it is.
"""

from __future__ import annotations

from torch import Tensor, nn

FEATURES = 96
CLASSES = tuple("0123456789")


class DigitsNetwork(nn.Module):
    """Grey images [N, 1, 28, 28] in [0, 1] -> features [N, 96] and logits [N, 10]."""

    def __init__(self) -> None:
        super().__init__()
        widths = ((1, 16, 1), (16, 32, 2), (32, 64, 2), (64, 64, 1))
        layers: list[nn.Module] = []
        for before, after, stride in widths:
            convolution = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(after), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers, nn.Flatten())
        self.embed = nn.Sequential(nn.Linear(64 * 7 * 7, FEATURES), nn.ReLU())
        self.dropout = nn.Dropout(0.5)
        self.classify = nn.Linear(FEATURES, len(CLASSES))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.embed(self.convolutions(images))
        return features, self.classify(self.dropout(features))
