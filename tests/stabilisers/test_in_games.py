"""Each stabiliser computes what its paper says; inside a game, each does only that."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import gankit
from gankit.choose_recipe import configure
from gankit.data import ArrayDataset
from gankit.data.batches import Feed
from gankit.errors import ConfigError
from gankit.families import FAMILIES, Task
from gankit.fitting import fit
from gankit.game_types import Batch
from gankit.settings.config import override
from gankit.stabilisers.batch import VirtualBatchNorm
from gankit.stabilisers.past import LaggedDiscriminator
from gankit.training.runtime import Runtime
from gankit.training.state import build_game, build_state, draw_batch
from gankit.training.update import alternating, choose_update, why_not_simultaneous, why_one_process

RUNTIME = Runtime(torch.device("cpu"), "64")
ALL = {
    "stabilise.noise": 0.1,
    "stabilise.top_k": 0.5,
    "stabilise.entropy": 0.01,
    "stabilise.historical": 0.001,
    "stabilise.lagged": 0.9,
    "stabilise.replay": 0.5,
    "stabilise.freeze_d": 0.9,
    "stabilise.minibatch_kernels": 3,
    "stabilise.augment": "colour+translation+cutout",
    "stabilise.augment_target": 0.6,
    "generator_optimizer.clip": 1.0,
    "discriminator_optimizer.name": "optimistic_adam",
}


@pytest.mark.parametrize("family", ["infogan", "cgan"])
def test_past_fakes_are_judged_with_the_latents_that_they_came_from(small, family):
    """D is asked about an old fake under its own code or label: from those G makes it again."""
    changes = {"stabilise.replay": 0.5, "stabilise.augment": "none"}
    game = FAMILIES[family](small(family, **changes), Task((1, 16, 16), ("a", "b")))
    game.generator.eval()
    asked, judged = [], []
    game.discriminator.register_forward_hook(lambda _m, given, _out: asked.append(given))
    plain = game.discriminator_objective
    game.discriminator_objective = lambda real, fake, batch: (
        judged.append(batch.latent) or plain(real, fake, batch)
    )
    for seed in range(2):
        labels = torch.tensor([seed] * 6)
        latent = game.latent(6, labels, np.random.default_rng(seed))
        batch = Batch(torch.rand(6, 1, 16, 16), latent.labels, latent, torch.rand(6))
        game.discriminator_terms(batch, game.generate(latent).detach())
    assert torch.equal(judged[-1].noise[:3], latent.noise[:3])
    assert not torch.isin(judged[-1].noise[3:], latent.noise).all(1).any()  # past ones
    assert torch.allclose(game.generate(judged[-1]), asked[-1][0][-6:], atol=1e-6)
    if game.conditional:
        assert judged[-1].labels.tolist() == asked[-1][1][-6:].tolist() == [1, 1, 1, 0, 0, 0]


def test_virtual_batch_norm_uses_the_reference_and_the_example_itself():
    """Section 3.5, example by example: moments of the reference batch and x_i together."""
    torch.manual_seed(0)
    layer, x = VirtualBatchNorm(3, 4, 1e-5).double(), torch.randn(7, 3, 2, 2, dtype=torch.float64)
    out, reference = layer(x), x[:4]
    for i in range(4, 7):
        together = torch.cat([reference, x[i : i + 1]]).transpose(0, 1).flatten(1)
        mean, variance = together.mean(1), together.var(1, unbiased=False)
        expected = (x[i] - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt()
        assert torch.allclose(out[i], expected)
    alone = layer(torch.cat([reference, x[5:6]]))
    assert torch.allclose(alone[4], out[5])


def test_in_a_game_it_uncouples_the_samples():
    state, draw = opened("dcgan", **{"stabilise.virtual_batch": 8})
    game, images = state.game, torch.randn(6, 1, 16, 16, dtype=torch.float64)
    assert game.coupling is None
    assert torch.allclose(game.logits(images, None)[:2], game.logits(images[:2], None))
    noise = torch.randn(6, 100, dtype=torch.float64)
    assert torch.allclose(game.generator(noise)[:2], game.generator(noise[:2]))
    moves = choose_update(game)(state, draw, RUNTIME)
    assert torch.isfinite(moves.generator.loss.detach())


@pytest.mark.slow
def test_ds_reference_is_real_and_the_artifact_holds_gs(small, tmp_path):
    fit(small("dcgan", **{"stabilise.virtual_batch": 8}), tmp_path / "run")
    gan = gankit.load(tmp_path / "run")
    assert np.array_equal(gan.sample(5, seed=3), gan.sample(300, seed=3)[:5])
    with pytest.raises(ConfigError, match="no plain batch normalisation"):
        FAMILIES["gan"](
            override(configure("gan", "digits"), {"stabilise.virtual_batch": 8}), Task((1, 16, 16))
        )


# Inside a game


def stabiliser(game, kind):
    (found,) = (s for s in game.stabilisers if isinstance(s, kind))
    return found


def opened(family="gan", **changes):
    rng = np.random.default_rng(0)
    data = ArrayDataset("n", rng.integers(0, 256, (32, 1, 16, 16)).astype(np.uint8), "n")
    small = {
        "gan": {"network.generator_hidden": "8", "network.discriminator_hidden": "8",
                "network.activation": "leaky", "network.dropout": "0,0"},
        "dcgan": {"network.generator_width": 4, "network.discriminator_width": 4},
    }[family]  # fmt: skip
    base = {"training.batch": 8, "runtime.precision": "64"}
    config = override(configure(family, "digits"), base | small | changes)
    state = build_state(build_game(config, Task((1, 16, 16))), RUNTIME)
    feed = Feed(data, seed=0, batch=8)
    return state, lambda substep: draw_batch(state, feed, RUNTIME, substep)


def weights(network):
    return [p.detach().clone() for p in network.parameters()]


def moved(before, network):
    return any(not torch.equal(b, p) for b, p in zip(before, network.parameters(), strict=True))


@pytest.mark.parametrize(
    "changes",
    [
        {"stabilise.top_k": 0.5},
        {"stabilise.entropy": 0.5},
        {"stabilise.historical": 0.1},
        {"stabilise.lagged": 0.5},
        {"stabilise.replay": 0.5},
        {"stabilise.minibatch_kernels": 3},
        {"stabilise.matching": "l2"},
        {"stabilise.lecam": 0.5},
    ],
    ids=str,
)
def test_at_the_end_of_a_run_a_batch_in_parts_is_the_whole_batch(changes):
    """A step late in a run is that of the whole batch to rounding, or parts are refused."""
    plain = {f"{player}_optimizer.name": "sgd" for player in ("generator", "discriminator")}
    plain |= {"objective.update": "alternating", "objective.penalty": "none"}
    found = []
    for parts in (1, 4):
        torch.manual_seed(0)
        state, draw = opened(**plain, **changes, **{"training.accumulate": parts})
        state.game.progress = 1.0
        if parts > 1 and why_one_process(state.game) is not None:
            with pytest.raises(ConfigError, match="leave"):
                choose_update(state.game)
            return
        choose_update(state.game)(state, draw, RUNTIME)
        found.append([w for player in state.players.values() for w in weights(player.network)])
    for a, b in zip(*found, strict=True):
        assert torch.allclose(a, b, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
def test_freezing_stops_one_player(update):
    state, draw = opened(**{"stabilise.freeze_d": 0.1, "objective.update": update})
    before = {p: weights(n) for p, n in ((k, v.network) for k, v in state.players.items())}
    choose_update(state.game)(state, draw, RUNTIME)
    assert not moved(before["discriminator"], state.players["discriminator"].network)  # 0.5 > 0.1
    assert moved(before["generator"], state.players["generator"].network)


@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
def test_clipping_shortens_a_long_gradient_and_leaves_a_short_one(update):
    for clip, cut in ((1e-3, True), (1e6, False)):
        settings = {
            "generator_optimizer.name": "sgd",
            "generator_optimizer.momentum": 0.0,
            "generator_optimizer.lr": 1.0,
        }
        state, draw = opened(
            **settings, **{"generator_optimizer.clip": clip, "objective.update": update}
        )
        before = weights(state.players["generator"].network)
        choose_update(state.game)(state, draw, RUNTIME)
        after = state.players["generator"].network.parameters()
        step = torch.cat(
            [(a.detach() - b).flatten() for a, b in zip(after, before, strict=True)]
        ).norm()
        assert (float(step) == pytest.approx(clip, rel=1e-6)) is cut


def test_the_norm_into_a_unit_is_limited():
    state, draw = opened(
        **{"discriminator_optimizer.max_norm": 0.05, "discriminator_optimizer.lr": 1.0}
    )
    choose_update(state.game)(state, draw, RUNTIME)
    layers = state.players["discriminator"].network.modules()
    linear = [m for m in layers if isinstance(m, nn.Linear)]
    assert max(m.weight.norm(dim=1).max().item() for m in linear) <= 0.05 + 1e-9


def test_noise_falls_to_nothing_over_the_run():
    game = opened(**{"stabilise.noise": 0.5})[0].game
    images = torch.zeros(64, 1, 16, 16)
    assert game.seen(images).std().item() == pytest.approx(0.5, rel=0.05)
    game.progress = 0.5
    assert game.seen(images).std().item() == pytest.approx(0.25, rel=0.05)
    game.progress = 1.0
    assert torch.equal(game.seen(images), images)


def test_a_joint_batch_shares_its_statistics():
    """D's batch normalisation sees real and fake as one batch; apart without it."""
    found = []
    for joint in (True, False):
        state, draw = opened("dcgan", **{"stabilise.joint_batch": joint})
        batch, torch_fake = draw(0), torch.rand(8, 1, 16, 16, dtype=torch.float64)
        real, _ = state.game.logits_pair(batch, torch_fake)
        both = state.game.discriminator(torch.cat([batch.real, torch_fake]), None)[:8]
        found.append(torch.allclose(real, both))
    assert found == [True, False]


@pytest.mark.parametrize("joint", [False, True])
def test_g_plays_against_the_lagged_d(joint):
    state, draw = opened(**{"stabilise.lagged": 0.5, "stabilise.joint_batch": joint})
    with torch.no_grad():
        for p in stabiliser(state.game, LaggedDiscriminator).network.parameters():
            p.zero_()
    batch = draw(0)
    terms = state.game.generator_terms(batch, state.game.generate(batch.latent))
    assert terms.loss.item() == pytest.approx(math.log(2))  # every logit is 0
    assert "lagged" in why_not_simultaneous(state.game)


def test_matching_looks_past_a_reference_batch():
    """Features are those of the batch: with its real examples the matching term moves."""
    changes = {"stabilise.virtual_batch": 16, "stabilise.matching": "l2"}
    state, draw = opened("dcgan", **changes)
    batch = draw(0)
    real, fake = state.game.answers_pair(batch, torch.rand_like(batch.real))
    assert len(real.features) == len(fake.features) == len(batch.real)
    others = replace(batch, real=torch.rand_like(batch.real))
    moved, _ = state.game.answers_pair(others, torch.rand_like(batch.real))
    assert not torch.allclose(real.features, moved.features)


@pytest.mark.parametrize("loss", ["relativistic", "wasserstein"])
def test_a_loss_of_differences_is_judged_by_pairs(loss):
    """Where the level of logits is free, adding to all of them changes no verdict."""
    state, _ = opened(**{"objective.loss": loss, "stabilise.freeze_d": 0.9})
    real, fake = torch.tensor([1.0, 2.0, -1.0, 0.0]), torch.tensor([0.0, 1.0, 1.0, -3.0])
    for level in (-10.0, 0.0, 10.0):
        watched = state.game.discriminator_adversarial(real + level, fake + level).watched
        assert float(watched["judged"]) == 0.75
        assert float(watched["overfitting"]) == 0.5


def test_the_historical_distance_is_in_both_players_losses():
    state, draw = opened(**{"stabilise.historical": 0.5})
    moves = alternating(state, draw, RUNTIME)
    for terms in (moves.discriminator, moves.generator):
        assert "historical" in terms.minimised


@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
def test_the_entropy_bonus_and_matching_are_g_s(update):
    changes = {"stabilise.entropy": 0.1, "stabilise.matching": "l2", "objective.update": update}
    state, draw = opened(**changes, **{"objective.penalty": "none"})
    moves = choose_update(state.game)(state, draw, RUNTIME)
    assert moves.generator.minimised.keys() == {"matching", "entropy"}
    assert moves.discriminator.minimised.keys() == {"adversarial"}


def test_simultaneous_with_matching_is_two_passes():
    changes = {"stabilise.matching": "l2", "stabilise.entropy": 0.1}
    state, draw = opened(**changes, **{"objective.update": "simultaneous"})
    batch = draw(0)
    fake = state.game.generate(batch.latent)
    loss = state.game.generator_terms(batch, fake).loss
    expected = torch.autograd.grad(loss, list(state.players["generator"].network.parameters()))
    choose_update(state.game)(state, draw, RUNTIME)
    for p, e in zip(state.players["generator"].network.parameters(), expected, strict=True):
        assert torch.allclose(p.grad, e, rtol=1e-9, atol=1e-12)


def test_top_k_s_other_fakes_do_not_move_g():
    changes = {"stabilise.top_k": 0.25, "objective.update": "simultaneous"}
    state, draw = opened(**changes, **{"objective.loss": "non_saturating"})
    state.game.progress = 1.0
    batch = draw(0)
    fake = state.game.generate(batch.latent)
    logits = state.game.logits(fake, None)
    loss = state.game.loss.generator(logits, logits.topk(2).values)
    expected = torch.autograd.grad(loss, list(state.players["generator"].network.parameters()))
    choose_update(state.game)(state, draw, RUNTIME)
    for p, e in zip(state.players["generator"].network.parameters(), expected, strict=True):
        assert torch.allclose(p.grad, e, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("family", ["gan", "dcgan", "cgan", "ssgan", "infogan", "modern"])
@pytest.mark.slow
def test_all_at_once_resume_to_the_bit(small, family, tmp_path, newest, equal):
    base = small(family).stabilise
    changes = ALL | ({"stabilise.matching": "none"} if base.matching != "none" else {})
    changes |= {
        "generator_optimizer.schedule": "constant",
        "discriminator_optimizer.schedule": "constant",
    }
    # What falls over the run depends on its length: both runs are told the same length.
    changes |= {"stabilise.noise": 0.0, "stabilise.top_k": 1.0}
    fit(small(family, **changes), tmp_path / "whole")
    fit(small(family, **changes, **{"training.steps": 3}), tmp_path / "parts")
    fit(small(family, **changes), tmp_path / "parts")
    assert equal(newest(tmp_path / "whole"), newest(tmp_path / "parts"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stabilise.matching": "l2", "stabilise.lagged": 0.9}, "leave lagged out"),
        ({"stabilise.augment": "colours"}, "Did you mean 'colour'"),
        ({"stabilise.noise": -1}, "stabilise.noise"),
        ({"stabilise.top_k": 0}, "stabilise.top_k"),
        ({"stabilise.replay": 1}, "stabilise.replay"),
        ({"stabilise.replay_size": 0}, "stabilise.replay_size"),
        ({"generator_optimizer.clip": -1}, "clip"),
    ],
)
def test_what_does_not_fit_is_refused(changes, said):
    with pytest.raises(ConfigError, match=said):
        opened(**changes)


def test_a_reference_batch_of_more_examples_than_there_are_is_refused():
    data = ArrayDataset("few", np.zeros((5, 1, 16, 16), np.uint8), "few")
    config = override(configure("dcgan", "digits"), {"stabilise.virtual_batch": 6})
    with pytest.raises(ConfigError, match="virtual_batch = 6 is more than the 5 examples"):
        build_state(build_game(config, Task(data.shape)), RUNTIME, data)


def test_a_reference_batch_and_minibatch_discrimination_do_not_fit():
    with pytest.raises(ConfigError, match="leave one of the two out"):
        opened("dcgan", **{"stabilise.minibatch_kernels": 3, "stabilise.virtual_batch": 8})


def test_an_autoencoder_has_no_last_hidden_layer():
    config = override(configure("began", "digits"), {"stabilise.matching": "l2"})
    with pytest.raises(ConfigError, match="has no last hidden layer"):
        FAMILIES["began"](config, Task((1, 16, 16)))


@pytest.mark.parametrize("family", ["dcgan", "began", "modern", "projected"])
@pytest.mark.slow
def test_a_fixed_augmentation_trains_whatever_the_family(small, family, tmp_path):
    config = small(family, **{"stabilise.augment": "translation", "training.steps": 2})
    assert fit(config, tmp_path / "run").finished


@pytest.mark.parametrize(
    "changes",
    [
        {"stabilise.freeze_d": 0.9},
        {"stabilise.augment": "flip", "stabilise.augment_target": 0.6},
    ],
)
def test_errors_have_no_sign_to_judge_by(changes):
    config = override(configure("began", "digits"), changes)
    with pytest.raises(ConfigError, match="have no sign"):
        FAMILIES["began"](config, Task((1, 16, 16)))
