"""Exemplars: latents that a person points at, by seed and number or in a file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from gankit.errors import ConfigError
from gankit.text import shown
from gankit.trained.gan import GAN, Labels
from gankit.trained.latents import Latents, join

MOST_NUMBERED = 100_000
"""How many samples of a seed can be pointed at by their number."""
_POINTED = re.compile(r"(?P<where>.+?)(?::(?P<first>\d{1,12})(?:-(?P<last>\d{1,12}))?)?")


def read_exemplars(
    gan: GAN,
    text: str,
    label: Labels = None,
    about: str = "between",
    read: Callable[[Path], Latents] = Latents.load,
) -> Latents:
    """Return the latents that a text points at.

    Its parts, joined by commas, are each a seed and the number of one of its samples, `0:17`, or of
    several, `0:17-20`; a seed alone, for its sample 0; or a file of latents, `x.npz`, or some of
    them, `x.npz:3` and `x.npz:3-5`. Numbers count from 0, as in `gan.sample(n, seed=...)`.

    Args:
        gan: the trained run.
        text: what was typed.
        label: one label for all of them; None: the labels that they have.
        about: the argument that the text was given for, which an error names.
        read: reads a file of latents.

    Raises ConfigError if the text points at nothing, RunError if a file cannot be read.
    """
    parts = [part.strip() for part in text.split(",")]
    return join([_read_part(gan, part, label, about, read) for part in parts])


def _read_part(
    gan: GAN, part: str, label: Labels, about: str, read: Callable[[Path], Latents]
) -> Latents:
    match = _POINTED.fullmatch(part)
    if match is None:
        raise _unknown(part, about)
    where, first, last = match["where"], match["first"], match["last"]
    if where.endswith(".npz"):
        whole = gan.adopt(read(Path(where)), label)
        first, last = (first, last or first) if first else ("0", str(len(whole) - 1))
        _check_number(part, about, int(first), int(last), len(whole), f"the latents in {where}")
    elif re.fullmatch(r"\d{1,20}", where):
        first, last = first or "0", last or first or "0"
        _check_number(part, about, int(first), int(last), MOST_NUMBERED, f"samples of seed {where}")
        whole = gan.latents(int(last) + 1, label, int(where))
    else:
        raise _unknown(part, about)
    return whole[int(first) : int(last) + 1]


def _check_number(part: str, about: str, first: int, last: int, count: int, whose: str) -> None:
    if not first <= last < count:
        raise ConfigError(
            f"{about} {shown(part)}: {whose} have the numbers 0 to {count - 1:,}", about
        )


def _unknown(part: str, about: str) -> ConfigError:
    return ConfigError(
        f"{about} {shown(part)} points at no latent: give SEED:NUMBER, as 0:17, or a file x.npz, "
        "joined by commas",
        about,
    )
