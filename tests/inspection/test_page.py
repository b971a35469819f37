"""inspect.html: what is on it, and that it stands alone."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import gankit
from gankit.data import ArrayDataset
from gankit.inspection.page import LISTED
from gankit.pictures import REAL
from tests.inspection.data import pets
from tests.pages.pages import Page

NASTY = "</td><script>alert(1)</script>"


def read(data, folder, **given) -> Page:
    gankit.inspect(data, folder=folder, **given)
    page = Page(folder / "inspect.html")
    page.check_stands_alone()
    return page


def test_everything_is_on_the_page(tmp_path):
    page = read(pets(tmp_path / "pets"), tmp_path / "out")
    for said in (
        "In both splits, listed below: equal groups 1, nearly equal pairs 1.",
        "Repeats of different classes: 1.",
        "cat 7",
        "dog/2.png (train, dog)",
        "dog/leak.png (test, dog)",
        "cat/leak.jpg (test, cat)",
        "cat/broken.png not an image",
        "64 x 80 1",
        "14 colour images 48x40",
        "How often values occur, in %, in steps of 8",
    ):
        assert said in page.text, said
    assert [image["alt"] for image in page.all("img")] == ["examples of cat", "examples of dog"]
    assert 'class="legend"' not in page.source  # its last value says nothing of a histogram
    with Image.open(tmp_path / "out/sheet.png") as sheet:
        assert sheet.mode == "RGB"


def test_moments_are_drawn_as_points(tmp_path):
    moments = np.random.default_rng(0).normal(size=(200, 1, 6)).astype(np.float32)
    page = read(ArrayDataset("moments", moments, "f"), tmp_path)
    assert "The first two of 6 numbers are shown." in page.text
    with Image.open(tmp_path / "sheet.png") as sheet:
        drawn = (np.asarray(sheet) == REAL).all(2).sum()
    assert drawn > 5 * len(moments)


@pytest.mark.parametrize("names", [(NASTY, "&amp;"), ("cat\u202egpj", "\ud800x"), ("", "\n")])
def test_names_cannot_run_or_hide(tmp_path, names):
    images = np.random.default_rng(0).integers(0, 256, (4, 1, 9, 9)).astype(np.uint8)
    data = ArrayDataset(f"x{names[0]}", images, "f", np.array([0, 1, 0, 1]), names)
    page = read(data, tmp_path)
    assert "<script>alert" not in page.source
    assert not set(page.source) & set("\u202e\ud800")
    assert len(page.all("script")) == 1


def test_many_repeats_and_classes_are_counted(tmp_path):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (LISTED + 5, 1, 8, 8)).astype(np.uint8)
    labels = np.arange(len(images))
    twice = ArrayDataset(
        "x", np.concatenate([images, images]), "f", np.concatenate([labels, labels]),
        tuple(f"class {i}" for i in labels),
    )  # fmt: skip
    page = read(twice, tmp_path)
    assert f"{LISTED} of {LISTED + 5} are listed" in page.text
    assert f"40 of {LISTED + 5} classes are shown" in page.text
    assert len(page.all("img")) == 40


def test_texts_are_shown_by_their_symbols(tmp_path):
    words = ArrayDataset("w", np.array([[0, 1], [1, 1]]), "f", symbols=("no", "<b>"))
    page = read(words, tmp_path)
    assert "no <b>" in page.text
    assert "2 of 2 symbols occur" in page.text


def test_large_images_are_shown_smaller(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 300, 200)).astype(np.uint8)
    page = read(ArrayDataset("x", images, "f"), tmp_path)
    assert "Shown at 128 pixels" in page.text
    assert int(page.all("img")[0]["height"]) < 140
    assert page.all("img")[0]["src"].startswith("data:image/jpeg")
