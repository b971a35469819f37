"""Embed examples for measures, block by block, so that memory does not grow with their number.

The result for a real set is kept in the cache folder, under a name that is a digest of everything
it depends on: data, examples, network. The folder may be emptied at any time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gankit.data import Dataset, as_pictures
from gankit.data.dataset import array_fingerprint
from gankit.data.fetch import cache_folder
from gankit.errors import RunError
from gankit.features.network import FeatureNetwork
from gankit.metrics.frechet import Moments, moments
from gankit.storage import read_tensors, write_tensors

KEPT = 10_000
"""The most examples of a set whose features are kept, if no other number is wanted; the moments are
those of all examples."""
BLOCK = 250

Track = Callable[[str, Iterator[NDArray[Any]], int], Iterator[NDArray[Any]]]
"""A function of (title, blocks, number of blocks) that passes the blocks on and shows progress."""
ModeOf = Callable[[NDArray[Any]], NDArray[np.int64]]


@dataclass(frozen=True)
class Embedded:
    """A set of N examples in the features of a network.

    Attributes:
        moments: the mean and covariance of all N.
        features: float32 [M, D] of the first M = min(N, keep).
        labels: int64 [min(N, KEPT)], the class of each, or the class asked for; None if there are
            none.
        probabilities: float32 [min(N, KEPT), K] by the network; None if it does not classify.
        modes: int64 [N], the mode that each example shows; None if modes are not told by example.
    """

    moments: Moments
    features: NDArray[np.float32]
    labels: NDArray[np.int64] | None = None
    probabilities: NDArray[np.float32] | None = None
    modes: NDArray[np.int64] | None = None


def embed(
    blocks: Iterable[NDArray[Any]],
    network: FeatureNetwork,
    labels: NDArray[np.int64] | None = None,
    mode_of: ModeOf | None = None,
    keep: int | None = None,
) -> Embedded:
    """Embed examples given in blocks: uint8 images [n, H, W] or [n, H, W, C], or points.

    `keep` is the most examples whose features are kept; None: `KEPT`.
    """
    kept: list[NDArray[np.float32]] = []
    chances: list[NDArray[np.float32]] = []
    modes: list[NDArray[np.int64]] = []

    def features() -> Iterator[NDArray[np.float32]]:
        seen, most = 0, KEPT if keep is None else keep
        for block in blocks:
            found, probable = network.embed(block)
            if seen < most:
                kept.append(found[: most - seen])
            if probable is not None and seen < KEPT:
                chances.append(probable[: KEPT - seen])
            seen += len(found)
            if mode_of is not None:
                modes.append(mode_of(block))
            yield found

    return Embedded(
        moments=moments(features()),
        features=np.concatenate(kept),
        labels=None if labels is None else labels[:KEPT],
        probabilities=np.concatenate(chances) if chances else None,
        modes=np.concatenate(modes) if modes else None,
    )


def embed_real(
    dataset: Dataset,
    indices: NDArray[np.int64],
    network: FeatureNetwork,
    mode_of: ModeOf | None = None,
    track: Track | None = None,
    title: str = "",
    keep: int | None = None,
) -> Embedded:
    """Embed these examples of a data set, or read the result from the cache."""
    most = KEPT if keep is None else keep
    name = _key(dataset, indices, network, mode_of, most)
    path = cache_folder() / "statistics" / f"{name}.safetensors"
    labels = dataset.labels
    own = labels[indices] if labels is not None and labels.ndim == 1 else None
    wanted = _Wanted(len(indices), most, own, len(network.class_names), mode_of is not None)
    if (known := _read_kept(path, wanted)) is not None:
        return known
    blocks = read_blocks(dataset, indices)
    if track is not None:
        blocks = track(title, blocks, -(-len(indices) // BLOCK))
    embedded = embed(blocks, network, own, mode_of, most)
    with suppress(OSError):  # if the cache cannot be written, go on without it
        path.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(path, "statistics", _to_tensors(embedded), {})
    return embedded


def read_blocks(dataset: Dataset, indices: NDArray[np.int64]) -> Iterator[NDArray[Any]]:
    """Yield images uint8 [n, H, W] or [n, H, W, C], or points float32 [n, D], in blocks."""
    for start in range(0, len(indices), BLOCK):
        block = dataset.read(indices[start : start + BLOCK])
        yield as_pictures(block) if dataset.is_images else block


def _key(
    dataset: Dataset,
    indices: NDArray[np.int64],
    network: FeatureNetwork,
    mode_of: ModeOf | None,
    keep: int,
) -> str:
    shape = (1, *dataset.shape[1:], *dataset.shape[:1]) if dataset.is_images else dataset.shape
    parts = [
        *(2, keep, dataset.fingerprint, array_fingerprint(indices)),
        *(network.name, network.digest, network.resize(shape), mode_of is not None),
    ]
    return blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def _to_tensors(embedded: Embedded) -> dict[str, Tensor]:
    arrays: dict[str, NDArray[Any] | None] = {
        "mean": embedded.moments.mean,
        "covariance": embedded.moments.covariance,
        "count": np.array(embedded.moments.count),
        "features": embedded.features,
        "labels": embedded.labels,
        "probabilities": embedded.probabilities,
        "modes": embedded.modes,
    }
    return {
        k: torch.from_numpy(np.require(v, requirements="W"))
        for k, v in arrays.items()
        if v is not None
    }


@dataclass(frozen=True)
class _Wanted:
    """What a cached file must hold to be used.

    Attributes:
        count: the number of examples.
        keep: the most of them whose features are kept.
        labels: their classes, or None.
        classes: the number of classes that there are probabilities of; 0 if there are none.
        by_mode: whether there are modes.
    """

    count: int
    keep: int
    labels: NDArray[np.int64] | None
    classes: int
    by_mode: bool


def _read_kept(path: Path, wanted: _Wanted) -> Embedded | None:
    """Read a cached result; None if it is missing, damaged or something else."""
    try:
        tensors, _ = read_tensors(path, "statistics")
        arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in tensors.items()}
        mean, covariance = arrays.pop("mean"), arrays.pop("covariance")
        kept = Embedded(Moments(mean, covariance, int(arrays.pop("count"))), **arrays)
        return kept if _is_whole(kept, wanted) else None
    except (RunError, LookupError, TypeError, ValueError, AttributeError, RecursionError):
        return None


def _is_whole(kept: Embedded, wanted: _Wanted) -> bool:
    """Return whether types, shapes, labels and finite numbers are those of the wanted result."""
    size, rows = kept.features.shape[-1], min(wanted.count, wanted.keep)
    named = min(wanted.count, KEPT)
    parts: list[tuple[NDArray[Any] | None, str, tuple[int, ...] | None]] = [
        (kept.moments.mean, "f8", (size,)),
        (kept.moments.covariance, "f8", (size, size)),
        (kept.features, "f4", (rows, size)),
        (kept.probabilities, "f4", (named, wanted.classes) if wanted.classes else None),
        (kept.modes, "i8", (wanted.count,) if wanted.by_mode else None),
    ]
    whole = all(
        (found is None and shape is None)
        or (found is not None and found.dtype == kind and found.shape == shape)
        for found, kind, shape in parts
    )
    same = wanted.labels is None and kept.labels is None
    if wanted.labels is not None and kept.labels is not None:
        same = np.array_equal(kept.labels, wanted.labels[:KEPT])
    finite = all(np.isfinite(found).all() for found, _, _ in parts if found is not None)
    return whole and same and finite and kept.moments.count == wanted.count
