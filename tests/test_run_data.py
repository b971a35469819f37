"""A run's data found again where it is now: by `evaluate`, the doctor and the probe."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import gankit
from gankit.doctor.diagnose import diagnose
from gankit.errors import DataError
from gankit.fitting import fit
from gankit.probe.probe import probe
from gankit.run_data import find_data
from gankit.scores.evaluate import Watch, evaluate
from gankit.scores.reference import read_reals

pytestmark = pytest.mark.slow


def pictures(folder, count=24, seed=0):
    """Two classes with a test split."""
    rng = np.random.default_rng(seed)
    for split in ("train", "test"):
        for name, level in (("dark", 40), ("light", 200)):
            (folder / split / name).mkdir(parents=True)
            for i in range(count):
                pixels = (rng.integers(-30, 30, (20, 24, 3)) + level).astype(np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f"{i}.png")


def arrays(path, count=48):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 16, 16)).astype(np.uint8)
    labels = np.arange(count) % 2
    np.savez(path, images=images, labels=labels, test_images=images, test_labels=labels)


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANKIT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture(params=["photos", "./photos/", "photos/**/*.png", "set.npz"])
def source(request, at_home):
    """A relative path: a folder, a pattern, or an .npz file."""
    if request.param == "set.npz":
        arrays(at_home / "set.npz")
    else:
        pictures(at_home / "photos")
    return request.param


@pytest.fixture
def run(source, at_home, small):
    steps = {"training.steps": 2, "output.doctor": 0}
    return fit(small("cgan", source, **steps), at_home / "runs" / "r").run.folder


def moved(at_home, source):
    """Move the data; what leads to it now."""
    (at_home.parent / "away").mkdir()
    name = "set.npz" if source == "set.npz" else "photos"
    (at_home / name).rename(at_home.parent / "away" / name)
    return str(at_home.parent / "away" / source)


def told(run, **options):
    said: list[str] = []
    report = evaluate(run, n=20, draws=1, metrics=["frechet"], watch=Watch(say=said.append),
                      **options)  # fmt: skip
    return report, "\n".join(said)


def test_data_that_was_moved_is_asked_for_and_counts_as_the_runs_own(run, source, at_home):
    reals = read_reals(gankit.load(run), None, None, print, run)
    before, _ = told(run)
    assert reals.own
    now = moved(at_home, source)
    with pytest.raises(DataError, match="give data, the path where it is now") as raised:
        evaluate(run)
    assert "\n" not in str(raised.value)
    found = read_reals(gankit.load(run), now, None, print, run)
    assert found.own
    assert found.split == reals.split
    assert found.train.class_names == reals.train.class_names
    assert found.train.fingerprint == reals.train.fingerprint
    for path in (run, run / "model.safetensors"):
        after, said = told(path, data=now)
        assert "not what the run was trained on" not in said
        assert after.scores == before.scores
        assert after.protocol == before.protocol


def test_the_doctor_looks_at_data_that_was_moved(run, source, at_home):
    before = diagnose(run)
    now = moved(at_home, source)
    missing = diagnose(run).unseen["memorisation"]
    assert "give data, the path where it is now" in missing
    assert diagnose(run, now) == before
    with pytest.raises(DataError, match="nowhere"):
        diagnose(run, "nowhere")
    pictures(at_home / "other", seed=1)
    said = diagnose(run, "digits").unseen["memorisation"]
    assert "the data 'digits' is not what the run was trained on" in said


def test_the_probe_takes_the_runs_own_data_or_data_that_was_moved(run, source, at_home):
    pytest.importorskip("sklearn")
    if "*" in source:
        pytest.skip("a pattern has no test split")
    quick = {"labels_per_class": (4,), "draws": 2, "baselines": False}
    said: list[str] = []
    before = probe(run, **quick, say=said.append)
    now = moved(at_home, source)
    with pytest.raises(DataError, match="give data, the path where it is now"):
        probe(run, **quick)
    after = probe(run, now, **quick, say=said.append)
    assert (after.rows, after.data, after.data_hash) == (before.rows, before.data, before.data_hash)
    assert not [line for line in said if "not what" in line]


def test_other_data_is_called_so(run, at_home):
    pictures(at_home / "other", seed=1)
    (at_home / "other" / "train" / "dark" / "0.png").unlink()
    if gankit.load(run).shape[0] == 3:
        reals = read_reals(gankit.load(run), "other", None, lambda line: None, run)
        assert not reals.own
        _, said = told(run, data="other")
        assert "the data 'other' is not what the run was trained on: " in said
        assert said.count("not what the run was trained on") == 1


def test_a_relative_path_seen_from_another_folder(run, source, at_home, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="relative to where the run was trained") as raised:
        evaluate(run)
    here = str(at_home / source).rstrip("/")
    assert f"give data {here!r}" in str(raised.value).replace(f" {here}", f" {here!r}")
    assert "not what" not in told(run, data=here)[1]
    run = run.rename(tmp_path / "moved")
    with pytest.raises(DataError, match=r"and this is .*elsewhere: give data, the path"):
        evaluate(run)


def test_the_folder_itself_seen_from_another_folder(small, tmp_path, monkeypatch):
    """`.` is somewhere else now, and may hold pictures too."""
    pictures(tmp_path / "photos")
    pictures(tmp_path / "others", count=30)
    monkeypatch.chdir(tmp_path / "photos")
    run = fit(small("cgan", ".", **{"training.steps": 2}), tmp_path / "photos/runs/r").run.folder
    monkeypatch.chdir(tmp_path / "others")
    _, said = told(run)
    assert (
        "48 examples then, 60 now; the path is relative to where the run was trained: give" in said
    )
    assert f"give data {tmp_path / 'photos'}" in said
    assert "not what" not in told(run, data="../photos")[1]


def test_a_bare_artifact_knows_its_data_by_name_alone(run, source, tmp_path):
    bare = (run / "model.safetensors").rename(tmp_path / "bare.safetensors")
    assert read_reals(gankit.load(bare), None, None, print, bare).own
    assert not read_reals(gankit.load(bare), str(tmp_path / "home" / source), None, print, bare).own
    assert "not what" not in told(bare)[1]


def test_a_record_without_the_same_data_is_told_once(run, source):
    record = json.loads((run / "run.json").read_text())
    record["data"]["fingerprint"] = "0" * 16
    (run / "run.json").write_text(json.dumps(record))
    _, said = told(run)
    assert said.count("the training data is not what the run was trained on") == 1


def test_a_run_that_began_before_a_tables_splits_were_read_goes_on_with_all(at_home, small):
    """The table is written after the start: then it says what was not read of it."""
    rng = np.random.default_rng(0)
    lines = ["file,split"]
    for i in range(240):
        name = f"{('cat', 'dog')[i % 2]}/{i}.png"
        (at_home / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (16, 16), np.uint8)
        Image.fromarray(pixels).save(at_home / "photos" / name)
        lines.append(f"{name},{'train' if i < 200 else 'test'}")
    config = small("cgan", "photos", **{"training.steps": 1, "output.doctor": 0})
    run = fit(config, "runs/r", quiet=True).run
    (at_home / "photos" / "splits.csv").write_text("\n".join(lines))
    record = run.record()
    found = {
        split: find_data(record.config.data, record.task.shape, None, run.folder, record, split)
        for split in ("train", "test")
    }
    counts = {split: len(one.dataset) for split, one in found.items()}
    assert (counts, found["train"].same) == ({"train": 216, "test": 24}, True)
    assert any("splits in splits.csv are not read" in n for n in found["train"].dataset.notes)
    assert fit(gankit.override(config, {"training.steps": 2}), "runs/r", quiet=True).step == 2
    later = fit(config, "runs/later", quiet=True).run.record()  # a new run reads them
    assert later.data["count"] == 200
    again = find_data(later.config.data, later.task.shape, None, run.folder, later, "test")
    assert len(again.dataset) == 40
