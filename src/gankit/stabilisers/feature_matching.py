"""Feature matching: G matches the mean of D's features."""

from __future__ import annotations

from torch import Tensor, nn


def feature_distance(real: Tensor, fake: Tensor, norm: str) -> Tensor:
    """Between D's mean features [N, F] of real and fake: the squared L2 norm, or the mean L1 norm.

    Feature matching (arXiv 1606.03498, section 3.1): the objective of G in place of fooling D.
    """
    difference = real.detach().mean(0) - fake.mean(0)
    return difference.square().sum() if norm == "l2" else difference.abs().mean()


class Tap:
    """Keeps what a layer is given: D's last hidden features, without a second pass."""

    def __init__(self, layer: nn.Module) -> None:
        self.seen: Tensor | None = None
        layer.register_forward_pre_hook(self._note)

    def _note(self, _layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        self.seen = given[0]
