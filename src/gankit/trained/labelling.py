"""The labels of samples: as they are asked for, and as a run takes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError
from gankit.game import families_that
from gankit.text import shown

if TYPE_CHECKING:
    from gankit.trained.gan import GAN

Labels = int | str | Sequence[int] | Sequence[str] | Sequence[float] | NDArray[Any] | None


def labels_for(gan: GAN, n: int, labels: Labels) -> NDArray[Any] | None:
    """Return the label of each of `n` samples; see `GAN.labels_for`."""
    if n < 1:
        raise ConfigError(f"n must be at least 1, got {n}", "n")
    if gan.condition:
        return _vectors(gan.condition, n, labels)
    if not gan.class_names:
        if labels is not None:
            others = families_that(lambda f: f.conditional, gan.game.task)
            raise ConfigError(
                f"labels {shown(labels)} asked of an unconditional run ('{gan.config.family}'): "
                f"leave labels out, or train {others}",
                "labels",
            )
        return None
    if labels is None:
        return np.arange(n, dtype=np.int64) % len(gan.class_names)
    if np.ndim(labels) == 0:
        return np.full(n, _places(gan.class_names, [labels])[0], np.int64)
    assert not isinstance(labels, (int, str))
    if len(labels) != n:
        raise ConfigError(
            f"{len(labels)} labels given for {n} samples: give one, or one each", "labels"
        )
    return _places(gan.class_names, labels)


def check_labels(gan: GAN, labels: NDArray[Any]) -> None:
    """Raise ConfigError if the labels of some latents do not suit a run."""
    classes, size = len(gan.class_names), gan.condition
    if labels.ndim == 1 and classes and 0 <= labels.min() <= labels.max() < classes:
        return
    if labels.ndim == 2 and labels.shape[1] == (size or classes):
        return
    wanted = f"vectors of {size} numbers" if size else f"classes 0 to {classes - 1}"
    raise ConfigError(
        f"the latents' labels, {labels.dtype} {list(labels.shape)}, do not suit this run: it "
        f"takes {wanted if size or classes else 'none'}"
    )


def _vectors(size: int, n: int, given: Labels) -> NDArray[np.float32]:
    """Return vectors float32 [n, size], given one for all of `n` samples or one for each."""
    wanted = f"an array [{size}], or [{n}, {size}]"
    if given is None:
        raise ConfigError(f"this run is asked by a vector: give labels, {wanted}", "labels")
    try:
        vectors = np.asarray(given, np.float32)
        return np.array(np.broadcast_to(vectors, (n, size)))
    except (ValueError, TypeError):
        shape = np.shape(given)
        raise ConfigError(f"labels of shape {shape} given; needed is {wanted}", "labels") from None


def _places(names: Sequence[str], labels: Iterable[Any]) -> NDArray[np.int64]:
    """Return where each class stands, int64: by its name, or by its number if that is no name.

    The numbers of one list are of one kind: if one of them is no name, all are places.
    """
    asked = [str(label.item() if hasattr(label, "item") else label) for label in labels]
    places = {name: place for place, name in enumerate(names)}
    if any(name not in places for name in asked if name.isdecimal()):
        by_number = {str(place): place for place in range(len(places))}
        places = {n: p for n, p in places.items() if not n.isdecimal()} | by_number
    for name in asked:
        if name not in places:
            raise _unknown(names, name)
    return np.array([places[name] for name in asked], np.int64)


def _unknown(names: Sequence[str], label: str) -> ConfigError:
    some = f"{', '.join(names[:12])}{', ...' if len(names) > 12 else ''}"
    return ConfigError(
        f"label {shown(label)} is outside the {len(names)} classes: {some}, or 0 to "
        f"{len(names) - 1} if no class is called so",
        "labels",
    )
