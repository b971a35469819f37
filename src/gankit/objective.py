"""The loss and penalties that `config.objective` names, and what D's logits say about a game."""

from __future__ import annotations

from torch import Tensor

from gankit.errors import ConfigError
from gankit.losses import LOSSES, Loss
from gankit.penalties import PENALTIES, Penalty
from gankit.registry import joined_names
from gankit.settings.config import ObjectiveConfig


def build_loss(config: ObjectiveConfig) -> Loss:
    """Return the loss that `config` names.

    Raises ConfigError if `real_target` asks for smoothing and the loss has no target.
    """
    loss = LOSSES[config.loss]
    if config.real_target < 1 and not loss.smoothable:
        smoothable = ", ".join(n for n in LOSSES.names() if LOSSES[n].smoothable)
        raise ConfigError(
            f"loss '{config.loss}' has no target to smooth: objective.real_target works with "
            f"{smoothable}"
        )
    return loss.smoothed(config.real_target)


def build_penalties(config: ObjectiveConfig) -> tuple[Penalty, ...]:
    """Return the penalties that `config.penalty` names, such as 'none', 'r1' or 'r1+r2'.

    Raises ConfigError if a name is unknown or given twice.
    """
    if config.penalty == "none":
        return ()
    names = joined_names(config.penalty)
    if len(set(names)) < len(names):
        raise ConfigError(f"penalty '{config.penalty}' names one twice")
    return tuple(PENALTIES[name] for name in names)


def is_own(config: ObjectiveConfig) -> bool:
    """Return whether the loss and the penalties that `config` names are all gankit's own."""
    penalties = () if config.penalty == "none" else joined_names(config.penalty)
    homes = [LOSSES.home(config.loss), *(PENALTIES.home(name) for name in penalties)]
    return all(home is None for home in homes)


def beliefs(logits_real: Tensor, logits_fake: Tensor) -> dict[str, Tensor]:
    """Return the means of D(real) and D(fake), for the log."""
    return {
        "d_real": logits_real.detach().sigmoid().mean(),
        "d_fake": logits_fake.detach().sigmoid().mean(),
    }


def verdicts(logits_real: Tensor, logits_fake: Tensor, *, relative: bool) -> dict[str, Tensor]:
    """Return how well D judges, by the signs of its logits [N].

    `judged` is the share of real and fake examples that D takes for what they are, in [0, 1];
    `overfitting` is the mean sign of the real ones, in [-1, 1] (ADA, arXiv 2006.06676, equation 1).

    If a loss looks at differences alone (`relative`), the sign of one logit means nothing, so the
    sign of each pair's difference replaces it.
    """
    real, fake = logits_real.detach(), logits_fake.detach()
    if relative:
        real, fake = real - fake, fake - real
    right = ((real > 0).float().mean() + (fake < 0).float().mean()) / 2
    return {"judged": right, "overfitting": real.sign().mean()}
