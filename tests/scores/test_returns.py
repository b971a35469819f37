"""What a policy earns, beside the expert, cloning and chance."""

from __future__ import annotations

import numpy as np
import pytest

import gankit
from gankit.recipes import RECIPES
from gankit.scores.returns import random_returns
from gankit.scores.score import Report
from gankit.worlds.play import world_of

DATA = "expert:CartPole-v1"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    settings = {
        "training.steps": 2,
        "training.batch": 8,
        "network.hidden": "8",
        "network.episodes": 2,
        "runtime.threads": 1,
        "runtime.device": "cpu",
    }
    folder = tmp_path_factory.mktemp("returns") / "run"
    gankit.fit(gankit.override(gankit.configure("gail", DATA), settings), folder)
    return folder


@pytest.mark.slow
def test_a_policy_is_measured_by_its_returns(run, monkeypatch):
    said, recipe = [], RECIPES["bc-fast"]()
    quick = gankit.override(recipe, {"training.steps": 20})
    monkeypatch.setitem(RECIPES._things, "bc-fast", lambda: quick)
    report = gankit.evaluate(run, n=20, keep=True, watch=gankit.scores.evaluate.Watch(said.append))
    values = {score.metric: score for score in report.scores}
    assert list(values) == ["return", "return_drawn", "return_baseline", "return_random"]
    played = gankit.load(run).play(20).returns
    drawn = values["return_drawn"]
    assert drawn.value == pytest.approx(played.mean())
    half = 2.093 * played.std(ddof=1) / np.sqrt(20)  # Student's t of 19
    assert drawn.interval == pytest.approx((played.mean() - half, played.mean() + half), rel=1e-3)
    assert {score.floor for score in report.scores} == {500.0}
    assert "the policy earns" in report.in_words()
    assert "mean of all such episodes" in report.intervals_hold()
    assert "20 episodes of CartPole-v1" in report.protocol_line()
    assert Report.from_json(report.to_json(), "it") == report
    assert len(said) == 4
    assert list((run / "scores").glob("*.json"))


def test_chance_is_the_same_each_time():
    world = world_of("CartPole-v1")
    first, again = random_returns(world, 20, 1), random_returns(world, 20, 1)
    assert np.array_equal(first, again)
    assert 12 < first.mean() < 35  # about 22
    assert random_returns(world_of("Pendulum-v1"), 2, 0).mean() < -500


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"features": "digits"}, "leave features out"),
        ({"metrics": ["coverage"]}, "leave metrics out"),
        ({"split": "test"}, "leave split out"),
        ({"against": np.zeros((30, 2))}, "beside an expert's episodes"),
        ({"against": "expert:Pendulum-v1"}, "not of the environment"),
    ],
)
def test_what_a_policy_does_not_have_is_refused(run, asked, said):
    with pytest.raises(gankit.GankitError, match=said):
        gankit.evaluate(run, n=20, **asked)
