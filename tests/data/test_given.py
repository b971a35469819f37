"""Data that a program holds already becomes a Dataset."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import TensorDataset

from gankit.data import Dataset
from gankit.errors import DataError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 16, 18), np.uint8)
COLOUR = RNG.integers(0, 256, (6, 16, 18, 3), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def all_of(dataset):
    return dataset.read(np.arange(len(dataset)))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (GREY, GREY[:, None]),
        (COLOUR, COLOUR.transpose(0, 3, 1, 2)),
        (COLOUR.transpose(0, 3, 1, 2), COLOUR.transpose(0, 3, 1, 2)),
        (torch.from_numpy(GREY), GREY[:, None]),
        (torch.from_numpy(COLOUR.transpose(0, 3, 1, 2).copy()), COLOUR.transpose(0, 3, 1, 2)),
        (list(COLOUR), COLOUR.transpose(0, 3, 1, 2)),
        ([Image.fromarray(c) for c in COLOUR], COLOUR.transpose(0, 3, 1, 2)),
    ],
    ids=["grey", "last", "first", "tensor", "tensor first", "list", "pictures"],
)
def test_images_are_uint8_with_channels_first(given, wanted):
    dataset = Dataset.of(given)
    assert (all_of(dataset) == wanted).all()
    assert dataset.labels is None
    assert dataset.whence == "python:arrays"


def test_an_axis_that_may_be_either_is_as_the_library_has_it():
    both = np.zeros((2, 3, 16, 3), np.uint8)
    assert Dataset.of(both).shape == (3, 3, 16)
    assert Dataset.of(torch.from_numpy(both)).shape == (3, 16, 3)


@pytest.mark.parametrize("signed", [False, True])
def test_floats_come_back_as_the_same_bytes_and_it_is_said(signed):
    floats = GREY / np.float32(255)
    dataset = Dataset.of(floats * 2 - 1 if signed else floats)
    assert (all_of(dataset)[:, 0] == GREY).all()
    assert f"{-1 if signed else 0} becomes black and 1 white" in dataset.notes[0]


def test_points_and_conditions():
    points, conditions = RNG.normal(size=(6, 2)), RNG.normal(size=(6, 4))
    dataset = Dataset.of((points, conditions), name="mine")
    assert all_of(dataset).dtype == np.float32
    assert (dataset.shape, dataset.condition, dataset.class_names) == ((2,), 4, ())


def test_labels_and_names():
    dataset = Dataset.of(GREY, LABELS, class_names=["a", "b", "c"])
    assert dataset.class_names == ("a", "b", "c")
    assert dataset.labels.tolist() == LABELS.tolist()
    assert Dataset.of(GREY, torch.from_numpy(LABELS)).class_names == ("0", "1", "2")
    assert Dataset.of(dataset) is dataset


def test_names_that_are_no_text():
    dataset = Dataset.of(GREY, np.array(["caf\udce9", "\ud800", "c"])[LABELS])
    assert set(dataset.class_names) == {"caf\udce9", "\ud800", "c"}


def test_the_fingerprint_is_of_the_content():
    first, other = Dataset.of(GREY, LABELS), Dataset.of(GREY[::-1], LABELS)
    assert first.fingerprint == Dataset.of(torch.from_numpy(GREY), LABELS).fingerprint
    assert first.fingerprint != other.fingerprint
    assert first.fingerprint != Dataset.of(GREY).fingerprint


def test_what_is_given_can_change_afterwards():
    given = GREY.copy()
    dataset = Dataset.of(given)
    given[:] = 0
    assert (all_of(dataset)[:, 0] == GREY).all()


class Plain(TorchDataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        return torch.from_numpy(COLOUR[index]).permute(2, 0, 1) / 255


def test_torch_data_sets():
    assert (all_of(Dataset.of(Plain())) == COLOUR.transpose(0, 3, 1, 2)).all()
    paired = TensorDataset(torch.from_numpy(GREY)[:, None], torch.from_numpy(LABELS))
    dataset = Dataset.of(paired)
    assert dataset.shape == (1, 16, 18)
    assert dataset.labels.tolist() == LABELS.tolist()


class HuggingFace:
    """What of a Hugging Face data set is used."""

    column_names = ("image", "label")
    features = {"label": type("ClassLabel", (), {"names": ["x", "y", "z"]})()}  # noqa: RUF012

    def __len__(self):
        return 6

    def __getitem__(self, index):
        return {"image": Image.fromarray(GREY[index]), "label": int(LABELS[index])}


def test_hugging_face_data_sets():
    dataset = Dataset.of(HuggingFace())
    assert (all_of(dataset)[:, 0] == GREY).all()
    assert dataset.class_names == ("x", "y", "z")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("digits",), "cannot be made of 'digits': give images"),
        (({"x": 1},), "cannot be made of"),
        (([],), "is empty"),
        ((GREY > 9,), r"bool \[6, 16, 18\]"),
        ((np.zeros((6, 18, 18, 17), np.uint8),), "no axis of 1 to 16 channels"),
        ((np.zeros((6, 4, 12, 8), np.uint8),), "may have 4 or 8 channels: give a tensor"),
        ((np.where(GREY[0, 0, 0] == GREY, np.nan, GREY),), "not finite in .* the first in image 0"),
        ((np.full((3, 2), np.nan),), "not finite"),
        ((np.full((3, 2), 1e300),), "too large for float32"),
        ((np.zeros((4, 9, 3), np.uint8),), "a single picture, or 3 pixels wide"),
        ((np.zeros((0, 2)),), r"float64 \[0, 2\]"),
        (
            ([GREY[0], GREY[0, :5]],),
            r"of 2 shapes, such as \[16, 18\] \(example 0\) and \[5, 18\] \(example 1\): resize",
        ),
        (
            ([COLOUR[0], COLOUR[1], GREY[0]],),
            r"channels in 2 ways, such as \[16, 18, 3\] \(example 0\) and \[16, 18\] "
            r"\(example 2\): give all of them in one, such as all grey, \[H, W\], or all in colour",
        ),
        (([GREY[0], GREY[0, ..., None]],), "their channels in 2 ways"),
        (([torch.zeros(3, 18, 18), torch.zeros(1, 18, 18)],), "their channels in 2 ways"),
        (([torch.zeros(3, 18, 18), np.zeros((18, 18, 3))],), "their channels in 2 ways"),
        (([Image.fromarray(COLOUR[0]), GREY[0]],), "their channels in 2 ways"),
        (([GREY[0], GREY[1] / 255],), "images of float64 and uint8, and uint8 alone is always"),
        (([Image.fromarray(GREY[0]), Image.fromarray(GREY[1].astype(np.uint16))],), "in one type"),
        (([(1, 2, 3)],), r"x or \(x, y\), got one of 3 parts"),
        ((GREY, LABELS[:3]), "6 examples and 3 labels"),
        ((GREY, LABELS - 1), "whole numbers from 0, got -1 to 1"),
        ((GREY, LABELS / 2), r"labels cannot be float64 \[6\]: at 1 stands 0.5"),
        ((GREY, "abcdef"), "no list of labels"),
    ],
)
def test_anything_else_is_one_line(arguments, said):
    with pytest.raises(DataError, match=said) as caught:
        Dataset.of(*arguments)
    assert "\n" not in str(caught.value)


def test_names_that_do_not_fit():
    with pytest.raises(DataError, match="2 class names, and labels up to 2"):
        Dataset.of(GREY, LABELS, class_names=["a", "b"])
    with pytest.raises(DataError, match="without labels"):
        Dataset.of(GREY, class_names=["a"])


def test_a_set_of_splits_is_no_data_set():
    splits = type("Splits", (), {"column_names": {"train": [], "test": []}})()
    with pytest.raises(DataError, match=r"splits \(train, test\)"):
        Dataset.of(splits)


@pytest.mark.parametrize("kind", [np.int16, np.uint16, np.int64, np.float16])
def test_numbers_of_other_types_keep_their_range_and_type(kind):
    numbers = (GREY.astype(np.int64) * 100).clip(0, 30000).astype(kind)
    dataset = Dataset.of(numbers)
    low, high = float(numbers.min()), float(numbers.max())
    assert (dataset.values, dataset.pixels.dtype) == ((low, high), np.dtype(kind).name)
    wanted = (numbers[:, None].astype(float) - low) * 255 / (high - low)
    assert np.abs(all_of(dataset) - wanted).max() <= 0.51


@pytest.mark.parametrize("channels", [2, 4, 7, 16])
def test_channels_come_first_in_tensors_and_by_the_square_in_arrays(channels):
    planes = RNG.integers(0, 256, (3, channels, 12, 12)).astype(np.uint8)
    for given in (torch.from_numpy(planes), planes, planes.transpose(0, 2, 3, 1)):
        if given.shape[1:] != (12, 12, 12):
            assert np.array_equal(all_of(Dataset.of(given)), planes)


def test_opacity_of_pictures_and_of_arrays_is_kept_if_asked():
    clear = Image.new("RGBA", (16, 16), (10, 20, 30, 0))
    half = Image.new("LA", (16, 16), (200, 128))
    white = Dataset.of([clear, half])
    assert white.shape == (3, 16, 16)
    assert all_of(white)[:, 0, 0, 0].tolist() == [255, 227]
    kept = Dataset.of([clear, half], channels="rgba")
    assert all_of(kept)[:, :, 0, 0].tolist() == [[0, 0, 0, 0], [100, 100, 100, 128]]
    arrays = np.stack([np.asarray(p.convert("RGBA")) for p in (clear, half)])
    assert np.array_equal(all_of(Dataset.of(arrays, channels="rgba")), all_of(kept))
    with pytest.raises(DataError, match="have 1 channel, and rgba needs 4"):
        Dataset.of(GREY, channels="rgba")
    with pytest.raises(DataError, match="'auto' or 'rgba', got 'grey'"):
        Dataset.of(GREY, channels="grey")


@pytest.mark.parametrize(
    ("modes", "channels"),
    [(("1",), 1), (("LA",), 1), (("1", "L", "LA"), 1), (("L", "RGB"), 3), (("P", "L"), 3)],
)
def test_pictures_of_several_modes_are_grey_if_all_are(modes, channels):
    one = Image.new("L", (20, 18), 255)
    given = Dataset.of([one.convert(modes[i % len(modes)]) for i in range(6)])
    assert given.shape == (channels, 18, 20)
    assert given.read(np.arange(6)).min() == 255


def test_labels_in_bfloat16_are_numbers():
    vectors = torch.linspace(-1, 1, 12).reshape(6, 2).bfloat16()
    given = Dataset.of(torch.rand(6, 3, 16, 16), vectors)
    assert np.array_equal(given.labels, vectors.float().numpy())
