"""One step of the game: `alternating`, as in textbooks, or `simultaneous`, with one pass through D.

Both call the game's own objectives and stop before a step that is not finite, and they change
nothing but by the optimisers' steps. Both take a batch in `training.accumulate` parts, one after
the other, and move on the mean of their gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from gankit.game import Game
from gankit.game_types import Batch, Moves, Terms
from gankit.nn.layers import frozen, limit_norms
from gankit.settings.schema import SettingError
from gankit.training.runtime import Runtime
from gankit.training.state import Player, State

Draw = Callable[[int], Batch]
"""A function that returns the batch of a discriminator step, numbered 0 to k - 1, or that of a
further generator step, numbered from k."""


Works = Iterable[Callable[[], Moves]]
"""The passes for each part of a batch, in order; each is asked for when the last one is over."""


class NotFiniteError(Exception):
    """A term or a gradient that is not a finite number; the text names it."""


Update = Callable[[State, Draw, Runtime], Moves]


def choose_update(game: Game) -> Update:
    """Return the update that the game's configuration asks for.

    `auto` prefers the family's own update, then the simultaneous one if it is exact or if the
    family moves both players `at_once`. Raises ConfigError if `simultaneous` is asked for and would
    not be exact, or if the family brings its own update and another one is asked for.
    """
    asked = game.config.objective.update
    _check_parts(game)
    if own := game.own_update():
        _check_own(game)
        return partial(_take_turn, own)
    if asked == "simultaneous_coupled":
        _check_coupled(game)
        return simultaneous_coupled
    if asked == "auto" and game.at_once and game.coupling and not _why_in_turns(game):
        return simultaneous_coupled
    reason = why_not_simultaneous(game)
    if asked == "simultaneous" and reason:
        raise SettingError(
            "objective.update", f"= simultaneous does not hold here: {reason}; use alternating"
        )
    return alternating if asked == "alternating" or reason else simultaneous


def why_not_simultaneous(game: Game) -> str | None:
    """Return why one pass through D cannot serve both players; None if it can."""
    if (turns := _several_turns(game)) is not None:
        return turns
    if game.alternating_only is None and game.coupling:
        return f"{game.coupling} couples the samples in the discriminator"
    return _alternating_only(game)


def _several_turns(game: Game) -> str | None:
    """Return why the players cannot move at once by the numbers of their steps, or None."""
    k, g_steps = game.config.objective.k, game.config.objective.g_steps
    if k > 1:
        return f"k = {k} discriminator steps come before each generator step"
    if g_steps > 1:
        return f"g_steps = {g_steps} generator steps follow each discriminator step"
    return None


def _why_in_turns(game: Game) -> str | None:
    """Return why the players cannot move at once, whatever D's layers are; None if they can."""
    return _several_turns(game) or _alternating_only(game)


def _alternating_only(game: Game) -> str | None:
    return next((p.alternating_only for p in game.parts if p.alternating_only), None)


def _check_coupled(game: Game) -> None:
    """Raise SettingError if the players cannot move at once, or if D couples no samples."""
    reason = _why_in_turns(game)
    if reason is not None:
        reason += "; use alternating"
    elif not game.coupling:
        reason = "the discriminator answers each sample on its own; use simultaneous"
    if reason is not None:
        raise SettingError(
            "objective.update", f"= simultaneous_coupled is not for this game: {reason}"
        )


def _check_own(game: Game) -> None:
    """Raise SettingError if a setting asks for turns that a family's own update does not take."""
    config = game.config
    for key, asked in (
        ("objective.update", config.objective.update != "auto"),
        ("objective.g_steps", config.objective.g_steps > 1 and not game.own_g_steps),
        ("training.accumulate", config.training.accumulate > 1),
    ):
        if asked:
            raise SettingError(
                key,
                f"is not for family '{config.family}', which brings its own update: leave it out",
            )


def _check_parts(game: Game) -> None:
    """Raise SettingError if a batch is taken in parts, but something needs the whole of it."""
    why = why_one_process(game)
    if game.config.training.accumulate > 1 and why is not None:
        raise SettingError(
            "training.accumulate", f"takes a batch in parts, but {why}: leave one of the two out"
        )


def why_one_process(game: Game) -> str | None:
    """Return why parts of a batch are not the whole of it, in several processes or one after the
    other; None if they are."""
    if game.loss.whole_batch:
        return f"loss '{game.loss.name}' compares each sample with the whole batch"
    if (penalty := next((p for p in game.penalties if p.whole_batch), None)) is not None:
        return f"penalty '{penalty.name}' takes the size of its noise from the whole batch"
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
        work = partial(_accumulate, player, terms)
        return _descend(self.state, player, [work], self.runtime)[1]


def _take_turn(
    own: Callable[[OwnTurn], Moves], state: State, draw: Draw, runtime: Runtime
) -> Moves:
    return own(OwnTurn(state, draw, runtime))


def alternating(state: State, draw: Draw, runtime: Runtime) -> Moves:
    """Take k discriminator steps, then `g_steps` generator steps with D frozen.

    The first generator step is on the last fakes. If a batch has several parts, these are made
    again, because to keep all of them would need the memory that the parts are to save.
    """
    objective, parts = state.game.config.objective, state.game.config.training.accumulate
    kept: list[Tensor] = []
    d_pass, d_last = partial(_d_pass, state), partial(_d_pass, state, kept=kept)
    g_pass = partial(_g_pass, state, runtime, kept)
    passes = partial(runtime.passes, state)
    for substep in range(objective.k):
        batch = draw(substep)
        if parts == 1 and substep == objective.k - 1:
            judged, fooled = passes(batch, d_last=d_last, g_pass=g_pass)
            d_works: Works = [judged]
        else:
            d_works = (work for part in batch.parts(parts) for work in passes(part, d_pass=d_pass))
        d_terms, grad_d = _descend(state, "discriminator", d_works, runtime)
    for more in range(objective.g_steps):
        if more:
            batch = draw(objective.k - 1 + more)
        if more or parts > 1:
            g_works: Works = (w for part in batch.parts(parts) for w in passes(part, g_pass=g_pass))
        else:
            g_works = [fooled]
        g_terms, grad_g = _descend(state, "generator", g_works, runtime)
    return Moves(d_terms, g_terms, {"grad_d": grad_d, "grad_g": grad_g})


def _d_pass(state: State, batch: Batch, kept: list[Tensor] | None = None) -> Moves:
    """Accumulate D's gradient for a batch, and return what D minimised.

    The fakes are left in `kept`, if it is given, with a gradient to G.
    """
    game = state.game
    with torch.set_grad_enabled(kept is not None):
        fake = game.generate(batch.latent)
    if kept is not None:
        kept[:] = [fake]
    terms = game.discriminator_terms(batch, fake.detach())
    return _accumulate("discriminator", terms.with_terms(besides(game, batch, fake, state.step)))


def _g_pass(state: State, runtime: Runtime, kept: list[Tensor], batch: Batch) -> Moves:
    """Accumulate G's gradient for a batch, with D frozen, and return what G minimised.

    The fakes are taken out of `kept`, or made if it is empty.
    """
    game = state.game
    with frozen(state.players["discriminator"].network), runtime.without_sync(game.discriminator):
        fake = kept.pop() if kept else game.generate(batch.latent)
        terms = game.generator_terms(batch, fake)
        return _accumulate("generator", terms.with_terms(game.weight_terms("generator")))


def _accumulate(player: str, terms: Terms) -> Moves:
    """Accumulate the gradient of one player's terms, and return them as its move."""
    terms.loss.backward()  # type: ignore[no-untyped-call]
    blank = Terms({})
    moves = Moves(terms, blank) if player == "discriminator" else Moves(blank, terms)
    return moves.detached()


Backward = Callable[[State, Batch, Tensor], tuple[Moves, Tensor]]
"""A function of (state, batch, fake) that accumulates D's gradient, and returns what the players
minimised and the gradient of G's loss with respect to the fakes."""


def simultaneous(state: State, draw: Draw, runtime: Runtime) -> Moves:
    """Move both players at once, from one forward pass through D."""
    only_logits = all(part.only_logits for part in state.game.parts)
    return _at_once(state, draw, runtime, one_backward if only_logits else two_backwards)


def simultaneous_coupled(state: State, draw: Draw, runtime: Runtime) -> Moves:
    """Move both players at once though D's layers couple the samples of a batch.

    Real and fake pass through D apart, each with statistics of its own, and each player has a
    backward pass of its own through them: both gradients are taken at the weights before the step.
    """
    return _at_once(state, draw, runtime, two_backwards)


def _at_once(state: State, draw: Draw, runtime: Runtime, backward: Backward) -> Moves:
    game = state.game
    batch = draw(0)
    for player in state.players.values():
        player.optimizer.zero_grad(set_to_none=True)
    parts = batch.parts(game.config.training.accumulate)
    both = partial(_both_gradients, state, runtime, backward)
    moves = [work() for part in parts for work in runtime.passes(state, part, both=both)]
    for move in moves:
        _check_terms(move, runtime)
    norms = {
        name: _check_gradients(name, player, len(parts)) for name, player in state.players.items()
    }
    for name, norm in norms.items():
        _move(state, name, norm)
    return Moves(
        _mean([move.discriminator for move in moves]),
        _mean([move.generator for move in moves]),
        {"grad_d": norms["discriminator"], "grad_g": norms["generator"]},
    )


def _both_gradients(state: State, runtime: Runtime, backward: Backward, batch: Batch) -> Moves:
    """Accumulate the gradients of both players for a batch, and return what they minimised."""
    game = state.game
    fake = game.generate(batch.latent)
    leaf = fake.detach().requires_grad_()
    with runtime.without_sync(game.discriminator):  # the pass below synchronises both
        more = Moves(besides(game, batch, fake, state.step), game.weight_terms("generator"))
        for terms in (more.discriminator, more.generator):
            if terms.minimised:
                terms.loss.backward()  # type: ignore[no-untyped-call]
    moves, for_fake = backward(state, batch, leaf)
    fake.backward(for_fake)  # type: ignore[no-untyped-call]
    together = Moves(
        moves.discriminator.with_terms(more.discriminator),
        moves.generator.with_terms(more.generator),
    )
    return together.detached()


def two_backwards(state: State, batch: Batch, fake: Tensor) -> tuple[Moves, Tensor]:
    """Accumulate D's gradient and return (moves, dL_G/dfake), from a backward pass each."""
    moves = Moves(*state.game.shared_terms(batch, fake))
    (for_fake,) = torch.autograd.grad(moves.generator.loss, fake, retain_graph=True)
    trained = [p for p in state.game.discriminator.parameters() if p.requires_grad]
    moves.discriminator.loss.backward(inputs=trained)  # type: ignore[no-untyped-call]
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
    ratio = (wanted / slopes_fake).masked_fill(wanted == 0, 0.0)
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
    asked = {p.name: p.value for p in game.penalties if p.value is not None}
    if not asked:
        return {}
    discriminate, real, fake = game.penalised(batch, fake.detach())
    return {name: weight * of(discriminate, real, fake, batch.mix) for name, of in asked.items()}


def _descend(state: State, player: str, works: Works, runtime: Runtime) -> tuple[Terms, float]:
    """Make one player's move: the passes for each part of the batch, check, step.

    Returns the means of the terms, and the norm of the gradient.
    """
    descended = list[Terms]()
    state.players[player].optimizer.zero_grad(set_to_none=True)
    for work in works:
        moves = work()
        _check_terms(moves, runtime)
        descended.append(getattr(moves, player))
    norm = _check_gradients(player, state.players[player], len(descended))
    _move(state, player, norm)
    return _mean(descended), norm


def _mean(parts: Sequence[Terms]) -> Terms:
    """Return the means of the terms of all parts of a batch."""
    if len(parts) == 1:
        return parts[0]

    def mean(tensors: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        return {name: torch.stack([t[name] for t in tensors]).mean() for name in tensors[0]}

    return Terms(mean([p.minimised for p in parts]), mean([p.watched for p in parts]))


def _move(state: State, name: str, norm: float) -> None:
    """Step the player on a gradient no longer than its `clip`, unless a stabiliser freezes it."""
    if not all(stabiliser.moves(name) for stabiliser in state.game.stabilisers):
        return
    player = state.players[name]
    clip, most = player.settings.clip, player.settings.max_norm
    if clip and norm > clip:
        torch._foreach_mul_(player.gradients(), clip / norm)
    player.optimizer.step()
    if most:
        limit_norms(player.network, most)


def _check_terms(moves: Moves, runtime: Runtime) -> None:
    """Raise NotFiniteError, in all processes alike, if a term of any of them is not finite."""
    numbers = moves.tensors()
    finite = bool(torch.isfinite(torch.stack([*numbers.values()])).all())
    if runtime.anywhere(not finite):
        broken = [name for name, value in numbers.items() if not math.isfinite(float(value))]
        raise NotFiniteError(f"the term {' and '.join(broken) or 'of another process'}")


def _check_gradients(name: str, player: Player, parts: int) -> float:
    """Divide the player's gradient, a sum over the parts of a batch, by their number.

    Returns its norm; every process holds the same gradients. Raises NotFiniteError, naming the
    parameter, if it is not finite.
    """
    gradients = player.gradients()
    if parts > 1:
        torch._foreach_div_(gradients, parts)
    norm = float(torch.stack(torch._foreach_norm(gradients)).norm())
    if math.isfinite(norm):
        return norm
    for weight, p in player.network.named_parameters():
        if p.grad is not None and not bool(torch.isfinite(p.grad).all()):
            raise NotFiniteError(f"the gradient of {name}.{weight}")
    raise NotFiniteError(f"the norm of the gradient of {name}")
