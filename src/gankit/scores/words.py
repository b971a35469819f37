"""Say in one line how good samples are, by their scores beside those of real examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gankit.scores.score import Score

MOST = 5
"""The most scores that are put into words: more is no longer one line."""


def in_words(scores: Sequence[Score]) -> str:
    """Return a sentence that compares samples with real examples, by the scores that say most.

    What real examples reach is their own score against other real ones. If that is not known, the
    sentence says what it would be if anything is known of it, and else that it is not known.
    """
    by_name = {score.metric: score for score in scores}
    if "frechet" in by_name:
        by_name.pop("kernel", None)  # the same question
    chosen = [by_name[name] for name in PHRASES if name in by_name][:MOST]
    said = [PHRASES[score.metric](score) for score in chosen] or [_plainly(s) for s in scores[:1]]
    return f"In words: {'; '.join(said)}."


def _distance(score: Score) -> str:
    low = score.value if score.interval is None else score.interval[0]
    if score.floor is None:
        return (
            f"by {score.label} the samples are {score.value:.4g} away from the real examples (how "
            "far other real ones would be is not known)"
        )
    if low <= score.floor:
        return (
            f"by {score.label} the samples are no further from the real examples than other real "
            "ones are"
        )
    if score.floor <= 0:
        return _plainly(score)
    return (
        f"by {score.label} the samples are {score.value / score.floor:.3g} times as far from the "
        "real examples as other real ones are"
    )


def _share(of: str, what: str, usual: str = "not known for real ones") -> Callable[[Score], str]:
    """Return a function that says a share, and beside it that of real examples, or `usual`."""

    def say(score: Score) -> str:
        real = usual if score.floor is None else f"{_per_cent(score.floor)} of other real ones"
        return f"{_per_cent(score.value)} of {of} {what} ({real})"

    return say


def _modes(score: Score) -> str:
    real = "not known for" if score.floor is None else f"{score.floor:.4g} by as many"
    return f"the samples show {score.value:.4g} modes ({real} real examples)"


def _returns(score: Score) -> str:
    expert = (
        "what the expert earned is not known"
        if score.floor is None
        else (f"the expert {score.floor:.4g}")
    )
    return f"the policy earns {score.value:.4g} an episode ({expert})"


def _plainly(score: Score) -> str:
    real = "not known for" if score.floor is None else f"{score.floor:.4g} for"
    return f"{score.label} is {score.value:.4g} ({real} real examples; {score.better} is better)"


def _per_cent(share: float) -> str:
    """Return a share as `12 %`; near 0 and 1 with decimals, so that only 0 and 1 read as such."""
    edge = min(share, 1 - share)
    if 0 < edge < 5e-5:
        return "under 0.01 %" if share < 0.5 else "over 99.99 %"
    places = 0 if edge == 0 or edge >= 0.01 else 1 if edge >= 0.001 else 2
    return f"{100 * share:.{places}f} %"


PHRASES: dict[str, Callable[[Score], str]] = {
    "return": _returns,
    "frechet": _distance,
    "kernel": _distance,
    "precision": _share("the samples", "lie among the real examples"),
    "coverage": _share(
        "the real examples", "have a sample near", "about 97 % if samples were real"
    ),
    "accuracy": _share("the samples", "are read as the class asked for"),
    "label_match": _share("the samples", "are nearest to a real example of the class asked for"),
    "modes": _modes,
    "good": _share("the samples", "lie on a mode"),
    "too_near": _share(
        "the samples",
        "lie nearer to the training set than 95 % of unseen examples do",
        "about 5 % if none is copied",
    ),
    "recall": _share("the real examples", "lie among the samples"),
}
"""How each score is said, the most telling ones first."""
