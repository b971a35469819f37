"""`gankit probe`: the table, what it depends on, and what it refuses."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from gankit.errors import ConfigError, DataError, MissingExtraError
from gankit.fitting import fit
from gankit.metrics.intervals import over_runs
from gankit.probe import probe as module
from gankit.probe.probe import probe
from gankit.probe.table import row_of

pytest.importorskip("sklearn")

QUICK = {"labels_per_class": (5,), "draws": 2, "test_limit": 200, "centroids": 10}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of each kind, trained once."""
    from gankit.choose_recipe import configure
    from gankit.settings.config import override
    from tests.conftest import SMALL, THREADS

    folder = tmp_path_factory.mktemp("runs")
    tiny = {"training.steps": 2, "training.batch": 8, "runtime.threads": THREADS}
    for family in ("dcgan", "cgan", "gan"):
        fit(override(configure(family, "digits"), SMALL[family] | tiny), folder / family)
    return folder


def pictures(folder, count=8, names=("dark", "light"), size=(20, 24)):
    """Two classes that anything tells apart, in colour and of another size."""
    rng = np.random.default_rng(0)
    for name, level in zip(names, (40, 200), strict=True):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = (rng.integers(-30, 30, (*size, 3)) + level).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")


def arrays(path, count=40, side=28, **more):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, side, side)).astype(np.uint8)
    np.savez(path, images=images, labels=np.arange(count) % 2, **more)
    return str(path)


@pytest.mark.slow
def test_each_kind_of_features_by_each_classifier(runs):
    found = probe(runs / "cgan", "digits", **QUICK, classifiers=("svm", "logistic"))
    linear = [(row.features, row.classifier) for row in found.rows[:8]]
    kinds = ("discriminator", "untrained discriminator", "k-means, 10 of 6x6", "pixels")
    assert linear == [(k, c) for k in kinds for c in ("svm", "logistic")]
    assert [row.features for row in found.rows[8:]] == [
        "generated samples",
        "as many training images",
    ]
    accuracy = {(row.features, row.classifier): row.accuracy for row in found.rows}
    assert accuracy["pixels", "svm"] > 0.4  # of ten classes
    assert accuracy["as many training images", "1-nn"] > 0.85
    assert accuracy["generated samples", "1-nn"] < 0.5  # two steps behind it
    for row in found.rows:
        assert len(row.draws) == 2
        assert row.accuracy == pytest.approx(np.mean(row.draws))
        assert row.interval[0] <= row.accuracy <= row.interval[1]
    assert [row.dims for row in found.rows[::2]] == [192, 192, 40, 784, 784]
    assert (found.step, found.family, found.n_test, found.seed) == (2, "cgan", 200, 0)
    assert 50 < found.n_train <= 100
    assert found.data == "digits"
    assert set(found.versions) == {"gankit", "torch", "scikit_learn", "python"}


@pytest.mark.slow
def test_the_same_seed_twice_and_another(runs):
    a, b, c = (probe(runs / "dcgan", "digits", **QUICK, seed=s).rows for s in (0, 0, 1))
    assert a == b
    assert a != c
    assert {row.features for row in a} & {"generated samples"} == set()  # not conditional


@pytest.mark.slow
def test_other_data_at_the_runs_size_and_a_source_to_test_on(runs, tmp_path):
    pictures(tmp_path / "train")
    pictures(tmp_path / "test")
    sources = {"data": str(tmp_path / "train"), "test": str(tmp_path / "test")}
    found = probe(runs / "dcgan", **sources, **QUICK, kmeans_layers=2)
    assert [row.dims for row in found.rows if row.features == "k-means, 10 of 6x6, 2 layers"] == [
        80
    ]
    accuracy = {row.features: row.accuracy for row in found.rows}
    assert accuracy["discriminator"] == accuracy["pixels"] == 1
    assert (found.data, found.test, found.n_test, found.classes) == ("train", "test", 16, 2)
    assert found.shape == (1, 28, 28)


@pytest.mark.slow
def test_arrays_of_the_runs_size(runs, tmp_path):
    path = arrays(tmp_path / "a.npz")
    found = probe(runs / "dcgan", path, test=path, **QUICK, baselines=False)
    assert [row.features for row in found.rows] == ["discriminator"]
    with pytest.raises(DataError, match="give test, images of another source"):
        probe(runs / "dcgan", path, **QUICK)
    small = arrays(tmp_path / "b.npz", side=20)
    with pytest.raises(DataError, match="1x20x20"):
        probe(runs / "dcgan", small, test=path, **QUICK)


@pytest.mark.slow
def test_what_is_refused(runs, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="1001 asks more than there is"):
        probe(runs / "dcgan", "digits", labels_per_class=(1001,))
    with pytest.raises(ConfigError, match="at least 2, got 1"):
        probe(runs / "dcgan", "digits", labels_per_class=(10, 1))
    with pytest.raises(ConfigError, match="draws must be at least 1"):
        probe(runs / "dcgan", "digits", draws=0)
    with pytest.raises(ConfigError, match="no convolutions to probe"):
        probe(runs / "gan", "digits")
    unlabelled = tmp_path / "u.npz"
    np.savez(unlabelled, images=np.zeros((9, 28, 28), np.uint8))
    with pytest.raises(DataError, match="has no classes"):
        probe(runs / "dcgan", str(unlabelled), test=str(unlabelled))
    pictures(tmp_path / "a")
    pictures(tmp_path / "b", names=("black", "white"))
    with pytest.raises(DataError, match=r"2 \(black, white\), are not those to learn"):
        probe(runs / "dcgan", str(tmp_path / "a"), test=str(tmp_path / "b"))
    monkeypatch.setattr(module, "MEMORY", 1e6)
    with pytest.raises(ConfigError, match="lower labels_per_class"):
        probe(runs / "dcgan", "digits", classifiers=("svm", "logistic"))


def test_without_scikit_learn_it_says_so_first(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtraError, match=r"gankit\[evaluate\]"):
        probe(tmp_path, "digits")


def test_the_interval_is_that_of_a_mean_of_shares():
    for draws in ((0.5, 0.6, 0.7), (0.99, 1.0, 0.9)):
        row = row_of(("pixels", 4, "svm", 10), draws)
        assert (row.accuracy, *row.interval) == over_runs(draws, within=(0, 1))
    assert row_of(("pixels", 4, "svm", 10), (0.5,)).interval is None


def test_what_does_not_fit_in_memory_is_read_from_disk(runs, monkeypatch):
    plain = {**QUICK, "labels_per_class": (20,), "baselines": False}
    in_memory = probe(runs / "dcgan", "digits", **plain)
    monkeypatch.setattr(module, "MEMORY", 1000)
    said = []
    on_disk = probe(runs / "dcgan", "digits", **plain, say=said.append)
    assert any("GB on disk" in line for line in said)
    assert abs(on_disk.rows[0].accuracy - in_memory.rows[0].accuracy) < 0.1
    assert len(on_disk.rows[0].draws) == 2
    with pytest.raises(ConfigError, match="the classifier svm alone"):
        probe(runs / "dcgan", "digits", **plain, classifiers=("logistic",))
