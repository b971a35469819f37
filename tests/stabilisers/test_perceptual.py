"""Perceptual matching: its distance against a closed form, its memory, runs that go on with it."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from tools.breaking.processes import python

from gankit import Trainer, load_dataset
from gankit.choose_recipe import configure
from gankit.errors import ConfigError
from gankit.families import Task
from gankit.game_types import Answer, Terms
from gankit.settings.config import override
from gankit.stabilisers import perceptual
from gankit.stabilisers.perceptual import (
    FEWEST,
    REAL,
    PerceptualMatching,
    pooled,
    weights,
    witness,
)
from gankit.training.state import build_game


def squared_distance(fake, real):
    """The maximum mean discrepancy squared, pair by pair."""

    def mean(a, b):
        pairs = [((x - y) ** 2).mean() for x in a for y in b]
        return sum(sum(c / (c + d) for c in (0.25, 1, 4)) for d in pairs) / len(pairs)

    return mean(fake, fake) - 2 * mean(fake, real) + mean(real, real)


def test_its_gradient_is_that_of_the_kernel_distance():
    draws = torch.Generator().manual_seed(0)
    fake = torch.randn(3, 3, dtype=torch.float64, generator=draws, requires_grad=True)
    real = torch.randn(4, 3, dtype=torch.float64, generator=draws) + 1
    (exact,) = torch.autograd.grad(squared_distance(fake, real), fake)
    by = torch.full((1, 4), 1 / 4), torch.full((1, 3), 1 / 3)
    (ours,) = torch.autograd.grad(witness(fake, real, fake.detach(), *by).mean(), fake)
    torch.testing.assert_close(ours, exact, rtol=1e-6, atol=1e-8)


def test_within_classes_it_is_the_mean_of_each_class_s_distance():
    draws = torch.Generator().manual_seed(0)
    fake = torch.randn(6, 3, dtype=torch.float64, generator=draws, requires_grad=True)
    real = torch.randn(8, 3, dtype=torch.float64, generator=draws) + 1
    asked, have = torch.arange(6) % 2, torch.arange(8) % 2
    apart = [squared_distance(fake[asked == c], real[have == c]) for c in (0, 1)]
    (exact,) = torch.autograd.grad(sum(apart) / 2, fake)
    by = (
        weights(asked, have, 1.0, torch.full((8,), 1 / 8)),
        weights(asked, asked, 1.0, torch.full((6,), 1 / 6)),
    )
    (ours,) = torch.autograd.grad(witness(fake, real, fake.detach(), *by).mean(), fake)
    torch.testing.assert_close(ours, exact, rtol=1e-6, atol=1e-8)


def test_maps_become_their_means_and_deviations():
    maps = [torch.rand(3, 5, 4, 6, dtype=torch.float64) + 7, torch.rand(3, 2, 1, 1)]
    means, deviations = pooled(maps)[:2], pooled(maps)[2:]
    for m, mean, deviation in zip(maps, means, deviations, strict=True):
        seen = m.double().numpy()
        assert mean.double().numpy() == pytest.approx(seen.mean((2, 3)), rel=1e-6)
        assert deviation.double().numpy() == pytest.approx((seen.var((2, 3)) + 1e-4) ** 0.5)


def told(features, labels=None):
    return Answer(torch.zeros(len(features)), features, labels)


def step(matching, real, fake, have=None, asked=None):
    terms = matching.g_terms(Terms({}), told(real, have), told(fake, asked), fake)
    matching.after_step({})
    return float(terms.loss.detach())


def test_it_remembers_the_latest_and_begins_when_it_knows_enough():
    matching = PerceptualMatching(1.0)
    matching.widths = [2, 2]
    real = torch.arange(4.0 * REAL).view(-1, 4)
    away = torch.full((64, 4), -1e6)
    for start in range(0, FEWEST, 64):
        assert step(matching, real[start : start + 64], away) == 0
    far, near = (step(matching, real[FEWEST:300], x) for x in (away[:9], real[:9]))
    assert near < 0 < far
    step(matching, real, away)
    assert torch.equal(matching.state()["perceptual/real"], real)
    again = PerceptualMatching(1.0)
    again.widths = matching.widths
    again.load_state(matching.state())
    assert step(again, real[:5], real[:9]) == step(matching, real[:5], real[:9])


@pytest.mark.parametrize("by_class", [0.0, 0.5])
def test_samples_are_drawn_to_their_own_class(by_class):
    matching = PerceptualMatching(1.0, by_class)
    matching.widths = [2]
    have = torch.arange(FEWEST) % 2
    real = 4.0 * have[:, None] + torch.randn(FEWEST, 2, generator=torch.Generator().manual_seed(0))
    step(matching, real, real[:64].flip(0), have, have[:64])
    right, wrong = (step(matching, real, real[:32], have, asked[:32]) for asked in (have, 1 - have))
    assert (right < wrong - 0.1) is (by_class > 0)
    again = PerceptualMatching(1.0, by_class)
    again.widths = matching.widths
    again.load_state(matching.state())
    assert step(again, real, real[:9], have, have[:9]) == step(
        matching, real, real[:9], have, have[:9]
    )


def test_vectors_have_no_classes():
    matching, whole = PerceptualMatching(1.0, 0.5), PerceptualMatching(1.0)
    vectors = torch.randn(FEWEST, 5, generator=torch.Generator().manual_seed(1))
    for each in (matching, whole):
        each.widths = [5]
        step(each, vectors, vectors[:64] + 1, vectors, vectors[:64])
    found = [step(each, vectors, vectors[:9], vectors, vectors[:9]) for each in (matching, whole)]
    assert found[0] == found[1]


@pytest.mark.parametrize("update", ["alternating", "simultaneous_coupled"])
def test_a_game_that_asks_for_no_class_matches_none(small, monkeypatch, update):
    monkeypatch.setattr(perceptual, "FEWEST", 16)
    asked = {"data.size": 16, "network.labels": "none", "objective.update": update}
    dataset = load_dataset("digits", size=16)
    numbers = []
    for by_class in (0.0, 0.5):
        config = small(
            "projected", "digits", **asked, **{"stabilise.perceptual_by_class": by_class}
        )
        with Trainer(build_game(config, dataset), dataset) as trainer:
            numbers.append([trainer.step()["g/perceptual"] for _ in range(4)])
    assert numbers[0] == numbers[1]
    assert numbers[0][-1] != 0


@pytest.mark.parametrize("by_class", [0.0, 0.5])
def test_a_run_goes_on_with_what_it_remembers(small, goes_on, monkeypatch, by_class):
    monkeypatch.setattr(perceptual, "FEWEST", 32)
    asked = {"training.steps": 7, "data.size": 16, "stabilise.perceptual": 2.0}
    asked["stabilise.perceptual_by_class"] = by_class
    run = goes_on(small("projected", "digits", **asked), 5)
    assert "g/perceptual" in run.metrics()[-1]


@pytest.mark.parametrize(
    ("family", "changes", "said"),
    [
        ("dcgan", {"stabilise.perceptual": 1.0}, "has no backbone"),
        ("projected", {"stabilise.perceptual": 1.0, "stabilise.lagged": 0.9}, "leave lagged out"),
    ],
)
def test_what_it_cannot_look_through_is_refused(small, family, changes, said):
    config = small(family, "digits", **changes)
    with pytest.raises(ConfigError, match=said):
        build_game(config, Task((3, 16, 16)))


def test_two_kinds_of_matching_are_one_too_many():
    config = override(configure("dcgan", "digits"), {"stabilise.matching": "l2"})
    game = build_game(config, Task((1, 16, 16)))
    with pytest.raises(ConfigError, match="leave matching out"):
        PerceptualMatching(1.0).build(game)


MEET = """
import sys

import torch
from torch import distributed

from gankit.stabilisers.perceptual import of_all_processes

rank, store = int(sys.argv[1]), sys.argv[2]
distributed.init_process_group("gloo", f"file://{store}", world_size=2, rank=rank)
print(of_all_processes(torch.full((2, 1), float(rank))).flatten().tolist())
distributed.destroy_process_group()
"""


def test_every_process_remembers_what_all_have_seen(forks, tmp_path):
    (tmp_path / "meet.py").write_text(MEET)
    meet = partial(python, tmp_path / "meet.py")
    both = [forks.start(partial(meet, str(rank), str(tmp_path / "met"))) for rank in (0, 1)]
    for done in [process.wait(60) for process in both]:
        assert (done.code, done.out) == (0, "[0.0, 0.0, 1.0, 1.0]\n"), done.err
