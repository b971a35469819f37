"""How a step's batch is drawn: whole, from (seed, step), and sliced by process."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gankit.data import ArrayDataset
from gankit.data.batches import Feed
from gankit.errors import ConfigError
from gankit.families import Task
from gankit.randomness import Purpose, torch_seed
from gankit.settings.config import override
from gankit.training.runtime import Runtime
from gankit.training.state import build_game, build_state, draw_batch, to_network

RUNTIME = Runtime(torch.device("cpu"))
DATA = ArrayDataset(
    "noise",
    np.random.default_rng(0).integers(0, 256, (40, 1, 16, 16)).astype(np.uint8),
    "noise",
    np.arange(40, dtype=np.int64) % 4,
    tuple("abcd"),
)
TASK = Task(DATA.shape, DATA.class_names)


def drawn(config, step=0, substep=0, rank=0, world=1, rollbacks=0):
    state = build_state(build_game(config, TASK), RUNTIME)
    state.step, state.rollbacks = step, rollbacks
    runtime = Runtime(torch.device("cpu"))
    runtime.rank, runtime.world = rank, world
    feed = Feed(DATA, seed=config.training.seed, batch=8, rank=rank, world=world)
    batch = draw_batch(state, feed, runtime, substep)
    return batch, torch.rand(3)  # and what a layer would draw next


def same(a, b):
    return [
        torch.equal(a.real, b.real),
        torch.equal(a.latent.noise, b.latent.noise),
        torch.equal(a.mix, b.mix),
    ]


def test_a_batch_is_a_function_of_seed_and_step(small):
    config = small("cgan")
    (one, layers), (again, same_layers) = drawn(config, 5), drawn(config, 5)
    assert same(one, again) == [True] * 3
    assert torch.equal(one.labels, again.labels)
    assert torch.equal(layers, same_layers)
    for other in (
        drawn(config, 6),
        drawn(small("cgan", **{"training.seed": 1}), 5),
    ):
        assert same(one, other[0]) == [False] * 3
        assert not torch.equal(layers, other[1])


def test_layers_draw_what_torch_draws_after_its_own_seed(small):
    """So a run that an earlier version began goes on with the numbers that it would have had."""
    _, layers = drawn(small("cgan"), 5)
    torch.manual_seed(torch_seed(0, Purpose.LAYERS, 5))
    assert torch.equal(layers, torch.rand(3))


def test_each_discriminator_step_has_its_own_batch(small):
    config = small("gan", **{"objective.k": 3})
    draws = [drawn(config, 2, substep)[0] for substep in range(3)]
    assert same(draws[0], draws[1]) == same(draws[1], draws[2]) == [False] * 3
    assert same(draws[2], drawn(config, 3)[0]) == [False] * 3


def test_a_further_generator_step_has_new_latents_and_the_examples_of_the_last(small):
    config = small("gan", **{"objective.k": 3})
    last, further = drawn(config, 2, 2)[0], drawn(config, 2, 3)[0]
    assert same(last, further)[:2] == [True, False]


def test_a_rollback_changes_what_is_drawn(small):
    config = small("gan")
    (one, layers), (other, other_layers) = drawn(config, 4), drawn(config, 4, rollbacks=1)
    assert same(one, other)[1:] == [False, False]
    assert not torch.equal(layers, other_layers)


@pytest.mark.parametrize("world", [2, 4])
def test_processes_share_one_batch(small, world):
    config = small("cgan")
    whole = drawn(config, 3)[0]
    parts = [drawn(config, 3, rank=rank, world=world)[0] for rank in range(world)]
    assert torch.equal(torch.cat([p.real for p in parts]), whole.real)
    assert torch.equal(torch.cat([p.labels for p in parts]), whole.labels)
    assert torch.equal(torch.cat([p.latent.noise for p in parts]), whole.latent.noise)
    assert torch.equal(torch.cat([p.latent.labels for p in parts]), whole.latent.labels)
    assert torch.equal(torch.cat([p.mix for p in parts]), whole.mix)


def test_fakes_are_asked_for_the_labels_of_the_real_ones(small):
    batch = drawn(small("cgan"), 1)[0]
    assert torch.equal(batch.labels, batch.latent.labels)
    assert drawn(small("gan"), 1)[0].labels is None


@pytest.mark.parametrize("value_range", [(-1.0, 1.0), (0.0, 1.0)])
def test_black_and_white_are_the_ends_of_the_value_range(value_range):
    pixels = np.array([0, 51, 255], np.uint8).reshape(1, 1, 1, 3)
    tensor = to_network(pixels, value_range, torch.device("cpu"), torch.float64)
    low, high = value_range
    assert tensor.flatten().tolist() == pytest.approx([low, low + 0.2 * (high - low), high])
    assert pixels.flatten().tolist() == [0, 51, 255]  # the data itself is left alone


def test_points_are_taken_as_they_are():
    points = np.array([[3.5, -7.0]], np.float32)
    tensor = to_network(points, None, torch.device("cpu"), torch.float32)
    assert tensor.tolist() == [[3.5, -7.0]]


def test_weights_depend_on_the_seed_alone(small):
    torch.manual_seed(1)
    one = build_game(small("cgan"), TASK)
    torch.rand(7)
    again = build_game(small("cgan"), TASK)
    other = build_game(small("cgan", **{"training.seed": 1}), TASK)
    for a, b, c in zip(
        one.generator.parameters(),
        again.generator.parameters(),
        other.generator.parameters(),
        strict=True,
    ):
        assert torch.equal(a, b)
        assert a.unique().numel() == 1 or not torch.equal(a, c)


def test_building_a_game_leaves_torchs_generator_alone(small):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    build_game(small("gan"), TASK)
    assert torch.equal(torch.rand(2), expected)


def test_whoever_meets_the_data_sees_every_class_of_it(small):
    """Folders are read class by class: the first examples are all of one class."""
    labels = np.repeat(np.arange(4, dtype=np.int64), 40)
    images = (labels * 60).astype(np.uint8)[:, None, None, None] * np.ones((1, 16, 16), np.uint8)
    data = ArrayDataset("sorted", images, "sorted", labels, tuple("abcd"))
    changes = {"stabilise.virtual_batch": 16, "network.discriminator_norm": "batch"}
    config = small("dcgan", **changes)
    references = []
    for seed in (0, 0, 1):
        chosen = override(config, {"training.seed": seed})
        state = build_state(build_game(chosen, Task(data.shape, data.class_names)), RUNTIME, data)
        reference = state.game.discriminator.get_buffer("inputs")
        references.append(reference.flatten(1)[:, 0])
    assert len(references[0].unique()) == 4
    assert torch.equal(references[0], references[1])
    assert not torch.equal(references[0], references[2])


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_a_limit_on_weights_that_are_normalised_is_refused(small, player):
    changes = {f"{player}_optimizer.max_norm": 1.0, "objective.penalty": "spectral_norm"}
    config = small("gan", **changes)
    if player == "generator":  # whose weights are its own
        assert build_game(config, TASK)
        return
    with pytest.raises(ConfigError, match=f"{player}_optimizer.max_norm cannot limit"):
        build_game(config, TASK)
    with pytest.raises(ConfigError, match="max_norm cannot limit the weights of this generator"):
        build_game(small("ssgan", **{"generator_optimizer.max_norm": 1.0}), TASK)
