"""The page of a published generator."""

from __future__ import annotations

import pytest

from gankit.trained.card import card

from ..scores.test_score import REPORT
from .test_gan import made


@pytest.fixture
def pets(small):
    return made(small("cgan"), (1, 28, 28), ("cat", "dog"))


def test_it_says_what_the_generator_is_and_how_to_load_it(pets):
    page = card(pets, "me/pets", "cc-by-4.0", sheet=True)
    head = page.split("---\n")[1].splitlines()
    assert head[:3] == [
        "license: cc-by-4.0",
        "library_name: gankit",
        "pipeline_tag: unconditional-image-generation",
    ]
    for line in (
        "# pets",
        "![Samples, seed 0, not chosen](samples.png)",
        "- makes: images of 1 x 28 x 28 (channels first)",
        "- classes: cat, dog",
        'it = gankit.load("hf://me/pets")',
        "samples = it.sample(64, labels='cat', seed=0)",
        "None were measured.",
    ):
        assert line in page.splitlines()


def test_scores_come_with_their_protocol(pets):
    page = card(pets, "me/pets", "other", scores=[REPORT], sheet=False)
    assert "| FD(digits) | 12.5 | 12 to 13 | 0.4 | lower |" in page
    assert "| coverage(digits) | 0.84 |  |  | higher |" in page
    assert "real ones of" in page
    assert "samples.png" not in page


def test_a_path_is_not_made_public_and_nothing_is_markup(small):
    gan = made(small("cgan", "/home/me/secret/photos"), (1, 28, 28), ("<b>", "a|b\n- c"))
    page = card(gan, "me/pets", "other", sheet=False)
    assert "trained on: photos, 0 steps" in page
    assert "secret" not in page
    assert "- classes: &#60;b&#62;, a&#124;b - c" in page
    assert "data: x" not in page


def test_what_it_was_trained_on_can_be_said_in_words(pets):
    assert "- trained on: pets next door, " in card(
        pets, "me/pets", "other", data="pets next door", sheet=False
    )


def test_vectors_and_points_are_asked_as_they_must(small):
    vectors = made(small("cgan"), (1, 28, 28), ("a", "b"))
    vectors.class_names, vectors.condition = (), 3
    assert "it.sample(64, labels=[0.0] * 3, seed=0)" in card(vectors, "a/b", "mit", sheet=False)
    points = card(made(small("gan", "toy:ring8"), (2,)), "a/b", "mit", sheet=False)
    assert "pipeline_tag" not in points
    assert "it.sample(64, seed=0)" in points
