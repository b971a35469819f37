"""One step of the game: `alternating`, as in textbooks, or `simultaneous`, with one pass through D.

Both call the game's own objectives and stop before a step that is not finite, and they change
nothing but by the optimisers' steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial, update_wrapper

import torch
from torch import Tensor, nn

from gankit.game import Game
from gankit.game_types import Batch, Moves, Terms
from gankit.nn.layers import frozen, limit_norms
from gankit.settings.schema import SettingError
from gankit.training.runtime import Runtime
from gankit.training.state import State

Draw = Callable[[int], Batch]
"""A function that returns the batch of a discriminator step, numbered 0 to k - 1."""


class NotFiniteError(Exception):
    """A term or a gradient that is not a finite number; the text names it."""


Update = Callable[[State, Draw, Runtime], Moves]


def choose_update(game: Game) -> Update:
    """Return the update that the game's configuration asks for.

    `auto` prefers the family's own update, then the simultaneous one if it is exact. Raises
    ConfigError if `simultaneous` is asked for and would not be exact, or if the family brings its
    own update and another one is asked for.
    """
    asked = game.config.objective.update
    if own := game.own_update():
        if asked != "auto":
            raise SettingError(
                "objective.update",
                f"is not for family '{game.config.family}', which brings its own: leave it out",
            )
        return update_wrapper(partial(_take_turn, own), own)
    reason = why_not_simultaneous(game)
    if asked == "simultaneous" and reason:
        raise SettingError(
            "objective.update", f"= simultaneous does not hold here: {reason}; use alternating"
        )
    return alternating if asked == "alternating" or reason else simultaneous


def why_not_simultaneous(game: Game) -> str | None:
    """Return why one pass through D cannot serve both players; None if it can."""
    k = game.config.objective.k
    if k > 1:
        return f"k = {k} discriminator steps come before each generator step"
    if game.alternating_only is None and game.coupling:
        return f"{game.coupling} couples the samples in the discriminator"
    return next((p.alternating_only for p in game.parts if p.alternating_only), None)


def why_one_process(game: Game) -> str | None:
    """Return why several processes would not play the same game as one; None if they would."""
    return next((part.one_process for part in game.parts if part.one_process), None)


@dataclass(frozen=True)
class OwnTurn:
    """The step in progress, as a family's own update sees it (`gankit.game_types.Turn`)."""

    state: State
    draw: Draw
    runtime: Runtime

    @property
    def step(self) -> int:
        return self.state.step

    def frozen(self, player: str) -> AbstractContextManager[None]:
        return frozen(self.state.players[player].network)

    def besides(self, batch: Batch, fake: Tensor) -> Terms:
        return besides(self.state.game, batch, fake, self.state.step)

    def descend(self, player: str, terms: Terms) -> float:
        return _descend(self.state, player, terms, self.runtime)


def _take_turn(
    own: Callable[[OwnTurn], Moves], state: State, draw: Draw, runtime: Runtime
) -> Moves:
    return own(OwnTurn(state, draw, runtime))


def alternating(state: State, draw: Draw, runtime: Runtime) -> Moves:
    """Take k discriminator steps, then a generator step on the last fakes, with D frozen."""
    game, k = state.game, state.game.config.objective.k
    for substep in range(k):
        batch = draw(substep)
        with torch.set_grad_enabled(substep == k - 1):  # only the last fakes move G
            fake = game.generate(batch.latent)
        d_terms = game.discriminator_terms(batch, fake.detach())
        d_terms = d_terms.with_terms(besides(game, batch, fake, state.step))
        grad_d = _descend(state, "discriminator", d_terms, runtime)
    with frozen(state.players["discriminator"].network), runtime.without_sync(game.discriminator):
        g_terms = game.generator_terms(batch, fake)
        g_terms = g_terms.with_terms(game.weight_terms("generator"))
        grad_g = _descend(state, "generator", g_terms, runtime)
    return Moves(d_terms, g_terms, {"grad_d": grad_d, "grad_g": grad_g})


def simultaneous(state: State, draw: Draw, runtime: Runtime) -> Moves:
    """Move both players at once, from one forward pass through D."""
    game = state.game
    batch = draw(0)
    fake = game.generate(batch.latent)
    leaf = fake.detach().requires_grad_()
    for player in state.players.values():
        player.optimizer.zero_grad(set_to_none=True)
    with runtime.without_sync(game.discriminator):  # the pass below synchronises both
        more = Moves(besides(game, batch, fake, state.step), game.weight_terms("generator"))
        for terms in (more.discriminator, more.generator):
            if terms.minimised:
                terms.loss.backward()  # type: ignore[no-untyped-call]

    only_logits = all(part.only_logits for part in game.parts)
    backward = one_backward if only_logits else two_backwards
    moves, for_fake = backward(state, batch, leaf)
    moves = Moves(
        moves.discriminator.with_terms(more.discriminator),
        moves.generator.with_terms(more.generator),
    )
    _check_terms(moves, runtime)
    fake.backward(for_fake)  # type: ignore[no-untyped-call]
    norms = {name: _check_gradients(name, p.network) for name, p in state.players.items()}
    for name, norm in norms.items():
        _move(state, name, norm)
    gradients = {"grad_d": norms["discriminator"], "grad_g": norms["generator"]}
    return Moves(moves.discriminator, moves.generator, gradients)


def two_backwards(state: State, batch: Batch, fake: Tensor) -> tuple[Moves, Tensor]:
    """Accumulate D's gradient and return (moves, dL_G/dfake), from a backward pass each."""
    moves = Moves(*state.game.shared_terms(batch, fake))
    (for_fake,) = torch.autograd.grad(moves.generator.loss, fake, retain_graph=True)
    moves.discriminator.loss.backward()  # type: ignore[no-untyped-call]
    return moves, for_fake


def one_backward(state: State, batch: Batch, fake: Tensor) -> tuple[Moves, Tensor]:
    """Do the same as `two_backwards` in one backward pass through D.

    If D treats each sample on its own and both losses are functions of its logits, the
    gradients of L_D and L_G with respect to a fake x_i are s_i J_i and g_i J_i with one J_i =
    dD/dx_i and s_i = dL_D/dlogit_i, g_i = dL_G/dlogit_i. So D's backward pass carries G's
    gradient too, once each sample is scaled by g_i / s_i (Goodfellow's own code moves both
    players at once; the single-step method is f-GAN's, arXiv 1606.00709, section 3.2).
    """
    logits_real, logits_fake = state.game.logits_pair(batch, fake)
    moves, slopes_real, slopes_fake, ratio = _slopes(state.game, logits_real, logits_fake)
    torch.autograd.backward([logits_real, logits_fake], [slopes_real, slopes_fake])
    assert fake.grad is not None
    return moves, fake.grad * ratio.view(-1, *[1] * (fake.dim() - 1)).to(fake.dtype)


SMALLEST_SHARE = 1e-10
"""The smallest slope of D at a fake, as a share of G's slope there.

If D's slope is smaller (a hinge is flat beyond its margin), it is raised to this share. That keeps
the ratio finite, and is lost in float32's rounding.
"""


def _slopes(
    game: Game, logits_real: Tensor, logits_fake: Tensor
) -> tuple[Moves, Tensor, Tensor, Tensor]:
    """Return the moves, dL_D/dlogit of real and of fake, and the fakes' slope ratio.

    The ratio is (dL_G/dlogit) / (dL_D/dlogit).
    """
    real = logits_real.detach().requires_grad_()
    fake = logits_fake.detach().requires_grad_()
    d_terms = game.discriminator_adversarial(real, fake)
    g_terms = game.generator_adversarial(real, fake)
    slopes_real, slopes_fake = torch.autograd.grad(d_terms.loss, [real, fake])
    (wanted,) = torch.autograd.grad(g_terms.loss, fake)
    smallest = SMALLEST_SHARE * wanted
    slopes_fake = torch.where(slopes_fake.abs() < smallest.abs(), smallest, slopes_fake)
    ratio = torch.where(wanted == 0, 0.0, wanted / slopes_fake)
    return Moves(d_terms, g_terms), slopes_real, slopes_fake, ratio


def besides(game: Game, batch: Batch, fake: Tensor, step: int) -> Terms:
    """Return what D minimises besides its objective: penalties and terms of its weights."""
    penalties = Terms(penalty_terms(game, batch, fake, step))
    return penalties.with_terms(game.weight_terms("discriminator"))


def penalty_terms(game: Game, batch: Batch, fake: Tensor, step: int) -> dict[str, Tensor]:
    """Return D's penalties at this step.

    They are computed every `penalty_interval` steps alone, with their weight times that interval.
    """
    objective = game.config.objective
    if step % objective.penalty_interval:
        return {}
    weight = objective.penalty_weight * objective.penalty_interval
    fake = fake.detach()

    def discriminate(examples: Tensor) -> Tensor:
        return game.logits(examples, batch.labels)

    return {
        penalty.name: weight * penalty.value(discriminate, batch.real, fake, batch.mix)
        for penalty in game.penalties
        if penalty.value is not None
    }


def _descend(state: State, player: str, terms: Terms, runtime: Runtime) -> float:
    """Make one player's move: backward, check, step. Returns the norm of its gradient."""
    blank = Terms({})
    moves = Moves(terms, blank) if player == "discriminator" else Moves(blank, terms)
    _check_terms(moves, runtime)
    state.players[player].optimizer.zero_grad(set_to_none=True)
    terms.loss.backward()  # type: ignore[no-untyped-call]
    norm = _check_gradients(player, state.players[player].network)
    _move(state, player, norm)
    return norm


def _move(state: State, name: str, norm: float) -> None:
    """Step the player on a gradient no longer than its `clip`, unless a stabiliser freezes it."""
    if not all(stabiliser.moves(name) for stabiliser in state.game.stabilisers):
        return
    player = state.players[name]
    clip, most = player.settings.clip, player.settings.max_norm
    if clip and norm > clip:
        gradients = [p.grad for p in player.network.parameters() if p.grad is not None]
        torch._foreach_mul_(gradients, clip / norm)
    player.optimizer.step()
    if most:
        limit_norms(player.network, most)


def _check_terms(moves: Moves, runtime: Runtime) -> None:
    """Raise NotFiniteError, in all processes alike, if a term of any of them is not finite."""
    numbers = moves.tensors()
    with torch.no_grad():
        finite = bool(torch.isfinite(torch.stack([v.detach() for v in numbers.values()])).all())
    if runtime.anywhere(not finite):
        broken = [
            name for name, value in numbers.items() if not math.isfinite(float(value.detach()))
        ]
        raise NotFiniteError(f"the term {' and '.join(broken) or 'of another process'}")


def _check_gradients(player: str, network: nn.Module) -> float:
    """Return the norm of the player's gradient; every process holds the same gradients.

    Raises NotFiniteError, naming the parameter, if it is not finite.
    """
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    norm = float(torch.stack(torch._foreach_norm(gradients)).norm())
    if math.isfinite(norm):
        return norm
    for name, p in network.named_parameters():
        if p.grad is not None and not bool(torch.isfinite(p.grad).all()):
            raise NotFiniteError(f"the gradient of {player}.{name}")
    raise NotFiniteError(f"the norm of the gradient of {player}")
