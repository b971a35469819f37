"""Signs that the log shows, during training and after it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.doctor.case import LASTING, LINES, Case, per_cent
from gankit.doctor.diagnosis import Verdict
from gankit.doctor.remedies import augmented, calmer, has_few, remedy, usual_rates, usual_size
from gankit.doctor.signs import sign
from gankit.families import FAMILIES

GROWING = (1.25, 0.03)
COLLAPSED = 0.5
PLAIN, PLAIN_SHARE, PLAIN_FOR = 0.05, 0.2, 0.4
"""A young run is collapsed only if that is plain: its diversity is below this, or below this share
of the most that it had, for as long as this share of the steps from which on a run is judged."""
WITHIN = 0.4
REPEATED = 0.25
SATURATED = 0.25
OFFSET = 0.6
STRONG, WEAK = 0.95, 0.03
GUESSING = 1.3
GROWTH, SWING, LEAST_LEVEL = 3.0, 1.0, 0.1
VANISHED = 1e-3
STILL = 1e-6

CHANCE: dict[str, Callable[[float], tuple[float, float]]] = {
    "minimax": lambda t: (2 * math.log(2), _entropy(t)),
    "non_saturating": lambda t: (2 * math.log(2), _entropy(t)),
    "least_squares": lambda t: (t * t / 4, 0.0),
    "hinge": lambda _: (2.0, 0.0),
    "relativistic": lambda _: (math.log(2), 0.0),
}
"""D's loss if it can only guess, and if it is never wrong, given the target of real examples."""


def _entropy(target: float) -> float:
    return -sum(p * math.log(p) for p in (target, 1 - target) if p > 0)


def has_images(case: Case) -> bool:
    return case.record.task.is_images


def judges(case: Case) -> bool:
    """Return whether the value of D's loss at which it only guesses is known."""
    return case.config.objective.loss in CHANCE


def advantage(case: Case) -> NDArray[np.float64]:
    """Return D's advantage over G in each logged line, from its smoothed loss.

    It is 1 if D is never wrong, 0 if it only guesses, and below 0 if it does worse.
    """
    objective = case.config.objective
    chance, best = CHANCE[objective.loss](objective.real_target)
    share = FAMILIES[case.config.family].adversarial_share
    shares: NDArray[np.float64] = (chance - case.series("d/adversarial") / share) / (chance - best)
    return shares


def far_off(case: Case) -> NDArray[np.bool_]:
    """Return, for each line, whether mean or diversity of samples are far from the real ones'."""
    offset, diversity = case.series("samples/offset"), case.series("samples/diversity")
    return (offset > OFFSET) | (diversity < COLLAPSED) | (diversity > 1 / COLLAPSED)


def growing(values: NDArray[np.float64]) -> bool:
    """Return whether a number is still growing, so that the run is still on its way.

    The medians of the last four sixths of the log must never fall, and must rise in all by a
    quarter and by 0.03; or the last one must be above every earlier one by as much.
    """
    sixths = np.array([np.median(part) for part in np.array_split(values, 6)])

    def above(before: float) -> bool:
        return bool(sixths[-1] >= max(GROWING[0] * before, GROWING[1] + before))

    steadily = bool((np.diff(sixths[2:]) >= 0).all()) and above(sixths[2])
    return steadily or above(sixths[:-1].max())


def last(values: NDArray[np.float64], stretch: slice) -> float:
    return float(np.median(values[stretch]))


@sign("collapse")
def collapse(case: Case) -> Verdict | None:
    """Samples differ much less from one another than real examples do."""
    young, limit = case.is_young, COLLAPSED
    least = LASTING[1] if young else LINES
    diversity = case.series("samples/diversity", least=least, young=young)
    if young:
        most = np.max(diversity, initial=0.0, where=np.isfinite(diversity))
        limit = min(max(PLAIN, PLAIN_SHARE * float(most)), COLLAPSED)
    stretch = case.lasting(diversity < limit)
    if stretch is None or growing(diversity):
        return None
    if young and case.step - case.since(stretch) < PLAIN_FOR * case.needed:
        return None
    return Verdict(
        "collapse",
        "sick",
        f"the samples differ from their mean by {per_cent(last(diversity, stretch))} of what real "
        f"examples do (below {per_cent(limit)} is a sign)",
        case.since(stretch),
        "G makes few kinds of sample, whatever the noise: it moved to where D was fooled last",
        remedy(case, *calmer(case)),
    )


@sign("within-class collapse", lambda case: case.by_class)
def within_class_collapse(case: Case) -> Verdict | None:
    """Samples of one class differ much less than real examples of it do."""
    diversity, within = case.series("samples/diversity"), case.series("samples/within")
    stretch = case.lasting((within < WITHIN) & (diversity >= COLLAPSED))
    if stretch is None or growing(within):
        return None
    return Verdict(
        "within-class collapse",
        "sick",
        f"samples of one class differ by {per_cent(last(within, stretch))} of what real examples "
        f"of it do (below {per_cent(WITHIN)} is a sign)",
        case.since(stretch),
        "G follows the label and ignores the noise: every class is one picture",
        remedy(case, *calmer(case)),
    )


@sign("repeats", has_images)
def repeats(case: Case) -> Verdict | None:
    """Every sample has another one that is almost the same."""
    nearest = case.series("samples/nearest")
    stretch = case.lasting(nearest < REPEATED)
    if stretch is None or growing(nearest) or growing(case.series("samples/diversity")):
        return None
    return Verdict(
        "repeats",
        "sick",
        f"a sample is {per_cent(last(nearest, stretch))} as far from its nearest other one as real "
        f"examples are (below {per_cent(REPEATED)} is a sign)",
        case.since(stretch),
        "G makes the same few samples again and again, though they may differ among themselves",
        remedy(case, *calmer(case)),
    )


@sign("saturation", has_images)
def saturation(case: Case) -> Verdict | None:
    """Pixels sit at black and white where the real ones do not."""
    middle = case.series("samples/middle")
    stretch = case.lasting(middle < SATURATED)
    if stretch is None:
        return None
    return Verdict(
        "saturation",
        "sick",
        f"the samples have {per_cent(last(middle, stretch))} of the real examples' pixels that are "
        f"neither black nor white (below {per_cent(SATURATED)} is a sign)",
        case.since(stretch),
        "G's last layer is driven to its ends, where it hardly has a slope left to learn by",
        remedy(case, *calmer(case)),
    )


@sign("D too strong", judges)
def too_strong(case: Case) -> Verdict | None:
    """D is hardly ever wrong for long."""
    ahead = advantage(case)
    stretch = case.lasting(ahead > STRONG)
    if stretch is None:
        return None
    count, few = case.record.data["count"], has_few(case)
    return Verdict(
        "D too strong",
        "sick",
        f"D's loss is {per_cent(1 - last(ahead, stretch))} of a guessing D's (below "
        f"{per_cent(1 - STRONG)} is a sign)",
        case.since(stretch),
        "D tells real from fake without effort, so what it says is no help to G"
        + (f"; it may know its {count:,} examples by heart" if few else ""),
        remedy(
            case,
            *([augmented(case)] if few else []),
            _towards_balance(case),
            {"stabilise.freeze_d": 0.9},
            {"discriminator_optimizer.lr": case.config.discriminator_optimizer.lr / 3},
        ),
    )


def _towards_balance(case: Case) -> dict[str, Any]:
    """Return changes that undo what makes D too strong or its answers flat, so that G can learn."""
    objective = case.config.objective
    return {
        **({"objective.loss": "non_saturating"} if objective.loss == "minimax" else {}),
        **({"objective.k": 1} if objective.k > 1 else {}),
        **usual_rates(case, "discriminator", "generator"),
    }


@sign("D too weak", judges)
def too_weak(case: Case) -> Verdict | None:
    """D cannot tell real from fake, though the samples are far from real ones."""
    ahead = advantage(case)
    stretch = case.lasting((np.abs(ahead) < WEAK) & far_off(case))
    if stretch is None:
        return None
    return Verdict(
        "D too weak",
        "sick",
        f"D's loss is {per_cent(1 - last(ahead, stretch))} of a guessing D's while the samples are "
        "far from real ones",
        case.since(stretch),
        "D is too small or too slow to see the difference, so G has nothing to learn from",
        remedy(case, *_stronger(case)),
    )


def _stronger(case: Case) -> list[dict[str, Any]]:
    """Return changes that make D stronger: its recipe's settings, a lighter penalty, more steps."""
    lighter = {"objective.penalty_weight": case.config.objective.penalty_weight / 10}
    return [
        {**usual_size(case), **usual_rates(case, "discriminator")},
        *([lighter] if case.config.objective.penalty != "none" else []),
        {"objective.k": case.config.objective.k + 1},
    ]


@sign("D worse than guessing", judges)
def worse_than_guessing(case: Case) -> Verdict | None:
    """D's loss is above a guessing D's for long."""
    ahead = advantage(case)
    stretch = case.lasting(1 - ahead > GUESSING)
    if stretch is None:
        return None
    return Verdict(
        "D worse than guessing",
        "sick",
        f"D's loss is {1 - last(ahead, stretch):.1f} times a guessing D's (above {GUESSING} is a "
        "sign)",
        case.since(stretch),
        "steps are too long: each player jumps over the other and never answers what it is",
        remedy(case, *calmer(case)),
    )


@sign("oscillation")
def oscillation(case: Case) -> Verdict | None:
    """A loss swings, and more widely the longer it goes on."""
    found = []
    logged = case.lines[-1] if case.lines else {}
    # A family may log only one of the two; if it logs neither, `raw` says so.
    keys = [key for key in ("g/adversarial", "d/adversarial") if key in logged]
    for key in keys or ["g/adversarial"]:
        values = case.raw(key, least=3 * LASTING[1])
        third = len(values) // 3
        middle, final = slice(third, 2 * third), slice(2 * third, None)
        swings, sizes = np.abs(np.diff(values)), np.abs(values)
        early, late = np.median(swings[middle]), np.median(swings[final])
        # A loss that rises, as D's does when G catches up, moves more, but by no more than it is.
        level = max(np.median(sizes[middle]), np.median(sizes[final]), LEAST_LEVEL)
        if late > GROWTH * early and late > SWING * level:
            found.append((float(late / max(early, 1e-12)), key, float(late)))
    if not found:
        return None
    times, key, late = max(found)
    return Verdict(
        "oscillation",
        "sick",
        f"{key} moves by {late:.2g} from one logged line to the next, {times:.1f} times as much as "
        "in the middle of the run",
        int(case.steps[2 * (len(case.steps) // 3)]),
        "each player overshoots the other's answer, and more each time",
        remedy(case, *calmer(case)),
    )


@sign("G's gradient vanishes")
def vanishing(case: Case) -> Verdict | None:
    """The gradient that reaches G is a thousandth of what it was."""
    gradient = case.series("grad_g")
    first = float(np.median(case.raw("grad_g")[:LINES_FIRST]))
    stretch = case.lasting(gradient < VANISHED * first)
    if stretch is None:
        return None
    return Verdict(
        "G's gradient vanishes",
        "sick",
        f"its norm is {last(gradient, stretch):.1e}; at the start it was {first:.1e}",
        case.since(stretch),
        "D is sure of every fake, or G's outputs are at their ends: G no longer learns",
        remedy(case, _towards_balance(case), *calmer(case)),
    )


LINES_FIRST = 5
"""The number of logged lines that count as the start of a run."""


@sign("G frozen")
def frozen(case: Case) -> Verdict | None:
    """G's rate or gradient is 0, or its samples do not change from line to line."""
    seen = {"G's learning rate is 0": case.raw("lr_g", young=True) == 0}
    if not case.is_young:
        diversity, offset = case.raw("samples/diversity"), case.raw("samples/offset")
        moved = np.maximum(np.abs(np.diff(diversity)), np.abs(np.diff(offset)))
        seen |= {
            "G's gradient is 0": case.raw("grad_g") == 0,
            # each line and the one after it
            "the samples are the same to one part in a million": np.append(moved <= STILL, True),
        }
    stretches = [(text, case.lasting(holds)) for text, holds in seen.items()]
    found = next(((text, stretch) for text, stretch in stretches if stretch is not None), None)
    if found is None:
        return None
    text, stretch = found
    rates = usual_rates(case, "generator")
    thaw = {"stabilise.freeze_g": 0.0}
    return Verdict(
        "G frozen",
        "sick",
        f"{text} in the last {stretch.stop - stretch.start} logged lines",
        case.since(stretch),
        "G does not move, so it learns nothing",
        remedy(case, rates, thaw, *calmer(case)),
    )


@sign("not finite")
def not_finite(case: Case) -> Verdict | None:
    """A number was not finite, and the run was taken back."""
    events = [event for event in case.events if event["event"] == "not finite"]
    if not events:
        return None
    first = events[0]
    times = "once" if len(events) == 1 else f"{len(events)} times"
    return Verdict(
        "not finite",
        "warning" if len(events) == 1 else "sick",
        f"{times}; first {first.get('what', 'a number')} at step {first['step']:,}",
        int(first["step"]),
        "weights or answers grew past what a float can hold; the run went back to a checkpoint",
        remedy(case, *calmer(case)),
    )
