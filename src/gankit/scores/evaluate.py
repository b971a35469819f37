"""Every score of a trained generator, with its interval, its floor and its protocol."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from gankit.arguments import typed_arguments
from gankit.data import Dataset, load_dataset, source_name
from gankit.errors import ConfigError
from gankit.features.named import load_network
from gankit.features.network import FeatureNetwork
from gankit.metrics.intervals import interval_of_draws, interval_of_share
from gankit.run import Run
from gankit.scores.embed import KEPT, Track
from gankit.scores.measures import MEMORISATION, METRICS, SETTINGS, Measure, Pair
from gankit.scores.pairs import Samples, Source, nearest_picture, real_pairs, sample_pair
from gankit.scores.path_length import EPSILON, PAIRS
from gankit.scores.reference import (
    FEWEST,
    Parts,
    Reals,
    Split,
    choose_network,
    dataset_of,
    most_searched,
    part,
    read_reals,
    reals_of,
)
from gankit.scores.returns import evaluate_returns, silent
from gankit.scores.score import Holds, Protocol, Report, Score, write_report
from gankit.scores.texts import HELD_OUT, TEXT_METRICS, evaluate_texts
from gankit.text import shown
from gankit.trained.artifact import check_device, load
from gankit.trained.gan import GAN
from gankit.version import __version__

MOST_SAMPLES = 10**7
"""The most samples in a draw; they take days."""
DRAWS = 5


def untracked(title: str, blocks: Iterator[NDArray[Any]], count: int) -> Iterator[NDArray[Any]]:
    """Return the blocks as they are, without a display of progress."""
    return blocks


@dataclass(frozen=True)
class Watch:
    """Functions that show a person what goes on: `say` a line, and `track` blocks of examples."""

    say: Callable[[str], None] = silent
    track: Track = untracked


@typed_arguments()
def evaluate(
    run: str | Path | GAN | NDArray[Any],
    *,
    against: Dataset | NDArray[Any] | str | Path | None = None,
    features: str | Path | FeatureNetwork | None = None,
    data: str | Path | None = None,
    split: Split | None = None,
    n: int | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    metrics: Sequence[str] = (),
    device: str = "cpu",
    keep: bool = False,
    watch: Watch | None = None,
) -> Report:
    """Measure samples against real data, and return every score with its protocol.

    Only the cache is written, unless `keep` is set.

    >>> points = np.random.default_rng(0).normal(size=(400, 2))
    >>> report = evaluate(points[:200], against=points[200:], metrics=["coverage"])
    >>> report.scores[0].metric, report.scores[0].value > 0.8
    ('coverage', True)

    Args:
        run: a run directory, or its model.safetensors; a loaded GAN; or finished samples, [N, H, W]
            or [N, H, W, C], or points [N, D]. Images of other numbers than uint8 are in the range
            of the data set that they are measured against, as `GAN.sample` returns them.
        against: the real examples: a data set, arrays as above, or a name or path. None: the
            run's training data, where it was then. Data that was moved counts as the run's own if
            it has the same fingerprint. Half of a data set or of arrays gives the floor, unless
            `n` asks for more.
        features: a feature network, or its name or file (`load_network`); None: chosen by the data.
        data: a name or path, in place of `against`.
        split: the split of real data that is given by name; None: 'test' if there is one, else a
            part of 'train'.
        n: the number of samples in a draw, and the most real examples (of a policy: the number of
            episodes); None: 10,000 (2,000 in a slow network, 500 of text, 50 episodes), or fewer if
            there are fewer samples, or if fewer leave enough real examples for the floor.
        draws: the number of independent sets of samples, 1 to 100: a score is their mean, and 2 or
            more give an interval. Draw d has seed `seed` + d. Finished samples are one draw; then
            only a share of samples that are judged one by one has an interval.
        seed: the seed of the first draw, in [0, 2^63).
        metrics: names in `METRICS`; empty: all that apply.
        device: the device of the feature network, and of a generator that is read from a file.
        keep: write the report into the run's folder (scores/), as `gankit evaluate` does. `run`
            must be a run, or a GAN that was loaded from one. `gankit report` shows it.

    Raises GankitError for everything that a user can mend.
    """
    watch = watch or Watch()
    _check(n, draws, seed, metrics, device)
    if split not in (None, *get_args(Split)):
        raise ConfigError(f"split is train or test, got {shown(split)}", "split")
    if against is not None and data is not None:
        raise ConfigError("give the real examples once: against or data", "against", "data")
    against = data if against is None else against
    if isinstance(against, Path):
        against = str(against)
    if isinstance(run, (str, Path)):
        run = load(run, device)
    folder = run.path.parent if isinstance(run, GAN) and run.path is not None else None
    if keep and (folder is None or not Run(folder).record_path.exists()):
        raise ConfigError("keep=True is for a run, or a GAN that gankit.load read from one")
    if isinstance(run, GAN) and run.game.acts:
        _check_is_for_returns(features, split, metrics)
        if isinstance(against, np.ndarray):
            raise ConfigError("a policy is measured beside an expert's episodes: give their data")
        report = evaluate_returns(run, data=against, n=n, seed=seed, say=watch.say)
    elif isinstance(run, GAN) and run.kind == "tokens":
        if features is not None or not isinstance(against, str | None):
            raise ConfigError("text is measured without features, against data by name or path")
        report = evaluate_texts(
            run, data=against, split=split, n=n, draws=draws, seed=seed, metrics=metrics,
            say=watch.say,
        )  # fmt: skip
    else:
        given = load_network(features, device) if isinstance(features, str | Path) else features
        report = _evaluate_samples(
            run, against, given, split, n, draws, seed, metrics, device, watch
        )
    if keep and folder is not None:
        with Run(folder).writing("the scores"):
            write_report(folder, report)
    return report


def _check_is_for_returns(features: object, split: Split | None, metrics: Sequence[str]) -> None:
    """Raise ConfigError if something is asked for that a policy, which is measured by what it
    earns, does not have."""
    for name, given in (("features", features), ("split", split), ("metrics", metrics)):
        if given:
            raise ConfigError(f"a policy is measured by its returns: leave {name} out", name)


def _evaluate_samples(
    run: GAN | NDArray[Any],
    against: Dataset | NDArray[Any] | str | None,
    given: FeatureNetwork | None,
    split: Split | None,
    n: int | None,
    draws: int,
    seed: int,
    metrics: Sequence[str],
    device: str,
    watch: Watch,
) -> Report:
    """Measure samples against real data; the arguments are those of `evaluate`."""
    began = time.monotonic()
    if isinstance(run, GAN):
        source: Source = run
    else:  # their numbers are in the range of the examples that they are measured against
        against, split = _real_examples(against, split), None
        source = Samples(run, against.pixels)
    path = source.path if isinstance(source, GAN) else None
    reals = _reals(source, against, split, watch, path)
    network = choose_network(reals, given, device, watch.say)
    usual = network.usual
    if isinstance(source, Samples):
        _check_enough(source, n)
        usual, draws = min(usual, len(source.dataset)), 1
    parts = part(reals, n, usual, most_searched(reals, network, n))
    if metrics and not set(metrics) & set(MEMORISATION):
        parts = replace(parts, trained_on=None)
    base, floor = real_pairs(source, reals, parts, network, watch.track)
    pairs = (
        sample_pair(source, reals, base, parts.n_fake, network, seed + draw, watch.track)
        for draw in range(draws)
    )
    drawn, first = _measure_draws(pairs, metrics)
    return Report(
        run="" if path is None else path.parent.resolve().name,
        family="" if isinstance(source, Samples) else source.config.family,
        step=0 if isinstance(source, Samples) else source.step,
        protocol=_protocol(source, reals, parts, network, seed, draws, first.compared),
        scores=tuple(score(name, found, floor, network.name) for name, found in drawn.items()),
        seconds=round(time.monotonic() - began, 1),
        nearest=nearest_picture(first, reals),
    )


def _protocol(
    source: Source,
    reals: Reals,
    parts: Parts,
    network: FeatureNetwork,
    seed: int,
    draws: int,
    compared: int,
) -> Protocol:
    """Return everything that the scores depend on besides the run."""
    settings = {
        "kept": KEPT,
        "draws": draws,
        "paths": PAIRS,
        "epsilon": EPSILON,
        "compared": compared,
    }
    return Protocol(
        network=network.name,
        network_hash=network.digest,
        resize=network.resize(picture_shape(source)),
        data=source_name(reals.measured.name),  # no one's paths are published
        data_hash=reals.measured.fingerprint,
        split=reals.split,
        n_real=len(parts.reference),
        n_fake=parts.n_fake,
        seed=seed,
        settings={**SETTINGS, **settings},
        gankit=__version__,
    )


def _real_examples(against: Dataset | NDArray[Any] | str | None, split: Split | None) -> Dataset:
    """Return the real examples that finished samples are measured against. Raises GankitError."""
    if against is None:
        raise ConfigError("finished samples need real examples: give against=")
    if isinstance(against, str):
        return load_dataset(against, split=split or "train")
    _refuse_split(split)
    return against if isinstance(against, Dataset) else dataset_of(against)


def _refuse_split(split: Split | None) -> None:
    if split is not None:
        raise ConfigError("a split is of data by name: leave it out, or load that split")


def _reals(
    source: Source,
    against: Dataset | NDArray[Any] | str | None,
    split: Split | None,
    watch: Watch,
    path: Path | None,
) -> Reals:
    """Read the real examples. Raises GankitError if there are none, or they do not suit."""
    if isinstance(against, Dataset) or not isinstance(source, GAN):
        _refuse_split(split)
        assert isinstance(against, Dataset)
        return reals_of(against, source.shape)
    if against is not None and not isinstance(against, str):
        _refuse_split(split)
        return reals_of(dataset_of(against, source.pixels), source.shape)
    return read_reals(source, against, split, watch.say, path)


def _check_enough(samples: Samples, n: int | None) -> None:
    """Raise ConfigError if there are fewer samples than are wanted."""
    if len(samples.dataset) < (n or FEWEST):
        raise ConfigError(f"scores need {n or FEWEST} samples, got {len(samples.dataset)}")


@dataclass
class Drawn:
    """The values of one measure in every draw, and what the first draw says of its interval.

    Attributes:
        measure: the measure.
        within: the range of its values.
        count: the number of examples that a share counts; None if it is no share.
        note: what it does not look at.
        values: one for each draw.
    """

    measure: Measure
    within: tuple[float, float]
    count: int | None
    note: str
    values: list[float] = field(default_factory=list)


def _measure_draws(pairs: Iterator[Pair], metrics: Sequence[str]) -> tuple[dict[str, Drawn], Pair]:
    """Return the measures that apply, with the value of each in every draw, and the first pair."""
    drawn: dict[str, Drawn] = {}
    first = None
    for pair in pairs:
        if first is None:
            first = pair
            drawn = {name: _undrawn(m, pair) for name, m in applicable(metrics, pair).items()}
        for found in drawn.values():
            found.values.append(found.measure.value(pair))
    assert first is not None
    return drawn, first


def _undrawn(measure: Measure, pair: Pair) -> Drawn:
    count = None if measure.count is None else measure.count(pair)
    return Drawn(measure, measure.within(pair), count, measure.note(pair))


def applicable(names: Sequence[str], pair: Pair) -> dict[str, Measure]:
    """Return the measures asked for by name, or all that apply.

    Raises ConfigError if one that is asked for does not apply.
    """
    if not names:
        return {name: METRICS[name] for name in METRICS.names() if METRICS[name].has(pair)}
    for name in names:
        if not METRICS[name].has(pair):
            raise ConfigError(
                f"metric '{name}' does not apply here: it takes {METRICS[name].needs}",
                "metrics",
            )
    return {name: METRICS[name] for name in names}


def score(name: str, drawn: Drawn, floor: Pair | None, network: str) -> Score:
    """Return the score of all draws, with its floor."""
    measure, values = drawn.measure, drawn.values
    beside = None if floor is None or measure.floor is None else measure.floor(floor)
    interval, holds = _interval(drawn)
    return Score(
        metric=name,
        label=measure.cited(network),
        value=float(np.mean(values)),
        better=measure.better,
        interval=interval,
        floor=None if beside is None else measure.value(beside),
        holds=holds,
        note=drawn.note,
        most=drawn.within[1] if math.isfinite(drawn.within[1]) else None,
    )


def _interval(drawn: Drawn) -> tuple[tuple[float, float] | None, Holds]:
    """Return the interval of a score and what it holds; None if nothing is known of it."""
    values, count = drawn.values, drawn.count
    if len(values) > 1 and all(map(math.isfinite, values)):
        return interval_of_draws(values, within=drawn.within, count=count), "draws"
    if len(values) == 1 and drawn.measure.each and count is not None:
        return interval_of_share(values[0], count), "samples"
    return None, "draws"


def picture_shape(source: Source) -> tuple[int, ...]:
    """Return the shape of one picture for users, [1, H, W] or [1, H, W, C]; of a point, [1, D]."""
    if len(source.shape) == 1:
        return (1, *source.shape)
    channels, height, width = source.shape
    return (1, height, width) if channels == 1 else (1, height, width, channels)


def _check(n: int | None, draws: int, seed: int, metrics: Sequence[str], device: str) -> None:
    for name in metrics:
        if name not in (*TEXT_METRICS, HELD_OUT):
            METRICS[name]
    if n is not None and n < 20:
        raise ConfigError(f"n must be at least 20, got {n}", "n")
    if n is not None and n > MOST_SAMPLES:
        raise ConfigError(f"n must be at most {MOST_SAMPLES:,}, got {shown(n)}", "n")
    if not 1 <= draws <= 100:
        raise ConfigError(f"draws must be in 1 to 100, got {draws}", "draws")
    if not 0 <= seed < 2**63:
        raise ConfigError(f"seed must be in [0, 2^63), got {seed}", "seed")
    check_device(device)
