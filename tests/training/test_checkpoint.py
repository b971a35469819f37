"""Checkpoints: everything that changes, bit for bit; the newest whole one is found."""

from __future__ import annotations

import errno
import os

import pytest
import torch

import gankit.storage
from gankit.data import load_dataset
from gankit.data.batches import Feed
from gankit.errors import RunError
from gankit.families import Task
from gankit.run import Plan, Record, Run, checkpoints, describe
from gankit.training.checkpoint import (
    capture,
    find_not_finite,
    restore,
    restore_newest,
    write_checkpoint,
)
from gankit.training.runtime import Runtime
from gankit.training.state import build_game, build_state, draw_batch
from gankit.training.update import choose_update

RUNTIME = Runtime(torch.device("cpu"))
DATA = load_dataset("digits")


def opened(config):
    return build_state(build_game(config, Task(DATA.shape, DATA.class_names)), RUNTIME)


def advance(state, steps):
    update = choose_update(state.game)
    config = state.game.config
    with Feed(DATA, seed=config.training.seed, batch=config.training.batch) as feed:
        for _ in range(steps):
            update(state, lambda substep: draw_batch(state, feed, RUNTIME, substep), RUNTIME)
            state.follow()
            state.step += 1


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path)
    run.checkpoints.mkdir()
    return run


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("gan", {}),
        ("dcgan", {}),
        ("cgan", {"objective.penalty": "spectral_norm"}),
        ("dcgan", {"generator_optimizer.name": "sgd", "discriminator_optimizer.name": "sgd"}),
        ("dcgan", {"runtime.precision": "64"}),
    ],
)
def test_a_restored_state_goes_on_to_the_bit(small, run, equal, family, changes):
    first, second = opened(small(family, **changes)), opened(small(family, **changes))
    advance(first, 2)
    first.seconds, first.rollbacks = 1.5, 1
    write_checkpoint(run, first, 1)
    advance(second, 1)  # so that everything must be put back, moments too
    assert restore_newest(run, second).step == 2
    assert (second.step, second.seconds, second.rollbacks) == (2, 1.5, 1)
    assert equal(capture(first)[0], capture(second)[0])
    advance(first, 2)
    advance(second, 2)
    assert equal(capture(first)[0], capture(second)[0])


def test_moments_lie_in_memory_as_their_weights_do(small, run):
    state = opened(small("dcgan"))
    advance(state, 1)
    write_checkpoint(run, state, 1)
    fresh = opened(small("dcgan"))
    restore_newest(run, fresh)
    strides = []
    for player, network in ((k, p.network) for k, p in fresh.players.items()):
        for weight in network.parameters():
            moment = fresh.players[player].optimizer.state[weight]["exp_avg"]
            assert moment.stride() == weight.stride()
            strides.append(weight.dim() == 4 and not weight.is_contiguous())
    assert any(strides)  # some weights do lie channels last


def test_what_is_captured_by_copy_stays(small, equal):
    state = opened(small("gan"))
    advance(state, 1)
    tensors, numbers = capture(state, copy=True)
    kept = {k: v.clone() for k, v in tensors.items()}
    advance(state, 1)
    assert equal(tensors, kept)
    assert not equal(capture(state)[0], kept)
    restore(state, tensors, numbers)
    assert equal(capture(state)[0], kept)


def test_a_state_before_its_first_step_forgets_moments(small):
    state = opened(small("gan"))
    start = capture(state, copy=True)
    advance(state, 1)
    restore(state, *start)
    assert not any(player.optimizer.state for player in state.players.values())


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_newest_one_is_skipped_and_named(small, run, damage):
    state = opened(small("gan"))
    write_checkpoint(run, state, 5)
    state.step = 1
    torn = write_checkpoint(run, state, 5)
    content = bytearray(torn.read_bytes())
    if damage == "flip":
        content[-50] ^= 1
    torn.write_bytes({"cut": content[:-50], "flip": content, "empty": b""}[damage])
    found = restore_newest(run, state)
    assert found.step == state.step == 0
    assert list(found.unreadable) == [torn]
    assert "damaged" in found.unreadable[torn]


def test_where_all_are_damaged_there_is_none(small, run):
    (run.checkpoints / "step-00000003.safetensors").write_bytes(b"no")
    found = restore_newest(run, opened(small("gan")))
    assert found.step is None
    assert [path.name for path in found.unreadable] == ["step-00000003.safetensors"]


def test_only_the_newest_are_kept(small, run):
    state = opened(small("gan"))
    for state.step in range(0, 40, 10):
        write_checkpoint(run, state, 2)
    assert [p.name for p in sorted(run.checkpoints.iterdir())] == [
        "step-00000020.safetensors",
        "step-00000030.safetensors",
    ]


def test_a_torn_one_never_takes_the_place_of_a_good_one(small, run):
    """Kept is 1: the torn one of a later step goes, not the one that was just written."""
    state = opened(small("gan"))
    (run.checkpoints / "step-00000006.safetensors").write_bytes(b"torn")
    state.step = 5
    written = write_checkpoint(run, state, 1)
    assert checkpoints(run) == [written]
    assert restore_newest(run, state).step == 5


def test_a_full_disk_leaves_the_older_ones(small, run, monkeypatch):
    state = opened(small("gan"))
    first = write_checkpoint(run, state, 1)

    def full(_handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(gankit.storage.os, "fsync", full)
    state.step = 7
    with pytest.raises(RunError, match=r"the checkpoint cannot be written.*No space left"):
        write_checkpoint(run, state, 1)
    monkeypatch.undo()
    assert checkpoints(run) == [first]
    assert [p.name for p in run.checkpoints.iterdir()] == [first.name]
    assert restore_newest(run, state).step == 0


def other(tensors, numbers, change):
    """A captured state with one thing about it changed."""
    tensors, numbers = dict(tensors), dict(numbers)
    change(tensors, numbers)
    return tensors, numbers


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t, n: t.update({"discriminator/0.weight": torch.ones(3)}), "discriminator"),
        (lambda t, n: t.pop(next(k for k in t if k.startswith("discriminator/"))), "other weights"),
        (lambda t, n: t.pop(next(k for k in t if k.startswith("optimizer/disc"))), "moments"),
        (lambda t, n: t.update({"optimizer/discriminator/99/step": torch.ones(())}), "not fit"),
        (lambda t, n: t.update({"optimizer/discriminator/0/exp_avg": torch.ones(2)}), "not fit"),
        (lambda t, n: t.update({"optimizer/discriminator/0": torch.ones(())}), "not fit"),
        (lambda t, n: n.update(step=-1), "step is -1"),
        (lambda t, n: n.update(step=True), "step is True"),
        (lambda t, n: n.update(step=None), "step is None"),
        (lambda t, n: n.pop("rollbacks"), "rollbacks is None"),
        (lambda t, n: n.update(seconds=float("nan")), "seconds are nan"),
        (lambda t, n: n.update(seconds="1"), "seconds are 1"),
    ],
)
def test_what_does_not_fit_changes_nothing(small, equal, change, said):
    """G's part of it fits; the state keeps its own all the same."""
    first, second = opened(small("gan")), opened(small("gan"))
    advance(first, 2)
    advance(second, 1)
    before = {k: v.clone() for k, v in capture(second)[0].items()}
    with pytest.raises(RunError, match=said):
        restore(second, *other(*capture(first), change))
    assert equal(capture(second)[0], before)
    assert second.step == 1


def test_weights_of_other_bits_are_refused(small):
    state = opened(small("gan"))
    tensors, numbers = capture(state, copy=True)
    halves = {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}
    with pytest.raises(RunError, match="of float16, this run"):
        restore(state, halves, numbers)


@pytest.mark.parametrize("part", ["generator/", "average/", "optimizer/"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_checkpoint_that_is_not_finite_is_passed_over(small, run, part, value):
    state = opened(small("gan"))
    advance(state, 1)
    write_checkpoint(run, state, 5)
    state.step = 2
    tensors, _ = capture(state)
    next(v for k, v in tensors.items() if k.startswith(part) and v.dim()).view(-1)[-1] = value
    assert part in (find_not_finite(state) or "")
    spoilt = write_checkpoint(run, state, 5)
    found = restore_newest(run, opened(small("gan")))
    assert found.step == 1
    assert list(found.unreadable) == [spoilt]
    assert "is not finite" in found.unreadable[spoilt]


@pytest.mark.parametrize(
    ("change", "said"),
    [({"training.seed": 9}, "training.seed: 9 in the run, 0 asked"), ({}, "other data")],
)
def test_a_checkpoint_of_another_run_is_passed_over(small, run, change, said):
    """The same networks, another seed or other data: copied in by a person."""
    record = Record(small("gan"), {**describe(DATA), "fingerprint": "f"}, Plan(9, 1))
    write_checkpoint(run, opened(small("gan", **change)), 1, "f" if change else "g")
    found = restore_newest(run, opened(small("gan")), record)
    assert found.step is None
    assert said in next(iter(found.unreadable.values()))


def test_one_of_the_same_run_is_restored_wherever_the_data_stands(small, run):
    moved = small("gan", **{"data.source": "elsewhere"})
    record = Record(moved, {**describe(DATA), "fingerprint": "f"}, Plan(9, 1))
    write_checkpoint(run, opened(small("gan")), 1, "f")
    assert restore_newest(run, opened(small("gan")), record).step == 0


def test_only_steps_before_another(small, run):
    state = opened(small("gan"))
    for state.step in (0, 4, 8):
        write_checkpoint(run, state, 5)
    assert restore_newest(run, state, below=8).step == 4
    assert restore_newest(run, state, below=0).step is None
