"""Tags from generated word vectors (Mirza & Osindero 2014, arXiv 1411.1784, section 4.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def choose_tags(
    samples: NDArray[np.floating], words: NDArray[np.floating], nearest: int = 20, common: int = 10
) -> NDArray[np.int64]:
    """The tags of one image: which words its samples point to most often.

    Args:
        samples: [S, D], word vectors generated for the image (the paper draws 100).
        words: [W, D], the vectors of the vocabulary.
        nearest: how many words each sample votes for, by cosine.
        common: how many tags; ties go to the word that is nearer on average.

    Returns:
        int64 [common], indices into `words`, the most voted first.
    """
    unit = [
        v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (samples, words)
    ]
    cosine = unit[0].astype(np.float64) @ unit[1].astype(np.float64).T
    nearest = min(nearest, len(words))
    chosen = np.argpartition(-cosine, nearest - 1, axis=1)[:, :nearest]
    votes = np.bincount(chosen.ravel(), minlength=len(words))
    return np.lexsort((-cosine.mean(0), -votes))[:common].astype(np.int64)
