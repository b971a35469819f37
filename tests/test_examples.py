"""The examples run and show what they say."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from examples.tagging import choose_tags
from tools.breaking.processes import python

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def run(forks, tmp_path) -> Callable[..., str]:
    """Run an example in a process of its own; what it prints."""

    def started(name: str, *arguments: str) -> str:
        done = forks.start(partial(python, EXAMPLES / name, *arguments), folder=tmp_path).wait(900)
        assert done.code == 0, done.err
        return done.out

    return started


@pytest.mark.slow
def test_the_actor_critic_has_the_gans_gradients(run):
    lines = run("actor_critic.py").splitlines()
    assert len(lines) == 4
    for line in lines:
        size = float(re.search(r"\|gradient\| ([\d.]+)", line)[1])
        difference = float(re.search(r"difference ([\d.e+-]+)", line)[1])
        assert size > 1e-3
        assert difference < 1e-12


@pytest.mark.learning
@pytest.mark.slow
def test_generated_tags_beat_the_most_common_words(run):
    out = run("tagging.py", "--steps", "4000", "--images", "100")
    precision = dict(re.findall(r"(generated|most common words): precision ([\d.]+)", out))
    # 2 seeds: .59 to .65 against .51; untrained .32.
    assert float(precision["generated"]) > float(precision["most common words"])


def test_tags_are_the_words_that_most_samples_are_near_to():
    words = np.eye(4)
    samples = np.array([[1, 0.5, 0, 0.1], [0.9, 0.6, 0, 0], [0, 0, 0.2, 3.0]])
    assert choose_tags(samples, words, nearest=1, common=2).tolist() == [0, 3]
    assert choose_tags(samples, words, nearest=2, common=2).tolist() == [0, 1]
    assert choose_tags(5 * samples, words, nearest=9, common=9).shape == (4,)
