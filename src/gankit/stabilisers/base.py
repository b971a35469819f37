"""The hooks of a stabiliser, each of which does nothing unless it is overridden.

    @gankit.register_stabiliser("jitter", "noise on the logits that G learns from")
    class Jitter(Stabiliser):
        def __init__(self, strength: float = 0.1) -> None:
            self.strength = strength

        def g_pairs(self, real, fake, progress):
            return real, fake + self.strength * torch.randn_like(fake)

Ask for a stabiliser of your own by its name: `--set stabilise.plugins=jitter:0.2`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from torch import Tensor, nn

from gankit.game_types import Answer, Batch, Part, Terms
from gankit.registry import Registry
from gankit.settings.config import Config

if TYPE_CHECKING:
    from gankit.game import Game


class Stabiliser(Part):
    """One measure that keeps a game from failing.

    A game calls its stabilisers in a fixed order (order.py), so a hook need not call those of
    others.

    >>> import gankit, torch
    >>> class Half(gankit.Stabiliser):
    ...     def shown(self, examples, progress):
    ...         return examples / 2
    >>> Half().shown(torch.ones(2), 0.0)
    tensor([0.5000, 0.5000])

    Attributes:
        pulls_logits: whether it has `d_terms`, which need logits that a loss is taken of.
        shares_a_batch: whether D judges real and fake as one batch, whatever its layers are.
        looks_at_real: whether G's objective depends on D's answer to real examples too.
        reads_signs: whether it needs the signs of D's logits: the step's numbers then include
            `judged` and `overfitting` (`objective.verdicts`).

    The attributes of a `Part` too.
    """

    pulls_logits: bool = False
    shares_a_batch: bool = False
    looks_at_real: bool = False
    reads_signs: bool = False

    # Before the first step

    @classmethod
    def of(cls, config: Config) -> Self | None:
        """Return the stabiliser that the settings ask for, or None if they do not.

        Stabilisers from outside gankit do not need this: they are asked for by name.
        """
        return None

    def build(self, game: Game) -> None:
        """Change a network of a game that has just been built, before its optimisers exist.

        Raises ConfigError if the stabiliser does not fit the game.
        """

    def begin(self, game: Game) -> None:
        """Make what follows the networks; they now lie on the device where they train."""

    # Within the passes of a step

    def d_batch(self, batch: Batch, fake: Tensor) -> tuple[Batch, Tensor]:
        """Return what D learns from: the batch, and fakes [N, *shape] without a gradient."""
        return batch, fake

    def shown(self, examples: Tensor, progress: float) -> Tensor:
        """Return examples [N, *shape] as D is to see them.

        `progress` is the share of the run that is over, in [0, 1].
        """
        return examples

    def d_terms(self, logits_real: Tensor, logits_fake: Tensor) -> Terms:
        """Return more terms that D minimises, functions of its logits of real and of fake [N]."""
        return Terms({})

    def answered(self, answer: Answer) -> Answer:
        """Return D's answer, with anything else that was recorded during that pass."""
        return answer

    def opponent(self, discriminator: nn.Module) -> nn.Module:
        """Return the network that G plays against."""
        return discriminator

    def g_pairs(self, real: Tensor, fake: Tensor, progress: float) -> tuple[Tensor, Tensor]:
        """Return the logits of real and of fake that G learns from, out of those given, [N] each.

        `progress` is the share of the run that is over, in [0, 1].
        """
        return real, fake

    def g_terms(self, terms: Terms, real: Answer, fake: Answer, examples: Tensor) -> Terms:
        """Return what G minimises, given its terms, D's answers, and the fakes [N, *shape]."""
        return terms

    def weight_terms(self, player: str) -> Terms:
        """Return additional terms of `player` that depend on its weights alone."""
        return Terms({})

    # After the passes of a step

    def moves(self, player: str) -> bool:
        """Return whether `player` moves in this step."""
        return True

    # To know the memory needed in advance

    def holds(self, example: int, batch: int) -> int:
        """Return how many numbers this keeps in memory besides the networks.

        Args:
            example: numbers in an example and its latent.
            batch: examples in a batch.
        """
        return 0


PLUGIN_STABILISERS: Registry[Callable[..., Stabiliser]] = Registry("stabiliser")
"""Stabilisers from outside gankit; each is called with the strength that the user gave, or with
nothing."""
register_stabiliser = PLUGIN_STABILISERS.register
