"""The policy gradient and what comes before it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import gankit
from gankit.data import ArrayDataset
from gankit.errors import ConfigError
from gankit.families import FAMILIES
from gankit.families.seqgan import mean_of_others

LENGTH, SYMBOLS = 3, 3


def toy():
    words = np.array(list(itertools.product(range(SYMBOLS), repeat=LENGTH)), np.int64)
    return ArrayDataset("toy", words, "toy", symbols=("a", "b", "c"))


def game_of(small, **changes):
    config = small("seqgan", "sentences", **{"runtime.precision": "64", **changes})
    game = gankit.build_game(config, toy())
    game.generator.double()
    game.discriminator.double()
    return game


def expected_reward(game, every):
    chances = game.generator.log_likelihood(every).sum(1).exp()
    return (chances * game.beliefs(every)).sum()


def test_the_policy_gradient_is_that_of_the_expected_reward(small):
    """Every sequence stands for itself, as often as it is said; its rewards are exact."""
    game, every = game_of(small), torch.from_numpy(toy().examples)
    with torch.no_grad():
        chances = game.generator.log_likelihood(every).sum(1).exp()
        paid = chances * game.beliefs(every)
        rewards = torch.stack([after(every, paid, place) for place in range(1, LENGTH + 1)], 1)
        rewards /= torch.stack([after(every, chances, p) for p in range(1, LENGTH + 1)], 1)
    loss = game.policy_terms(every, rewards * chances[:, None] * len(every), relative=False).loss
    weight = game.generator.head.weight
    (found,) = torch.autograd.grad(loss, weight)
    slopes, step = torch.zeros_like(weight), 1e-6
    with torch.no_grad():
        for place in np.ndindex(*weight.shape):
            ends = []
            for sign in (step, -2 * step):
                weight[place] += sign
                ends.append(expected_reward(game, every))
            weight[place] += step
            slopes[place] = (ends[0] - ends[1]) / (2 * step)
    assert torch.allclose(-found * LENGTH, slopes, rtol=1e-5, atol=1e-9)
    assert slopes.abs().max() > 1e-4


def after(every, amounts, place):
    """The sum of `amounts` over all sequences that begin alike, as far as `place`."""
    alike = (every[:, None, :place] == every[None, :, :place]).all(2).double()
    return alike @ amounts


def test_rewards_are_what_d_believes_of_ways_to_go_on(small):
    game = game_of(small, **{"network.rollouts": 1000})
    said = game.generator.say(torch.rand(1, LENGTH, dtype=torch.float64))
    torch.manual_seed(0)
    rewards = game.rewards(said)
    every = torch.from_numpy(toy().examples)
    with torch.no_grad():
        chances = game.generator.log_likelihood(every).sum(1).exp()
        paid = chances * game.beliefs(every)
    row = (every == said.tokens).all(1)
    for place in range(1, LENGTH + 1):
        wanted = after(every, paid, place)[row] / after(every, chances, place)[row]
        assert float(rewards[0, place - 1]) == pytest.approx(float(wanted), abs=0.02)


def test_a_baseline_is_the_mean_of_the_others():
    rewards = torch.tensor([[1.0, 5.0], [2.0, 7.0], [6.0, 9.0]])
    counted = torch.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 0.0]])
    assert mean_of_others(rewards, counted)[:, 0].tolist() == [4.0, 3.5, 1.5]
    assert mean_of_others(rewards, counted)[1, 1] == 0


def run_of(small, **changes):
    config = small("seqgan", "sentences", **changes)
    data = gankit.load_dataset("sentences")
    with gankit.Trainer(gankit.build_game(config, data), data) as trainer:
        return [trainer.step() for _ in range(4)]


def test_what_is_learned_when(small):
    names = [set(moves) for moves in run_of(small)]
    assert names[0] == names[1] == {"g/likelihood", "entropy", "grad_g"}
    assert names[2] == {"d/adversarial", "d_real", "d_fake", "grad_d"}
    assert {"g/policy", "d/adversarial", "reward", "repeated"} < names[3]


@pytest.mark.parametrize(
    ("learn_from", "names"),
    [("likelihood", {"g/likelihood"}), ("constant", {"g/policy", "reward", "repeated"})],
)
def test_the_controls_have_no_discriminator(small, learn_from, names):
    moves = run_of(small, **{"network.learn_from": learn_from})[-1]
    assert set(moves) == names | {"entropy", "grad_g"}


def test_g_takes_as_many_steps_as_it_is_asked_for(small):
    config = small("seqgan", "sentences", **{"objective.g_steps": 3})
    data = gankit.load_dataset("sentences")
    with gankit.Trainer(gankit.build_game(config, data), data) as trainer:
        for _ in range(3):  # before the game
            trainer.step()
        optimizer, steps = trainer.state.players["generator"].optimizer, []
        step = optimizer.step
        optimizer.step = lambda *given: (steps.append(1), step(*given))
        trainer.step()
    assert len(steps) == 3


def test_a_bonus_on_entropy_is_minimised_too(small):
    moves = run_of(small, **{"network.entropy": 0.1})[-1]
    assert moves["g/entropy"] == pytest.approx(-0.1 * moves["entropy"], rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"objective.penalty": "r1"}, "takes no penalty on slopes"),
        ({"latent.size": 7}, "draws one number for each token"),
        ({"stabilise.top_k": 0.5}, r"stabilise\.top_k has no effect"),
        ({"stabilise.noise": 0.5}, "these are tokens"),
        ({"objective.update": "alternating"}, "brings its own"),
    ],
)
def test_settings_without_an_effect_are_refused(small, changes, said):
    data = gankit.load_dataset("sentences")
    with pytest.raises(ConfigError, match=said):
        gankit.Trainer(gankit.build_game(small("seqgan", **changes), data), data)


@pytest.mark.slow
def test_text_from_a_file_to_lines_that_it_says(small, tmp_path, capsys):
    (tmp_path / "x.txt").write_text("".join(f"{i % 7} is a number\n" for i in range(60)))
    before = gankit.load_dataset(tmp_path).fingerprint
    gankit.fit(small("seqgan", str(tmp_path)), tmp_path / "run")
    assert (tmp_path / "run" / "real.txt").is_file()
    assert gankit.load_dataset(tmp_path).fingerprint == before, "a run in the folder is not read"
    gan = gankit.load(tmp_path / "run")
    said = gan.sample(5, seed=1)
    assert len(said) == 5
    assert all(isinstance(text, str) for text in said)
    rows = gan.sample(5, seed=1, output="np")
    assert said == [gan.text(row) for row in rows]
    assert gan.sample(latents=gan.latents(5, seed=1)) == said
    gan.temperature = 1e-3
    assert len(set(gan.sample(8))) == 1
    shown = capsys.readouterr()
    assert "step 6: " in shown.out + shown.err
    page = (tmp_path / "run" / "report.html").read_text()
    assert "texts of the averaged generator" in page
    assert "is a number" in page


def test_a_reward_that_is_always_the_same_is_not_called_saturated(small):
    """It is a control, in which D is not asked."""
    for learn_from, looked_for in (("reward", True), ("constant", False)):
        config = small("seqgan", "sentences", **{"network.learn_from": learn_from})
        signs = {symptom.sign for symptom in FAMILIES["seqgan"].symptoms(config)}
        assert ("reward saturated" in signs) == looked_for
        assert "repeated sentences" in signs
