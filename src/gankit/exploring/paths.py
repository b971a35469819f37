"""Ways from one latent to the next: between samples, labels or the values of a code."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from gankit.errors import ConfigError
from gankit.exploring.columns import noise_of, shares_of, with_shares
from gankit.exploring.sheets import Sheet
from gankit.game_types import Code
from gankit.metrics.smoothness import interpolate as between
from gankit.trained.gan import GAN
from gankit.trained.latents import Latents, join

Way = Literal["auto", "linear", "spherical"]
REACH = 2.0
"""How far a code that is a number goes by default, as in the pictures of the InfoGAN paper; it was
drawn from -1 to 1."""


def interpolate(
    gan: GAN, keys: Latents, steps: int, *, way: Way = "auto", loop: bool = False
) -> Sheet:
    """Return the latents on the way from each of `keys` to the next.

    Noise takes the arc or the line. Labels and codes take the line: between two classes a sample is
    of a mixture of both.

    Args:
        gan: the trained run.
        keys: the latents to pass through, two or more.
        steps: latents on each leg, 2 or more with both of its ends; in a loop, 1 or more with its
            start alone.
        way: "spherical": the arc, on which nearly all of a normal prior lies (arXiv 1609.04468);
            "linear": the line, which stays inside the cube of a uniform prior; "auto": whichever
            suits the prior.
        loop: whether to go on from the last to the first, in one row. Otherwise each leg is a row.

    Raises ConfigError if there are too few keys or steps, if the arc is asked of a uniform prior,
    or if the latents are not of this run.
    """
    prior = "normal" if gan.config.latent.prior == "normal" else "uniform"
    if way == "spherical" and prior == "uniform":
        raise ConfigError(
            f"the noise of this run is drawn from a cube ('{gan.config.latent.prior}'), in which "
            "the way is the line: choose 'linear'",
            "way",
        )
    if len(keys) < 2:
        raise ConfigError(f"a way has two ends or more, got {len(keys)} latent", "between")
    if steps < (1 if loop else 2):
        raise ConfigError(f"steps must be at least {1 if loop else 2}, got {steps}", "steps")
    keys = gan.adopt(keys)
    start = np.arange(len(keys) if loop else len(keys) - 1).repeat(steps)
    end = (start + 1) % len(keys)
    t = np.tile(np.arange(steps) / (steps if loop else steps - 1), len(start) // steps)
    noise = between(keys.noise[start], keys.noise[end], t, prior="uniform")
    if prior == "normal" and way != "linear":
        own = noise_of(gan)
        noise[:, own] = between(keys.noise[start, own], keys.noise[end, own], t)
    shares = shares_of(gan, keys)
    if shares is not None:
        shares = between(shares[start], shares[end], t, prior="uniform").astype(np.float32)
    made = with_shares(gan, replace(keys, noise=noise, labels=None), shares)
    return Sheet(made, len(start) if loop else steps, loop)


def along_labels(gan: GAN, latent: Latents, labels: list[str]) -> Latents:
    """Return one latent once for each of these classes. Raises ConfigError for an unknown one."""
    return gan.adopt(latent[np.zeros(len(labels), int)], labels)


def along_code(gan: GAN, latent: Latents, code: int) -> Latents:
    """Return one latent with each category of a code in turn; or with a number at -2 and at 2.

    Raises ConfigError if the run has no code of this number, from 1.
    """
    chosen = code_of(gan, code)
    values = [float(i) for i in range(chosen.categories)] or [-REACH, REACH]
    return join([put(chosen, latent, value) for value in values])


def code_of(gan: GAN, number: int) -> Code:
    """Return one of the game's codes, from 1. Raises ConfigError if there is none."""
    codes = gan.game.codes
    if not 1 <= number <= len(codes):
        raise ConfigError(f"this run has {len(codes)} codes, there is no code {number}", "code")
    return codes[number - 1]


def put(code: Code, latents: Latents, value: float) -> Latents:
    """Return latents with a code set in each: to a category, from 0, or to a number."""
    return replace(latents, noise=code.put(latents.to_latent(), value).noise.numpy())
