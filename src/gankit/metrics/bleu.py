"""BLEU of generated sequences, against real ones and against each other (Papineni et al. 2002).

Each function returns one number for each sequence; a score is their mean, as is usual for text
GANs. BLEU against real text tells quality, BLEU of a sample against the other samples (Self-BLEU,
Zhu et al. 2018) tells how alike they are: read both together.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from gankit.arguments import refuse_masked, typed_arguments
from gankit.errors import ConfigError
from gankit.metrics.arrays import check_count
from gankit.text import shown

Tokens = Sequence[Hashable]
Gram = tuple[Hashable, ...]

LONGEST = 1000
"""The longest n-grams that are counted; usual are 2 to 5."""
SMOOTHING = 0.1
"""The count that stands for no match of an order above 1 (Chen and Cherry 2014, method 1)."""


def bleu(
    samples: Sequence[Tokens], references: Sequence[Tokens], order: int
) -> NDArray[np.float64]:
    """Return the BLEU of each sample against all references together, in [0, 1].

    It is the geometric mean of the shares of its n-grams, for n of 1 to `order`, that some
    reference has as often, times exp(1 - r/c) if its length c is below r, that of the reference
    whose length is nearest.

    >>> reference = "the cat is on the mat".split()
    >>> bleu(["the the the the the the".split()], [reference], order=1).round(3).tolist()
    [0.333]

    Raises ConfigError if there are no references, or the order is below 1.
    """
    _check(samples, "samples")
    _check(references, "references")
    _check_order(len(references), order)
    known = _Known(references, order)
    return np.array([known.score(sample, None) for sample in samples])


def self_bleu(samples: Sequence[Tokens], order: int) -> NDArray[np.float64]:
    """Return the BLEU of each sample against all others, in [0, 1]; 1 if it is there twice.

    >>> self_bleu(["a b c".split(), "a b c".split(), "d e f".split()], order=2).tolist()
    [1.0, 1.0, 0.0]

    Raises ConfigError if there are fewer than two samples, or the order is below 1.
    """
    _check(samples, "samples")
    _check_order(len(samples) - 1, order)
    known = _Known(samples, order)
    return np.array([known.score(sample, place) for place, sample in enumerate(samples)])


def _check(sequences: Sequence[Tokens], what: str) -> None:
    """Raise ConfigError unless these are sequences: a text is one, of letters."""
    refuse_masked(what, sequences)
    lists = (Sequence, np.ndarray)
    suits = isinstance(sequences, lists) and not isinstance(sequences, (str, bytes))
    if not (suits and all(isinstance(one, lists) for one in sequences)):
        raise ConfigError(
            f"{what} must be a list of sequences of tokens, got {shown(sequences)}", what
        )


@typed_arguments()
def _check_order(references: int, order: int) -> None:
    if references < 1:
        raise ConfigError("BLEU compares with at least one other sequence, got none")
    check_count("order", order, most=LONGEST)


def grams(sequence: Tokens, size: int) -> Counter[Gram]:
    """Return how often a sequence holds each run of `size` of its tokens."""
    return Counter(tuple(sequence[i : i + size]) for i in range(len(sequence) - size + 1))


class _Known:
    """What the references have: how often each n-gram is in the two that have it most, and lengths.

    The second is for scores without one reference, the sample itself.
    """

    def __init__(self, references: Sequence[Tokens], order: int) -> None:
        self.order = order
        self.lengths = Counter(map(len, references))
        self.most: dict[Gram, tuple[int, int, int]] = {}  # most, of which reference, next to most
        for place, reference in enumerate(references):
            for size in range(1, order + 1):
                for gram, count in grams(reference, size).items():
                    most, owner, second = self.most.get(gram, (0, -1, 0))
                    if count > most:
                        self.most[gram] = (count, place, most)
                    elif count > second:
                        self.most[gram] = (most, owner, count)

    def score(self, sample: Tokens, without: int | None) -> float:
        """Return the BLEU of a sample. `without`: the reference that it is, which is left out."""
        logs = 0.0
        for size in range(1, self.order + 1):
            held = grams(sample, size)
            found = sum(min(count, self._allowed(gram, without)) for gram, count in held.items())
            if not found and size == 1:
                return 0.0
            logs += math.log((found or SMOOTHING) / max(1, held.total()))
        return self._brevity(len(sample), without) * math.exp(logs / self.order)

    def _allowed(self, gram: Gram, without: int | None) -> int:
        most, owner, second = self.most.get(gram, (0, -1, 0))
        return second if owner == without else most

    def _brevity(self, length: int, without: int | None) -> float:
        others = (n for n, c in self.lengths.items() if c > (without is not None and n == length))
        nearest = min(others, key=lambda n: (abs(n - length), n))
        return 1.0 if length >= nearest else math.exp(1 - nearest / length)
