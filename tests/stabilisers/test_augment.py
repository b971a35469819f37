"""Augmentations: what each changes, that gradients pass, how the probability follows D."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gankit.data import ArrayDataset
from gankit.data.values import PixelFormat
from gankit.stabilisers.augment import AUGMENTATIONS, Augment, _colour_over
from gankit.training.state import build_game

IMAGES = torch.rand(64, 3, 16, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", AUGMENTATIONS.names())
def test_shape_stays_and_gradients_pass(name, channels):
    torch.manual_seed(0)
    images = IMAGES[:, :channels].clone().requires_grad_()
    out = AUGMENTATIONS[name](images)
    assert out.shape == images.shape
    assert not torch.equal(out, images)
    out.square().sum().backward()
    assert float(images.grad.abs().sum()) > 0


def test_translation_moves_whole_pixels_and_lets_zeros_in():
    torch.manual_seed(0)
    moved = AUGMENTATIONS["translation"](IMAGES)
    found = set()
    for before, after in zip(IMAGES, moved, strict=True):
        for down in range(-2, 3):
            for right in range(-3, 4):
                expected = torch.zeros_like(before)
                h, w = 16 - abs(down), 24 - abs(right)
                r, c = max(0, down), max(0, right)
                fr, fc = max(0, -down), max(0, -right)
                expected[:, r : r + h, c : c + w] = before[:, fr : fr + h, fc : fc + w]
                if torch.equal(expected, after):
                    found.add((down, right))
                    break
            else:
                continue
            break
        else:
            pytest.fail("an image is no shift of itself")
    assert len(found) > 15


def test_cutout_blanks_at_most_half_of_each_side():
    torch.manual_seed(0)
    blank = (AUGMENTATIONS["cutout"](IMAGES) == 0).all(1).float()
    share = blank.mean((1, 2))
    assert share.max().item() == pytest.approx(0.25)
    assert 0 < share.min().item() <= share.mean().item() < 0.25


def test_colour_moves_brightness_within_half_a_unit():
    torch.manual_seed(0)
    grey = torch.zeros(500, 1, 8, 8)
    brightness = AUGMENTATIONS["colour"](grey).mean((1, 2, 3))
    assert -0.5 <= brightness.min() < -0.45
    assert 0.45 < brightness.max() <= 0.5


def test_flip_mirrors_about_half():
    torch.manual_seed(0)
    out = AUGMENTATIONS["flip"](IMAGES)
    mirrored = [torch.equal(a, b.flip(2)) for a, b in zip(out, IMAGES, strict=True)]
    same = [torch.equal(a, b) for a, b in zip(out, IMAGES, strict=True)]
    assert all(m or s for m, s in zip(mirrored, same, strict=True))
    assert 15 < sum(mirrored) < 49


def test_the_probability_is_each_images_and_0_changes_nothing():
    torch.manual_seed(0)
    assert Augment("colour", 0.0).shown(IMAGES, 0.0) is IMAGES
    out = Augment("colour", 0.25).shown(IMAGES, 0.0)
    changed = sum(not torch.allclose(a, b) for a, b in zip(out, IMAGES, strict=True))
    assert 6 < changed < 28


def test_a_range_of_1_is_changed_half_as_much():
    torch.manual_seed(0)
    wide = Augment("colour", 1.0).shown(IMAGES, 0.0)
    torch.manual_seed(0)
    narrow = Augment("colour", 1.0, span=1.0).shown(IMAGES / 2, 0.0)
    assert torch.allclose(wide / 2, narrow, atol=1e-6)


def test_an_adaptive_probability_follows_overfitting():
    augment = Augment("colour", 0.0, 0.6, 1000, batch=100)
    for _ in range(5):
        augment.after_step({"overfitting": torch.tensor(0.9)})
    assert float(augment.probability) == pytest.approx(0.5)
    for _ in range(20):
        augment.after_step({"overfitting": torch.tensor(0.1)})
    assert float(augment.probability) == 0.0
    other = Augment("colour", 0.3, 0.6, 1000)
    other.load_state(augment.state())
    assert float(other.probability) == 0.0


def test_a_fixed_probability_stays():
    augment = Augment("colour", 0.3, images=1000, batch=100)
    augment.after_step({"overfitting": torch.tensor(0.9)})
    assert float(augment.probability) == 0.3


def test_colour_leaves_opacity_alone_and_what_is_not_seen_black(small):
    data = np.zeros((64, 4, 16, 24), np.uint8)
    data[:, :, 4:12] = np.random.default_rng(0).integers(0, 256, (64, 4, 8, 24))
    pixels = PixelFormat(alpha=True)
    dataset = ArrayDataset("rgba", pixels.encode(data), "rgba")
    dataset.pixels = pixels
    game = build_game(small("dcgan", **{"stabilise.augment": "colour"}), dataset)
    images = torch.from_numpy(dataset.examples).float() / 127.5 - 1
    torch.manual_seed(0)
    (augment,) = game.stabilisers
    changed = augment.shown(images, 0.0)
    assert torch.equal(changed[:, 3], images[:, 3])
    assert torch.allclose(changed[:, :3, :4], torch.tensor(-1.0))
    seen = images[:, 3:] > 0
    assert ((changed - images)[:, :3].abs() * seen).amax((1, 2, 3)).median() > 0.1


def test_colour_of_opaque_images_is_changed_as_without_opacity():
    opaque = torch.cat([IMAGES, torch.ones_like(IMAGES[:, :1])], 1)
    torch.manual_seed(0)
    with_alpha = _colour_over(opaque, -1.0)[:, :3]
    torch.manual_seed(0)
    plain = AUGMENTATIONS["colour"](IMAGES)
    assert torch.allclose(with_alpha, plain, atol=1e-5)
