"""Films for people: GIF, animated WebP, and MP4 if ffmpeg is installed."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image, features

from gankit.errors import ConfigError, RunError
from gankit.pictures import Pixels
from gankit.storage import write_atomically
from gankit.text import from_home, reason

FILMS = (".gif", ".webp", ".mp4")
"""The endings of films."""
MOST_SECONDS = 600
"""The most seconds that ffmpeg is waited for."""


def check_film(target: str | Path) -> None:
    """Raise ConfigError if a film of this ending cannot be written here."""
    target = from_home(target)
    if target.suffix not in FILMS:
        raise ConfigError(f"a film is name{', name'.join(FILMS)}, got {target.name}", "target")
    if target.suffix == ".mp4" and shutil.which("ffmpeg") is None:
        raise ConfigError(
            f"{target.name} needs the program ffmpeg, which is not installed: install it, or give "
            "name.gif or name.webp",
            "target",
        )
    if target.suffix == ".webp" and not features.check("webp"):
        raise ConfigError(f"this Pillow writes no WebP: give name.gif, not {target.name}", "target")


def write_film(frames: Sequence[Pixels], target: str | Path, milliseconds: int = 120) -> None:
    """Write a film that runs for ever, each frame for `milliseconds`; MP4 runs once.

    Args:
        frames: uint8 [H, W] or [H, W, C], all of one shape.
        target: name.gif, name.webp (whose pixels are exact) or name.mp4.
        milliseconds: how long each frame is seen, 20 or more.

    Raises ConfigError as `check_film` does, RunError if ffmpeg fails, OSError if the file cannot be
    written.
    """
    target = from_home(target)
    check_film(target)
    if target.suffix == ".mp4":
        write_atomically(target, _mp4(frames, milliseconds))
        return
    pictures = [Image.fromarray(frame) for frame in frames]
    exact = {"lossless": True} if target.suffix == ".webp" else {}
    buffer = io.BytesIO()
    pictures[0].save(
        buffer, target.suffix[1:], save_all=True, append_images=pictures[1:],
        duration=milliseconds, loop=0, **exact,
    )  # fmt: skip
    write_atomically(target, buffer.getvalue())


def _mp4(frames: Sequence[Pixels], milliseconds: int) -> bytes:
    """Return an MP4 file that ffmpeg makes of the frames. Raises RunError if it fails."""
    height, width = frames[0].shape[:2]
    raw = b"".join(np.asarray(Image.fromarray(frame).convert("RGB")).tobytes() for frame in frames)
    with TemporaryDirectory() as folder:
        made = Path(folder) / "film.mp4"  # the format is written by going back and forth in a file
        command = [
            *("ffmpeg", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"),
            *("-s", f"{width}x{height}", "-r", f"{1000 / milliseconds:g}", "-i", "pipe:0"),
            *("-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p", str(made)),
        ]
        try:
            subprocess.run(
                command, input=raw, capture_output=True, check=True, timeout=MOST_SECONDS
            )
            return made.read_bytes()
        except (subprocess.SubprocessError, OSError) as error:
            said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
            why = reason(RuntimeError(said)) if said else reason(error)
            raise RunError(f"ffmpeg makes no film: {why}; give name.gif or name.webp") from None
