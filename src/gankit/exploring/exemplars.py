"""Exemplars: latents that a person points at, by seed and number, in a file, or by a class."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError
from gankit.exploring.columns import check_images
from gankit.exploring.inversion import usual_network
from gankit.features.network import FeatureNetwork
from gankit.text import shown, visible
from gankit.trained.gan import GAN
from gankit.trained.labelling import Labels
from gankit.trained.latents import Latents, join

LOOKED_AT = 1000
"""Among how many samples a classifier looks for exemplars of a class."""
MOST_NUMBERED = 100_000
"""How many samples of a seed can be pointed at by their number."""
_POINTED = re.compile(r"(?P<where>.+?)(?::(?P<first>[0-9]{1,12})(?:-(?P<last>[0-9]{1,12}))?)?")


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


def exemplars_of(
    gan: GAN,
    name: str,
    count: int,
    *,
    seed: int = 0,
    classifier: FeatureNetwork | None = None,
    about: str = "with_",
) -> tuple[Latents, str]:
    """Return latents of one class, and how they were found, in words.

    A run that is asked for classes is asked for this one: the latents of two classes then differ in
    the label alone. Otherwise a classifier looks at samples, and those that it is surest of are
    taken: the one given, the run's own discriminator if that names classes, or `digits` for digits.

    Args:
        gan: the trained run; it makes images.
        name: the class: its name or its number in a run that is asked for classes, else the name
            that the classifier gives it.
        count: how many, 1 to 100.
        seed: of the latents; a classifier looks at its first 1,000 samples.
        classifier: a feature network that names classes.
        about: the argument that the class was given for, which an error names.

    Raises ConfigError if nothing knows such a class, or if it knows fewer samples of it.
    """
    check_images(gan)
    if not 1 <= count <= 100:
        raise ConfigError(f"exemplars must be in 1 to 100, got {count}", "exemplars")
    if classifier is None and gan.game.conditional and gan.class_names:
        return gan.latents(count, name, seed), f"{count} latents with the label {name}"
    names, source, chances = _classified(gan, classifier, seed)
    if name not in names:
        raise ConfigError(
            f"{source} knows no class {shown(name)}: it knows {', '.join(map(visible, names[:12]))}"
            f"{', ...' if len(names) > 12 else ''}",
            about,
        )
    place = names.index(name)
    taken = np.flatnonzero(chances.argmax(1) == place)
    if len(taken) < count:
        raise ConfigError(
            f"{source} takes {len(taken)} of {LOOKED_AT:,} samples for {name}, and {count} are "
            "asked for",
            about,
        )
    surest = taken[np.argsort(-chances[taken, place], kind="stable")[:count]]
    least = chances[surest, place].min()
    said = f"{count} samples that {source} takes for {name}, surest first, {least:.2f} or more"
    return gan.latents(LOOKED_AT, seed=seed)[surest], said


def _classified(
    gan: GAN, classifier: FeatureNetwork | None, seed: int
) -> tuple[tuple[str, ...], str, NDArray[np.floating]]:
    """Return the names of classes, who tells them, and their chances for samples of a seed [N, K].

    Raises ConfigError if nothing tells classes.
    """
    judges = gan.game.judges and classifier is None
    network = classifier or (None if judges else usual_network(gan))
    if network is None and not judges:
        raise ConfigError(
            "nothing tells the classes of these samples: give a feature network that names "
            "classes, or point at exemplars by their numbers",
            "features",
        )
    samples = gan.as_stored(latents=gan.latents(LOOKED_AT, seed=seed))
    if network is None:
        return gan.judged_names, "the run's own D", gan.judge(samples)
    return network.class_names, f"'{network.name}'", network.probabilities(samples)


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
    elif re.fullmatch(r"[0-9]{1,20}", where):
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
