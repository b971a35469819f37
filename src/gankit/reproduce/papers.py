"""The reproductions: each paper's measure, and the paper's result."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.data import Dataset, as_pictures
from gankit.data.load import text_options
from gankit.data.oracle import build_oracle, oracle_nll
from gankit.data.toys import modes
from gankit.features.named import Digits
from gankit.features.stacks import read_stacks
from gankit.metrics.bleu import self_bleu
from gankit.metrics.clusters import match_clusters
from gankit.metrics.distances import nearest_labels
from gankit.metrics.frechet import frechet_distance
from gankit.metrics.modes import count_modes, count_stacks
from gankit.metrics.ngrams import SEQUENCES, NGramVectors
from gankit.metrics.parzen import parzen_score
from gankit.registry import Registry
from gankit.reproduce.protocol import Reproduction, Trained, Values
from gankit.reproduce.snapshots import KEPT, snapshots
from gankit.scores.returns import evaluate_returns
from gankit.scores.texts import as_sequences, held_out, temperature_curve
from gankit.trained.gan import GAN

REPRODUCTIONS: Registry[Reproduction] = Registry("reproduction")


def _images(dataset: Dataset) -> NDArray[np.uint8]:
    """Return every image, uint8 [N, H, W] or [N, H, W, C]."""
    return as_pictures(dataset.read(np.arange(len(dataset))))


def parzen(trained: Trained) -> Values:
    """Return the likelihood of the last weights, as in the papers, and of averaged ones.

    Both are measured by `likelihood` at the run's last checkpoints, which are 500 steps apart and
    where it was stopped. `nats` is that of the newest, `scatter` the standard deviation over all of
    them, and `error` the root of the sum of squares of the scatter and of the standard error over
    the test images. The numbers of averaged weights have the same names after `averaged_`.
    """
    last, averaged = [], []
    for snapshot in snapshots(trained.run):
        last.append(likelihood(snapshot.last, trained.test))
        if snapshot.averaged is not None:
            averaged.append(likelihood(snapshot.averaged, trained.test))
    of_averaged = with_scatter(averaged) if averaged else {}
    return {
        **with_scatter(last),
        **{f"averaged_{name}": value for name, value in of_averaged.items()},
        "snapshots": float(len(last)),
    }


def likelihood(gan: GAN, test: Dataset) -> Values:
    """Return the log-likelihood, in nats, of 9,000 test images, by a Parzen window estimate.

    The estimate is made of 10,000 samples. Its width is chosen on the first 1,000 test images,
    and only the rest are scored.
    """
    samples = gan.as_stored(10_000, seed=1)
    flat = samples.reshape(len(samples), -1) / 255
    images = _images(test)
    real = images.reshape(len(images), -1) / 255
    kept = min(1000, len(real) // 2)
    nats, error, sigma = parzen_score(flat, real[:kept], real[kept:])
    return {"nats": nats, "standard_error": error, "sigma": sigma}


def with_scatter(scores: Sequence[Values]) -> Values:
    """Return the last of some scores in nats, with their scatter if there are several."""
    newest = scores[-1]
    if len(scores) < 2:
        return newest
    scatter = float(np.std([score["nats"] for score in scores], ddof=1))
    return {**newest, "scatter": scatter, "error": math.hypot(scatter, newest["standard_error"])}


BOTH_WEIGHTS: Mapping[str, Any] = {"training.ema": 0.999, **KEPT}
"""The settings that `parzen` needs. They do not change how a run trains."""


def code_error(trained: Trained) -> Values:
    """Return L_I at the end, in nats, and the error of the categories on test images.

    Categories are matched to classes on the training images.
    """
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
    """Count the test images that the discriminator names wrongly."""
    named = trained.gan.classify(_images(trained.test)).argmax(1)
    wrong = named != trained.test.labels
    return {"errors": float(wrong.sum()), "test_images": float(len(wrong))}


def nearest_error(trained: Trained) -> Values:
    """Return the error of naming test images by the nearest generated sample.

    There are 50,000 samples, or as many as there are training images. The error of the nearest
    real training image, among as many, is returned beside it.
    """
    train, test = trained.train, trained.test
    assert train.labels is not None
    assert test.labels is not None
    count = min(50_000, len(train))
    fakes, asked = trained.gan.as_stored(count, seed=1), trained.gan.labels_for(count)
    assert asked is not None
    queries = _images(test)
    generated = nearest_labels(fakes, asked, queries) != test.labels
    real = nearest_labels(_images(train)[:count], train.labels[:count], queries) != test.labels
    values = {"error": float(generated.mean()), "error_of_real": float(real.mean())}
    return {**values, "samples": float(count)}


def balance(trained: Trained) -> Values:
    """Return means of M, k and both losses of D in the first and the last tenth of the log."""
    lines = trained.run.metrics()
    tenth = max(1, len(lines) // 10)
    values: Values = {}
    for name in ("measure", "k", "l_real", "l_fake"):
        values[f"{name}_first"] = _mean(lines[:tenth], name)
        values[f"{name}_last"] = _mean(lines[-tenth:], name)
    return values


def _mean(lines: Sequence[Mapping[str, Any]], name: str) -> float:
    """Return the mean of a logged number; NaN if it was not finite in one of the lines."""
    return float(np.array([line[name] for line in lines], float).mean())


def stacked_modes(trained: Trained) -> Values:
    """Count the stacks of digits, of 1,000, that 25,600 samples show.

    With it: the share of samples that the network `digits` reads surely, and KL to equal shares.
    """
    found = count_stacks(read_stacks(Digits("cpu"), trained.gan.as_stored(25_600, seed=1)))
    return {"modes": float(found.found), "good": found.good, "kl": found.kl}


def toy_modes(trained: Trained) -> Values:
    """Count the modes of 2,500 samples, the share within 3 sigma of one, and KL to equal shares."""
    centres, sigma = modes(trained.train.name)
    found = count_modes(trained.gan.sample(2_500, seed=1), centres, sigma)
    return {"modes": float(found.found), "good": found.good, "kl": found.kl}


TEMPERATURES = (0.6, 0.8, 1.0, 1.2)
"""The temperatures at which quality and diversity of text are measured."""


def oracle_scores(trained: Trained) -> Values:
    """Return what 2,000 samples cost the oracle and real sequences the model, in nats per token.

    `nll_oracle` is the paper's measure, `real` the same of the oracle's own sequences. `at_T` is
    that of 500 samples at temperature T, beside `self_bleu_T`, their Self-BLEU-2, and `frechet_T`,
    their Frechet distance from as many real ones in the space of n-grams.
    """
    gan, task = trained.gan, trained.gan.game.task
    oracle = build_oracle(text_options(gan.config.data))
    test = trained.test.read(np.arange(min(2_000, len(trained.test)))).astype(np.int64)
    train = trained.train.read(np.arange(min(SEQUENCES, len(trained.train)))).astype(np.int64)
    space = NGramVectors(as_sequences(task, train))
    half = min(500, len(test) // 2)
    real, others = (space.of(as_sequences(task, part)) for part in (test[:half], test[-half:]))
    samples = gan.sample(2_000, seed=1, output="np")
    values = {
        "nll_oracle": float(oracle_nll(oracle, samples).mean()),
        "real": float(oracle_nll(oracle, test).mean()),
        "nll_test": held_out(gan, test).value,
        "self_bleu_real": float(self_bleu(test[:500].tolist(), 2).mean()),
        "frechet_real": frechet_distance(real, others),
    }
    for temperature, rows in temperature_curve(gan, TEMPERATURES, seed=2):
        values[f"at_{temperature}"] = float(oracle_nll(oracle, rows).mean())
        values[f"self_bleu_{temperature}"] = float(self_bleu(rows.tolist(), 2).mean())
        said = space.of(as_sequences(task, rows))
        values[f"frechet_{temperature}"] = frechet_distance(real, said)
    return values


SEQGAN_ORACLE = Reproduction(
    "seqgan-oracle", oracle_scores, "NLL 8.736, by likelihood 9.038", "oracle", "oracle"
)


def returns(trained: Trained) -> Values:
    """Return what 50 episodes earn on average: the policy's, cloning's, random ones, the expert's.

    The policy's are those of its likeliest actions, and of actions that it draws; `low` and `high`
    are the 95 % interval of the first.
    """
    report = evaluate_returns(trained.gan, data=trained.train)
    by_name = {score.metric: score for score in report.scores}
    earned = by_name["return"]
    assert earned.interval is not None
    values = {"policy": earned.value, "low": earned.interval[0], "high": earned.interval[1]}
    for name in ("drawn", "baseline", "random"):
        values[name] = by_name[f"return_{name}"].value
    return values | ({} if earned.floor is None else {"expert": earned.floor})


PAID = "expert 200, cloning 72±36, GAIL 200 (CartPole-v0)"

for _name, _summary, _what in (
    (
        "gan-mnist-parzen",
        "the first GAN on MNIST, log-likelihood (Goodfellow 2014, table 1)",
        Reproduction("gan-mnist-paper", parzen, "225±2 nats", "mnist", changes=BOTH_WEIGHTS),
    ),
    (
        "cgan-mnist-parzen",
        "the conditional GAN on MNIST, log-likelihood (Mirza 2014, table 1)",
        Reproduction("cgan-mnist-paper", parzen, "132±1.8 nats", "mnist", changes=BOTH_WEIGHTS),
    ),
    (
        "infogan-mnist",
        "L_I, and digits told apart without labels (Chen 2016, section 7)",
        Reproduction("infogan-mnist-paper", code_error, "error .05, L_I 2.30", "mnist", "labels"),
    ),
    (
        "ssgan-mnist",
        "errors with 100 labels (Salimans 2016, table 1)",
        Reproduction(
            "ssgan-mnist-paper", label_errors, "93±6.5 of 10,000 with 100 labels", "mnist", "labels"
        ),
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
    (
        "seqgan-oracle",
        "a policy gradient after likelihood, judged by the oracle (Yu 2016, table 1)",
        SEQGAN_ORACLE,
    ),
    (
        "seqgan-oracle-likelihood",
        "its baseline: as many steps of likelihood alone",
        replace(SEQGAN_ORACLE, changes={"network.learn_from": "likelihood"}),
    ),
    (
        "seqgan-oracle-constant",
        "its control: a reward that is always the same",
        replace(SEQGAN_ORACLE, changes={"network.learn_from": "constant"}),
    ),
    (
        "gumbel-oracle",
        "the same network through relaxed choices, judged by the oracle (after Kusner 2016)",
        replace(SEQGAN_ORACLE, recipe="gumbel-oracle", paper="none"),
    ),
    (
        "scratchgan-oracle",
        "the same network by a policy gradient alone, judged by the oracle (after Masson 2019)",
        replace(SEQGAN_ORACLE, recipe="scratchgan-oracle", paper="none"),
    ),
    (
        "gail-cartpole",
        "one episode of an expert, imitated (Ho 2016, figure 1)",
        Reproduction("gail-fast", returns, PAID, "expert:CartPole-v1", "moves"),
    ),
    (
        "gail-pendulum",
        "four episodes of an expert, imitated (after Ho 2016)",
        Reproduction("gail-pendulum", returns, "none", "expert:Pendulum-v1", "moves"),
    ),
    (
        "airl-pendulum",
        "four episodes of an expert, imitated, and a reward learned (after Fu 2017)",
        Reproduction("airl-pendulum", returns, "none", "expert:Pendulum-v1", "moves"),
    ),
):
    REPRODUCTIONS.register(_name, _summary)(_what)
