"""Latents: what a generator is given, as a thing that can be kept, shown and drawn again."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gankit.arguments import refuse_masked
from gankit.data.arrays import read_member
from gankit.errors import ConfigError, RunError
from gankit.game_types import Latent
from gankit.storage import patiently, write_atomically
from gankit.text import from_home, reason, shown


@dataclass(frozen=True, eq=False, repr=False)
class Latents:
    """What a generator is given for N samples, and whose it is.

    `gan.latents` draws them, `gan(latents)` and `gan.sample(latents=latents)` use them.

    >>> import gankit
    >>> latents = gankit.Latents([[0.5, 1.0], [0.0, -2.0]], [3, 7])
    >>> latents.save("two.npz")
    >>> gankit.Latents.load("two.npz")
    <gankit.Latents 2 of 2 numbers with labels>
    >>> latents[1].noise
    array([[ 0., -2.]], dtype=float32)

    Attributes:
        noise: float32 [N, size], finite; `size` is the game's `latent_size`.
        labels: classes int64 [N]; vectors float32 [N, C]; or for each sample the share of every
            class, float32 [N, K]; None if the run knows no labels.
        family: the family that they were drawn for; empty if that is not known.
        digest: the digest of the artifact that they were drawn for; empty if that is not known.

    Raises ConfigError if the arrays have other shapes, or a number is not finite.
    """

    noise: NDArray[np.float32]
    labels: NDArray[Any] | None = None
    family: str = ""
    digest: str = ""

    def __post_init__(self) -> None:
        for name in ("family", "digest"):
            if not isinstance(getattr(self, name), str):
                raise ConfigError(f"{name} must be a text, got {shown(getattr(self, name))}", name)
        refuse_masked("noise", self.noise)
        refuse_masked("labels", self.labels)
        noise = _numbers("noise", self.noise)
        if noise.ndim != 2 or not noise.size:
            raise ConfigError(f"latents must be [N, size], got noise {list(noise.shape)}")
        labels = None if self.labels is None else _labels(self.labels, len(noise))
        object.__setattr__(self, "noise", noise)
        object.__setattr__(self, "labels", labels)

    def __len__(self) -> int:
        return len(self.noise)

    def __repr__(self) -> str:
        owner = f" for {self.family}" if self.family else ""
        labels = "" if self.labels is None else " with labels"
        return f"<gankit.Latents {len(self):,} of {self.noise.shape[1]} numbers{labels}{owner}>"

    def __getitem__(self, part: int | slice | Sequence[int] | NDArray[Any]) -> Latents:
        """Return some of them, always as [N, size]. Raises IndexError."""
        chosen = np.atleast_1d(np.arange(len(self))[part])
        labels = None if self.labels is None else self.labels[chosen]
        return replace(self, noise=self.noise[chosen], labels=labels)

    def to_latent(self) -> Latent:
        """Return them as the game takes them: tensors, which are copies."""
        labels = None if self.labels is None else torch.tensor(self.labels)
        return Latent(torch.tensor(self.noise), labels)

    def save(self, path: str | Path) -> None:
        """Write them to a file, `x.npz`. Raises ConfigError for another name, or RunError."""
        target = check_name(path)
        arrays = {"noise": self.noise, "family": self.family, "digest": self.digest}
        if self.labels is not None:
            arrays["labels"] = self.labels
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, buffer.getvalue())
        except OSError as error:
            raise RunError(f"'{target}' cannot be written: {error.strerror or error}") from None

    @classmethod
    def load(cls, path: str | Path) -> Latents:
        """Read a file that `save` wrote, or an .npz of your own with `noise` (and `labels`).

        Raises RunError if the file is missing, damaged or something else.
        """
        source = from_home(path)
        try:
            if not stat.S_ISREG(source.stat().st_mode):  # reading a pipe would wait for ever
                raise RunError(f"'{source}' is no file: latents are kept in a file name.npz")
            arrays = patiently(lambda: _read(source))
            owner = [str(arrays.get(name, ""))[:200] for name in ("family", "digest")]
            return cls(arrays["noise"], arrays.get("labels"), *owner)
        except RunError:
            raise
        except (FileNotFoundError, NotADirectoryError):
            raise RunError(f"no latents at '{source}'") from None
        except MemoryError:
            raise RunError(f"'{source}' does not fit into memory") from None
        except OSError as error:
            raise RunError(f"'{source}' cannot be read: {error.strerror or error}") from None
        except KeyError:
            raise RunError(
                f"'{source}' holds no latents: an array called noise is needed, [N, size]"
            ) from None
        except Exception as error:  # damage can fail anywhere inside zipfile and numpy
            raise RunError(f"'{source}' holds no latents: {reason(error)}") from None


def check_name(path: str | Path) -> Path:
    """Return the path of a file to keep latents in. Raises ConfigError unless it is name.npz."""
    target = from_home(path)
    if target.suffix != ".npz":
        raise ConfigError(f"latents are kept in a file name.npz, got {target.name}")
    return target


def join(parts: Sequence[Latents]) -> Latents:
    """Return latents one after another. Raises ConfigError if they do not fit together."""
    first = parts[0]
    kinds = {
        (one.noise.shape[1], None if one.labels is None else one.labels.shape[1:]) for one in parts
    }
    if len(kinds) > 1:
        raise ConfigError("these latents have different sizes, or labels of different kinds")
    labels = None
    if first.labels is not None:
        labels = np.concatenate([one.labels for one in parts if one.labels is not None])
    return replace(first, noise=np.concatenate([one.noise for one in parts]), labels=labels)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file, each checked against the size that it claims."""
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        return {
            name: read_member(f"array '{name}'", archive, info, size)
            for info in archive.infolist()
            if (name := info.filename.removesuffix(".npy"))
            in ("noise", "labels", "family", "digest")
        }


def _numbers(what: str, given: object) -> NDArray[np.float32]:
    """Return float32 numbers, all finite. Raises ConfigError."""
    try:
        with np.errstate(over="ignore"):
            numbers = np.array(given, np.float32)
    except (TypeError, ValueError):
        raise ConfigError(f"{what} must be numbers, got {shown(given)}") from None
    if not np.isfinite(numbers).all():
        raise ConfigError(f"{what} must be finite numbers")
    return numbers


def _labels(given: object, count: int) -> NDArray[Any]:
    """Return classes int64 [N], or float32 [N, C]. Raises ConfigError."""
    labels = np.asarray(given)
    whole = labels.dtype.kind in "iu" and labels.ndim == 1
    labels = labels.astype(np.int64) if whole else _numbers("labels", given)
    if labels.ndim != (1 if whole else 2) or len(labels) != count or not labels.size:
        raise ConfigError(
            f"labels must be whole numbers [{count}], or numbers [{count}, C], got "
            f"{labels.dtype} {list(labels.shape)}"
        )
    return labels
