"""What holds for every registered family, found by itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import gankit
import gankit.run
from gankit.choose_recipe import configure
from gankit.data import ArrayDataset
from gankit.data.batches import Feed
from gankit.data.toys import modes
from gankit.errors import ConfigError
from gankit.families import FAMILIES, Task
from gankit.fitting import fit
from gankit.game import Game
from gankit.nn.layers import GaussianNoise
from gankit.settings.config import from_dict, override, to_dict
from gankit.training.runtime import Runtime
from gankit.training.state import build_game, build_state, draw_batch
from gankit.training.update import choose_update, why_one_process

from ..conftest import QUIET, THREADS, families_of

RUNTIME = Runtime(torch.device("cpu"))
EVERY = [name for name in FAMILIES.names() if not FAMILIES[name].acts]
"""A policy is tested in test_acting.py."""
every_family = pytest.mark.parametrize("family", EVERY)
every_image_family = pytest.mark.parametrize("family", families_of("images"))


FEW = {"training.steps": 3, "output.checkpoint_every": 0}


def pictures(count: int = 64, side: int = 16) -> ArrayDataset:
    """Two easy classes: a bright left half, a bright right half."""
    rng = np.random.default_rng(0)
    labels = np.arange(count, dtype=np.int64) % 2
    images = rng.integers(0, 30, (count, 1, side, side)).astype(np.uint8)
    images[labels == 0, :, :, : side // 2] += 200
    images[labels == 1, :, :, side // 2 :] += 200
    return ArrayDataset("halves", images, "halves", labels, ("left", "right"))


def letters(count: int = 64, length: int = 6) -> ArrayDataset:
    """Words that go on with the next letter, each with an end."""
    words = (np.arange(count)[:, None] + np.arange(length)) % 5 + 1
    words[:, -1] = 0
    dataset = ArrayDataset("letters", words, "letters", symbols=("\n", *"abcde"))
    dataset.tokens = "characters"
    return dataset


def examples(family: str) -> ArrayDataset:
    return pictures() if family in families_of("images") else letters()


def opened(small, family, **changes):
    data = examples(family)
    if data.is_images:
        changes = {"objective.update": "alternating"} | changes
    else:
        changes |= {"network.pretrain_steps": 0, "network.pretrain_d_steps": 0}
    config = small(family, **changes)
    state = build_state(build_game(config, data), RUNTIME)
    feed = Feed(data, seed=config.training.seed, batch=config.training.batch)
    return state, lambda substep: draw_batch(state, feed, RUNTIME, substep)


def copies(network):
    return {k: v.clone() for k, v in network.state_dict().items()}


@every_family
def test_it_says_what_it_is_and_where_it_comes_from(family):
    kind = FAMILIES[family]
    assert issubclass(kind, Game)
    assert len(FAMILIES.summaries()[family]) > 20
    assert "Departs" in (kind.__doc__ or "")


@every_family
def test_latents_have_the_size_that_it_says(small, family):
    game = build_game(small(family), examples(family))
    latent = game.latent(3, torch.tensor([0, 1, 1]), np.random.default_rng(0))
    assert latent.noise.shape == (3, game.latent_size)


@every_family
@pytest.mark.slow
def test_terms_are_finite_scalars_by_stable_names(small, family):
    state, draw = opened(small, family)
    names = []
    for _ in range(2):
        moves = choose_update(state.game)(state, draw, RUNTIME)
        state.step += 1
        for terms in (moves.discriminator, moves.generator):
            for value in terms.minimised.values():
                assert value.dim() == 0
                assert math.isfinite(float(value.detach()))
        names.append({k for k in moves.tensors() if "/r" not in k})  # lazy penalties come and go
    assert names[0] == names[1]


@every_family
def test_only_the_player_whose_turn_it_is_moves(small, family):
    state, draw = opened(small, family)
    steps = []
    for player, optimizer in ((k, p.optimizer) for k, p in state.players.items()):
        other = state.players["generator" if player == "discriminator" else "discriminator"].network

        def step(closure=None, player=player, other=other, original=optimizer.step):
            before = copies(other)
            mine = copies(state.players[player].network)
            original()
            assert all(torch.equal(v, before[k]) for k, v in other.state_dict().items())
            now = copies(state.players[player].network)
            assert any(not torch.equal(v, mine[k]) for k, v in now.items())
            steps.append(player)

        optimizer.step = step
    choose_update(state.game)(state, draw, RUNTIME)
    assert steps == ["discriminator", "generator"]


@every_image_family
def test_the_generators_turn_leaves_the_discriminator_as_it_was(small, family):
    state, draw = opened(small, family)
    seen = {}
    generator_terms = state.game.generator_terms

    def watched(batch, fake):
        seen["before"] = copies(state.players["discriminator"].network)
        return generator_terms(batch, fake)

    state.game.generator_terms = watched
    choose_update(state.game)(state, draw, RUNTIME)
    after = state.players["discriminator"].network.state_dict()
    assert all(torch.equal(v, seen["before"][k]) for k, v in after.items())


@every_family
def test_configuration_survives_its_trip_through_a_file(small, family):
    config = small(family)
    assert from_dict(to_dict(config), FAMILIES[family].Options) == config


@pytest.fixture(scope="module")
def three_steps(tmp_path_factory):
    """A family's run of three steps, which is trained once; not to be changed."""
    folders = {}

    def train(small, family):
        if family not in folders:
            folders[family] = tmp_path_factory.mktemp(family) / "run"
            fit(small(family, **FEW), folders[family])
        return folders[family]

    return train


@every_family
@pytest.mark.slow
def test_saved_loaded_and_sampled_is_the_same_to_the_bit(small, family, three_steps):
    run = three_steps(small, family)
    once, again = gankit.load(run), gankit.load(run / "model.safetensors")
    a, b = once.sample(30, seed=4, output="np"), again.sample(30, seed=4, output="np")
    images = once.kind == "images"
    assert a.dtype == (np.uint8 if images else np.int64)
    assert a.shape == (30, *((28, 28) if images else once.shape))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, once.sample(30, seed=5, output="np"))
    # Whatever it is drawn with.
    assert np.array_equal(a[:3], once.sample(3, seed=4, output="np"))


@every_family
@pytest.mark.slow
def test_the_same_seed_gives_the_same_run_and_another_one_does_not(
    small, family, tmp_path, newest, equal, three_steps
):
    first = newest(three_steps(small, family))
    for name, seed in (("again", 0), ("other", 1)):
        fit(small(family, **FEW, **{"training.seed": seed}), tmp_path / name)
    assert equal(newest(tmp_path / "again"), first)
    assert not equal(newest(tmp_path / "other"), first)


@pytest.mark.parametrize(
    ("family", "precision"),
    [*((name, "32") for name in EVERY), ("cgan", "64"), ("scratchgan", "64")],
)
@pytest.mark.slow
def test_resumed_equals_undisturbed_to_the_bit(small, family, tmp_path, newest, equal, precision):
    changes = {"output.checkpoint_every": 0, "runtime.precision": precision}
    if family in families_of("images"):
        changes |= {"objective.penalty": "r1", "objective.penalty_interval": 2}
    changes |= {"generator_optimizer.schedule": "constant"}
    changes |= {"discriminator_optimizer.schedule": "constant"}
    fit(small(family, **changes), tmp_path / "whole")
    fit(small(family, **changes, **{"training.steps": 3}), tmp_path / "parts")
    outcome = fit(small(family, **changes), tmp_path / "parts")
    assert outcome.trained == 3
    assert equal(newest(tmp_path / "whole"), newest(tmp_path / "parts"))
    logs = [
        [{k: v for k, v in line.items() if "second" not in k} for line in run.metrics()]
        for run in (gankit.run.Run(tmp_path / "whole"), gankit.run.Run(tmp_path / "parts"))
    ]
    assert logs[0] == logs[1]


LEARN: dict[str, dict[str, Any]] = {
    "began": {"training.steps": 800, "network.embedded": 4, "network.lambda_k": 0.05},
    "cgan": {"network.generator_width": 16, "network.discriminator_width": 16},
    "dcgan": {"network.generator_width": 8, "network.discriminator_width": 8},
    "modern": {"network.generator_width": 8, "network.discriminator_width": 8},
}
"""With these a family learns the easy pair from every seed that was tried, not from most."""


@every_image_family
@pytest.mark.learning
@pytest.mark.slow
def test_it_learns_an_easy_pair_of_pictures(small, family, monkeypatch, tmp_path):
    monkeypatch.setattr("gankit.fitting.load_configured", lambda _config: pictures(256))
    settings = QUIET | {
        "training.steps": 400,
        "training.batch": 16,
        "training.ema": 0.95,
        "generator_optimizer.lr": 1e-3,
        "discriminator_optimizer.lr": 1e-3,
        "generator_optimizer.schedule": "constant",
        "discriminator_optimizer.schedule": "constant",
    }
    fit(small(family, **settings | LEARN.get(family, {})), tmp_path / "run")
    samples = gankit.load(tmp_path / "run").sample(64).astype(float)
    difference = samples[..., :8].mean((1, 2)) - samples[..., 8:].mean((1, 2))
    # Of real ones 200. The worst of 4 to 8 seeds: dcgan and began 164, infogan and ssgan 184, gan
    # 195, cgan 204; of 3, modern 185. Untrained 0 to 15, with a D that does not learn 3 to 17, with
    # one class of two learned 110.
    assert np.abs(difference).mean() > 120


def takes_points(family: str) -> bool:
    """False for a family that does not make points, and says so."""
    try:
        FAMILIES[family](configure(family, "toy:ring8"), Task((2,), tuple("01234567")))
    except ConfigError as error:
        return "; these are points: train" not in str(error)
    return True


def test_which_families_take_points():
    known = {"gan": True, "cgan": True, "dcgan": False}
    assert {family: takes_points(family) for family in known} == known


@every_family
def test_points_are_refused_before_anything_is_written(family, tmp_path):
    if takes_points(family):
        pytest.skip("takes points")
    with pytest.raises(ConfigError, match="points"):
        fit(configure(family, "toy:ring8"), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


@every_family
@pytest.mark.learning
@pytest.mark.slow
def test_it_finds_every_mode_of_the_ring(family, tmp_path):
    if not takes_points(family):
        pytest.skip("makes images alone")
    config = override(configure(family, "toy:ring8"), QUIET | {"runtime.threads": THREADS})
    fit(config, tmp_path / "run")
    points = gankit.load(tmp_path / "run").sample(4000, seed=1)
    centres, sigma = modes("toy:ring8")
    distance = np.linalg.norm(points[:, None] - centres, axis=2)
    good = distance.min(1) < 3 * sigma
    found = np.bincount(distance.argmin(1)[good], minlength=8)
    # gan, 4 seeds: .92 to .94 are good, 376 to 417 of 500 in the rarest mode; cgan: 1.0 and 500.
    assert good.mean() >= 0.8
    assert (found >= 4000 / 8 / 5).all()


@pytest.fixture
def uncoupled(monkeypatch):
    """Layers that couple the samples of a batch, or draw, or move at each pass, are still."""
    still = {
        torch.nn.modules.batchnorm._BatchNorm: lambda _layer, x: 0.5 * x,
        torch.nn.Dropout: lambda _layer, x: x,
        GaussianNoise: lambda _layer, x: x,
    }
    for layer, forward in still.items():
        monkeypatch.setattr(layer, "forward", forward)
    spectral = torch.nn.utils.parametrizations._SpectralNorm
    monkeypatch.setattr(spectral, "_power_method", lambda *_given: None)


@every_family
def test_a_batch_in_parts_is_the_whole_batch(small, family, uncoupled):
    """A step is that of the whole batch to rounding, or parts are refused."""
    runtime, found = Runtime(torch.device("cpu"), "64"), []
    plain = {f"{player}_optimizer.name": "sgd" for player in ("generator", "discriminator")}
    for parts in (1, 4):
        torch.manual_seed(0)
        changes = {"runtime.precision": "64", "training.accumulate": parts}
        game = opened(small, family, **plain, **changes)[0].game
        if parts > 1 and (game.own_update() is not None or why_one_process(game) is not None):
            with pytest.raises(ConfigError, match="leave"):
                choose_update(game)
            return
        state, feed = build_state(game, runtime), Feed(examples(family), seed=0, batch=8)
        moves = choose_update(game)(
            state, lambda k, s=state, f=feed: draw_batch(s, f, runtime, k), runtime
        )
        found.append((moves, [player.network for player in state.players.values()]))
    (whole, before), (same, after) = found
    assert dict(same) == pytest.approx(dict(whole), rel=1e-8, abs=1e-12)
    for a, b in zip(before, after, strict=True):
        for (name, p), q in zip(a.named_parameters(), b.parameters(), strict=True):
            assert torch.allclose(p, q, rtol=1e-8, atol=1e-12), name
