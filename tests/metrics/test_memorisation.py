"""Memorisation: copies are seen, and what is no copy is not."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.metrics import distances
from gankit.metrics.distances import nearest
from gankit.metrics.memorisation import memorisation

RNG = np.random.default_rng(0)
TRAIN, HELD, ALIKE = (RNG.normal(size=(n, 8)).astype(np.float32) for n in (2000, 1000, 1000))


def test_alike_and_independent_samples_are_not_called_copies():
    found = memorisation(ALIKE, TRAIN, HELD)
    assert found.too_near == pytest.approx(0.05, abs=0.02)
    assert found.nearer == pytest.approx(0.5, abs=0.03)
    assert found.train_side == pytest.approx(0.5, abs=0.05)
    assert abs(found.z) < 3


def test_copies_of_the_training_set_are_seen_by_each_number():
    found = memorisation(TRAIN[:1000], TRAIN, HELD)
    assert (found.too_near, found.nearer) == (1, 1)
    assert found.z > 30
    # Half of the training set is looked at: copies of it are on its side, the rest on either.
    assert found.train_side == pytest.approx(0.75, abs=0.05)


def test_one_copy_in_five():
    fake = np.concatenate([ALIKE[:800], TRAIN[:200] + np.float32(1e-3)])
    found = memorisation(fake, TRAIN, HELD)
    assert found.too_near == pytest.approx(0.2 + 0.8 * 0.05, abs=0.02)
    assert found.nearer == pytest.approx(0.2 + 0.8 * 0.5, abs=0.03)


def test_copies_of_the_last_training_examples_are_all_seen(monkeypatch):
    monkeypatch.setattr(distances, "COLUMNS", 300)
    copies = TRAIN[-400:]
    assert memorisation(copies, TRAIN, HELD).too_near == 1
    assert memorisation(copies, TRAIN[:-400], HELD).too_near < 0.1


def test_distances_that_are_known_are_not_measured_again():
    apart = nearest(HELD, TRAIN)[1]
    found = memorisation(ALIKE, TRAIN, HELD)
    assert memorisation(ALIKE, TRAIN, HELD, apart=apart) == found
    assert memorisation(ALIKE, TRAIN, HELD, apart=apart * 0).too_near == 0


def test_plain_samples_are_near_without_being_copies():
    found = memorisation(0.5 * ALIKE, TRAIN, HELD)
    assert found.nearer > 0.8
    assert found.train_side == pytest.approx(0.5, abs=0.1)  # few neighbours, in the middle


def test_poor_samples_are_far():
    found = memorisation(3 * ALIKE, TRAIN, HELD)
    assert found.nearer < 0.1
    assert found.z < -10
    assert found.train_side == pytest.approx(0.5, abs=0.05)


def test_distances_are_scikit_learns_and_the_rank_is_scipys():
    neighbours = pytest.importorskip("sklearn.neighbors").NearestNeighbors(n_neighbors=1)
    stats = pytest.importorskip("scipy.stats")
    # On a coarse lattice, so that distances tie.
    fake, train, held = (np.round(x[:, :3] * 2) for x in (ALIKE, TRAIN[:1200], HELD))
    neighbours.fit(train)
    fakes, reals = (neighbours.kneighbors(x)[0][:, 0] for x in (fake, held))
    found = memorisation(fake, train, held, alpha=0.5)
    theirs = stats.mannwhitneyu(reals, fakes, use_continuity=False, alternative="greater")
    assert found.too_near == pytest.approx((fakes < np.quantile(reals, 0.5)).mean())
    assert found.nearer == pytest.approx(theirs.statistic / (len(fakes) * len(reals)))
    assert found.z == pytest.approx(stats.norm.isf(theirs.pvalue))


def test_all_distances_alike_is_no_finding():
    same = np.zeros((40, 2))
    found = memorisation(same, same, same)
    assert (found.nearer, found.z, found.train_side, found.too_near) == (0.5, 0, 0.5, 0)


def test_sets_that_cannot_answer_are_refused():
    with pytest.raises(ConfigError, match="not one example"):
        memorisation(ALIKE, TRAIN, HELD[:10])
    with pytest.raises(ConfigError, match="50 training examples are fewer than the 1000"):
        memorisation(ALIKE, TRAIN[:50], HELD)
