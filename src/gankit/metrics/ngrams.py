"""Sequences as vectors: which tokens and pairs of tokens they hold, along the main directions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError
from gankit.metrics.bleu import Gram, Tokens, grams

DIRECTIONS = 32
"""The numbers in a vector, unless the text is too small for them."""
SEQUENCES = 1_000
"""The sequences whose main directions are taken: the first ones."""
ORDER = 2
"""The longest n-grams that count."""


class NGramVectors:
    """Vectors of sequences by their n-grams: tf-idf, then latent semantic analysis.

    Nothing is learned from elsewhere: weights and directions are those of one text, so vectors of
    two texts' spaces are not comparable.

    >>> space = NGramVectors([["a", "b"], ["a", "c"], ["b", "c"]])
    >>> space.of([["a", "b"], ["x", "y"]]).shape
    (2, 3)

    Attributes:
        columns: the place of each n-gram that the text has.
        rarity: the weight of each, log((1 + N) / (1 + n)) + 1 if n of N sequences have it.
        directions: the main ones, float64 [n-grams, D], orthonormal.
    """

    def __init__(self, text: Sequence[Tokens], directions: int = DIRECTIONS) -> None:
        """Take the space of a text's first 1,000 sequences. Raises ConfigError for no token."""
        text = text[:SEQUENCES]
        having = Counter(gram for sequence in text for gram in _counted(sequence))
        if not having:
            raise ConfigError("the space of a text's n-grams needs a sequence with a token")
        self.columns = {gram: place for place, gram in enumerate(having)}
        self.rarity = np.log((1 + len(text)) / (1 + np.array([*having.values()]))) + 1
        rows = self._weighted(text)
        # Of the small square matrix, since there are far more n-grams than sequences.
        squares, vectors = np.linalg.eigh(rows @ rows.T)
        kept = np.flatnonzero(squares > squares[-1] * len(rows) * np.finfo(float).eps)
        kept = kept[::-1][:directions]
        self.directions = rows.T @ (vectors[:, kept] / np.sqrt(squares[kept]))

    def of(self, sequences: Sequence[Tokens]) -> NDArray[np.float64]:
        """Return the vector of each sequence, [N, D]; 0 for one that shares no n-gram."""
        found: NDArray[np.float64] = self._weighted(sequences) @ self.directions
        return found

    def _weighted(self, sequences: Sequence[Tokens]) -> NDArray[np.float64]:
        """Return tf-idf of each sequence, of length 1, [N, n-grams]."""
        rows = np.zeros((len(sequences), len(self.columns)))
        for row, sequence in zip(rows, sequences, strict=True):
            for gram, count in _counted(sequence).items():
                if gram in self.columns:
                    row[self.columns[gram]] = count
        rows *= self.rarity
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / np.where(lengths > 0, lengths, 1)


def _counted(sequence: Tokens) -> Counter[Gram]:
    """Return how often a sequence holds each of its n-grams, up to pairs."""
    every: Counter[Gram] = Counter()
    for size in range(1, ORDER + 1):
        every += grams(sequence, size)
    return every
