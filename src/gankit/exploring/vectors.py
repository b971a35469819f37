"""Arithmetic on latents, as in section 6.3 of the DCGAN paper (arXiv 1511.06434)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError
from gankit.exploring.columns import movable, noise_of, shares_of, with_shares
from gankit.exploring.sheets import Sheet, check_count, pictures_of
from gankit.pictures import Pixels, grid
from gankit.randomness import Purpose, rng
from gankit.trained.gan import GAN
from gankit.trained.latents import Latents, join

AROUND = 0.25
"""How far the neighbours of an answer lie from it in each number of the noise, as in the paper."""


def mean(gan: GAN, latents: Latents) -> Latents:
    """Return the mean of latents, as one. Classes become the share that each has."""
    latents = gan.adopt(latents)
    shares = shares_of(gan, latents)
    average = None if shares is None else shares.mean(0, keepdims=True)
    noise = latents.noise.mean(0, dtype=np.float64)[None].astype(np.float32)
    return with_shares(gan, replace(latents, noise=noise, labels=None), average)


def arithmetic(
    gan: GAN,
    of: Latents,
    minus: Latents,
    plus: Latents,
    *,
    around: float = AROUND,
    seed: int = 0,
) -> Latents:
    """Return mean(of) - mean(minus) + mean(plus), and 8 neighbours around it: 9, as a square.

    The answer is number 4, in the middle. Labels and codes take part like the noise. The neighbours
    differ from the answer in the noise alone, in each number by a draw from U(-around, around).

    Raises ConfigError if the labels do not add up to shares of classes: choose exemplars whose
    labels do, or give all the same label.
    """
    a, b, c = (mean(gan, latents) for latents in (of, minus, plus))
    shares = _combined(*(shares_of(gan, one) for one in (a, b, c)))
    if shares is not None and not gan.condition:
        shares = shares.round(6)
        if shares.min() < 0:
            raise ConfigError(
                "the classes of these exemplars do not add up to a class: give all of them one "
                "label, or choose others",
                "labels",
            )
    noise = a.noise - b.noise + c.noise
    answer = with_shares(gan, replace(a, noise=noise, labels=None), shares)
    near = answer[np.zeros(9, int)]
    shape = (9, gan.config.latent.size)
    moved = rng(seed, Purpose.SAMPLES, 0, 1).uniform(-around, around, shape).astype(np.float32)
    moved[4] = 0
    near.noise[:, noise_of(gan)] += moved
    return near


def _combined(
    a: NDArray[np.float32] | None, b: NDArray[np.float32] | None, c: NDArray[np.float32] | None
) -> NDArray[np.float32] | None:
    return None if a is None or b is None or c is None else a - b + c


def arithmetic_picture(gan: GAN, terms: Sequence[Latents], answer: Latents) -> Pixels:
    """Draw the three terms side by side, each above its mean, and the answer among its neighbours.

    Args:
        gan: the trained run; it makes images.
        terms: the exemplars that are added, subtracted and added.
        answer: what `arithmetic` returned.

    Raises ConfigError if there are too many exemplars to look at.
    """
    most = max(len(term) for term in terms)
    check_count(gan, most * len(terms))
    means = pictures_of(gan, join([mean(gan, term) for term in terms]))
    blank = np.zeros_like(means[:1])
    rows = []
    drawn = [pictures_of(gan, gan.adopt(term)) for term in terms]
    for i in range(most):
        rows += [images[i : i + 1] if i < len(images) else blank for images in drawn]
    left, below = grid(np.concatenate(rows), 3), grid(means, 3)
    right = grid(pictures_of(gan, answer), 3)
    return _beside([_stacked([left, below]), right])


def turn(
    gan: GAN, origin: Latents, goal: Latents, starts: Latents, steps: int, *, reach: float = 1.0
) -> Sheet:
    """Walk from each of `starts` along the vector from the mean of `origin` to that of `goal`.

    The paper turned faces in this way, with four exemplars on each side. Each row goes from -reach
    to reach times the vector, so that the start itself is in the middle of an odd number of steps.
    Its label is held, and so is every code that is one-hot.

    Raises ConfigError if the latents are not of this run, or if both means are the same.
    """
    vector = (mean(gan, goal).noise - mean(gan, origin).noise)[0] * movable(gan)
    if not vector.any():
        raise ConfigError("both sets of exemplars have the same mean: there is nowhere to turn")
    return walk(gan, starts, vector[None], steps, reach=reach)


def walk(
    gan: GAN,
    starts: Latents,
    vectors: NDArray[np.float32],
    steps: int,
    *,
    reach: float,
    names: tuple[str, ...] = (),
) -> Sheet:
    """Walk from each of `starts` along each vector [size], from -reach to reach times the vector.

    A row for each vector and start, those of one vector together. Raises ConfigError for fewer than
    2 steps.
    """
    if steps < 2:
        raise ConfigError(f"steps must be at least 2, got {steps}", "steps")
    starts = gan.adopt(starts)
    t = np.linspace(-reach, reach, steps, dtype=np.float32)
    count, rows = len(starts), len(vectors) * len(starts)
    held = starts[np.tile(np.arange(count).repeat(steps), len(vectors))]
    moved = np.tile(t, rows)[:, None] * vectors.repeat(count * steps, 0)
    return Sheet(replace(held, noise=held.noise + moved), steps, names=names)


def _stacked(pictures: Sequence[Pixels]) -> Pixels:
    """Put pictures of one width below each other, a light line between them."""
    line = np.full((4, *pictures[0].shape[1:]), 255, np.uint8)
    parts = [part for picture in pictures for part in (picture, line)]
    return np.concatenate(parts[:-1])


def _beside(pictures: Sequence[Pixels]) -> Pixels:
    """Put pictures beside each other, in the middle of the height, a light stripe between them."""
    height = max(len(picture) for picture in pictures)
    parts: list[Pixels] = []
    for picture in pictures:
        column = np.full((height, *picture.shape[1:]), 255, np.uint8)
        top = (height - len(picture)) // 2
        column[top : top + len(picture)] = picture
        parts += [column, np.full((height, 16, *picture.shape[2:]), 255, np.uint8)]
    return np.concatenate(parts[:-1], 1)
