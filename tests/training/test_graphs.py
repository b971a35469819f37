"""Replayed passes, with a tape in place of a CUDA graph, which a CPU can play.

Like a graph, the tape holds the operations alone: on the same memory, with the numbers that Python
had when they were recorded. Graphs are tested on a CUDA device (contract/test_on_a_gpu.py).
"""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

import gankit
from gankit.families import FAMILIES
from gankit.game_types import Terms
from gankit.losses import LOSSES, Loss
from gankit.training.checkpoint import capture, restore
from gankit.training.graphs import GraphRuntime

STEPS = 9
REPLAYED = ("began", "cgan", "dcgan", "gan", "infogan", "modern", "projected", "ssgan")


class Tape(TorchDispatchMode):
    """Writes down every operation of torch, with the tensors and the numbers that it was given."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        given = tree_map(bare, (args, kwargs or {}))
        out = operation(*args, **(kwargs or {}))
        read = [place(x) for x in tensors_in(given)]
        made = [x.detach() for x in tensors_in(out)]
        changes = operation._schema.is_mutable
        if changes or not made or any(place(x) not in read for x in made):  # else it is a view
            self.lines.append((operation, given, [] if changes else made))
        return out

    def replay(self):
        with torch.no_grad():
            for operation, (args, kwargs), made in self.lines:
                for mine, new in zip(made, tensors_in(operation(*args, **kwargs)), strict=False):
                    mine.copy_(new)


def bare(x):
    return x.detach() if isinstance(x, torch.Tensor) else x


def tensors_in(things):
    """Those that have memory; zeros that torch's gradients stand for have none."""
    found = [x for x in tree_flatten(things)[0] if isinstance(x, torch.Tensor)]
    return [x for x in found if not x._is_zerotensor()]


def place(x):
    return x.untyped_storage().data_ptr()


class Taped(GraphRuntime):
    """Replays a tape; `trainer` is set once there is one."""

    trainer: gankit.Trainer

    def __init__(self):
        super().__init__(torch.device("cpu"))

    def capture(self, game, work):
        state = self.trainer.state
        before, random = capture(state, copy=True), torch.get_rng_state()
        lists = [tensors for part in state.game.parts for tensors in part.collected]
        parameters = [p for player in state.players.values() for p in player.network.parameters()]
        with Tape() as tape:
            moves = work().detached()
        gradients, left = [p.grad for p in parameters], [[*tensors] for tensors in lists]
        networks = [player.network for player in state.players.values()]
        held = [x for network in networks for x in (*network.parameters(), *network.buffers())]
        with torch.autograd._unsafe_preserve_version_counter(tuple(held)):
            restore(state, *before)  # a recording computes nothing
        torch.set_rng_state(random)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        for tensors, mine in zip(lists, left, strict=True):
            tensors.extend(mine)
        return tape.replay, moves


def played(config, runtime=None, prepare=None):
    """The trainer after some steps, its moves, and what it holds."""
    dataset = gankit.load_dataset(config.data.source)
    game = gankit.build_game(config, dataset)
    if prepare is not None:
        prepare(game)
    with gankit.Trainer(game, dataset, runtime=runtime) as trainer:
        if runtime is not None:
            runtime.trainer = trainer
        moves = [dict(trainer.step()) for _ in range(STEPS)]
    return trainer, moves, capture(trainer.state, copy=True)[0]


def test_these_families_say_that_they_can_be_replayed():
    said = [name for name in FAMILIES.names() if FAMILIES[name].replays]
    assert sorted(said) == sorted(REPLAYED)


@pytest.mark.parametrize("family", REPLAYED)
def test_replayed_steps_are_the_steps(small, equal, family):
    changes = {"objective.penalty": "r1+r2", "objective.penalty_interval": 2}
    if family == "projected":
        changes |= {"training.batch": 64}  # so many that what is remembered counts
    if family == "dcgan":
        changes |= {"objective.update": "simultaneous_coupled"}  # its D has batch normalisation
    kinds = same_with_and_without(small(family, **changes, **{"training.steps": STEPS}), equal)
    assert kinds == 2  # with penalties and without


@pytest.mark.parametrize(
    ("k", "g_steps", "kinds"), [(1, 1, 2), (3, 1, 4), (1, 2, 4)], ids=["one", "more_d", "more_g"]
)
@pytest.mark.parametrize("family", ["dcgan", "gan"])
def test_so_are_turns(small, equal, family, k, g_steps, kinds):
    changes = {"objective.penalty": "r1", "objective.penalty_interval": 2}
    changes |= {"objective.k": k, "objective.g_steps": g_steps, "training.steps": STEPS}
    config = small(family, **changes, **{"objective.update": "alternating"})
    assert same_with_and_without(config, equal) == kinds


@pytest.mark.parametrize("update", ["auto", "alternating"])
@pytest.mark.parametrize(
    "changes",
    [
        {"stabilise.matching": "l1"},
        {"stabilise.minibatch_kernels": 4},
        {"stabilise.joint_batch": True},
        {"stabilise.virtual_batch": 4},
        {"stabilise.historical": 0.1},
        {"stabilise.lagged": 0.5},
        {"stabilise.entropy": 0.1},
        {"stabilise.freeze_d": 0.6, "stabilise.freeze_g": 0.4},
        {"stabilise.augment": "colour"},
    ],
    ids=lambda changes: next(iter(changes)).removeprefix("stabilise."),
)
def test_and_so_are_those_with_stabilisers(small, equal, update, changes):
    changes = {**changes, "objective.update": update}
    norm = "none" if "stabilise.minibatch_kernels" in changes else "batch"
    config = small("dcgan", **changes, **{"network.discriminator_norm": norm})
    assert same_with_and_without(gankit.override(config, {"training.steps": STEPS}), equal) == 1


def same_with_and_without(config, equal):
    """The number of kinds of steps that were replayed, once they are seen to be the same."""
    runtime = Taped()
    plain, replayed = played(config), played(config, runtime)
    assert not replayed[0].game.notices
    assert replayed[1] == plain[1]
    assert equal(replayed[2], plain[2])
    return runtime.recordings(replayed[0].game)


def test_a_step_that_is_taken_back_leaves_recordings_that_hold(small, equal):
    config = small("projected", **{"training.steps": STEPS, "training.batch": 64})
    runtime = Taped()

    def to_and_fro(runtime):
        dataset = gankit.load_dataset(config.data.source)
        game = gankit.build_game(config, dataset)
        with gankit.Trainer(game, dataset, runtime=runtime) as trainer:
            if runtime is not None:
                runtime.trainer = trainer
            for _ in range(6):
                trainer.step()
            before = capture(trainer.state, copy=True)
            trainer.step()
            restore(trainer.state, *before)
            moves = dict(trainer.step())
        return moves, capture(trainer.state, copy=True)[0]

    plain, replayed = to_and_fro(None), to_and_fro(runtime)
    assert replayed[0] == plain[0]
    assert equal(replayed[1], plain[1])


class Fading(gankit.Stabiliser):
    """Weaker from step to step, by a number of Python's."""

    only_logits = False
    strength = 1.0

    def g_terms(self, terms, real, fake, examples):
        self.strength *= 0.9
        return terms.with_terms(Terms({"fading": self.strength * examples.square().mean()}))


class Replacing(gankit.Stabiliser):
    """Stronger from step to step, by a tensor that another one replaces."""

    only_logits = False
    strength = torch.ones(())

    def g_terms(self, terms, real, fake, examples):
        return terms.with_terms(Terms({"growing": self.strength * examples.square().mean()}))

    def after_step(self, numbers):
        self.strength = self.strength * 1.1

    def state(self):
        return {"replacing": self.strength}

    def load_state(self, state):
        self.strength = state["replacing"].clone()


def with_part(kind, claims):
    def prepare(game):
        part = kind()
        part.replays = claims
        game.stabilisers = (*game.stabilisers, part)

    return prepare


@pytest.mark.parametrize("kind", [Fading, Replacing])
def test_what_changes_of_itself_is_not_replayed(small, kind):
    config = small("gan")
    plain, runtime = played(config, prepare=with_part(kind, claims=False)), Taped()
    kept = played(config, runtime, with_part(kind, claims=False))
    assert runtime.recordings(kept[0].game) == 0
    assert kept[1] == plain[1]
    # and these tests would notice: by a false claim a recorded step differs
    wrong = played(config, runtime, with_part(kind, claims=True))
    assert runtime.recordings(wrong[0].game) > 0
    assert wrong[1] != plain[1]


def test_a_loss_of_somebody_else_s_is_not_replayed(small, monkeypatch):
    seen = []

    def objective(real, fake):
        seen.append(len(real))
        return (fake - real).mean() * len(seen)

    monkeypatch.setitem(LOSSES._things, "counting", Loss("counting", objective, objective))
    monkeypatch.setitem(LOSSES._homes, "counting", __name__)
    runtime = Taped()
    trainer = played(small("gan", **{"objective.loss": "counting"}), runtime)[0]
    assert runtime.recordings(trainer.game) == 0


def test_networks_that_were_moved_are_recorded_anew(small):
    def ends(runtime):
        dataset = gankit.load_dataset("digits")
        game = gankit.build_game(small("gan"), dataset)
        with gankit.Trainer(game, dataset, runtime=runtime) as trainer:
            if runtime is not None:
                runtime.trainer = trainer
            for _ in range(5):
                trainer.step()
            for parameter in game.generator.parameters():
                parameter.data = parameter.data.clone()
            return [dict(trainer.step()) for _ in range(4)], game

    runtime = Taped()
    (plain, _), (replayed, game) = ends(None), ends(runtime)
    assert replayed == plain
    assert runtime.recordings(game) > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"stabilise.noise": 0.1},
        {"stabilise.augment": "colour", "stabilise.augment_target": 0.6},
        {"training.accumulate": 2},
    ],
)
def test_neither_are_steps_that_differ(small, changes):
    config = small("dcgan", **changes, **{"network.discriminator_norm": "none"})
    runtime = Taped()
    trainer = played(config, runtime)[0]
    assert runtime.recordings(trainer.game) == 0


def test_what_a_family_is_derived_from_does_not_speak_for_it():
    class Mine(FAMILIES["dcgan"]):
        pass

    class Sure(FAMILIES["dcgan"]):
        replays = True

    assert (Mine.replays, Sure.replays) == (False, True)


@pytest.mark.parametrize(("update", "fails_at"), [("auto", 1), ("alternating", 2)])
def test_a_step_that_cannot_be_recorded_is_told_and_taken_as_it_is(small, equal, update, fails_at):
    class Refusing(Taped):
        asked = 0

        def capture(self, game, work):
            self.asked += 1
            if self.asked == fails_at:  # of the turns, the second one
                raise RuntimeError("not permitted\nwhen stream is capturing")
            return super().capture(game, work)

    config = small("gan", **{"training.steps": STEPS, "objective.update": update})
    runtime = Refusing()
    plain, refused = played(config), played(config, runtime)
    assert equal(refused[2], plain[2])
    assert runtime.recordings(refused[0].game) == 0
    assert runtime.asked == fails_at
    (notice,) = refused[0].game.notices
    assert notice == (
        "steps are not replayed as CUDA graphs: not permitted when stream is capturing"
    )
