"""Classifying a user's images by a run's discriminator."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from PIL import Image

import gankit
from gankit.errors import ConfigError, DataError
from gankit.fitting import fit
from gankit.settings.config import override
from gankit.trained.classify import classify_data
from tests.conftest import SMALL, THREADS
from tests.trained.made import made


def trained(family, folder, source="digits"):
    small = {} if source.startswith("toy:") else SMALL[family]
    changes = {**small, "training.steps": 2, "training.batch": 20, "runtime.threads": THREADS}
    fit(override(gankit.configure(family, source), changes), folder)
    return gankit.load(folder)


@pytest.mark.slow
def test_a_report_and_a_table(tmp_path):
    gan = trained("ssgan", tmp_path / "run")
    report = classify_data(gan, "digits", "test", tmp_path / "t.csv")
    assert report.startswith("2,000 images of digits (test)")
    right = float(report.split("right: ")[1].split("%")[0])
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[0] == "index,class,chance"
    assert len(lines) == 2001
    named = np.array([int(line.split(",")[1]) for line in lines[1:]])
    labels = gankit.load_dataset("digits", split="test").labels
    assert right == pytest.approx(100 * (named == labels).mean(), abs=0.01)


@pytest.mark.slow
def test_pictures_of_another_size_and_colour_are_fitted(tmp_path):
    gan = trained("ssgan", tmp_path / "run")
    (tmp_path / "mine").mkdir()
    for i in range(3):
        Image.new("RGB", (40, 60), (80 * i, 10, 10)).save(tmp_path / "mine" / f"{i}.png")
    (tmp_path / "mine/1.png").write_bytes(b"\x89PNG and nothing else")
    for split in ("train", None):  # there is no test split
        report = classify_data(gan, str(tmp_path / "mine"), split, tmp_path / "t.csv")
        assert report.startswith("2 images")
        assert "1.png" in report
        rows = (tmp_path / "t.csv").read_text().splitlines()
        assert [row.split(",")[0] for row in rows] == ["index", "0", "1"]
        assert [row.split(",")[3] for row in rows] == ["file", "0.png", "2.png"]
    with pytest.raises(DataError, match="no test split"):
        classify_data(gan, str(tmp_path / "mine"), "test", None)


@pytest.mark.slow
def test_arrays_are_taken_as_they_are(tmp_path):
    gan = trained("ssgan", tmp_path / "run")
    digits = gankit.load_dataset("digits", split="test")
    images = digits.read(np.arange(50))[:, 0]
    np.savez(tmp_path / "mine.npz", images=images)
    np.savez(tmp_path / "small.npz", images=images[:, 4:])
    report = classify_data(gan, str(tmp_path / "mine.npz"), "train", None)
    assert report.startswith("50 images")
    with pytest.raises(DataError, match=r"is of 1x24x28 .*; the run knows 1x28x28"):
        classify_data(gan, str(tmp_path / "small.npz"), "train", None)


def test_a_name_with_a_comma_stays_one_cell_of_the_table(small, tmp_path):
    names = ("tench, Tinca tinca", 'a "hen"', "two\nlines", "caf\udce9")
    gan = made(small("ssgan"), (1, 28, 28), names)
    np.savez(tmp_path / "x.npz", images=np.arange(40 * 28 * 28).reshape(40, 28, 28) % 256)
    classify_data(gan, str(tmp_path / "x.npz"), "train", tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["index"] for row in rows] == [str(i) for i in range(40)]
    assert {row["class"] for row in rows} <= {*names[:3], "caf?"}
    assert all(float(row["chance"]) <= 1 for row in rows)


@pytest.mark.slow
def test_categories_without_names_are_matched_first(tmp_path):
    pytest.importorskip("scipy")
    config = {**SMALL["infogan"], "network.codes": "10", "training.steps": 2}
    config |= {"training.batch": 20, "runtime.threads": THREADS}
    fit(override(gankit.configure("infogan", "digits"), config), tmp_path / "run")
    report = classify_data(gankit.load(tmp_path / "run"), "digits", "test", None)
    assert "after matching categories to classes on these images" in report


@pytest.mark.slow
def test_families_that_name_nothing_say_so(tmp_path):
    gan = trained("dcgan", tmp_path / "run")
    with pytest.raises(ConfigError, match="'dcgan' names no classes"):
        classify_data(gan, "digits", "test", None)
    with pytest.raises(DataError, match="points"):
        classify_data(trained("gan", tmp_path / "toy", "toy:ring8"), "digits", "test", None)
