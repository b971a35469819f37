"""Images of any channels, any range, and with opacity: what every family and every room makes of
them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import gankit
from gankit.data import ArrayDataset, Dataset, load_dataset
from gankit.data.batches import Feed
from gankit.data.values import PixelFormat
from gankit.errors import ConfigError
from gankit.families import FAMILIES, Task
from gankit.fitting import fit
from gankit.pages.report import write_run_report
from gankit.run import Run
from gankit.settings.config import override
from gankit.trained.export import write_samples
from gankit.training.runtime import Runtime
from gankit.training.state import build_game, build_state, draw_batch
from gankit.training.update import choose_update

IMAGES = [name for name in FAMILIES.names() if "images" in FAMILIES[name].kinds]
RNG = np.random.default_rng(0)
SIDE = 16


def of_channels(channels: int, alpha: bool = False) -> ArrayDataset:
    images = RNG.integers(0, 256, (16, channels, SIDE, SIDE)).astype(np.uint8)
    labels = np.arange(16, dtype=np.int64) % 2
    dataset = ArrayDataset("planes", images, "planes", labels, ("a", "b"))
    dataset.pixels = PixelFormat(alpha)
    return dataset


@pytest.mark.parametrize(("channels", "alpha"), [(2, False), (4, True), (7, False)])
@pytest.mark.parametrize("family", IMAGES)
def test_every_family_plays_or_says_in_one_line_which_do(small, family, channels, alpha):
    data = of_channels(channels, alpha)
    runtime = Runtime(torch.device("cpu"))
    if not FAMILIES[family].any_channels:
        with pytest.raises(ConfigError, match=rf"have {channels} channels: train '.*'modern'"):
            build_game(small(family), data)
        return
    state = build_state(build_game(small(family), data), runtime)
    feed = Feed(data, seed=0, batch=8)
    moves = choose_update(state.game)(
        state, lambda substep: draw_batch(state, feed, runtime, substep), runtime
    )
    for terms in (moves.discriminator, moves.generator):
        assert all(math.isfinite(float(v.detach())) for v in terms.minimised.values())
    fake = state.game.generate(state.game.latent(3, torch.tensor([0, 1, 0]), RNG))
    assert fake.shape == (3, channels, SIDE, SIDE)


def settings(small, source, **changes):
    sizes = {"network.generator_width": 4, "network.discriminator_width": 4}
    return override(small("dcgan", source), {"training.steps": 2, **sizes, **changes})


def test_float_bands_go_all_the_way_and_come_back(small, tmp_path):
    numbers = RNG.normal(size=(48, SIDE, SIDE, 5)).astype(np.float32) * 40 - 7
    np.save(tmp_path / "bands.npy", numbers)
    config = settings(small, str(tmp_path / "bands.npy"))
    run = fit(config, tmp_path / "run").run
    gan = gankit.load(run.folder)
    samples = gan.sample(24)
    assert samples.shape == (24, SIDE, SIDE, 5)
    assert samples.dtype == np.float32
    assert numbers.min() <= samples.min() < samples.max() <= numbers.max()
    assert len(np.unique(samples)) > 5000  # not the 256 levels that are stored
    assert torch.equal(gan.sample(24, output="pt").permute(0, 2, 3, 1), torch.from_numpy(samples))
    with pytest.raises(ConfigError, match="images of 5 channels are no pictures: choose output"):
        gan.sample(1, output="pil")
    write_samples(gan, 24, None, 0, tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as archive:
        assert np.array_equal(archive["images"], samples)
    write_samples(gan, 3, None, 0, tmp_path / "pages")
    again = load_dataset(tmp_path / "pages", channels="bands", size=SIDE, values=gan.pixels.values)
    assert again.shape == (5, SIDE, SIDE)
    assert np.array_equal(again.read(np.arange(3)), gan.as_stored(3).transpose(0, 3, 1, 2))
    report = gankit.evaluate(gan, n=20, draws=1, metrics=["frechet", "coverage"])
    assert report.protocol.network == "pixels"
    mine = gankit.evaluate(
        samples, against=load_dataset(tmp_path / "bands.npy"), metrics=["coverage"]
    )
    assert 0 <= mine.scores[0].value <= 1
    with pytest.raises(ConfigError, match="these have 5 channels: leave features out"):
        gankit.evaluate(gan, features="digits")
    write_run_report(run.folder)
    assert "its 5 channels in grey" in run.report_path.read_text()
    outcome = fit(override(config, {"training.steps": 3}), tmp_path / "run")  # it goes on
    assert outcome.step == 3


def discs(folder):
    """Red discs, half transparent at their rim, over what nobody sees: a bright green."""
    folder.mkdir()
    for i in range(24):
        pixels = np.zeros((SIDE, SIDE, 4), np.uint8)
        pixels[..., 1] = 255
        pixels[3 : 8 + i % 5, 3:12] = (200, 10, 20, 128)
        pixels[5 : 7 + i % 5, 5:10] = (200, 10, 20, 255)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


def test_opacity_goes_all_the_way_and_comes_back(small, tmp_path):
    source = discs(tmp_path / "discs")
    config = settings(
        small, str(source), **{"data.channels": "rgba", "stabilise.augment": "colour+cutout"}
    )
    run = fit(config, tmp_path / "run").run
    assert "colour images with opacity 16x16" in run.record().briefing.lines[0]
    gan = gankit.load(run.folder)
    samples, pictures = gan.sample(20), gan.sample(20, output="pil")
    assert [picture.mode for picture in pictures] == ["RGBA"] * 20
    assert np.array_equal(np.stack([np.asarray(p) for p in pictures]), samples)
    write_samples(gan, 4, None, 0, tmp_path / "four")
    with Image.open(tmp_path / "four" / "0.png") as picture:
        assert np.array_equal(np.asarray(picture), samples[0])
    write_samples(gan, 4, None, 0, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.mode == "RGB"
    for features, resize in (("pixels", "none"), ("digits", "over white")):
        found = gankit.evaluate(gan, n=20, draws=1, features=features, metrics=["frechet"])
        assert found.protocol.resize.startswith(resize)
    write_run_report(run.folder)
    assert "shown over a checkerboard" in run.report_path.read_text()
    assert fit(override(config, {"training.steps": 3}), tmp_path / "run").step == 3


def test_whole_numbers_come_out_in_their_range_and_as_16_bits(small, tmp_path):
    (tmp_path / "scans").mkdir()
    for i in range(24):
        numbers = RNG.integers(0, 4081, (SIDE, SIDE)).astype(np.uint16)
        numbers[0, :2] = 0, 4080
        Image.fromarray(numbers).save(tmp_path / "scans" / f"{i}.png")
    run = fit(settings(small, str(tmp_path / "scans")), tmp_path / "run").run
    gan = gankit.load(run.folder)
    samples = gan.sample(4)
    assert (samples.dtype, gan.pixels.values) == (np.uint16, (0, 4080))
    assert 255 < samples.max() <= 4080
    write_samples(gan, 4, None, 0, tmp_path / "four")
    with Image.open(tmp_path / "four" / "0.png") as picture:
        assert picture.mode.startswith("I;16")
        assert np.array_equal(np.asarray(picture), samples[0])


def test_a_program_gives_and_gets_its_own_numbers(small, tmp_path):
    images = RNG.random((32, SIDE, SIDE, 3)).astype(np.float32)
    dataset = Dataset.of(images)
    config = settings(small, "python:arrays")
    gan = gankit.load(fit(config, tmp_path / "run", dataset=dataset).run.folder)
    samples = gan.sample(20)
    assert (samples.dtype, gan.pixels.values) == (np.float32, (0, 1))
    assert [p.mode for p in gan.sample(2, output="pil")] == ["RGB"] * 2
    by_run = gankit.evaluate(gan, against=images, n=20, draws=1, metrics=["frechet"])
    by_hand = gankit.evaluate(samples, against=images, n=20, metrics=["frechet"])
    assert by_run.scores[0].value == pytest.approx(by_hand.scores[0].value, rel=0.2)


def test_plain_8_bits_are_recorded_as_by_earlier_versions(small, tmp_path):
    folder = fit(settings(small, "digits"), tmp_path / "run").run.folder
    assert "pixels" not in Run(folder).record().data
    assert gankit.load(folder).sample(2).dtype == np.uint8


@pytest.mark.parametrize(
    "pixels",
    [7, {}, {"alpha": 1, "values": None, "dtype": "uint8"},
     {"alpha": False, "values": [1, 0], "dtype": "int8"},
     {"alpha": False, "values": [0, "x"], "dtype": "int8"},
     {"alpha": False, "values": None, "dtype": "object"},
     {"alpha": True, "values": None, "dtype": "uint8"}],
)  # fmt: skip
def test_a_damaged_format_is_no_task(pixels):
    stored = replace(Task((3, 8, 8))).to_store() | {"pixels": pixels}
    with pytest.raises((KeyError, TypeError, ValueError)):
        Task.stored(stored)
