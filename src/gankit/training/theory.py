"""Draw the theory of the first GAN paper: D against the best D for the current G.

Proposition 1 of arXiv 1406.2661: for a fixed G, D*(x) = p_data(x) / (p_data(x) + p_g(x)).
Theorem 1: at the global optimum D* = 1/2 everywhere and the value of the game is -log 4.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from gankit.data import Dataset
from gankit.data.toys import gaussian_density
from gankit.game import Game
from gankit.game_types import draw_noise
from gankit.pictures import INK, SCATTER_SIDE, Pixels, Plot, framed, heat, lengths, scatter
from gankit.training.state import State

SAMPLES = 20_000
CELLS = 96
"""The number of cells on each side of a map of the plane."""
AT_ONCE = 256
"""The most places that D is asked about at a time: one that compares the examples of a batch needs
memory for every pair of them."""
BELIEF, BEST = (40, 70, 200), (200, 40, 30)
"""The colours of D and of the best D."""
COLOURS = "blue: generated (0), white: 1/2, red: real (1)"
LOSSES = ("minimax", "non_saturating")
"""The losses whose best D is p_data / (p_data + p_g)."""


def can_show(game: Game, dataset: Dataset) -> bool:
    """Return whether the best D is known for this game, and its data can be drawn.

    That is so for the minimax and non-saturating losses, without conditions, on toy:gaussian1d or
    on points of the plane.
    """
    return (
        not game.conditional
        and not dataset.is_images
        and game.config.objective.loss in LOSSES
        and (dataset.name == "toy:gaussian1d" or dataset.shape == (2,))
    )


def best_discriminator(
    p_data: NDArray[np.float64], p_g: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return D* = p_data / (p_data + p_g) at each place; NaN where both are 0."""
    with np.errstate(invalid="ignore"):
        best: NDArray[np.float64] = p_data / (p_data + p_g)
    return best


def draw_theory(state: State, dataset: Dataset) -> Pixels:
    """Draw figure 1 of the paper for numbers; samples, D and D* side by side for points."""
    rng = np.random.default_rng(state.game.config.training.seed)
    noise = draw_noise(state.game.config.latent, SAMPLES, rng)
    generator = state.players["generator"].network
    weight = next(generator.parameters())
    with torch.no_grad():
        fake = generator(noise.to(weight.device, weight.dtype), None)
    points = fake.float().cpu().numpy()
    if points.shape[1] == 1:
        return figure_one(state, noise[:, 0].numpy(), points[:, 0])
    return _maps(state, dataset, points)


def beliefs_at(state: State, places: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return D(x) = sigmoid(logit) at each of `places` [N, D], with D in evaluation mode."""
    network = state.players["discriminator"].network
    weight, was_training = next(network.parameters()), network.training
    network.eval()
    asked = torch.from_numpy(places).to(weight.device, weight.dtype)
    with torch.no_grad():
        logits = torch.cat([network(some, None) for some in asked.split(AT_ONCE)])
    network.train(was_training)
    beliefs: NDArray[np.float64] = logits.double().sigmoid().cpu().numpy()
    return beliefs


def figure_one(state: State, noise: NDArray[np.floating], samples: NDArray[np.floating]) -> Pixels:
    """Draw p_data (dotted), p_g, D and D* (dotted); below, arrows from evenly spaced z to G(z)."""
    low, high = -1.0, 4.0
    edges = np.linspace(low, high, 121)
    x = (edges[1:] + edges[:-1]) / 2
    counts, _ = np.histogram(samples, edges)
    p_g = counts / len(samples) / (edges[1] - edges[0])
    p_data = gaussian_density(x)
    best, found = best_discriminator(p_data, p_g), beliefs_at(state, x[:, None])
    weights = (p_data + p_g) / (p_data + p_g).sum()
    gap = float(np.nansum(weights * np.abs(found - best)))
    value = _value(found, p_data, p_g, edges[1] - edges[0])

    plot = Plot((low, high), (0.0, 1.6))
    plot.line(x, np.full_like(x, 0.5), (220, 220, 220))
    plot.line(x, found, BELIEF)
    plot.line(x, best, BEST, dotted=True)
    plot.line(x, p_data, (30, 30, 30), dotted=True)
    plot.line(x, p_g, (30, 150, 60))
    chosen = np.argsort(noise)[np.linspace(0, len(noise) - 1, 21).astype(int)]
    plot.arrows(np.linspace(low, high, 21), samples[chosen])
    plot.legend(
        [
            (f"step {state.step:,}", INK),
            ("p_data (dotted): the density of real examples", (30, 30, 30)),
            ("p_g: the density of generated ones", (30, 150, 60)),
            (f"D: what D believes; mean |D - D*| = {gap:.3f}", BELIEF),
            ("D* (dotted): the best D, p_data / (p_data + p_g)", BEST),
            (f"value {value:.3f}   (-log 4 = {-math.log(4):.3f})", INK),
        ]
    )
    return plot.pixels()


def _value(
    found: NDArray[np.float64], p_data: NDArray[np.float64], p_g: NDArray[np.float64], width: float
) -> float:
    """Return V(D, G) = E[log D(x)] + E[log(1 - D(G(z)))] (equation 1), from the densities."""
    inside = np.clip(found, 1e-12, 1 - 1e-12)
    return float(((p_data * np.log(inside) + p_g * np.log(1 - inside)) * width).sum())


def _maps(state: State, dataset: Dataset, points: NDArray[np.floating]) -> Pixels:
    real = dataset.read(np.arange(min(SAMPLES, len(dataset)))).astype(np.float64)
    picture = scatter(points[:2000], real[:2000])
    low, high = real.min(0), real.max(0)
    margin = 0.15 * float(lengths(low, high).max())
    axes = [np.linspace(a - margin, b + margin, CELLS + 1) for a, b in zip(low, high, strict=True)]
    centres = [(axis[1:] + axis[:-1]) / 2 for axis in axes]
    places = np.stack(np.meshgrid(*centres, indexing="ij"), -1).reshape(-1, 2)
    found = beliefs_at(state, places).reshape(CELLS, CELLS)
    shares = [
        np.histogram2d(cloud[:, 0], cloud[:, 1], (axes[0], axes[1]))[0] / len(cloud)
        for cloud in (real, points)
    ]
    best = best_discriminator(shares[0], shares[1])
    frame = [(float(axis[0]), float(axis[-1])) for axis in axes]
    maps = [
        framed(heat(values, SCATTER_SIDE), frame[0], frame[1], [(told, INK), (COLOURS, INK)])
        for values, told in (
            (found, "D: what D believes of each place"),
            (best, "D*: the best D for these samples; grey where none lie"),
        )
    ]
    return np.concatenate([picture, *maps], 1)
