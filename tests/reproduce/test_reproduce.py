"""Reproductions: each measures on a shrunk run, and its table grows by a line with its origin."""

from __future__ import annotations

import csv
import math
import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from gankit.data import Dataset, as_pictures, load_dataset
from gankit.errors import ConfigError, DataError
from gankit.fitting import fit
from gankit.recipes import RECIPES
from gankit.reproduce.papers import (
    REPRODUCTIONS,
    code_error,
    likelihood,
    nearest_error,
    parzen,
    stacked_modes,
    toy_modes,
)
from gankit.reproduce.protocol import Trained
from gankit.reproduce.reproduce import StoppedError, reproduce
from gankit.reproduce.snapshots import Snapshot
from gankit.run import Run
from gankit.version import __version__
from tests.conftest import SMALL, THREADS


def shrunk(name):
    """Settings that make a reproduction's networks and budget tiny, and its data embedded."""
    what = REPRODUCTIONS[name]
    family = RECIPES[what.recipe]().family
    toy = what.data.startswith("toy:")
    small = {} if toy or what.recipe.endswith("mnist-paper") else SMALL[family]
    return {**small, "training.steps": 3, "training.batch": 20, "runtime.threads": THREADS}


@pytest.mark.parametrize("name", REPRODUCTIONS.names())
def test_every_reproduction_names_a_recipe_and_what_the_paper_found(name):
    what = REPRODUCTIONS[name]
    assert what.recipe in RECIPES
    assert what.paper
    assert REPRODUCTIONS.summaries()[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ring-modes", "ssgan-mnist", "began-balance"])
def test_a_line_with_its_origin_is_added(name, tmp_path):
    data = "digits" if REPRODUCTIONS[name].data == "mnist" else None
    for seed in (0, 1):
        line = reproduce(
            name, seed=seed, runs=tmp_path / "runs", results=tmp_path, data=data,
            changes=shrunk(name),
        )  # fmt: skip
    rows = list(csv.DictReader((tmp_path / f"{name}.csv").read_text().splitlines()))
    assert [row["seed"] for row in rows] == ["0", "1"]
    assert rows[1]["steps"] == "3"
    assert rows[1]["paper"] == REPRODUCTIONS[name].paper
    assert {"minutes", "gankit", "torch", "recipe", "data"} <= line.keys()
    assert "training.batch=20" in line["settings"]
    assert "threads" not in line["settings"]


@pytest.mark.slow
def test_a_line_needs_no_git(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    given = {"runs": tmp_path / "runs", "results": tmp_path, "changes": shrunk("ring-modes")}
    assert reproduce("ring-modes", seed=0, **given)["gankit"] == __version__


@pytest.mark.slow
def test_a_stopped_run_is_not_measured(tmp_path, monkeypatch):
    from dataclasses import replace

    import gankit.reproduce.reproduce as module

    stopped = {"step": 2, "signal": signal.SIGTERM}
    monkeypatch.setattr(module, "fit", lambda *a: replace(fit(*a), **stopped))
    with pytest.raises(StoppedError, match="stopped at step 2 of 3, nothing measured") as caught:
        reproduce(
            "ring-modes", seed=0, runs=tmp_path, results=tmp_path, changes=shrunk("ring-modes")
        )
    assert caught.value.signal == signal.SIGTERM
    assert not (tmp_path / "ring-modes.csv").exists()


@pytest.mark.slow
def test_what_was_measured_before_is_not_added_again(tmp_path):
    given = {"runs": tmp_path / "runs", "results": tmp_path, "changes": shrunk("ring-modes")}
    for seed in (0, 1, 0):
        reproduce("ring-modes", seed=seed, **given)
    rows = (tmp_path / "ring-modes.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["seed", "0", "1"]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("stacked-modern", "digits", "needs colour images"),
        ("infogan-mnist", "stacked_digits", "needs images of named classes"),
        ("ring-modes", "digits", "needs toy:ring8 or toy:grid25"),
        ("gan-mnist-parzen", "toy:ring8", "needs images"),
        ("gan-mnist-parzen", "arrays.npz", "has no test split"),
    ],
)
def test_data_that_cannot_be_measured_is_refused_before_training(tmp_path, name, data, said):
    if data.endswith(".npz"):
        np.savez(tmp_path / data, images=np.zeros((30, 16, 16), np.uint8))
        data = str(tmp_path / data)
    with pytest.raises(DataError, match=said):
        reproduce(name, seed=0, runs=tmp_path / "runs", results=tmp_path, data=data)
    assert not (tmp_path / "runs").exists()


class Stub:
    """A generator that remembers real images, a classifier that is a shuffled oracle."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels
        self.judged_names = tuple(f"category {i}" for i in range(10))
        self.shape = (1, 28, 28)

    def sample(self, n, seed=0):
        return self.images[:n]

    as_stored = sample

    def labels_for(self, n):
        return self.labels[:n]

    def classify(self, images):
        known = {
            image.tobytes(): label for image, label in zip(self.images, self.labels, strict=True)
        }
        shuffled = [(known[image.tobytes()] + 3) % 10 for image in images]
        return np.eye(10)[shuffled]


def stubbed(tmp_path):
    train, test = load_dataset("digits"), load_dataset("digits", split="test")
    everything = [
        np.concatenate([d.read(np.arange(len(d)))[:, 0] for d in (train, test)]),
        np.concatenate([train.labels, test.labels]),
    ]
    run = Run(tmp_path)
    run.log({"step": 1, "information_1": 2.0, "information_2": 0.5})
    return Trained(run, Stub(*everything), train, test)


def test_codes_are_matched_on_train_and_scored_on_test(tmp_path):
    values = code_error(stubbed(tmp_path))
    assert values == {"error": 0.0, "information_1": 2.0, "information_2": 0.5}


def shown(samples, train, test=None, labels=None):
    """What is measured, if these are the samples."""
    return Trained(Run(Path()), Stub(samples, labels), train, test or train)


def test_stacks_are_counted_as_digits_are_read():
    data = load_dataset("digits")
    members = [np.flatnonzero(data.labels == digit)[:20] for digit in (3, 1, 4, 8)]
    three, one, four, eight = (as_pictures(data.read(index)) for index in members)
    stacks = [np.stack(channels, -1) for channels in ((three, one, four), (one, eight, eight))]
    values = stacked_modes(shown(np.concatenate(stacks), load_dataset("stacked_digits")))
    assert values["modes"] == 2
    assert values["good"] > 0.7
    assert values["kl"] == pytest.approx(math.log(500), abs=0.1)


@pytest.mark.parametrize(("name", "count"), [("toy:ring8", 8), ("toy:grid25", 25)])
@pytest.mark.parametrize("missing", [0, 1, 5])
def test_modes_of_a_toy_that_are_missing_are_not_counted(name, count, missing):
    data = load_dataset(name)
    points = data.examples[data.labels >= missing][:2500]
    values = toy_modes(shown(points, data))
    assert values["modes"] == count - missing
    assert values["good"] == pytest.approx(0.989, abs=0.01)  # of a Gaussian within 3 sigma
    assert values["kl"] == pytest.approx(math.log(count / (count - missing)), abs=0.02)


def test_the_error_by_the_nearest_sample_is_the_share_of_wrong_labels():
    data = load_dataset("digits")
    some = Dataset.of(as_pictures(data.read(np.arange(300))), data.labels[:300])
    labels = some.labels.copy()
    labels[:30] = (labels[:30] + 1) % 10
    values = nearest_error(shown(as_pictures(some.read(np.arange(300))), some, labels=labels))
    assert values == {"error": 0.1, "error_of_real": 0.0, "samples": 300.0}


@pytest.mark.slow
def test_samples_that_are_the_training_set_have_its_nearest_neighbour_error(tmp_path):
    values = nearest_error(stubbed(tmp_path))
    assert (
        values["error"] == values["error_of_real"] == pytest.approx(0.051, abs=5e-4)
    )  # scikit-learn


@pytest.mark.slow
def test_the_training_set_itself_scores_its_parzen_likelihood(tmp_path):
    """The sanity anchor: real samples score about as much as papers report for them."""
    stub = stubbed(tmp_path)
    values = likelihood(stub.gan, stub.test)
    assert 150 < values["nats"] < 300
    assert 0.1 < values["sigma"] < 0.3


def likelihoods(monkeypatch, *found):
    """`parzen` of checkpoints whose (last, averaged) weights have these likelihoods."""
    steps = [Snapshot(step, *pair) for step, pair in enumerate(found, 1)]
    monkeypatch.setattr("gankit.reproduce.papers.snapshots", lambda _run: iter(steps))
    monkeypatch.setattr(
        "gankit.reproduce.papers.likelihood",
        lambda nats, _test: {"nats": nats, "standard_error": 3.0, "sigma": 0.2},
    )
    return parzen(Trained(None, None, None, None))


def test_both_weights_are_measured_and_the_interval_holds_their_scatter(monkeypatch):
    values = likelihoods(monkeypatch, (2.0, 20.0), (10.0, 20.0), (6.0, 20.0))
    assert (values["nats"], values["standard_error"], values["scatter"]) == (6, 3, 4)
    assert values["error"] == 5
    assert (values["averaged_nats"], values["averaged_scatter"]) == (20, 0)
    assert values["averaged_error"] == values["averaged_standard_error"] == 3
    assert values["snapshots"] == 3


def test_one_checkpoint_says_nothing_of_scatter(monkeypatch):
    values = likelihoods(monkeypatch, (6.0, None))
    assert values == {"nats": 6.0, "standard_error": 3.0, "sigma": 0.2, "snapshots": 1.0}


@pytest.mark.parametrize("key", ["training.seed", "data.source"])
def test_what_has_an_argument_is_no_setting(key, tmp_path):
    with pytest.raises(ConfigError, match=f"{key} is the argument"):
        reproduce("ring-modes", seed=0, runs=tmp_path, results=tmp_path, changes={key: "1"})


def test_all_reproductions_go_on_from_where_they_were_stopped(tmp_path):
    """With a stand-in for Python that fails for one name, and is killed at another."""
    python, log = tmp_path / "python", tmp_path / "log"
    python.write_text(
        f"""#!/bin/sh
        echo "$4 $6 $*" >> {log}
        [ "$4" = stacked-modern ] && exit 1
        [ "$4" = ssgan-mnist ] && [ ! -e {tmp_path}/again ] && exit 130
        exit 0
        """
    )
    python.chmod(0o755)
    script = Path(__file__).parents[2] / "tools/reproduce_all.sh"
    names = "ring-modes stacked-modern ssgan-mnist gan-mnist-parzen"
    more = {"PYTHON": str(python), "NAMES": names, "SEEDS": "0 1", "MNIST": "/m n"}
    command, environment = [script, tmp_path / "runs", tmp_path / "tables"], {**os.environ, **more}

    def called():
        log.write_text("")
        code = subprocess.run(command, env=environment, check=False, capture_output=True).returncode
        return code, log.read_text().splitlines()

    code, stopped = called()
    (tmp_path / "again").touch()
    python.write_text(python.read_text().replace("stacked-modern ] && exit 1", "none ] && exit 1"))
    again, further = called()
    first = ["ring-modes 0", "ring-modes 1", "stacked-modern 0", "stacked-modern 1"]
    assert (code, begun(stopped)) == (130, [*first, "ssgan-mnist 0"])
    rest = [f"{name} {seed}" for name in names.split()[2:] for seed in (0, 1)]
    assert (again, begun(further)) == (0, [*first[2:], *rest])
    assert all(("--data /m n" in line) == ("mnist" in line) for line in further)
    assert called() == (0, [])
    del environment["NAMES"]  # by default all headlines, but not what they are compared with
    controls = {"seqgan-oracle-likelihood", "seqgan-oracle-constant"}
    named = {call.split()[0] for call in called()[1]}
    assert named | {"ring-modes", *names.split()} == {*REPRODUCTIONS.names()} - controls


def begun(calls):
    """The name and the seed in each line of the log."""
    return [" ".join(call.split()[:2]) for call in calls]
