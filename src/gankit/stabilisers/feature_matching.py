"""Feature matching: G learns to match the mean of D's features."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

from torch import Tensor, nn

from gankit.bibliography import SALIMANS_2016
from gankit.errors import ConfigError
from gankit.game_types import Answer, Terms
from gankit.nn.head import last_layer
from gankit.settings.config import Config
from gankit.stabilisers.base import Stabiliser

if TYPE_CHECKING:
    from gankit.game import Game


def feature_distance(real: Tensor, fake: Tensor, norm: str) -> Tensor:
    """Return the distance between the means of D's features [N, F] of real and of fake, a scalar.

    It is the squared L2 norm of their difference if `norm` is "l2", else its mean absolute value.
    With feature matching G minimises it in place of fooling D (arXiv 1606.03498, section 3.1).
    """
    difference = real.detach().mean(0) - fake.mean(0)
    return difference.square().sum() if norm == "l2" else difference.abs().mean()


class Tap:
    """A record of a layer's latest input: D's last hidden features, without a second pass."""

    def __init__(self, layer: nn.Module) -> None:
        self.seen: Tensor | None = None
        layer.register_forward_pre_hook(self._note)

    def _note(self, _layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        self.seen = given[0]


class FeatureMatching(Stabiliser):
    """Feature matching: the distance between D's mean features replaces G's adversarial term."""

    papers = (SALIMANS_2016,)
    looks_at_real = True
    only_logits = False
    replays = True
    one_process = "stabilise.matching looks at the whole batch"

    def __init__(self, norm: str) -> None:
        """Choose the norm: "l2" or "l1"."""
        self.norm = norm

    @classmethod
    def of(cls, config: Config) -> Self | None:
        return None if config.stabilise.matching == "none" else cls(config.stabilise.matching)

    def build(self, game: Game) -> None:
        if game.config.stabilise.lagged:
            raise ConfigError("stabilise.matching looks at the playing D: leave lagged out")
        head = last_layer(game.discriminator)
        if head is None:
            raise ConfigError(
                f"the discriminator of '{game.config.family}' has no last hidden layer: leave "
                "stabilise.matching out"
            )
        self.tap = Tap(head)

    def answered(self, answer: Answer) -> Answer:
        seen, self.tap.seen = self.tap.seen, None  # what computed it is not to outlive the step
        assert seen is not None
        # A reference batch, if there is one, comes first.
        return replace(answer, features=seen[-len(answer.output) :])

    def g_terms(self, terms: Terms, real: Answer, fake: Answer, examples: Tensor) -> Terms:
        assert real.features is not None
        assert fake.features is not None
        minimised = {name: term for name, term in terms.minimised.items() if name != "adversarial"}
        distance = feature_distance(real.features, fake.features, self.norm)
        return Terms({**minimised, "matching": distance}, terms.watched)
