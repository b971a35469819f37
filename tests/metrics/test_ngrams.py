"""The space of n-grams, beside scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.metrics.frechet import frechet_distance
from gankit.metrics.ngrams import NGramVectors


def text(seed, symbols=9, count=60):
    return np.random.default_rng(seed).integers(0, symbols, (count, 6)).tolist()


def test_it_is_tf_idf_and_a_truncated_svd_as_scikit_learn_has_them():
    pytest.importorskip("sklearn")
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    known, others = text(0), text(1)
    said = [[" ".join(map(str, row)) for row in rows] for rows in (known, others)]
    weights = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\d+").fit(said[0])
    svd = TruncatedSVD(5, algorithm="arpack", random_state=0).fit(weights.transform(said[0]))
    theirs = [svd.transform(weights.transform(one)) for one in said]
    space = NGramVectors(known, directions=5)
    own = [space.of(rows) for rows in (known, others)]
    for mine, their in zip(own, theirs, strict=True):
        assert np.abs(mine) == pytest.approx(np.abs(their), abs=1e-6)  # directions have no sign
    assert frechet_distance(*own) == pytest.approx(frechet_distance(*theirs), rel=1e-4)


def test_text_of_another_kind_is_further_away():
    space = NGramVectors(text(0))
    real, alike, other = (space.of(rows) for rows in (text(0), text(1), text(1, symbols=4)))
    assert 0 < frechet_distance(real, alike) < frechet_distance(real, other) / 2


def test_what_is_unknown_is_nowhere_and_nothing_needs_a_text():
    space = NGramVectors([["a", "b"], ["a"]])
    assert space.of([["x"], []]).tolist() == [[0, 0], [0, 0]]
    with pytest.raises(ConfigError, match="a sequence with a token"):
        NGramVectors([[]])
