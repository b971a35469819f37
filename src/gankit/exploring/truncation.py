"""Truncation: latents moved towards the mean, for samples that are plainer and vary less."""

from __future__ import annotations

from dataclasses import replace

from gankit.errors import ConfigError
from gankit.exploring.columns import middle
from gankit.trained.gan import GAN
from gankit.trained.latents import Latents


def truncate(gan: GAN, latents: Latents, psi: float) -> Latents:
    """Move latents towards the mean of their prior: mean + psi (latent - mean).

    Normal noise of psi is N(0, psi^2), uniform noise fills a cube of psi times the side, and both
    are in what training has seen. What has no mean to move to is held: labels, one-hot codes, and
    the numbers that dropout's masks are made of.

    Args:
        gan: the trained run.
        latents: of this run.
        psi: from 0, the mean itself, to 1, the latents as they are.

    Raises ConfigError if psi is out of range, or the latents are not of this run.
    """
    if not 0 <= psi <= 1:
        raise ConfigError(f"psi must be in 0 to 1, got {psi:g}", "psi")
    latents = gan.adopt(latents)
    if psi == 1:
        return latents
    centre = middle(gan, latents).noise
    return replace(latents, noise=centre + psi * (latents.noise - centre))
