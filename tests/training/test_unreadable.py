"""Files that a run finds to be unreadable while it trains are said, each once."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import gankit
from gankit.errors import DataError
from gankit.training.callbacks import Callback

RNG = np.random.default_rng(0)


class At(Callback):
    """Does something after a step."""

    def __init__(self, step, act):
        self._step, self._act = step, act

    def after_step(self, trainer, moves):
        if trainer.state.step == self._step:
            self._act()


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(16):
        pixels = RNG.integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return folder


@pytest.fixture
def from_disk(small, photos):
    return small(
        "dcgan",
        str(photos),
        **{
            "data.size": 16,
            "data.memory_gb": 0,
            "runtime.workers": 0,
            "training.steps": 12,
            "output.checkpoint_every": 4,
        },
    )


def told(capsys):
    return [line for line in capsys.readouterr().err.splitlines() if "unreadable" in line]


@pytest.mark.parametrize("workers", [0, 1])
def test_each_is_said_once(from_disk, photos, tmp_path, capsys, workers):
    (photos / "00.png").write_text("no picture")
    for name in ("05", "06"):
        whole = (photos / f"{name}.png").read_bytes()
        (photos / f"{name}.png").write_bytes(whole[: len(whole) // 2])
    config = gankit.override(from_disk, {"runtime.workers": workers})
    gankit.fit(config, tmp_path / "r", callbacks=[At(6, (photos / "09.png").unlink)])
    start, first, second = told(capsys)
    assert start.endswith("stand in: 1 file: 00.png (not an image)")
    assert first.startswith("step 0: unreadable, the next ones of their class stand in: 2 more")
    assert first.endswith(" files: 05.png, 06.png")
    assert second.endswith("1 more file: 09.png")


def test_it_is_said_when_nothing_is_left(from_disk, photos, tmp_path, capsys):
    def lose():
        for path in photos.iterdir():
            path.unlink()

    with pytest.raises(DataError, match="nor any other image that could stand in for it can be"):
        gankit.fit(from_disk, tmp_path / "r", callbacks=[At(6, lose)])
    (line,) = told(capsys)
    assert line.startswith("step 6: ")
    assert "16 more files: 00.png, 01.png" in line


def test_of_whole_pictures_nothing_is_said(from_disk, tmp_path, capsys):
    gankit.fit(from_disk, tmp_path / "r")
    assert not told(capsys)
