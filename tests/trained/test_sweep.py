"""Sweeps: what is held stays, what is swept is what was asked."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import gankit
from gankit.data.pixels import to_pixels
from gankit.errors import ConfigError
from gankit.fitting import fit
from gankit.trained.gan import draw_block
from gankit.trained.sweep import sweep, write_sweep


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    from tests.conftest import SMALL, THREADS

    folder = tmp_path_factory.mktemp("runs")
    for family in ("infogan", "cgan"):
        config = gankit.settings.config.override(
            gankit.configure(family, "digits"),
            {**SMALL[family], "training.steps": 2, "training.batch": 8, "runtime.threads": THREADS},
        )
        fit(config, folder / family)
    return {name: gankit.load(folder / name) for name in ("infogan", "cgan")}


OPTIONS = {"code": None, "dimension": None, "span": 2.0, "rows": 3, "steps": 5, "seed": 0}


@pytest.mark.slow
def test_a_category_has_a_column_for_each_value_and_a_number_its_steps(runs):
    gan = runs["infogan"]  # codes 2, c
    assert sweep(gan, **{**OPTIONS, "code": 1}).shape == (3, 2, 28, 28)
    images = sweep(gan, **{**OPTIONS, "code": 2})
    assert images.shape == (3, 5, 28, 28)
    middle = sweep(gan, **{**OPTIONS, "code": 2, "steps": 1, "span": 2.0})
    assert np.array_equal(middle[:, 0], images[:, 0])  # the first value is minus the span


@pytest.mark.slow
def test_a_dimension_of_the_noise_of_any_family(runs):
    images = sweep(runs["cgan"], **{**OPTIONS, "dimension": 63})
    assert images.shape == (3, 5, 28, 28)
    assert not np.array_equal(images[:, 0], images[:, -1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("infogan", {"code": 3}, "has 2 codes, there is no code 3"),
        ("cgan", {"code": 1}, "has 0 codes"),
        ("cgan", {"dimension": 64}, "dimension must be in 0 to 63"),
    ],
)
def test_what_is_not_there_is_said(runs, name, changes, said):
    with pytest.raises(ConfigError, match=said):
        sweep(runs[name], **{**OPTIONS, **changes})


def test_a_grid_and_a_film(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 28, 28)).astype(np.uint8)
    write_sweep(images, tmp_path / "s.png")
    with Image.open(tmp_path / "s.png") as grid:
        assert grid.size == (4 * 58 + 2, 3 * 58 + 2)
    write_sweep(images, tmp_path / "s.gif")
    with Image.open(tmp_path / "s.gif") as film:
        assert film.n_frames == 6  # there and back
    with pytest.raises(ConfigError, match="png or name"):
        write_sweep(images, tmp_path / "s.jpg")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prior", "ends"),
    [
        ("normal", (-2.0537, 2.0537)),
        ("uniform", (-1.0, 1.0)),
        ("uniform01", (0.0, 1.0)),
        ("uniform_unit", (-1.7320508, 1.7320508)),
    ],
)
def test_the_noise_is_swept_over_what_training_has_seen(tmp_path, small, prior, ends):
    fit(small("gan", **{"latent.prior": prior, "training.steps": 1}), tmp_path / "run")
    gan = gankit.load(tmp_path / "run")
    images = sweep(gan, **{**OPTIONS, "span": None, "dimension": 2})
    latent = draw_block(gan.game, 0, None, 3, 0)
    for column, value in ((0, ends[0]), (-1, ends[1])):
        noise = latent.noise.clone()
        noise[:, 2] = value
        assert np.abs(images[:, column].astype(int) - drawn(gan, noise)).max() <= 1
    wider = sweep(gan, **{**OPTIONS, "span": 3.0, "dimension": 2})
    noise[:, 2] = 3.5 if prior == "uniform01" else 3.0
    assert np.abs(wider[:, -1].astype(int) - drawn(gan, noise)).max() <= 1


def drawn(gan, noise):
    """The pictures of these latents, int [N, H, W]."""
    return to_pixels(gan(noise), gan.game.value_range).astype(int)
