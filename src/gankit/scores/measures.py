"""Every score by its name: what it needs, how it is cited, and how two sets give it.

The mathematics is in metrics/; here are each score's inputs and settings.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gankit.bibliography import (
    BINKOWSKI_2018,
    HEUSEL_2017,
    KARRAS_2018,
    KYNKAANNIEMI_2019,
    NAEEM_2020,
    SALIMANS_2016,
)
from gankit.data import toys
from gankit.metrics.conditional import ByClass, class_frechet, conditional_accuracy
from gankit.metrics.conditional import label_match as matched_labels
from gankit.metrics.distances import nearest
from gankit.metrics.diversity import mean_distance
from gankit.metrics.frechet import frechet_distance
from gankit.metrics.inception_score import inception_score as score_probabilities
from gankit.metrics.kernel import kernel_distance
from gankit.metrics.manifold import Manifold, manifold, share_repeated
from gankit.metrics.memorisation import Memorisation, memorisation
from gankit.metrics.modes import ModeCount, count_modes, count_stacks
from gankit.registry import Registry
from gankit.scores.embed import Embedded
from gankit.scores.score import Better

NEIGHBOURS = 5000
"""The most examples of each set in the scores that use nearest neighbours or mean distances."""
SHARE, LENGTH, ANY = (0.0, 1.0), (0.0, math.inf), (-math.inf, math.inf)
"""The ranges of scores."""
K = 5
FEW_REPEATED = 0.01
"""The share of examples with K equal ones up to which precision to coverage say nothing of them."""
KERNEL_SUBSETS, KERNEL_SIZE = 50, 1000
SPLITS = 10
LEAST_OF_A_CLASS = 50
LEAST_HELD_OUT = 100
SETTINGS = {
    "k": K,
    "neighbours": NEIGHBOURS,
    "kernel_subsets": KERNEL_SUBSETS,
    "kernel_size": KERNEL_SIZE,
    "splits": SPLITS,
}


@dataclass(frozen=True)
class Trained:
    """Training examples, among which copies are looked for.

    Attributes:
        features: float32 [M, D], of those that are looked at.
        indices: int64 [M], which examples of the training set they are.
        count: the number of all training examples.
        held_out: float32 [L, D], L at most M: features of real examples that were not trained on.
    """

    features: NDArray[np.float32]
    indices: NDArray[np.int64]
    count: int
    held_out: NDArray[np.float32]

    @cached_property
    def apart(self) -> NDArray[np.float64]:
        """The distance of each held-out example to its nearest training example, [L]."""
        return nearest(self.held_out, self.features)[1]

    def seen(self, looked_at: int) -> str:
        """Say which copies a measure can see that looks at so many training examples."""
        if looked_at == self.count:
            return f"looks for copies of all {self.count:,} training examples"
        share = f"{looked_at / self.count:.1%}".replace("%", " %")
        return f"sees copies of {looked_at:,} of {self.count:,} training examples, {share}"


@dataclass(frozen=True)
class Pair:
    """Real examples and others that are measured against them: samples, or more real ones.

    Results that several scores share are computed once, when the first of them asks for them.

    Attributes:
        real: the reference.
        other: the examples that are measured.
        train: what was trained on, if `real` holds none of it, else None.
        class_names: the classes of the labels; empty if the run knows no classes.
        network_classes: the classes of the network's probabilities.
        source: the name of the data, from which the modes of toys are known.
        path_length: a function that returns the generator's path length, if it has one.
        first: the first block of the examples that are measured, as pictures; None for points.
    """

    real: Embedded
    other: Embedded
    train: Trained | None = None
    class_names: tuple[str, ...] = ()
    network_classes: tuple[str, ...] = ()
    source: str = ""
    path_length: Callable[[], float] | None = None
    first: NDArray[np.uint8] | None = None

    @property
    def compared(self) -> int:
        """The number of examples of each set in precision to coverage, which need as many."""
        return min(NEIGHBOURS, len(self.real.features), len(self.other.features))

    @cached_property
    def manifold(self) -> Manifold:
        count = self.compared
        return manifold(self.real.features[:count], self.other.features[:count], K)

    @cached_property
    def repeated(self) -> tuple[str, str]:
        """What precision to coverage cannot see of the real examples, and of the others, in words.

        Empty if few of them are repeated, as usual.
        """
        parts = (self.real.features, self.other.features)
        shares = (share_repeated(part[: self.compared], K) for part in parts)
        told = ("of the real examples", "of the samples")
        real, other = (
            f"{share:.0%} {of} are each there {K + 1} times or more, and the ball about such a one "
            "holds nothing: leave repeats out, or look at other scores"
            if share > FEW_REPEATED
            else ""
            for share, of in zip(shares, told, strict=True)
        )
        return real, other

    @cached_property
    def accuracy(self) -> ByClass:
        assert self.other.probabilities is not None
        assert self.other.labels is not None
        read = self.other.probabilities.argmax(1)
        return conditional_accuracy(read, self.other.labels, len(self.class_names))

    @cached_property
    def by_class(self) -> ByClass:
        sides = (self.real, self.other)
        (real, real_labels), (other, labels) = ((s.features, s.labels) for s in sides)
        assert real_labels is not None
        assert labels is not None
        classes = len(self.class_names)
        return class_frechet(real, real_labels, other, labels, classes, LEAST_OF_A_CLASS)

    @cached_property
    def memorisation(self) -> Memorisation:
        train, count = self.train, self.held
        assert train is not None
        held_out, apart = self.real.features[:count], train.apart[:count]
        fake = self.other.features[:NEIGHBOURS]
        return memorisation(fake, train.features, held_out, apart=apart)

    @property
    def held(self) -> int:
        """The number of held-out examples in memorisation."""
        assert self.train is not None
        return min(len(self.train.held_out), len(self.real.features))

    @cached_property
    def modes(self) -> ModeCount:
        if self.other.modes is None:
            centres, sigma = toys.modes(self.source)
            return count_modes(self.other.features, centres, sigma)
        return count_stacks(self.other.modes)

    @property
    def most_modes(self) -> int:
        """The number of modes that there are."""
        return 1000 if self.other.modes is not None else len(toys.modes(self.source)[0])

    @property
    def has_modes(self) -> bool:
        return self.source in toys.MIXTURES or self.other.modes is not None

    @property
    def classifies(self) -> bool:
        """Whether the network's classes are those that samples were asked for."""
        return bool(self.class_names) and self.class_names == self.network_classes

    @property
    def class_counts_suffice(self) -> bool:
        sides = (self.real.labels, self.other.labels)
        return bool(self.class_names) and all(
            labels is not None and _least(labels, len(self.class_names)) >= LEAST_OF_A_CLASS
            for labels in sides
        )


def _least(labels: NDArray[np.int64], classes: int) -> int:
    return int(np.bincount(labels, minlength=classes).min())


@dataclass(frozen=True)
class Measure:
    """One score: how to compute it, and how to cite it.

    Attributes:
        label: how it is cited; {} stands for the feature network.
        better: whether `lower` or `higher` values are better.
        value: returns the score of a pair. Scores of one set alone look at `other`.
        needs: what a pair must have, in words.
        has: returns whether a pair has that.
        floor: returns the pair whose score is the floor, given the pair of real examples and more
            real ones; None if real examples have no such score.
        within: returns the range of the score, beyond which its interval does not go.
        limits: the same, as far as it is known without a pair.
        count: returns the number of examples that a share counts; None if it is no share.
        each: whether a share counts samples that are judged one by one, so that one draw has an
            interval.
        note: returns what the score does not look at, in words; empty if nothing.
    """

    label: str
    better: Better
    value: Callable[[Pair], float]
    needs: str
    has: Callable[[Pair], bool]
    floor: Callable[[Pair], Pair] | None
    within: Callable[[Pair], tuple[float, float]]
    limits: tuple[float, float]
    count: Callable[[Pair], int] | None
    each: bool
    note: Callable[[Pair], str]

    def cited(self, network: str) -> str:
        """Return the label, such as `FD(digits)`; in Inception's features its usual name, `FID`."""
        known = {"FD({})": "FID", "KD({})": "KID", "IS({})": "IS"}
        if network == "inception" and self.label in known:
            return known[self.label]
        return self.label.format(network)


METRICS: Registry[Measure] = Registry("metric")


def measure(
    label: str,
    better: Better,
    needs: str = "",
    has: Callable[[Pair], bool] = lambda pair: True,
    floor: Callable[[Pair], Pair] | None = lambda pair: pair,
    *,
    within: tuple[float, float] | Callable[[Pair], tuple[float, float]] | None = None,
    count: Callable[[Pair], int] | None = None,
    each: bool = False,
    note: Callable[[Pair], str] = lambda pair: "",
) -> Callable[[Callable[[Pair], float]], Callable[[Pair], float]]:
    """Decorate a function to register it as the score of its name; its docstring is the summary.

    The range of a score is [0, 1] if it has a `count`, else from 0, if nothing else is given.
    """
    usual = LENGTH if count is None else SHARE
    limits = usual if within is None or callable(within) else within
    ends = within if callable(within) else lambda pair: limits

    def add(value: Callable[[Pair], float]) -> Callable[[Pair], float]:
        summary = (value.__doc__ or "").strip().split("\n")[0]
        made = Measure(label, better, value, needs, has, floor, ends, limits, count, each, note)
        METRICS.register(value.__name__, summary)(made)
        return value

    return add


@measure("FD({})", "lower")
def frechet(pair: Pair) -> float:
    """Frechet distance, each set taken for a Gaussian (arXiv 1706.08500)"""
    return frechet_distance(pair.real.moments, pair.other.moments)


@measure("KD({})", "lower", within=ANY)
def kernel(pair: Pair) -> float:
    """kernel distance, unbiased, over subsets (arXiv 1801.01401)"""
    a, b = pair.real.features, pair.other.features
    size = min(len(a), len(b), KERNEL_SIZE)
    return kernel_distance(a, b, subsets=KERNEL_SUBSETS, size=size)[0]


CLASSIFIER = "a network that classifies"


@measure(
    "IS({})", "higher", CLASSIFIER, lambda pair: pair.other.probabilities is not None,
    within=(1, math.inf),
)  # fmt: skip
def inception_score(pair: Pair) -> float:
    """Inception score: sure of each sample, unsure of all together (arXiv 1606.03498)"""
    chances = pair.other.probabilities
    assert chances is not None
    return score_probabilities(chances, min(SPLITS, len(chances)))[0]


@measure(
    "precision({})", "higher", count=lambda pair: pair.compared, each=True,
    note=lambda pair: pair.repeated[0],
)  # fmt: skip
def precision(pair: Pair) -> float:
    """share of samples that lie among the real examples (arXiv 1904.06991)"""
    return pair.manifold.precision


@measure(
    "recall({})", "higher", count=lambda pair: pair.compared,
    note=lambda pair: pair.repeated[1],
)  # fmt: skip
def recall(pair: Pair) -> float:
    """share of real examples that lie among the samples (arXiv 1904.06991)"""
    return pair.manifold.recall


@measure("density({})", "higher", note=lambda pair: pair.repeated[0])
def density(pair: Pair) -> float:
    """how deep among the real examples samples lie (arXiv 2002.09797)"""
    return pair.manifold.density


@measure(
    "coverage({})", "higher", count=lambda pair: pair.compared,
    note=lambda pair: pair.repeated[0],
)  # fmt: skip
def coverage(pair: Pair) -> float:
    """share of real examples with a sample near (arXiv 2002.09797)"""
    return pair.manifold.coverage


SAME_CLASSES = "a conditional run, and a network that tells its classes"


def labelled(pair: Pair) -> int:
    """Return the number of samples that have a label."""
    assert pair.other.labels is not None
    return len(pair.other.labels)


@measure(
    "accuracy({})", "higher", SAME_CLASSES, lambda pair: pair.classifies, count=labelled, each=True
)
def accuracy(pair: Pair) -> float:
    """share of samples that are read as the class asked for"""
    return pair.accuracy.overall


@measure(
    "worst class({})", "higher", SAME_CLASSES, lambda pair: pair.classifies,
    count=lambda pair: max(1, labelled(pair) // len(pair.class_names)),
)  # fmt: skip
def worst_class(pair: Pair) -> float:
    """the same, of the class that is read worst"""
    return pair.accuracy.worst


LABELS = "a conditional run, and real examples of its classes"


def has_labels(pair: Pair) -> bool:
    """Return whether samples were asked for by classes that real examples are known to have."""
    sides = (pair.real.labels, pair.other.labels)
    return bool(pair.class_names) and all(labels is not None for labels in sides)


@measure(
    "label match({})", "higher", LABELS, has_labels, count=lambda pair: pair.compared, each=True
)
def label_match(pair: Pair) -> float:
    """share of samples whose nearest real example has the class asked for"""
    real, asked = pair.real.labels, pair.other.labels
    assert real is not None
    assert asked is not None
    count = pair.compared
    known, drawn = pair.real.features[:count], pair.other.features[:count]
    return matched_labels(known, real[:count], drawn, asked[:count])


ENOUGH = f"a conditional run, and {LEAST_OF_A_CLASS} examples of each class on either side"


@measure("FD by class({})", "lower", ENOUGH, lambda pair: pair.class_counts_suffice)
def class_distance(pair: Pair) -> float:
    """Frechet distance within each class, the mean over classes"""
    return pair.by_class.overall


@measure("FD worst class({})", "lower", ENOUGH, lambda pair: pair.class_counts_suffice)
def worst_class_distance(pair: Pair) -> float:
    """the same, of the class that is farthest"""
    return pair.by_class.worst


MEMORISATION = ("too_near", "train_side")
"""The only scores that look at the examples that were trained on."""
UNSEEN = f"real examples that were not trained on: a test split of {LEAST_HELD_OUT} or more"


def held_out(pair: Pair) -> bool:
    """Return whether there are training examples, and enough unseen ones for the quantile."""
    return pair.train is not None and len(pair.real.features) >= LEAST_HELD_OUT


def halves(pair: Pair) -> Pair:
    """Return a pair of two halves of the real examples, the second in place of samples."""
    middle = len(pair.real.features) // 2
    first, second = pair.real.features[:middle], pair.real.features[middle:]
    return replace(
        pair, real=replace(pair.real, features=first), other=replace(pair.real, features=second)
    )


def searched(pair: Pair) -> str:
    """Say which copies the nearest of all training examples shows."""
    assert pair.train is not None
    return pair.train.seen(len(pair.train.features))


def searched_in_part(pair: Pair) -> str:
    """Say which copies are seen among as many training examples as were held out."""
    assert pair.train is not None
    return pair.train.seen(pair.held)


def looked_at(pair: Pair) -> int:
    """Return the number of samples that are looked up among training examples."""
    return min(NEIGHBOURS, len(pair.other.features))


@measure(
    "too near({})", "lower", UNSEEN, held_out, halves, count=looked_at, each=True, note=searched
)
def too_near(pair: Pair) -> float:
    """share of samples nearer to the training set than 95 % of unseen examples are"""
    return pair.memorisation.too_near


@measure(
    "train side({})", "lower", UNSEEN, held_out, halves, count=looked_at, each=True,
    note=searched_in_part,
)  # fmt: skip
def train_side(pair: Pair) -> float:
    """share of samples nearer to the training set than to unseen examples; .5: none is copied"""
    return pair.memorisation.train_side


@measure("diversity({})", "higher")
def diversity(pair: Pair) -> float:
    """mean distance of two samples"""
    return mean_distance(pair.other.features[:NEIGHBOURS])


@measure(
    "path length({})", "lower", "a generator of images whose latent is plain noise",
    lambda pair: pair.path_length is not None, None,
)  # fmt: skip
def path_length(pair: Pair) -> float:
    """how far samples move while the latent moves a little (after arXiv 1812.04948)"""
    assert pair.path_length is not None
    return pair.path_length()


MODES = "data whose modes are known: toy:ring8, toy:grid25, stacked_digits"


@measure(
    "modes", "higher", MODES, lambda pair: pair.has_modes,
    within=lambda pair: (0, pair.most_modes),
)  # fmt: skip
def modes(pair: Pair) -> float:
    """modes that samples show; of stacks of digits, that two samples or more do"""
    return float(pair.modes.found)


@measure(
    "good share", "higher", MODES, lambda pair: pair.has_modes,
    count=lambda pair: pair.other.moments.count, each=True,
)  # fmt: skip
def good(pair: Pair) -> float:
    """share of samples within 3 sigma of a mode, or whose three digits can be read"""
    return pair.modes.good


@measure("KL of modes", "lower", MODES, lambda pair: pair.has_modes)
def mode_kl(pair: Pair) -> float:
    """how uneven the modes are: KL to equal shares, in nats"""
    return pair.modes.kl


for _paper, _measured in {
    HEUSEL_2017: ("frechet",),
    BINKOWSKI_2018: ("kernel",),
    SALIMANS_2016: ("inception_score",),
    KYNKAANNIEMI_2019: ("precision", "recall"),
    NAEEM_2020: ("density", "coverage"),
    KARRAS_2018: ("path_length",),
}.items():
    for _name in _measured:
        METRICS.cite(_name, _paper)
