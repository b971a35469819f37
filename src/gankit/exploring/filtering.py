"""Samples filtered by the discriminator: a Metropolis-Hastings GAN (arXiv 1811.11357).

A discriminator that were perfect would know p_data(x) / p_g(x) = D(x) / (1 - D(x)) of each sample,
and a Metropolis-Hastings chain whose proposals are samples would draw from p_data itself. A real D
is calibrated first, so that its answers are chances.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gankit.data import Dataset, as_planes
from gankit.data.pixels import to_network
from gankit.errors import ConfigError, DataError, RunError
from gankit.exploring.columns import draw_latents
from gankit.game import Game
from gankit.game_types import Answer
from gankit.randomness import Purpose, rng
from gankit.scores.embed import read_blocks
from gankit.scores.reference import Say, read_reals, shuffled
from gankit.text import from_home
from gankit.trained.drawing import BLOCK
from gankit.trained.gan import GAN
from gankit.trained.labelling import Labels
from gankit.trained.latents import Latents
from gankit.training.initial import read_trained
from gankit.training.state import build_game

PROPOSALS = 200
"""The default length of each chain; the paper takes 640."""
CALIBRATED = 1000
"""How many real examples, and samples, D is calibrated on; half of them check the result."""

Critic = Callable[[NDArray[Any], Tensor | None], NDArray[np.float64]]
"""A function of examples as users see them, and their labels, that returns D's logits [N]."""


@dataclass(frozen=True)
class Calibration:
    """The line slope * logit + shift that turns D's logits into log odds of being real.

    Attributes:
        slope, shift: of the line.
        z_before, z_after: how far the sum of D's chances is from the number of real examples, in
            standard deviations, on examples that the line was not fitted to; beyond 2, D is not
            calibrated.
    """

    slope: float
    shift: float
    z_before: float
    z_after: float

    def __call__(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log odds of being real, given D's logits."""
        return self.slope * logits + self.shift


@dataclass(frozen=True, eq=False)
class Best:
    """Samples that chains chose.

    Attributes:
        latents: one for each chain, the last that was accepted.
        accepted: the share of proposals that were accepted by chains that began at a real example.
        anew: how many of these accepted none, and began anew at their first proposal.
        calibration: how D was calibrated.
        proposals: the length of each chain.
        source: where D comes from, in words.
    """

    latents: Latents
    accepted: float
    anew: int
    calibration: Calibration
    proposals: int
    source: str

    def describe(self) -> str:
        """Return what was done, in a few lines."""
        c = self.calibration
        lines = [
            f"{self.source}; calibrated on other examples: z {c.z_before:+.1f} before, "
            f"{c.z_after:+.1f} after (beyond 2: not calibrated)",
            f"{len(self.latents):,} chains of {self.proposals:,} proposals, of which "
            f"{self.accepted:.1%} were accepted",
        ]
        if self.anew:
            lines.append(f"{self.anew:,} accepted none, and started anew at their first sample")
        if c.slope <= 0:
            lines.append("D does not tell real from generated: what it chooses means nothing")
        return "\n".join(lines)


def metropolis_hastings(
    start: NDArray[np.floating], proposed: NDArray[np.floating], chances: NDArray[np.floating]
) -> tuple[NDArray[np.int64], float]:
    """Run independent chains of which each proposal is a draw from one distribution q.

    A proposal is accepted with the chance min(1, w' / w), where w is the ratio p / q of the state.
    The chains converge to p.

    >>> chosen, accepted = metropolis_hastings(
    ...     np.zeros(1), np.array([[5.0, -9.0, 6.0]]), np.array([[0.5, 0.5, 0.5]])
    ... )
    >>> chosen.tolist(), round(accepted, 2)
    ([2], 0.67)

    Args:
        start: log w of each chain's first state [N].
        proposed: log w of its proposals [N, K].
        chances: draws from U(0, 1), [N, K].

    Returns:
        The number of the last proposal that each chain accepted, int64 [N], -1 if it accepted none;
        and the share of all proposals that were accepted.
    """
    state, chosen, accepted = start.astype(np.float64), np.full(len(start), -1), 0
    for k in range(proposed.shape[1]):
        takes = np.log(np.maximum(chances[:, k], 1e-300)) < proposed[:, k] - state
        state = np.where(takes, proposed[:, k], state)
        chosen[takes] = k
        accepted += int(takes.sum())
    return chosen.astype(np.int64), accepted / max(1, proposed.size)


def calibrate(
    real: NDArray[np.floating], fake: NDArray[np.floating], steps: int = 50
) -> tuple[float, float]:
    """Fit log odds = slope * logit + shift by logistic regression: real is 1, fake is 0.

    Newton's method, with a penalty of 1e-4 on the slope in standard deviations, so that logits
    which are separate give a finite one. Returns (slope, shift).
    """
    x = np.concatenate([real, fake]).astype(np.float64)
    y = np.concatenate([np.ones(len(real)), np.zeros(len(fake))])
    middle, scale = x.mean(), max(float(x.std()), 1e-12)
    design = np.stack([(x - middle) / scale, np.ones_like(x)], 1)
    penalty, beta = np.diag([1e-4, 0.0]), np.zeros(2)
    for _ in range(steps):
        chance = _chances(design @ beta)
        gradient = design.T @ (chance - y) / len(y) + penalty @ beta
        curve = (design.T * (chance * (1 - chance))) @ design / len(y) + penalty
        step = np.linalg.solve(curve + 1e-9 * np.eye(2), gradient)
        beta = beta - step / max(1.0, float(np.abs(step).max()) / 2)
    slope = float(beta[0] / scale)
    return slope, float(beta[1] - slope * middle)


def _calibration(real: NDArray[np.float64], fake: NDArray[np.float64]) -> Calibration:
    """Calibrate D on every second example, and look at the others."""
    slope, shift = calibrate(real[::2], fake[::2])
    held = real[1::2], fake[1::2]
    after = calibration_z(*(slope * logits + shift for logits in held))
    return Calibration(slope, shift, calibration_z(*held), after)


def calibration_z(real: NDArray[np.floating], fake: NDArray[np.floating]) -> float:
    """Return the paper's statistic of log odds: (sum of y - D) / sqrt(sum of D (1 - D))."""
    chances = _chances(np.concatenate([real, fake]).astype(np.float64))
    spread = math.sqrt(max(float((chances * (1 - chances)).sum()), 1e-12))
    return (len(real) - float(chances.sum())) / spread


def _chances(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-log_odds.clip(-500, 500))))


def read_critic(gan: GAN, path: str | Path) -> tuple[Critic, str]:
    """Return a run's discriminator as a function, and where it comes from, in words.

    An artifact holds D only if D answers users; otherwise it is in the run's newest checkpoint.

    Raises RunError if there is none, ConfigError if D looks at a whole batch at a time.
    """
    if gan.game.judges:
        game, source = gan.game, "D of the artifact, averaged"
    else:
        game, source = _from_checkpoint(gan, from_home(path))
    if game.coupling == "minibatch discrimination":
        raise ConfigError(
            "the D of this run compares the samples of a batch (minibatch discrimination), so it "
            "has no answer to a single one"
        )
    return _Critic(game), source


def _from_checkpoint(gan: GAN, path: Path) -> tuple[Game, str]:
    if gan.game.own_networks:
        raise ConfigError(
            "the D of this run is your own network: its weights are in the checkpoints, and only "
            "Python knows the network"
        )
    folder = path if path.is_dir() else path.parent
    if not (folder / "run.json").is_file():
        raise RunError(
            f"'{path}' holds the generator alone: give the run directory, whose checkpoints hold D"
        )
    trained = read_trained(folder)
    game = build_game(gan.config, gan.game.task)
    try:
        game.discriminator.load_state_dict(dict(trained.weights("discriminator")))
    except RuntimeError:
        raise RunError(f"the checkpoints in '{folder}' hold the D of another run") from None
    game.discriminator.eval().requires_grad_(False)
    return game, f"D of the checkpoint of step {trained.step:,}, as the artifact holds G alone"


class _Critic:
    """D as a function of examples as users see them."""

    def __init__(self, game: Game) -> None:
        self._game = game
        first = next(game.discriminator.parameters())
        self._device, self._dtype = first.device, first.dtype

    def __call__(self, examples: NDArray[Any], labels: Tensor | None) -> NDArray[np.float64]:
        found, game = [], self._game
        planes = as_planes(examples) if game.task.is_images else examples
        for start in range(0, len(planes), BLOCK):
            part = slice(start, start + BLOCK)
            given = to_network(
                np.ascontiguousarray(planes[part]), game.value_range, self._device, self._dtype
            )
            asked = None if labels is None else labels[part].to(self._device)
            with torch.inference_mode():
                answer = Answer(game.discriminator(given, asked))
                found.append(game.logits_of(answer).double().cpu().numpy())
        return np.concatenate(found)


def best(
    gan: GAN,
    n: int,
    *,
    path: str | Path,
    say: Say,
    labels: Labels = None,
    seed: int = 0,
    proposals: int = PROPOSALS,
    data: str | Path | None = None,
) -> Best:
    """Draw samples that a Metropolis-Hastings chain of D's answers chooses.

    Each chain proposes samples of one label. It begins at a real example, so that it need not
    forget a poor first sample; if it accepts none, it begins anew at its first proposal, as in the
    paper.

    Args:
        gan: the trained run.
        n: how many samples, a chain for each.
        path: the run directory, whose checkpoint holds D, or the artifact if that does.
        say: is called with a line if the data is not what the run was trained on.
        labels: labels of the samples, as in `GAN.sample`.
        seed: of the proposals and of the chains.
        proposals: the length of each chain.
        data: real examples to calibrate D on; None: the run's own, of its test split if there is
            one.

    Raises ConfigError if a number is out of range or D has no answer to a single sample, RunError
    if there is no D, DataError if the data cannot be read.
    """
    if min(n, proposals) < 1 or n * proposals > 10**7:
        raise ConfigError(
            f"n times proposals must be in 1 to 10,000,000, got {n:,} times {proposals:,}", "n"
        )
    critic, source = read_critic(gan, path)
    reals = read_reals(gan, data, None, say, path)
    real, asked_of = _real_logits(gan, critic, reals.measured)
    fake = _logits(gan, critic, draw_latents(gan, len(real), asked_of, (seed + 1) % 2**64))
    calibration = _calibration(real, fake)
    asked = gan.labels_for(n, labels)
    every = None if asked is None else asked.repeat(proposals, 0)
    drawn = draw_latents(gan, n * proposals, every, seed)
    logits = calibration(_logits(gan, critic, drawn)).reshape(n, proposals)
    random = rng(seed, Purpose.EVALUATION, 0, 3)
    start, chances = calibration(random.choice(real, n)), random.random((n, proposals))
    last, accepted = metropolis_hastings(start, logits, chances)
    anew = last < 0
    begun, _ = metropolis_hastings(logits[anew, 0], logits[anew], chances[anew])
    last[anew] = begun.clip(0)
    chosen = drawn[np.arange(n) * proposals + last]
    return Best(chosen, accepted, int(anew.sum()), calibration, proposals, source)


def _logits(gan: GAN, critic: Critic, latents: Latents) -> NDArray[np.float64]:
    """Return D's logits of samples, block by block."""
    found = []
    for start in range(0, len(latents), BLOCK):
        part = latents[start : start + BLOCK]
        found.append(critic(gan.as_stored(latents=part), part.to_latent().labels))
    return np.concatenate(found)


def _real_logits(
    gan: GAN, critic: Critic, dataset: Dataset
) -> tuple[NDArray[np.float64], NDArray[Any] | None]:
    """Return D's logits of real examples, and the label of each if D is asked with labels."""
    chosen = shuffled(len(dataset))[:CALIBRATED]
    labels = None
    if gan.class_names or gan.condition:
        known = dataset.labels
        if known is None or (dataset.class_names, dataset.condition) != (
            gan.class_names, gan.condition,
        ):  # fmt: skip
            raise DataError(
                "this D is asked with the label of an example, and the data does not have the "
                "run's labels: give other data",
                "data",
            )
        labels = known[chosen]
    examples = np.concatenate(list(read_blocks(dataset, chosen)))
    return critic(examples, None if labels is None else torch.from_numpy(labels)), labels
