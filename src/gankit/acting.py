"""Games whose generator acts: a policy, which chooses what is done in an environment.

The environment is neither differentiable nor part of a run: episodes begin from seeds that the
latents hold, and are played to their ends. So an episode is a function of its latent and of the
weights, and a checkpoint holds nothing of an environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gankit.errors import ConfigError
from gankit.game import Game
from gankit.game_types import Latent, Task
from gankit.nn.actor import Actor, Choice, Gaussian, Said
from gankit.randomness import Purpose, rng
from gankit.settings.config import Config
from gankit.worlds.episodes import Episodes
from gankit.worlds.play import Stage, in_turn
from gankit.worlds.world import World

HALF = 2**24
"""Whole numbers below this are float32 exactly; two of them hold the seed of an episode."""


@dataclass(frozen=True)
class Played:
    """Episodes, with `chosen`, [M] or [M, A]: the policy's own actions, not held within limits."""

    episodes: Episodes
    chosen: Tensor


class Acting(Game):
    """A game of moves; a family adds what trains the policy (`own_update`).

    The options of a family have `hidden`, the units of the policy's hidden layers.
    """

    acts = True
    kinds = ("trajectories",)
    takes_networks = False
    alternating_only = "what an environment makes carries no gradient"
    one_process = "each process would standardise observations in a way of its own"
    generator: Actor
    said: Said

    def __init__(self, config: Config, task: Task) -> None:
        super().__init__(config, task)
        self.latent_size = 2

    @property
    def world(self) -> World:
        """The environment."""
        assert self.task.world is not None
        return self.task.world

    @cached_property
    def stage(self) -> Stage:
        """Where episodes are played."""
        return Stage(self.world)

    def build_generator(self) -> nn.Module:
        world = self.world
        self.said = Choice() if world.discrete else Gaussian()
        return Actor(world.observations, world.moves, self.options.hidden, world.discrete)

    def latent(self, count: int, labels: Tensor | None, rng: np.random.Generator) -> Latent:
        """Draw the seeds of episodes, from which both the beginning and all chances follow."""
        return Latent(torch.from_numpy(rng.integers(HALF, size=(count, 2)).astype(np.float32)))

    def generate(self, latent: Latent) -> Tensor:
        """Return episodes [N, moments, numbers], with NaN after the end of each."""
        return torch.from_numpy(self.play(latent).as_array())

    def play(self, latent: Latent, likeliest: bool = False) -> Episodes:
        """Play an episode for each latent.

        Args:
            latent: its seed.
            likeliest: take the likeliest action at each moment; otherwise actions are drawn.
        """
        return self.play_out(latent, likeliest).episodes

    def play_out(self, latent: Latent, likeliest: bool = False) -> Played:
        """Play as `play` does, and return what the policy has chosen too."""
        seeds = (latent.noise.double().cpu().round() @ torch.tensor([HALF, 1.0]).double()).long()
        chances = None if likeliest else self._chances(seeds.tolist())
        every: list[NDArray[np.generic]] = []

        def act(seen: NDArray[np.float32], moment: int) -> NDArray[np.generic]:
            given = None if chances is None else chances[moment]
            chosen = self._choose(torch.from_numpy(seen), given)
            every.append(chosen)
            return self._within(chosen)

        episodes = self.stage.play(act, seeds.tolist())
        chosen = in_turn(np.stack(every), episodes.lengths)
        return Played(episodes, torch.from_numpy(chosen).to(self.weight.device))

    def as_data(self, episodes: Episodes) -> Tensor:
        """Return the moments of episodes as the data has the expert's, [M, *shape]."""
        wider = self.task.shape[1] > self.world.numbers
        rows = episodes.transitions if wider else episodes.moments
        return torch.from_numpy(rows).to(self.weight)[:, None]

    def act(
        self, observations: Tensor, rng: np.random.Generator | None = None
    ) -> NDArray[np.generic]:
        """Return the action for each of some observations [N, O], int64 [N] or float32 [N, A].

        They are the likeliest ones, or are drawn if a source of randomness is given.
        """
        chances = None if rng is None else self._draw(rng, len(observations))
        return self._within(self._choose(observations, chances))

    def scaled(self, done: Tensor) -> Tensor:
        """Return actions as the policy says them: choices [N] of one-hot rows, or -1 to 1."""
        if self.world.discrete:
            return done.argmax(1)
        low, high = (done.new_tensor(limit) for limit in (self.world.low, self.world.high))
        return (2 * done - low - high) / (high - low)

    @property
    def weight(self) -> Tensor:
        """One of the policy's weights, which tells device and type."""
        return next(self.generator.parameters())

    def _choose(self, seen: Tensor, chances: NDArray[np.floating] | None) -> NDArray[np.generic]:
        """Return the policy's choices in its own units, [N] or [N, A]."""
        weight = self.weight
        with torch.no_grad():
            said = self.generator(seen.to(weight.device, weight.dtype))[:, :-1]
            if chances is None:
                chosen = self.said.likeliest(said)
            else:
                chosen = self.said.choose(said, torch.from_numpy(chances).to(said))
        found: NDArray[np.generic] = chosen.cpu().numpy()
        return found

    def _within(self, chosen: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return what is done: the choice, or a vector within the limits."""
        if self.world.discrete:
            return chosen
        low, high = self.world.limits
        done = (low + high + chosen.astype(np.float32) * (high - low)) / 2
        return np.clip(done, low, high).astype(np.float32)

    def _chances(self, seeds: Sequence[int]) -> NDArray[np.floating]:
        """Return the chances of every moment of the episodes of some seeds, [moments, N, ...]."""
        moments = self.world.moments
        return np.stack([self._draw(rng(seed, Purpose.MOVES), moments) for seed in seeds], 1)

    def _draw(self, random: np.random.Generator, count: int) -> NDArray[np.floating]:
        if self.world.discrete:
            return random.random(count)
        return random.standard_normal((count, self.world.moves))

    def _check(self, config: Config, task: Task) -> None:
        super()._check(config, task)
        if task.world is None:
            raise ConfigError(
                f"family '{config.family}' acts in an environment, and this data names none: give "
                "episodes (`gankit expert`), or an .npz with the array environment"
            )
