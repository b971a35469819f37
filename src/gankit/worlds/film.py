"""Pictures of episodes, as gymnasium draws them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gankit.worlds.episodes import Episodes
from gankit.worlds.play import make

QUIET = {"PYGAME_HIDE_SUPPORT_PROMPT": "1", "SDL_VIDEODRIVER": "dummy"}
"""So pygame prints nothing, and draws where there is no display."""
MILLISECONDS = 40
"""How long a film shows each picture."""
WIDTH = 300
"""The most pixels that a picture is wide."""
MOST = 250
"""The most pictures of an episode."""


def pictures(episodes: Episodes) -> Iterator[NDArray[np.uint8]]:
    """Play episodes again, as they were, and yield pictures, uint8 [H, W, 3], `MOST` of each.

    Raises MissingExtraError if what draws them is not installed.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    environment = make(episodes.world.name, render_mode="rgb_array")
    try:
        for seed, actions in zip(
            episodes.seeds, np.split(episodes.actions, episodes.starts[1:]), strict=True
        ):
            environment.reset(seed=int(seed))
            every = -(-len(actions) // MOST)
            for moment, action in enumerate(actions):
                if moment % every == 0:
                    yield _small(environment.render())
                environment.step(action)
            yield _small(environment.render())
    finally:
        environment.close()


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    if width <= WIDTH:
        return picture
    small = Image.fromarray(picture).resize((WIDTH, round(height * WIDTH / width)))
    return np.asarray(small)
