"""Scores of text: what tells how good sentences are, and what tells how unlike each other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from gankit.data import source_name
from gankit.data.grammar import is_sentence
from gankit.data.load import text_options
from gankit.data.oracle import build_oracle, oracle_nll
from gankit.errors import ConfigError, DataError
from gankit.game_types import Task
from gankit.metrics.bleu import bleu, self_bleu
from gankit.metrics.frechet import frechet_distance
from gankit.metrics.intervals import interval_of_draws
from gankit.metrics.ngrams import NGramVectors
from gankit.registry import did_you_mean
from gankit.scores.reference import Reals, Say, Split, read_reals
from gankit.scores.score import Better, Protocol, Report, Score
from gankit.trained.gan import GAN
from gankit.version import __version__

SAMPLES = 500
"""The samples in a draw, and the most real sentences that they are compared with, by default."""
JUDGED = 2_000
"""The most real sentences whose likelihood is taken."""

Rows = NDArray[np.int64]
"""Sequences of tokens by their numbers, int64 [N, T]."""


@dataclass(frozen=True)
class Texts:
    """Samples, or real sentences in their place, beside real ones of the test and of training.

    `space` is that of the training text's n-grams.
    """

    gan: GAN
    rows: Rows
    real: Rows
    known: Rows
    source: str
    space: Callable[[], NGramVectors]

    @cached_property
    def sequences(self) -> list[list[int]]:
        """The samples, each as far as its end."""
        return as_sequences(self.gan.game.task, self.rows)

    def bleu(self, order: int) -> float:
        references = as_sequences(self.gan.game.task, self.real)
        return float(bleu(self.sequences, references, order).mean())

    def self_bleu(self, order: int) -> float:
        return float(self_bleu(self.sequences, order).mean())

    def frechet(self) -> float:
        references = as_sequences(self.gan.game.task, self.real)
        space = self.space()
        return frechet_distance(space.of(references), space.of(self.sequences))

    def cost(self) -> float:
        oracle = build_oracle(text_options(self.gan.config.data))
        return float(oracle_nll(oracle, self.rows).mean())

    def different(self) -> float:
        return len(np.unique(self.rows, axis=0)) / len(self.rows)

    def copied(self) -> float:
        known = set(map(bytes, self.known))
        return float(np.mean([bytes(row) in known for row in self.rows]))

    def grammatical(self) -> float:
        return float(np.mean([is_sentence(self.gan.text(row)) for row in self.rows.tolist()]))


@dataclass(frozen=True)
class TextMeasure:
    """A score of sentences: its label, which way is better, its range, its value, and whether it
    applies to data of this source."""

    label: str
    better: Better
    value: Callable[[Texts], float]
    within: tuple[float, float] = (0.0, 1.0)
    of: str | None = None


TEXT_METRICS: dict[str, TextMeasure] = {
    "nll_oracle": TextMeasure(
        "NLL by the oracle", "lower", Texts.cost, (0.0, float("inf")), of="oracle"
    ),
    "grammatical": TextMeasure("grammatical", "higher", Texts.grammatical, of="sentences"),
    "bleu_2": TextMeasure("BLEU-2", "higher", lambda texts: texts.bleu(2)),
    "bleu_4": TextMeasure("BLEU-4", "higher", lambda texts: texts.bleu(4)),
    "self_bleu_2": TextMeasure("Self-BLEU-2", "lower", lambda texts: texts.self_bleu(2)),
    "self_bleu_4": TextMeasure("Self-BLEU-4", "lower", lambda texts: texts.self_bleu(4)),
    "frechet_ngrams": TextMeasure("FD(n-grams)", "lower", Texts.frechet, (0.0, float("inf"))),
    "different": TextMeasure("different ones", "higher", Texts.different),
    "copied": TextMeasure("copied from training", "lower", Texts.copied),
}
"""The scores of samples by name. The best Self-BLEU is that of real sentences."""
HELD_OUT = "nll_test"
"""The name of the score that needs no samples: what real sentences cost the model."""


def evaluate_texts(
    gan: GAN,
    *,
    data: str | None = None,
    split: Split | None = None,
    n: int | None = None,
    draws: int = 5,
    seed: int = 0,
    metrics: Sequence[str] = (),
    say: Say = lambda line: None,
) -> Report:
    """Measure the sentences of a trained generator against real ones.

    Each score of samples is a mean over `draws`, with the interval of another draw, and beside it
    the same of real sentences. The held-out likelihood has an interval over real sentences.

    Raises:
        ConfigError: a metric is unknown or does not apply.
        DataError: the data cannot be read, is too small, or has other symbols.
    """
    began = time.monotonic()
    reals = read_reals(gan, data, split, say, gan.path)
    _check_symbols(gan, reals)
    chosen = _chosen(gan, reals, metrics)
    known = reals.train.read(np.arange(len(reals.train))).astype(np.int64)
    others = known
    real = reals.measured.read(np.arange(len(reals.measured))).astype(np.int64)
    if reals.split == "train":  # every other sentence of it stands in for the samples
        real, others = known[::2], known[1::2]
    real, others = real[: n or SAMPLES], others[: n or SAMPLES]

    space = cache(lambda: NGramVectors(as_sequences(gan.game.task, known)))

    def texts(rows: Rows, references: Rows) -> Texts:
        return Texts(gan, rows, references, known, reals.measured.name, space)

    count = n or SAMPLES
    drawn = [texts(gan.sample(count, seed=seed + draw, output="np"), real) for draw in range(draws)]
    floor = replace(texts(real, others), known=others)
    scores = [_score(name, TEXT_METRICS[name], drawn, floor) for name in chosen if name != HELD_OUT]
    if HELD_OUT in chosen:
        judged = reals.measured.read(np.arange(min(JUDGED, len(reals.measured))))
        scores.append(held_out(gan, judged.astype(np.int64)))
    return Report(
        run="" if gan.path is None else gan.path.parent.resolve().name,
        family=gan.config.family,
        step=gan.step,
        protocol=Protocol(
            network="tokens",
            network_hash="",
            resize="none",
            data=source_name(reals.measured.name),
            data_hash=reals.measured.fingerprint,
            split=reals.split,
            n_real=len(real),
            n_fake=count,
            seed=seed,
            settings={"draws": draws, "temperature": gan.temperature},
            gankit=__version__,
        ),
        scores=tuple(scores),
        seconds=round(time.monotonic() - began, 1),
    )


def held_out(gan: GAN, rows: Rows) -> Score:
    """Return what real sentences cost the model, in nats per token, with the end's.

    The interval is of the mean over all such sentences (1.96 standard errors).
    """
    costs, counts = _costs(gan, rows)
    mean = float(costs.sum() / counts.sum())
    apart = costs - mean * counts  # of a ratio of means
    error = float(apart.std(ddof=1)) / float(counts.mean()) / len(rows) ** 0.5
    interval = (mean - 1.96 * error, mean + 1.96 * error)
    return Score(HELD_OUT, "NLL of held-out text", mean, "lower", interval, holds="examples")


def as_sequences(task: Task, rows: Rows) -> list[list[int]]:
    """Return sequences as lists of numbers, each without its end."""
    ends = rows == (-1 if task.end is None else task.end)
    lengths = np.where(ends.any(1), ends.argmax(1), rows.shape[1])
    return [row[:length] for row, length in zip(rows.tolist(), lengths, strict=True)]


def _costs(gan: GAN, rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return -log P of each sequence, and its number of tokens."""
    weight = next(gan.generator.parameters())
    parts = []
    with torch.inference_mode():
        for part in torch.split(torch.from_numpy(rows), 250):
            said = gan.game.log_likelihood(part.to(weight.device))
            assert said is not None
            parts.append(-said.double().cpu())
    return torch.cat(parts).numpy(), gan.game.task.lengths(rows)


def _states_likelihood(gan: GAN) -> bool:
    with torch.inference_mode():
        blank = gan.game.task.blank(1).to(next(gan.generator.parameters()).device)
        return gan.game.log_likelihood(blank) is not None


def _chosen(gan: GAN, reals: Reals, metrics: Sequence[str]) -> list[str]:
    """Return the metrics asked for, or all that apply. Raises ConfigError."""
    applies = [name for name, m in TEXT_METRICS.items() if m.of in (None, reals.measured.name)]
    applies += [HELD_OUT] if reals.split == "test" and _states_likelihood(gan) else []
    for name in metrics:
        if name not in applies:
            raise ConfigError(
                f"metric '{name}' does not apply to this text: choose among {', '.join(applies)}."
                f"{did_you_mean(name, applies)}",
                "metrics",
            )
    return [*metrics] or applies


def _check_symbols(gan: GAN, reals: Reals) -> None:
    """Raise DataError if the real text has other symbols than the run."""
    for dataset in (reals.measured, reals.train):
        if dataset.symbols != gan.symbols:
            raise DataError(
                f"data '{dataset.name}' has other symbols than the run: give the run's own text",
                "data",
            )


def _score(name: str, measure: TextMeasure, drawn: Sequence[Texts], floor: Texts) -> Score:
    values = [measure.value(texts) for texts in drawn]
    low, high = measure.within
    interval = None
    if len(values) > 1:
        count = len(drawn[0].rows) if (low, high) == (0.0, 1.0) else None
        interval = interval_of_draws(values, within=measure.within, count=count)
    return Score(
        metric=name,
        label=measure.label,
        value=float(np.mean(values)),
        better=measure.better,
        interval=interval,
        floor=measure.value(floor),
    )


def temperature_curve(
    gan: GAN, temperatures: Sequence[float], *, n: int = SAMPLES, seed: int = 0
) -> Iterator[tuple[float, Rows]]:
    """Yield `n` samples at each temperature, from the same latents: quality against diversity.

    A single point says little of a model of text: at a low temperature every one says better and
    fewer things (Caccia et al. 2018, arXiv 1811.02549).
    """
    before = gan.temperature
    try:
        for temperature in temperatures:
            gan.temperature = temperature
            yield temperature, gan.sample(n, seed=seed, output="np")
    finally:
        gan.temperature = before
