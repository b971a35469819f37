"""Pictures of episodes."""

from __future__ import annotations

import pytest

from gankit.worlds.experts import make_expert
from gankit.worlds.film import MOST, WIDTH, pictures


@pytest.mark.slow
def test_an_episode_is_drawn_as_it_was():
    pytest.importorskip("pygame")
    played = make_expert("Pendulum-v1")
    drawn = list(pictures(played[:1]))
    assert len(drawn) == 201 <= MOST + 1
    assert drawn[0].shape == (WIDTH, WIDTH, 3)
    assert (drawn[0] != drawn[-1]).any()
    assert (drawn[0].min(), drawn[0].max()) == (0, 255)
