"""What each number on a page means, in a sentence for people who have not met it."""

from __future__ import annotations

from collections.abc import Iterable

from gankit.pages.html import Html, element
from gankit.penalties import PENALTIES
from gankit.scores.measures import METRICS

LOGGED = {
    "diversity": "how far samples lie from their mean, over the same of real examples; near 1 if "
    "they are alike, near 0 if all samples are one",
    "nearest": "the distance of a sample to the most similar other sample, over the same of real "
    "examples; near 1 if they are alike, near 0 if samples repeat each other",
    "offset": "how far the mean sample lies from the mean real example, in units of the real "
    "examples' diversity; near 0 if they are alike",
    "within": "the diversity within a class, over the same of real examples; near 1 if they are "
    "alike, near 0 if a class has one answer",
    "middle": "the share of pixel values that are neither the least nor the largest, over the same "
    "of real examples; near 1 if they are alike",
    "judged": "the share of real and generated examples that D takes for what they are; 0.5 is "
    "guessing",
    "overfitting": "the share of real examples that D calls real, less the share that it calls "
    "generated; near 1 if D knows them by heart",
    "augment_probability": "how often what D sees is changed at random, from 0 to 1",
    "skipped_d": "the share of steps in which D stood still",
    "skipped_g": "the share of steps in which G stood still",
    "labelled_right": "the share of the labelled examples that D puts into their class",
    "k": "the weight of generated examples in D's loss, which keeps the two players balanced",
    "measure": "the error on real examples plus the imbalance of the players; lower is better",
    "l_real": "D's error when it redraws real examples",
    "l_fake": "D's error when it redraws generated examples",
}
"""By name, numbers of the log other than the players' losses."""

TERMS = {
    "adversarial": "how badly the player does in the game of real against generated",
    "class": "how badly D tells the class",
    "information": "how badly the codes are read from the sample",
    "entropy": "how little the samples differ",
    "historical": "how far the weights are from their mean over the past",
    "matching": "how far the means of D's features of real and of generated examples are apart",
    "real": "the error on real examples",
    "fake": "the error on generated examples",
}
"""By name, terms of a player's loss; penalties explain themselves."""


def meaning(name: str) -> str | None:
    """Return what a logged number or a term of a loss is, without a full stop; None if unknown."""
    return LOGGED.get(name) or TERMS.get(name) or PENALTIES.summaries().get(name)


def meanings(names: Iterable[str]) -> str:
    """Return a sentence for each name that is known, one after another."""
    known = ((name, meaning(name)) for name in names)
    return " ".join(f"{name}: {said}." for name, said in known if said is not None)


def about_scores(scores: Iterable[tuple[str, str]]) -> Html:
    """Return a list that says what each score is, given its metric and its label."""
    summaries = METRICS.summaries()
    told = {label: summaries[metric] for metric, label in scores if metric in summaries}
    items = (element("li", element("b", label), f": {said}.") for label, said in told.items())
    return element("ul", *items, class_="note meanings")
