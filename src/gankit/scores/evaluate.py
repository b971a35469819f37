"""Every score of a trained generator, with its interval, its floor and its protocol."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gankit.data import source_name
from gankit.errors import ConfigError
from gankit.features.named import Digits, load_network
from gankit.features.network import FeatureNetwork
from gankit.metrics.intervals import interval_of_draws
from gankit.randomness import Purpose, rng
from gankit.scores.embed import KEPT, Embedded, ModeOf, Track, embed, embed_real
from gankit.scores.measures import MEMORISATION, METRICS, SETTINGS, Measure, Pair
from gankit.scores.path_length import EPSILON, PAIRS, has_paths, mean_path_length
from gankit.scores.reference import Parts, Reals, Split, choose_network, part, read_reals
from gankit.scores.score import Protocol, Report, Score
from gankit.text import shown
from gankit.trained.artifact import load
from gankit.trained.gan import BLOCK, GAN
from gankit.version import __version__

MOST_SAMPLES = 10**7
"""In a draw: days of work."""
DRAWS = 5


def silent(text: str) -> None:
    """Say nothing."""


def untracked(title: str, blocks: Iterator[NDArray[Any]], count: int) -> Iterator[NDArray[Any]]:
    """The blocks themselves."""
    return blocks


@dataclass(frozen=True)
class Watch:
    """How a person follows: a line said, and blocks of examples that pass by."""

    say: Callable[[str], None] = silent
    track: Track = untracked


def evaluate(
    run: str | Path,
    *,
    features: str | None = None,
    data: str | None = None,
    split: Split | None = None,
    n: int | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    metrics: Sequence[str] = (),
    device: str = "cpu",
    watch: Watch | None = None,
) -> Report:
    """Measure a run, or a bare artifact, against real data. Nothing is written but the cache.

    Args:
        run: a run directory, or its model.safetensors.
        features: a feature network's name or file (`load_network`); None: by the data.
        data: the real examples; None: what the run was trained on, where it was then. Data that
            was moved counts as the run's own, by its fingerprint.
        split: of them; None: 'test' where there is one, else a part of 'train'.
        n: samples in a draw, and real examples at most; None: 10,000 (2,000 in a slow network),
            or as many as leave enough real ones for the floor.
        draws: independent sets of samples: a score is their mean, and 2 or more give an interval.
            Draw d has seed `seed` + d.
        metrics: names in `METRICS`; none: all that apply.
        device: where the generator and the feature network compute.

    Raises GankitError for all that a user can mend.
    """
    began, watch, path = time.monotonic(), watch or Watch(), Path(run).expanduser()
    _check(n, draws, seed, metrics, device)
    given = None if features is None else load_network(features, device)
    gan = load(path, device)
    reals = read_reals(gan, data, split, watch.say, path)
    network = choose_network(reals, given, device, watch.say)
    parts = part(reals, n, network.usual)

    if metrics and not set(metrics) & set(MEMORISATION):
        parts = replace(parts, trained_on=None)
    base, floor = real_pairs(gan, reals, parts, network, watch.track)
    measures: dict[str, Measure] = {}
    values: dict[str, list[float]] = {}
    for draw in range(draws):
        pair = sample_pair(gan, reals, base, parts.n_fake, network, seed + draw, watch.track)
        measures = measures or applicable(metrics, pair)
        for name, measure in measures.items():
            values.setdefault(name, []).append(measure.value(pair))
    scores = [
        score(name, measure, values[name], floor, network.name)
        for name, measure in measures.items()
    ]
    protocol = Protocol(
        network=network.name,
        network_hash=network.digest,
        resize=network.resize(picture_shape(gan)),
        data=source_name(reals.measured.name),  # no one's paths are published
        data_hash=reals.measured.fingerprint,
        split=reals.split,
        n_real=len(parts.reference),
        n_fake=parts.n_fake,
        seed=seed,
        settings={**SETTINGS, "kept": KEPT, "draws": draws, "paths": PAIRS, "epsilon": EPSILON},
        gankit=__version__,
    )
    return Report(
        run=(path if path.is_dir() else path.parent).resolve().name,
        family=gan.config.family,
        step=gan.step,
        protocol=protocol,
        scores=tuple(scores),
        seconds=round(time.monotonic() - began, 1),
    )


def real_pairs(
    gan: GAN, reals: Reals, parts: Parts, network: FeatureNetwork, track: Track
) -> tuple[Pair, Pair | None]:
    """The reference beside itself, for samples to take the second place; and, for the floor,
    the reference beside other real examples, None where there are too few."""
    mode_of = mode_reader(reals)

    def embedded(dataset: Any, indices: NDArray[np.int64], title: str) -> Embedded:
        found = embed_real(dataset, indices, network, mode_of, track, title)
        # Labels of other classes than the run's are no labels.
        return found if dataset.class_names == gan.class_names else replace(found, labels=None)

    reference = embedded(reals.measured, parts.reference, f"real examples ({reals.split})")
    train = None
    if parts.trained_on is not None:
        train = embedded(reals.train, parts.trained_on, "training examples")
    base = Pair(
        real=reference,
        other=reference,
        train=train,
        class_names=gan.class_names,
        network_classes=network.class_names,
        source=reals.measured.name,
    )
    if parts.stand_ins is None:
        return base, None
    return base, replace(base, other=embedded(reals.train, parts.stand_ins, "more real examples"))


def sample_pair(
    gan: GAN,
    reals: Reals,
    base: Pair,
    n: int,
    network: FeatureNetwork,
    seed: int,
    track: Track,
) -> Pair:
    """The reference beside one draw of samples."""
    asked = asked_labels(gan, reals, n, seed)
    blocks = track(f"samples of seed {seed}", gan.blocks(n, asked, seed), -(-n // BLOCK))
    labels = None if asked is None or asked.ndim == 2 else asked
    paths = partial(mean_path_length, gan, network, seed) if has_paths(gan, network) else None
    other = embed(blocks, network, labels, mode_reader(reals))
    return replace(base, other=other, path_length=paths)


def asked_labels(gan: GAN, reals: Reals, n: int, seed: int) -> NDArray[Any] | None:
    """What the samples are asked for: the labels of training examples in random order, each as
    often as the next; every class in turn where there are none; None of an unconditional run."""
    labels = reals.train.labels
    fits = labels is not None and (
        reals.train.condition == gan.condition
        if gan.condition
        else reals.train.class_names == gan.class_names
    )
    if not (gan.class_names or gan.condition) or labels is None or not fits:
        return gan.labels_for(n)
    random = rng(seed, Purpose.EVALUATION)
    rounds = [random.permutation(len(labels)) for _ in range(-(-n // len(labels)))]
    asked: NDArray[Any] = labels[np.concatenate(rounds)[:n]]
    return asked


def mode_reader(reals: Reals) -> ModeOf | None:
    """What tells the mode of an example where it is not a point: of three stacked digits, the
    number that the network `digits` reads in red, green and blue."""
    if reals.measured.name != "stacked_digits":
        return None
    network = Digits("cpu")

    def read(images: NDArray[np.uint8]) -> NDArray[np.int64]:
        digits = [network.probabilities(images[..., c]).argmax(1) for c in range(3)]
        return np.asarray(100 * digits[0] + 10 * digits[1] + digits[2], np.int64)

    return read


def applicable(names: Sequence[str], pair: Pair) -> dict[str, Measure]:
    """The measures asked for, or all that apply.

    Raises ConfigError where one that is asked for does not.
    """
    if not names:
        return {name: METRICS[name] for name in METRICS.names() if METRICS[name].has(pair)}
    for name in names:
        if not METRICS[name].has(pair):
            raise ConfigError(
                f"metric '{name}' does not apply here: it takes {METRICS[name].needs}"
            )
    return {name: METRICS[name] for name in names}


def score(
    name: str, measure: Measure, values: Sequence[float], floor: Pair | None, network: str
) -> Score:
    """One score of all draws, beside its floor."""
    beside = None if floor is None or measure.floor is None else measure.floor(floor)
    return Score(
        metric=name,
        label=measure.cited(network),
        value=float(np.mean(values)),
        better=measure.better,
        interval=interval_of_draws(values) if len(values) > 1 else None,
        floor=None if beside is None else measure.value(beside),
    )


def picture_shape(gan: GAN) -> tuple[int, ...]:
    """Of one picture as users see it, [1, H, W] or [1, H, W, C]; of a point, [1, D]."""
    if len(gan.shape) == 1:
        return (1, *gan.shape)
    channels, height, width = gan.shape
    return (1, height, width) if channels == 1 else (1, height, width, channels)


def _check(n: int | None, draws: int, seed: int, metrics: Sequence[str], device: str) -> None:
    for name in metrics:
        METRICS[name]
    if n is not None and n < 20:
        raise ConfigError(f"-n must be at least 20, got {n}")
    if n is not None and n > MOST_SAMPLES:
        raise ConfigError(f"-n must be at most {MOST_SAMPLES:,}, got {shown(n)}")
    if not 1 <= draws <= 100:
        raise ConfigError(f"--draws must be in 1 to 100, got {draws}")
    if not 0 <= seed < 2**63:
        raise ConfigError(f"--seed must be in [0, 2^63), got {seed}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device cuda: torch finds no CUDA device here")
    if device == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("--device mps: torch finds no Apple GPU here")
