"""Signs that finished samples show when they are compared with real examples, after training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gankit.doctor.case import LASTING, Case, Unseen, per_cent
from gankit.doctor.diagnosis import Verdict
from gankit.doctor.log_signs import COLLAPSED, has_images, last
from gankit.doctor.remedies import augmented, calmer, remedy
from gankit.doctor.samples import COPIED, Examination
from gankit.doctor.signs import sign
from gankit.metrics.manifold import manifold

NEIGHBOURS = 5
FEWEST = 100
"""The fewest real examples for which coverage says something."""
COVERED_IMAGES, COVERED_POINTS = 0.2, 0.05
MISSING = 0.02
DUE = 20
"""The number of samples that must be due to a class before it can be called missing."""
HEEDED = 0.2
COPIES = 0.5
SCARCE = 0.1


def has_classes(case: Case) -> bool:
    return case.record.task.classes >= 2


@sign("low coverage")
def low_coverage(case: Case) -> Verdict | None:
    """Most real examples have no sample near them."""
    samples = case.samples
    real = samples.train[: len(samples.fake)]
    if len(real) < FEWEST:
        return None
    wanted = COVERED_IMAGES if has_images(case) else COVERED_POINTS
    measured = manifold(real, samples.fake, NEIGHBOURS)
    if measured.coverage >= wanted:
        return None
    return Verdict(
        "low coverage",
        "sick",
        f"{per_cent(measured.coverage)} of {len(real)} real examples have a sample as near as "
        f"their neighbour number {NEIGHBOURS} (below {per_cent(wanted)} is a sign)",
        None,
        "the samples are not where the real examples are: G lost most of them, or is not there yet",
        remedy(case, *calmer(case)),
    )


@sign("missing classes", has_classes)
def missing_classes(case: Case) -> Verdict | None:
    """Classes of the data that hardly any sample belongs to, by its nearest real example."""
    samples = case.samples
    assert samples.labels is not None
    classes = len(samples.class_names)
    real = np.bincount(samples.labels, minlength=classes) / len(samples.labels)
    named = np.bincount(samples.labels[samples.nearest_train[0]], minlength=classes)
    wanted = real
    if samples.asked is not None:  # each class was asked for equally often
        wanted = np.bincount(samples.asked, minlength=classes) / len(samples.asked)
    share = named / named.sum()
    due = wanted * len(samples.fake) >= DUE
    told = _scarce(samples)  # what G sees next to nothing of is the data's fault
    missed = [
        c for c in range(classes) if due[c] and share[c] < MISSING * wanted[c] and c not in told
    ]
    if not missed:
        return None
    return Verdict(
        "missing classes",
        "sick",
        f"of {len(samples.fake)} samples less than {per_cent(MISSING)} of what was due look like "
        f"{_names(samples.class_names, missed)} (nearest training example)",
        None,
        "G has lost whole kinds of the data",
        remedy(case, *calmer(case)),
    )


@sign("labels ignored", lambda case: case.by_class)
def labels_ignored(case: Case) -> Verdict | None:
    """Samples are not of the class that was asked for, by their nearest real example."""
    samples = case.samples
    labels, asked = samples.labels, samples.asked
    assert labels is not None
    if asked is None:
        return None
    scarce = _scarce(samples)  # of these, no G can learn

    def agreeing(found: NDArray[np.int64], classes: NDArray[np.int64]) -> float:
        return float((labels[found] == classes)[~np.isin(classes, scarce)].mean())

    right = agreeing(samples.nearest_train[0], asked)
    real = agreeing(samples.left_out[0], labels[: len(samples.left_out[0])])
    chance = 1 / len(samples.class_names)
    wanted = chance + HEEDED * (1 - chance)
    if real < wanted + HEEDED * (1 - chance):
        raise Unseen(
            f"only {per_cent(real)} of real examples are nearest to another one of their class: "
            "see `label_match` of `gankit evaluate`, in a feature network"
        )
    if right >= wanted:
        return None
    return Verdict(
        "labels ignored",
        "sick",
        f"{per_cent(right)} of the samples are nearest to a training example of the class that "
        f"was asked for (below {per_cent(wanted)} is a sign)",
        None,
        "G does not follow the label, or its samples are too far from anything real to tell",
        remedy(case, {"network.conditioning": "projection"}, *calmer(case)),
    )


@sign("memorisation", has_images)
def memorisation(case: Case) -> Verdict | None:
    """Samples are much nearer to a training example than new examples would be."""
    since = None
    try:
        stretch = _copying(case)
    except Unseen:  # it is not watched while many images train
        stretch = None
    if stretch is not None:
        copied, since = last(case.raw("samples/copied", young=True), stretch), case.since(stretch)
    else:
        copied = case.samples.copied
        if copied < COPIES:
            return None
    count = int(case.record.data["count"])
    return Verdict(
        "memorisation",
        "sick",
        f"{per_cent(copied)} of the samples are nearer to a training example than {COPIED:g} times "
        "what lies between two of those",
        since,
        f"D knows its {count:,} examples by heart, and G copies them: more examples help most",
        remedy(
            case,
            augmented(case),
            {"stabilise.augment": "translation+cutout", "objective.penalty": "r1"},
        ),
    )


def _copying(case: Case) -> slice | None:
    """Return the last logged lines in which samples are copies; None if they are too few.

    A young run is judged too: samples that are not learned yet are no copies. Samples that hardly
    differ may all be near to one pale example, so they are left to the sign of a collapse.
    """
    copied = case.series("samples/copied", least=LASTING[1], young=True)
    diversity = case.series("samples/diversity", least=LASTING[1], young=True)
    return case.lasting((copied >= COPIES) & (diversity >= COLLAPSED))


@sign("few of a class", has_classes)
def few_of_a_class(case: Case) -> Verdict | None:
    """Classes of the data that have next to no examples beside the others."""
    samples = case.samples
    assert samples.labels is not None
    if not (few := _scarce(samples)):
        return None
    most = np.bincount(samples.labels).max()
    return Verdict(
        "few of a class",
        "warning",
        f"{_names(samples.class_names, few)}: fewer than {per_cent(SCARCE)} of the "
        f"{most:,} examples of the largest class",
        None,
        "G sees next to nothing of them: give more examples, or leave those classes out",
        "",
    )


def _scarce(samples: Examination) -> list[int]:
    """Return the classes that have next to no examples beside the largest."""
    assert samples.labels is not None
    counts = np.bincount(samples.labels, minlength=len(samples.class_names))
    return [c for c, count in enumerate(counts) if count < SCARCE * counts.max()]


def _names(names: Sequence[str], chosen: Sequence[int]) -> str:
    shown = ", ".join(f"'{names[c]}'" for c in chosen[:5])
    return f"class {shown}" + (f" and {len(chosen) - 5} more" if len(chosen) > 5 else "")
