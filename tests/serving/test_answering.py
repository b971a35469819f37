"""Samples as a picture, as arrays and as JSON."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from gankit.errors import ConfigError
from gankit.serving.answering import answer, check_format
from gankit.trained.export import write_samples


def picture(body):
    return np.asarray(Image.open(io.BytesIO(body)))


@pytest.mark.parametrize(
    ("name", "n", "label"),
    [("digits", 20, None), ("digits", 5, "3"), ("digits", 3, ["2", "0", "1"]), ("points", 9, None)],
)
@pytest.mark.parametrize("form", ["png", "npz"])
def test_it_is_what_the_command_writes(name, n, label, form, request, tmp_path):
    gan = request.getfixturevalue(name)
    target = tmp_path / f"it.{form}"
    write_samples(gan, n, label, 3, target)
    labels = gan.labels_for(n, label)
    body = answer(gan, gan.sample(n, label, 3), labels, form)
    assert body == target.read_bytes()


def test_one_image_is_a_picture_of_its_own_size(digits):
    one = digits.sample(1, seed=2)
    assert np.array_equal(picture(answer(digits, one, None, "png")), one[0])


def test_json_names_the_classes(digits):
    samples = digits.sample(2, ["3", "9"])
    said = json.loads(answer(digits, samples, digits.labels_for(2, ["3", "9"]), "json"))
    assert said == {"kind": "images", "labels": ["3", "9"], "samples": samples.tolist()}


def test_json_gives_the_vectors_that_were_asked_for(vectors):
    labels = vectors.labels_for(2, [0.5, 1.0])
    said = json.loads(answer(vectors, vectors.sample(2, labels), labels, "json"))
    assert said["labels"] == [[0.5, 1.0]] * 2


def test_numbers_that_json_has_not_are_null(points):
    samples = np.array([[1.0, np.inf], [np.nan, 2.0]], np.float32)
    said = json.loads(answer(points, samples, None, "json"))
    assert said["samples"] == [[1.0, None], [None, 2.0]]


def test_formats_that_do_not_suit_are_refused(digits):
    with pytest.raises(ConfigError, match="at most 1337, or choose format npz"):
        check_format(digits, 1338, "json")
    check_format(digits, 1337, "json")
    check_format(digits, 1338, "npz")
    digits.kind = "tokens"
    with pytest.raises(ConfigError, match="tokens are no pictures"):
        check_format(digits, 1, "png")
