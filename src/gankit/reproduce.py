"""`gankit reproduce NAME`: a published result again, by its own protocol, with what came out."""

from __future__ import annotations

import csv
import io
import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from gankit import __version__
from gankit.artifact import GAN, load
from gankit.config import override
from gankit.data import Dataset, as_pictures, load_dataset
from gankit.data.toys import MIXTURES, modes
from gankit.errors import DataError, RunError, TrainingError
from gankit.metrics.clusters import match_clusters
from gankit.metrics.modes import count_modes, kl_to_uniform
from gankit.metrics.nearest import nearest_labels
from gankit.metrics.parzen import parzen_score
from gankit.recipes import configure
from gankit.registry import Registry
from gankit.run import Run
from gankit.storage import write_atomically
from gankit.training.loop import fit

Values = dict[str, float]
Need = Literal["images", "labels", "colour", "modes"]
NEEDS: dict[Need, str] = {
    "images": "images",
    "labels": "images of named classes",
    "colour": "colour images",
    "modes": " or ".join(MIXTURES),
}
"""What a measure looks at, in words."""


@dataclass(frozen=True)
class Trained:
    """What a measure looks at: the run, its artifact, and the data's two splits."""

    run: Run
    gan: GAN
    train: Dataset
    test: Dataset


@dataclass(frozen=True)
class Reproduction:
    """A result to be had again: recipe, changes to it, the measure and what the paper found."""

    recipe: str
    measure: Callable[[Trained], Values]
    paper: str
    data: str
    needs: Need = "images"
    changes: Mapping[str, Any] = field(default_factory=dict)


REPRODUCTIONS: Registry[Reproduction] = Registry("reproduction")


def reproduce(
    name: str,
    *,
    seed: int,
    runs: Path,
    results: Path,
    data: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Train, measure, append one line to `results`/NAME.csv; the line.

    Args:
        data: a source in place of the reproduction's own.
        changes: settings on top of its own: a smaller budget, for one. The line says the steps.

    Raises GankitError for anything that a user can mend.
    """
    what = REPRODUCTIONS[name]
    source = data or what.data
    config = override(
        configure(source=source, recipe=what.recipe),
        {**what.changes, **(changes or {}), "training.seed": seed},
    )
    options: dict[str, Any] = {"size": config.data.size, "channels": config.data.channels}
    train, test = (load_dataset(source, split=split, **options) for split in ("train", "test"))
    _check(what.needs, source, train, test)
    outcome = fit(config, runs / f"{name}-{seed}")
    if not outcome.finished:
        raise TrainingError(
            f"stopped at step {outcome.step:,} of {outcome.steps:,}, nothing measured: the same "
            "command again goes on from there"
        )
    trained = Trained(outcome.run, load(outcome.run.folder), train, test)
    line = {
        "seed": seed,
        "steps": outcome.step,
        "minutes": round(outcome.seconds / 60, 1),
        **{key: round(value, 5) for key, value in what.measure(trained).items()},
        "paper": what.paper,
        "recipe": what.recipe,
        "data": _described(source, trained),
        "gankit": f"{__version__} {_commit()}".strip(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    _append(results / f"{name}.csv", line)
    return line


def _check(needs: Need, source: str, *splits: Dataset) -> None:
    """Raises DataError where the measure could not look at the data."""
    for data in splits:
        images = len(data.shape) == 3
        met = {
            "images": images,
            "labels": images and len(data.class_names) >= 2,
            "colour": images and data.shape[0] == 3,
            "modes": data.name in MIXTURES,
        }
        if not met[needs]:
            raise DataError(
                f"data '{source}' cannot be measured here: this reproduction needs {NEEDS[needs]}"
            )


def _described(source: str, trained: Trained) -> str:
    """`digits (10000 + 2000 examples, 1a2b3c4d)`: no folder's whole path, but what was in it."""
    train, test = trained.train, trained.test
    return f"{Path(source).name} ({len(train)} + {len(test)} examples, {train.fingerprint[:8]})"


def _append(path: Path, line: Mapping[str, Any]) -> None:
    """Add a line to a table, whose columns may grow. Raises RunError."""
    try:
        rows = list(csv.DictReader(path.read_text().splitlines())) if path.exists() else []
        columns = list(dict.fromkeys([*(rows[0] if rows else {}), *line]))
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*rows, line])
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, buffer.getvalue().encode())
    except OSError as error:
        raise RunError(f"'{path}' cannot be written: {error.strerror}") from None


def _commit() -> str:
    """The commit of the sources, where they lie in a repository."""
    found = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return found.stdout.strip()


def _images(dataset: Dataset) -> NDArray[np.uint8]:
    """Every image, uint8 [N, H, W] or [N, H, W, C]."""
    return as_pictures(dataset.read(np.arange(len(dataset))))


def parzen(trained: Trained) -> Values:
    """Nats of 9,000 test images (the rest beyond 1,000) under 10,000 samples; the width is chosen
    on the first 1,000 test images, which are scored by nothing else."""
    samples = trained.gan.sample(10_000, seed=1)
    flat = samples.reshape(len(samples), -1) / 255
    test = _images(trained.test)
    real = test.reshape(len(test), -1) / 255
    kept = min(1000, len(real) // 2)
    nats, error, sigma = parzen_score(flat, real[:kept], real[kept:])
    return {"nats": nats, "standard_error": error, "sigma": sigma}


def code_error(trained: Trained) -> Values:
    """L_I at the end in nats, and the share of test images whose category, matched to classes on
    the training images, is wrong."""
    gan, lines = trained.gan, trained.run.metrics()[-10:]
    clusters = gan.classify(_images(trained.train)).argmax(1)
    assert trained.train.labels is not None
    assert trained.test.labels is not None
    matched = match_clusters(clusters, trained.train.labels, len(gan.judged_names))
    named = matched[gan.classify(_images(trained.test)).argmax(1)]
    shown = {k for k in lines[-1] if k.startswith("information_")}
    bounds = {k: _mean(lines, k) for k in sorted(shown)}
    return {"error": float((named != trained.test.labels).mean()), **bounds}


def label_errors(trained: Trained) -> Values:
    """How many test images the discriminator names wrongly."""
    named = trained.gan.classify(_images(trained.test)).argmax(1)
    wrong = named != trained.test.labels
    return {"errors": float(wrong.sum()), "test_images": float(len(wrong))}


def nearest_error(trained: Trained) -> Values:
    """The error on test images of the nearest generated sample's label (50,000 samples, or as many
    as there are training images), beside that of the nearest real training image's."""
    train, test = trained.train, trained.test
    assert train.labels is not None
    assert test.labels is not None
    count = min(50_000, len(train))
    fakes, asked = trained.gan.sample(count, seed=1), trained.gan.labels_for(count)
    assert asked is not None
    queries = _images(test)
    generated = nearest_labels(fakes, asked, queries) != test.labels
    real = nearest_labels(_images(train)[:count], train.labels[:count], queries) != test.labels
    values = {"error": float(generated.mean()), "error_of_real": float(real.mean())}
    return {**values, "samples": float(count)}


def balance(trained: Trained) -> Values:
    """Whether M falls, and what k does: means over the first and the last tenth of the log."""
    lines = trained.run.metrics()
    tenth = max(1, len(lines) // 10)
    values: Values = {}
    for name in ("measure", "k", "l_real", "l_fake"):
        values[f"{name}_first"] = _mean(lines[:tenth], name)
        values[f"{name}_last"] = _mean(lines[-tenth:], name)
    return values


def _mean(lines: Sequence[Mapping[str, Any]], name: str) -> float:
    """Of a logged number; not a number where one of them was none."""
    return float(np.array([line[name] for line in lines], float).mean())


def stacked_modes(trained: Trained) -> Values:
    """Of 1,000 triples of digits, how many 25,600 samples show, each channel read by its nearest
    embedded training digit; and KL to equal shares."""
    digits = load_dataset("digits", size=trained.gan.shape[1:])  # type: ignore[arg-type]
    assert digits.labels is not None
    known = _images(digits)
    samples = trained.gan.sample(25_600, seed=1)
    read = [nearest_labels(known, digits.labels, samples[..., i]) for i in range(3)]
    counts = np.bincount(100 * read[0] + 10 * read[1] + read[2], minlength=1000)
    return {"modes": float((counts > 0).sum()), "kl": kl_to_uniform(counts)}


def toy_modes(trained: Trained) -> Values:
    """Modes of 2,500 samples, the share within 3 sigma of one, KL to equal shares."""
    centres, sigma = modes(trained.train.name)
    found = count_modes(trained.gan.sample(2_500, seed=1), centres, sigma)
    return {"modes": float(found.found), "good": found.good, "kl": found.kl}


for _name, _summary, _what in (
    (
        "gan-mnist-parzen",
        "the first GAN on MNIST, log-likelihood (Goodfellow 2014, table 1)",
        Reproduction("gan-mnist-paper", parzen, "225±2 nats", "mnist"),
    ),
    (
        "cgan-mnist-parzen",
        "the conditional GAN on MNIST, log-likelihood (Mirza 2014, table 1)",
        Reproduction("cgan-mnist-paper", parzen, "132±1.8 nats", "mnist"),
    ),
    (
        "infogan-mnist",
        "L_I, and digits told apart without labels (Chen 2016, section 7)",
        Reproduction("infogan-mnist-paper", code_error, "error .05, L_I 2.30", "mnist", "labels"),
    ),
    (
        "ssgan-mnist",
        "errors with 100 labels (Salimans 2016, table 1)",
        Reproduction("ssgan-mnist-paper", label_errors, "93±6.5 of 10,000", "mnist", "labels"),
    ),
    (
        "cgan-nearest",
        "1-NN on generated digits (after Radford 2015, appendix)",
        Reproduction("cgan-fast", nearest_error, "DCGAN .0298, real .031", "mnist", "labels"),
    ),
    (
        "began-balance",
        "k and M over training (Berthelot 2017, figure 5)",
        Reproduction("began-fast", balance, "M falls, k settles", "digits"),
    ),
    (
        "stacked-modern",
        "1,000 modes with the modern recipe (Huang 2025, table 2)",
        Reproduction("modern-fast", stacked_modes, "1000 modes", "stacked_digits", "colour"),
    ),
    (
        "stacked-dcgan",
        "1,000 modes with a plain DCGAN (Metz 2016)",
        Reproduction(
            "dcgan-paper",
            stacked_modes,
            "99 to 1000 modes by network",
            "stacked_digits",
            "colour",
            {"network.generator_width": 32, "network.discriminator_width": 32},
        ),
    ),
    (
        "ring-modes",
        "8 modes on a ring (Metz 2016)",
        Reproduction("toy-gan", toy_modes, "8 modes", "toy:ring8", "modes"),
    ),
    (
        "grid-modes",
        "25 modes on a grid (Srivastava 2017)",
        Reproduction("toy-cgan", toy_modes, "25 modes", "toy:grid25", "modes"),
    ),
):
    REPRODUCTIONS.register(_name, _summary)(_what)
