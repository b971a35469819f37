"""Both updates against gradients computed in two plain passes, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gankit.choose_recipe import configure
from gankit.data import ArrayDataset
from gankit.data.batches import Feed
from gankit.errors import ConfigError
from gankit.families import Task
from gankit.losses import LOSSES
from gankit.settings.config import override
from gankit.training.runtime import Runtime
from gankit.training.state import build_game, build_state, draw_batch
from gankit.training.update import (
    NotFiniteError,
    alternating,
    choose_update,
    penalty_terms,
    simultaneous,
    simultaneous_coupled,
)

RUNTIME = Runtime(torch.device("cpu"), "64")
PLAIN = {
    "training.batch": 6,
    "runtime.precision": "64",
    "generator_optimizer.name": "sgd",
    "discriminator_optimizer.name": "sgd",
    "generator_optimizer.lr": 0.1,
    "discriminator_optimizer.lr": 0.1,
    "generator_optimizer.momentum": 0.0,
    "discriminator_optimizer.momentum": 0.0,
}
NARROW = {"network.generator_width": 4, "network.discriminator_width": 4}
MLP = {
    "network.activation": "leaky",
    "network.dropout": "0,0",
    "network.generator_hidden": "16",
    "network.discriminator_hidden": "12",
}
GAMES = {
    "mlp": ("gan", MLP),
    "conv": ("dcgan", NARROW | {"network.discriminator_norm": "none"}),
    "conditional": ("cgan", NARROW | {"network.classifier": "0,0"}),
    "classifying": ("cgan", NARROW),
}
COUPLED = GAMES | {"normalised": ("dcgan", NARROW)}
"""With batch normalisation in D: for the alternating update alone."""


def opened(game: str, **changes):
    family, settings = COUPLED[game]
    rng = np.random.default_rng(0)
    data = ArrayDataset(
        "noise",
        rng.integers(0, 256, (32, 1, 16, 16)).astype(np.uint8),
        "noise",
        np.arange(32, dtype=np.int64) % 3,
        ("a", "b", "c"),
    )
    changes = {"objective.penalty": "none", **changes}
    config = override(configure(family, "digits"), PLAIN | settings | changes)
    state = build_state(build_game(config, Task(data.shape, data.class_names)), RUNTIME)
    feed = Feed(data, seed=0, batch=6)
    return state, lambda substep: draw_batch(state, feed, RUNTIME, substep)


def networks(state):
    return {name: player.network for name, player in state.players.items()}


def weights(state):
    found = networks(state)
    return {p: [w.detach().clone() for w in n.parameters()] for p, n in found.items()}


def two_pass(state, draw, extra=True):
    """dL_D and dL_G at the present weights, each from fresh passes of its own."""
    game, batch = state.game, draw(0)
    fake = game.generate(batch.latent)
    real_logits = game.logits(batch.real, batch.labels)
    loss_d = game.loss.discriminator(real_logits, game.logits(fake.detach(), batch.labels))
    loss_g = game.loss.generator(real_logits.detach(), game.logits(fake, batch.labels))
    if getattr(game, "classifies", False):
        for_d, for_g = game.options.classifier
        named = game.discriminator(batch.real, batch.labels)[:, 1:]
        obeyed = game.discriminator(fake, batch.labels)[:, 1:]
        loss_d = loss_d + for_d * F.cross_entropy(named, batch.labels)
        loss_g = loss_g + for_g * F.cross_entropy(obeyed, batch.labels)
    loss_d = loss_d + sum(penalty_terms(game, batch, fake, state.step).values())
    losses = {"discriminator": loss_d, "generator": loss_g}
    return {
        name: torch.autograd.grad(losses[name], list(network.parameters()), retain_graph=True)
        for name, network in networks(state).items()
    }


def assert_close(found, expected):
    scale = max(float(b.abs().max()) for b in expected)
    for a, b in zip(found, expected, strict=True):
        assert float((a - b).abs().max()) <= 1e-10 * scale


@pytest.mark.parametrize("penalty", ["none", "r1+r2", "gradient_penalty"])
@pytest.mark.parametrize("loss", LOSSES.names())
@pytest.mark.parametrize("game", GAMES)
def test_simultaneous_is_two_passes_at_the_same_weights(game, loss, penalty):
    state, draw = opened(game, **{"objective.loss": loss, "objective.penalty": penalty})
    expected, before = two_pass(state, draw), weights(state)
    simultaneous(state, draw, RUNTIME)
    for player, network in networks(state).items():
        assert_close([p.grad for p in network.parameters()], expected[player])
        for b, p, e in zip(before[player], network.parameters(), expected[player], strict=True):
            assert torch.allclose((b - p.detach()) / 0.1, e, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("logit", [-60.0, -5.0, -1.0, 0.0, 3.0])
@pytest.mark.parametrize("loss", LOSSES.names())
def test_simultaneous_holds_where_a_player_has_no_slope(loss, logit):
    """Beyond a hinge's margin, at a least-squares optimum, far into saturation."""
    state, draw = opened("mlp", **{"objective.loss": loss})
    with torch.no_grad():
        state.players["discriminator"].network.head.linear.bias.fill_(logit)
    expected = two_pass(state, draw)
    simultaneous(state, draw, RUNTIME)
    for player, network in networks(state).items():
        assert all(torch.isfinite(p.grad).all() for p in network.parameters())
        for p, e in zip(network.parameters(), expected[player], strict=True):
            assert torch.allclose(p.grad, e, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("game", COUPLED)
def test_alternating_moves_g_against_the_d_that_has_just_moved(game, k):
    changes = {"objective.k": k, "objective.update": "alternating", "objective.penalty": "r1"}
    state, draw = opened(game, **changes)
    reference, draw_reference = opened(game, **changes)
    alternating(state, draw, RUNTIME)

    for substep in range(k):
        gradients = two_pass(reference, lambda _, s=substep: draw_reference(s))
        discriminator = networks(reference)["discriminator"]
        with torch.no_grad():
            for p, g in zip(discriminator.parameters(), gradients["discriminator"], strict=True):
                p -= 0.1 * g
    gradients = two_pass(reference, lambda _: draw_reference(k - 1))
    with torch.no_grad():
        for p, g in zip(
            networks(reference)["generator"].parameters(), gradients["generator"], strict=True
        ):
            p -= 0.1 * g
    for player in state.players:
        assert_close(
            [p.detach() for p in state.players[player].network.parameters()],
            [p.detach() for p in networks(reference)[player].parameters()],
        )


@pytest.mark.parametrize("loss", LOSSES.names())
def test_alternating_is_that_of_every_loss(loss):
    changes = {"objective.loss": loss, "objective.update": "alternating"}
    for game in ("conditional", "normalised"):
        state, draw = opened(game, **changes)
        expected = two_pass(state, draw)["discriminator"]
        alternating(state, draw, RUNTIME)
        discriminator = state.players["discriminator"].network
        assert_close([p.grad for p in discriminator.parameters()], expected)
        generator = state.players["generator"].network
        found = [p.grad for p in generator.parameters()]
        with torch.no_grad():  # G as it was; D has moved
            for p, g in zip(generator.parameters(), found, strict=True):
                p += 0.1 * g
        assert_close(found, two_pass(state, draw)["generator"])


@pytest.mark.parametrize("game", ["mlp", "conv", "conditional"])
@pytest.mark.slow
def test_simultaneous_is_two_passes_under_spectral_norm(game):
    """With vectors that have settled, so that a further pass does not turn them."""
    state, draw = opened(game, **{"objective.penalty": "spectral_norm"})
    weights_of = state.players["discriminator"].network
    for module in weights_of.modules():
        for _ in range(3000 if hasattr(module, "parametrizations") else 0):
            assert module.weight is not None  # a read in training mode is a power iteration
    expected = two_pass(state, draw)
    simultaneous(state, draw, RUNTIME)
    for player, network in networks(state).items():
        scale = max(float(e.abs().max()) for e in expected[player])
        for p, e in zip(network.parameters(), expected[player], strict=True):
            assert float((p.grad - e).abs().max()) <= 1e-6 * scale


@pytest.mark.parametrize("k", [1, 3])
def test_d_sees_k_batches_and_g_the_last_fakes(k):
    state, draw = opened("mlp", **{"objective.k": k, "objective.update": "alternating"})
    asked = []
    seen = {"discriminator": [], "generator": []}
    for player in seen:
        original = getattr(state.game, f"{player}_terms")

        def watched(batch, fake, player=player, original=original):
            seen[player].append(fake)
            return original(batch, fake)

        setattr(state.game, f"{player}_terms", watched)

    def drawn(substep):
        asked.append(substep)
        return draw(substep)

    alternating(state, drawn, RUNTIME)
    assert asked == list(range(k))
    assert len(seen["discriminator"]) == k
    assert not any(fake.requires_grad for fake in seen["discriminator"])
    (last,) = seen["generator"]
    assert last.requires_grad
    assert torch.equal(last, seen["discriminator"][-1])


def test_generators_turn_leaves_batch_statistics_and_spectral_vectors_alone():
    state, draw = opened(
        "conv",
        **{
            "network.discriminator_norm": "batch",
            "objective.penalty": "spectral_norm",
            "objective.update": "alternating",
        },
    )
    alternating(state, draw, RUNTIME)
    state.step += 1
    discriminator, seen = state.players["discriminator"].network, {}
    original = state.game.generator_terms

    def watched(batch, fake):
        seen.update({k: v.clone() for k, v in discriminator.named_buffers()})
        terms = original(batch, fake)
        assert discriminator.training
        return terms

    state.game.generator_terms = watched
    first = {k: v.clone() for k, v in discriminator.named_buffers()}
    alternating(state, draw, RUNTIME)
    assert seen
    assert all(torch.equal(v, seen[k]) for k, v in discriminator.named_buffers())
    assert any(not torch.equal(v, first[k]) for k, v in seen.items())  # D's own turn moves them


def test_lazy_penalties_weigh_the_same_on_average():
    state, draw = opened(
        "mlp",
        **{
            "objective.penalty": "r1",
            "objective.penalty_interval": 4,
            "objective.penalty_weight": 0.5,
        },
    )
    batch = draw(0)
    fake = state.game.generate(batch.latent)
    values = [penalty_terms(state.game, batch, fake, step) for step in range(8)]
    assert [bool(v) for v in values] == [True, False, False, False] * 2
    eager = penalty_terms(
        opened(
            "mlp",
            **{
                "objective.penalty": "r1",
                "objective.penalty_interval": 1,
                "objective.penalty_weight": 0.5,
            },
        )[0].game,
        batch, fake, 1,
    )["r1"]  # fmt: skip
    assert values[0]["r1"].item() == pytest.approx(4 * eager.item())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"network.discriminator_norm": "batch"}, "batch normalisation"),
        ({"objective.k": 2}, "k = 2"),
    ],
)
def test_simultaneous_is_refused_where_it_would_not_be_exact(changes, reason):
    state, _ = opened("conv", **changes)
    assert choose_update(state.game) is alternating
    state, _ = opened("conv", **changes, **{"objective.update": "simultaneous"})
    with pytest.raises(ConfigError, match=reason):
        choose_update(state.game)


def test_auto_is_simultaneous_where_that_is_exact():
    for game in GAMES:
        assert choose_update(opened(game)[0].game) is simultaneous
    assert (
        choose_update(opened("conv", **{"objective.update": "alternating"})[0].game) is alternating
    )


@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
@pytest.mark.parametrize("where", ["term", "gradient"])
def test_a_number_that_is_not_finite_is_named_before_any_weight_moves(update, where):
    state, draw = opened("mlp", **{"objective.update": update})
    before = weights(state)
    if where == "term":
        with torch.no_grad():
            state.players["discriminator"].network.head.linear.bias.fill_(float("nan"))
        named, before = "d/adversarial", weights(state)
    else:
        parameter = state.players["discriminator"].network.layers[0].weight
        parameter.register_hook(lambda g: g * float("inf"))
        named = "discriminator.layers.0.weight"
    with pytest.raises(NotFiniteError, match=named):
        choose_update(state.game)(state, draw, RUNTIME)
    for player, network in networks(state).items():
        for a, b in zip(before[player], network.parameters(), strict=True):
            assert torch.equal(torch.nan_to_num(a), torch.nan_to_num(b.detach()))


@pytest.mark.parametrize("penalty", ["none", "r1+r2"])
@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
def test_a_batch_in_parts_is_the_whole_batch(update, penalty):
    changes = {"objective.update": update, "objective.penalty": penalty}
    whole, draw = opened("mlp", **changes)
    parts, draw_parts = opened("mlp", **changes, **{"training.accumulate": 3})
    moves = choose_update(whole.game)(whole, draw, RUNTIME)
    same = choose_update(parts.game)(parts, draw_parts, RUNTIME)
    assert dict(same) == pytest.approx(dict(moves))
    for player in whole.players:
        assert_close(weights(parts)[player], weights(whole)[player])


def test_parts_pass_through_the_networks_one_after_the_other():
    state, draw = opened("normalised", **{"training.accumulate": 3, "objective.k": 2})
    sizes = []
    for network in networks(state).values():
        network.register_forward_hook(lambda _m, given, _o: sizes.append(len(given[0])))
    alternating(state, draw, RUNTIME)
    assert set(sizes) == {2}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"objective.loss": "dual_contrastive"}, "dual_contrastive"),
        ({"objective.penalty": "dragan"}, "dragan"),
        ({"stabilise.matching": "l2"}, "stabilise.matching"),
    ],
)
def test_what_needs_the_whole_batch_does_not_take_parts(changes, why):
    state, _ = opened("mlp", **changes, **{"training.accumulate": 2})
    with pytest.raises(ConfigError, match=why):
        choose_update(state.game)


def test_further_generator_steps_have_new_noise_and_a_frozen_d():
    state, draw = opened("mlp", **{"objective.g_steps": 3})
    made, before = [], []
    original = state.game.generator_terms

    def watched(batch, fake):
        made.append(batch.latent.noise)
        before.append(weights(state))
        return original(batch, fake)

    state.game.generator_terms = watched
    assert choose_update(state.game) is alternating
    alternating(state, draw, RUNTIME)
    assert len({tuple(noise.flatten().tolist()) for noise in made}) == 3
    first, _, last = before
    assert all(map(torch.equal, first["discriminator"], last["discriminator"]))
    assert not any(map(torch.equal, first["generator"], last["generator"]))


def test_both_players_move_at_once_with_a_coupled_d():
    state, draw = opened("normalised", **{"objective.update": "simultaneous_coupled"})
    assert choose_update(state.game) is simultaneous_coupled
    expected = two_pass(*opened("normalised"))
    simultaneous_coupled(state, draw, RUNTIME)
    for player, network in networks(state).items():
        assert_close([p.grad for p in network.parameters()], expected[player])


@pytest.mark.parametrize(
    ("game", "changes", "instead"),
    [
        ("mlp", {}, "on its own; use simultaneous"),
        ("normalised", {"objective.k": 2}, "k = 2 .*; use alternating"),
        ("normalised", {"stabilise.lagged": 0.9}, "lagged D; use alternating"),
    ],
)
def test_a_coupled_update_is_refused_where_it_is_another(game, changes, instead):
    state, _ = opened(game, **changes, **{"objective.update": "simultaneous_coupled"})
    with pytest.raises(ConfigError, match=instead):
        choose_update(state.game)
