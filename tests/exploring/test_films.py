"""Films can be read again, frame by frame."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gankit.errors import ConfigError, RunError
from gankit.exploring.films import write_film

FRAMES = [np.full((21, 30), level, np.uint8) for level in (0, 60, 120)]
COLOURED = [np.full((21, 30, 3), level, np.uint8) for level in ((0, 9, 0), (60, 0, 200))]


@pytest.mark.parametrize("name", ["x.gif", "x.webp"])
@pytest.mark.parametrize("frames", [FRAMES, COLOURED], ids=["grey", "colour"])
def test_frames_are_those_that_were_given(tmp_path, name, frames):
    write_film(frames, tmp_path / name, 100)
    with Image.open(tmp_path / name) as film:
        assert film.n_frames == len(frames)
        assert film.info["loop"] == 0
        for i, frame in enumerate(frames):
            film.seek(i)
            shown = np.asarray(film.convert("RGB"))
            wanted = np.asarray(Image.fromarray(frame).convert("RGB"))
            assert np.abs(shown.astype(int) - wanted).max() <= (3 if name == "x.gif" else 0)


def test_ffmpeg_is_given_the_frames(tmp_path, monkeypatch):
    """Whatever ffmpeg there is, it is called once, and given every pixel."""
    stand_in = tmp_path / "ffmpeg"
    stand_in.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nfor last; do :; done\ncat > "$last"\n'
    )
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    write_film(COLOURED, tmp_path / "x.mp4", 100)
    assert (tmp_path / "x.mp4").read_bytes() == b"".join(frame.tobytes() for frame in COLOURED)
    asked = (tmp_path / "asked").read_text()
    assert "-s 30x21 -r 10 -i pipe:0" in asked


def test_what_ffmpeg_says_is_said(tmp_path, monkeypatch):
    stand_in = tmp_path / "ffmpeg"
    stand_in.write_text("#!/bin/sh\ncat > /dev/null\necho no such encoder >&2\nexit 1\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(RunError, match=r"ffmpeg makes no film: no such encoder; give name\.gif"):
        write_film(FRAMES, tmp_path / "x.mp4")
    assert not (tmp_path / "x.mp4").exists()


def test_what_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="needs the program ffmpeg, which is not installed"):
        write_film(FRAMES, tmp_path / "x.mp4")
    with pytest.raises(ConfigError, match=r"a film is name\.gif, name\.webp, name\.mp4"):
        write_film(FRAMES, tmp_path / "x.avi")
