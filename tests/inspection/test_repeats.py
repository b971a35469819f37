"""Exact and near duplicates, found without comparing all pairs."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from gankit.inspection.repeats import NEXT, TURNS, exact_groups, near_pairs, small_copies
from tests.inspection.data import picture


def planes(image):
    return np.asarray(image).transpose(2, 0, 1)


def saved_again(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def test_equal_digests_are_grouped():
    assert exact_groups([b"a", b"b", b"a", b"c", b"b", b"a"]) == [[0, 2, 5], [1, 4]]
    assert exact_groups([]) == []


def test_a_picture_saved_again_or_made_darker_is_found():
    originals = [picture(seed) for seed in range(400)]
    changed = [saved_again(image, 70) for image in originals[:20]]
    darker = [image.point(lambda value: int(0.7 * value) + 10) for image in originals[20:40]]
    copies = small_copies(np.stack([planes(one) for one in (*originals, *changed, *darker)]))
    found = near_pairs(copies)
    assert {(a, b) for a, b, _ in found} == {(i, 400 + i) for i in range(40)}
    likeness = [pair[2] for pair in found]
    assert likeness == sorted(likeness, reverse=True)
    assert near_pairs(copies) == found


def test_flat_pictures_are_not_alike():
    flat = np.full((9, 1, 20, 20), 7, np.uint8)
    flat[:, 0, 0, :9] = np.eye(9) * 3
    assert near_pairs(small_copies(flat)) == []
    assert near_pairs(small_copies(flat[:1])) == []
    assert near_pairs(small_copies(flat[:0])) == []


def test_a_set_of_near_duplicates_alone_gives_no_pair_of_each_with_each():
    random = np.random.default_rng(0)
    one = random.integers(0, 200, (1, 1, 16, 16))
    copies = (one + random.integers(0, 3, (3000, 1, 16, 16))).astype(np.uint8)
    found = near_pairs(copies)
    assert 3000 / 2 < len(found) <= TURNS * NEXT * 3000
