"""A family's game with the user's own two networks as players."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from gankit.errors import ConfigError
from gankit.game import Game, families_that
from gankit.text import reason

Networks = tuple[nn.Module, nn.Module | None]
"""The pair (G, D); D may be None if nothing is trained."""


class Own(nn.Module):
    """A user's network, called as games call theirs; it gets labels only if the game has them."""

    def __init__(self, network: nn.Module, labelled: bool) -> None:
        super().__init__()
        self.network = network
        self.labelled = labelled

    def forward(self, given: Tensor, labels: Tensor | None = None) -> Tensor:
        made: Tensor = self.network(given, labels) if self.labelled else self.network(given)
        return made


class OwnDiscriminator(Own):
    """A user's D: it returns logits [N], whether the network answers with [N] or with [N, 1]."""

    def forward(self, given: Tensor, labels: Tensor | None = None) -> Tensor:
        logits = super().forward(given, labels)
        return logits[:, 0] if logits.dim() == 2 and logits.shape[1] == 1 else logits


def with_networks(family: type[Game], networks: object) -> type[Game]:
    """Return the family with copies of these networks, (G, D), in place of its own.

    D may be None in a game that is only sampled from. G(z), or G(z, labels) in a conditional
    family, returns [N, *shape] in the value range; D(x), or D(x, labels), returns logits [N] or
    [N, 1]. `z` is float [N, latent.size]; `labels` is int64 [N], or float [N, C].

    Raises ConfigError if the networks are no modules, or if the family's D answers with more than a
    logit.
    """
    generator, discriminator = _checked(networks)
    if not family.takes_networks:
        raise ConfigError(_refusal(family))

    class Played(family):  # type: ignore[valid-type, misc]
        own_networks = (_name(generator), _name(discriminator))
        why_not_trained = Game.why_not_trained

        def build_generator(self) -> nn.Module:
            return Own(_copied(generator), self.conditional)

        def build_discriminator(self) -> nn.Module:
            return OwnDiscriminator(_copied(discriminator), self.conditional)

    Played.__name__, Played.__doc__ = family.__name__, family.__doc__
    return Played


def check_networks(game: Game) -> None:
    """Check both networks of a game by passing two examples through them; they stay as they are.

    Raises ConfigError if a network fails, has no weights to train, or returns another shape than
    the game needs.
    """
    if not game.only_logits:
        raise ConfigError(_refusal(type(game)))
    task, labels = game.task, None
    if game.conditional:
        labels = torch.zeros(2, task.condition) if task.condition else torch.zeros(2).long()
    noise, examples = torch.zeros(2, game.latent_size), task.blank(2)
    family = game.config.family
    asked = f"family '{family}' calls it with {'labels too' if labels is not None else 'no labels'}"
    _check(game.generator, "generator", noise, labels, (2, *task.shape), asked)
    _check(game.discriminator, "discriminator", examples, labels, (2,), asked)


def _check(
    network: nn.Module,
    player: str,
    given: Tensor,
    labels: Tensor | None,
    wanted: tuple[int, ...],
    asked: str,
) -> None:
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise ConfigError(f"the {player} given has no weights to train: give another one")
    training = [module for module in network.modules() if module.training]
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            made = network.eval()(given, labels)
    except Exception as error:  # a user's network may raise anything
        raise ConfigError(
            f"the {player} given fails on two examples of {list(given.shape[1:])} ({asked}): "
            f"{reason(error)}"
        ) from error
    for module in training:
        module.training = True
    if not isinstance(made, Tensor) or tuple(made.shape) != wanted:
        found = list(made.shape) if isinstance(made, Tensor) else type(made).__name__
        needed = "logits [N] or [N, 1]" if player == "discriminator" else list(wanted)
        raise ConfigError(f"the {player} given makes {found} of two examples; needed: {needed}")


def _checked(networks: object) -> tuple[nn.Module, nn.Module]:
    pair = tuple(networks) if isinstance(networks, (tuple, list)) else ()
    if len(pair) == 2 and pair[1] is None:
        pair = (pair[0], nn.Linear(1, 1))  # a stand-in that penalties can prepare
    if len(pair) != 2 or not all(isinstance(network, nn.Module) for network in pair):
        found = [type(network).__name__ for network in pair] or type(networks).__name__
        raise ConfigError(f"networks must be (G, D), two torch.nn.Modules, got {found}")
    return pair[0], pair[1]


def _copied(network: nn.Module) -> nn.Module:
    """Return a copy in single precision on the CPU, where every game is built."""
    return deepcopy(network).cpu().float()


def _name(network: nn.Module) -> str:
    return f"{type(network).__module__}.{type(network).__qualname__}"


def _refusal(family: type[Game]) -> str:
    others = families_that(lambda other: other.takes_networks)
    return (
        f"the D of family {family.__name__} has more to say than a logit, which your networks "
        f"do not: train them as {others}"
    )
