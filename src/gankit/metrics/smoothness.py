"""Perceptual path length: how far the image moves while the latent moves a little."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gankit.arguments import typed_arguments
from gankit.errors import ConfigError
from gankit.metrics.arrays import as_numbers


@typed_arguments()
def path_length(
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    epsilon: float = 1e-4,
    trim: float = 0.01,
) -> tuple[float, float]:
    """Return the mean of |f1 - f2|^2 / epsilon^2 over steps along paths, and its standard error.

    Karras et al. 2018 (arXiv 1812.04948) measure it in LPIPS; here it is the squared distance in
    whichever features are given. Less is smoother, and a generator that makes one image alone has
    0: read it beside a measure of diversity.

    Args:
        first, second: features [N, D] of the images at t and at t + epsilon (`path_ends`). The
            images must not be rounded to 8 bits: a step that small would vanish in it.
        epsilon: the step in t, above 0.
        trim: the share of lengths left out at either end, in [0, 0.5), as in the paper's code; 0
            keeps all.

    >>> path_length(np.zeros((4, 3)), np.full((4, 3), 0.1), epsilon=0.1, trim=0)[0].__round__(6)
    3.0

    Raises ConfigError for shapes that differ, fewer than 2 pairs, or a number out of range.
    """
    first, second = as_numbers(first, "features"), as_numbers(second, "features")
    if first.shape != second.shape or first.ndim < 1 or len(first) < 2:
        raise ConfigError(f"path length needs pairs, got {first.shape} and {second.shape}")
    if not (0 < epsilon < math.inf and 0 <= trim < 0.5):
        raise ConfigError(
            f"epsilon must be above 0 and finite, trim in [0, 0.5): got {epsilon:g} and {trim:g}"
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ConfigError("features that are not finite have no path length")
    apart = first.astype(np.float64) - second.astype(np.float64)
    length = np.square(apart).reshape(len(apart), -1).sum(1) / epsilon**2
    low = np.quantile(length, trim, method="lower")
    high = np.quantile(length, 1 - trim, method="higher")
    kept = length[(length >= low) & (length <= high)]
    return float(kept.mean()), float(kept.std(ddof=1) / np.sqrt(len(kept)))


@typed_arguments()
def path_ends(
    start: NDArray[np.floating],
    end: NDArray[np.floating],
    t: ArrayLike,
    epsilon: float = 1e-4,
    *,
    prior: str = "normal",
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return the latents [N, Z] at t and at t + epsilon on the paths between two latents.

    Args:
        start, end: latents [N, Z] between which the paths run.
        t: [N], how far along each path, in [0, 1).
        epsilon: the step in t.
        prior: "normal" or "uniform", as in `interpolate`.

    >>> near, far = path_ends(np.zeros((1, 1)), np.ones((1, 1)), [0.5], 0.25, prior="uniform")
    >>> near.item(), far.item()
    (0.5, 0.75)

    Raises ConfigError as `interpolate` does.
    """
    t = as_numbers(t, "t").astype(np.float64)
    if not 0 < epsilon < math.inf:
        raise ConfigError(f"epsilon must be above 0 and finite, got {epsilon:g}", "epsilon")
    return (
        interpolate(start, end, t, prior=prior),
        interpolate(start, end, t + epsilon, prior=prior),
    )


@typed_arguments()
def interpolate(
    start: NDArray[np.floating],
    end: NDArray[np.floating],
    t: ArrayLike,
    *,
    prior: str = "normal",
) -> NDArray[np.floating]:
    """Return the latents [N, Z] at t on the way from `start` [N, Z] to `end` [N, Z].

    If the prior is normal, the way is the arc (White 2016, arXiv 1609.04468), since nearly all of
    a normal prior lies on a sphere; if it is uniform, the line, which stays inside the cube.
    `t` [N] runs from 0 (`start`) to 1 (`end`).

    >>> interpolate(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), [0.5]).round(4)
    array([[0.7071, 0.7071]])

    Raises ConfigError for other shapes, or a prior that is neither 'normal' nor 'uniform'.
    """
    if prior not in ("normal", "uniform"):
        raise ConfigError(f"the prior is 'normal' or 'uniform', got {prior!r}")
    start, end = as_numbers(start, "latents"), as_numbers(end, "latents")
    t = as_numbers(t, "t").astype(np.float64)
    if start.ndim != 2 or start.shape != end.shape or np.shape(t) != start.shape[:1]:
        raise ConfigError(
            f"paths lie between latents [N, Z] at t [N], got {list(start.shape)}, "
            f"{list(end.shape)} and {list(np.shape(t))}"
        )
    x, y, t = start.astype(np.float64), end.astype(np.float64), t[:, None]
    a, b = _arc(x, y, t) if prior == "normal" else (1 - t, t)
    return (a * x + b * y).astype(start.dtype)


def _arc(
    x: NDArray[np.float64], y: NDArray[np.float64], t: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the weights [N, 1] of x and of y at t on the arc between them."""
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    cosine = (x * y).sum(1) / np.maximum(lengths, np.finfo(np.float64).tiny)
    angle = np.arccos(cosine.clip(-1, 1))[:, None]
    sine = np.sin(angle)
    bent = sine > 1e-6  # without an angle the arc is the line; half a turn has no single arc
    safe = np.where(bent, sine, 1)
    a = np.where(bent, np.sin((1 - t) * angle) / safe, 1 - t)
    b = np.where(bent, np.sin(t * angle) / safe, t)
    return a, b
