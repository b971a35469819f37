"""What a stabiliser may do to a game: hooks, each of which does nothing unless overridden.

    @gankit.register_stabiliser("jitter", "noise on the logits that G learns from")
    class Jitter(Stabiliser):
        def __init__(self, strength: float = 0.1) -> None:
            self.strength = strength

        def g_pairs(self, real, fake, progress):
            return real, fake + self.strength * torch.randn_like(fake)

One of your own is asked for by name: `--set stabilise.plugins=jitter:0.2`.
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
    """One thing that keeps a game from failing. A game calls its stabilisers in a stated order
    (order.py); whoever overrides a hook calls nobody else's.

    >>> import gankit, torch
    >>> class Half(gankit.Stabiliser):
    ...     def shown(self, examples, progress):
    ...         return examples / 2
    >>> Half().shown(torch.ones(2), 0.0)
    tensor([0.5000, 0.5000])

    Attributes:
        shares_a_batch: D judges real and fake as one batch, whatever its layers.
        looks_at_real: what G minimises depends on D's answer to real examples too.
        reads_signs: it judges D by the signs of its logits: `judged` and `overfitting` are then
            among the numbers.
        one_process: why several processes would not play the game of one; None if they do.

    Those of a `Part` too.
    """

    shares_a_batch: bool = False
    looks_at_real: bool = False
    reads_signs: bool = False
    one_process: str | None = None

    # Before the first step

    @classmethod
    def of(cls, config: Config) -> Self | None:
        """The one that the settings ask for; None if they do not. Those from outside are asked for
        by name."""
        return None

    def build(self, game: Game) -> None:
        """Change a network of a game that has just been built, before its optimisers exist.

        Raises ConfigError if the two do not fit.
        """

    def begin(self, game: Game) -> None:
        """The networks lie on the device where they train: what follows them can be made."""

    # Within a step

    def d_batch(self, batch: Batch, fake: Tensor) -> tuple[Batch, Tensor]:
        """What D learns from: the batch, and fakes [N, *shape] without a gradient."""
        return batch, fake

    def shown(self, examples: Tensor, progress: float) -> Tensor:
        """Examples [N, *shape] as D sees them; `progress` is the share of the run that is over."""
        return examples

    def answered(self, answer: Answer) -> Answer:
        """D's answer, with what else was seen while it was made."""
        return answer

    def opponent(self, discriminator: nn.Module) -> nn.Module:
        """Whom G plays against."""
        return discriminator

    def g_pairs(self, real: Tensor, fake: Tensor, progress: float) -> tuple[Tensor, Tensor]:
        """The logits [N] of real and fake that G learns from."""
        return real, fake

    def g_terms(self, terms: Terms, real: Answer, fake: Answer, examples: Tensor) -> Terms:
        """What G minimises, given D's answers and the fakes [N, *shape]."""
        return terms

    def weight_terms(self, player: str) -> Terms:
        """What `player` minimises besides, that depends on its weights alone."""
        return Terms({})

    def moves(self, player: str) -> bool:
        """Whether `player` moves in this step."""
        return True

    # For the plan

    def holds(self, example: int, batch: int) -> int:
        """How many numbers it keeps in memory besides the networks, given those of an example with
        its latent, and the examples of a batch."""
        return 0


PLUGIN_STABILISERS: Registry[Callable[..., Stabiliser]] = Registry("stabiliser")
"""Those from outside gankit: called with the strength that the user gave, or with nothing."""
register_stabiliser = PLUGIN_STABILISERS.register
