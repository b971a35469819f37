"""Replayed passes, with a tape in place of a CUDA graph, which a CPU can play.

Like a graph, the tape holds the operations alone: on the same memory, with the numbers that Python
had when they were recorded. Graphs are tested on a CUDA device (contract/test_on_a_gpu.py).
"""

from __future__ import annotations

from functools import partial

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
    """Replays a tape; `trainer` is set once there is one.

    As on a device, where graphs share memory, a tape that is played spoils what the others left.
    """

    trainer: gankit.Trainer

    def __init__(self):
        super().__init__(torch.device("cpu"))
        self.left = []  # of each tape: its moves, and what it collected
        self.records = False

    def passes(self, state, batch, **works):
        marked = {name: partial(self.run, state, work) for name, work in works.items()}
        return super().passes(state, batch, **marked)

    def run(self, state, work, batch):
        """Run passes, and mark those nodes of weights that may outlive them."""
        moves = work(batch)
        if not self.records:
            for parameter in parameters(state):
                node(parameter).metadata[WARM] = True
        return moves

    def capture(self, chains, work):
        state = self.trainer.state
        # A device cannot record a pass while nodes of one that it ran are alive.
        assert not any(WARM in node(p).metadata for p in parameters(state))
        before, random = capture(state, copy=True), torch.get_rng_state()
        lists = [tensors for part in state.game.parts for tensors in part.collected]
        self.records = True
        with Tape() as tape:
            moves = work()
        self.records = False
        gradients, left = [p.grad for p in parameters(state)], [[*tensors] for tensors in lists]
        networks = [player.network for player in state.players.values()]
        held = [x for network in networks for x in (*network.parameters(), *network.buffers())]
        with torch.autograd._unsafe_preserve_version_counter(tuple(held)):
            restore(state, *before)  # a recording computes nothing
        torch.set_rng_state(random)
        for parameter, gradient in zip(parameters(state), gradients, strict=True):
            parameter.grad = gradient
        for tensors, mine in zip(lists, left, strict=True):
            tensors.extend(mine)
        mine = [*moves.tensors().values(), *(x for tensors in left for x in tensors)]
        self.left.append(mine)
        return partial(self.play, tape, mine), moves

    def play(self, tape, mine):
        for tensor in (x for left in self.left if left is not mine for x in left):
            tensor.fill_(torch.nan)
        tape.replay()


WARM = "of a pass that was run"


def node(parameter):
    """The node that adds up a parameter's gradient: a new one if no graph holds one."""
    return torch.autograd.graph.get_gradient_edge(parameter).node


def parameters(state):
    found = [p for player in state.players.values() for p in player.network.parameters()]
    return [p for p in found if p.requires_grad]


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
    ("k", "g_steps", "kinds"),
    [(1, 1, 2), (2, 1, 4), (3, 1, 4), (1, 2, 4), (1, 3, 4)],
)
@pytest.mark.parametrize("family", ["dcgan", "gan", "projected"])
def test_so_are_turns(small, equal, family, k, g_steps, kinds):
    changes = {"objective.penalty": "r1", "objective.penalty_interval": 2}
    changes |= {"objective.k": k, "objective.g_steps": g_steps, "training.steps": STEPS}
    if family == "projected":
        changes |= {"training.batch": 64}
    config = small(family, **changes, **{"objective.update": "alternating"})
    assert same_with_and_without(config, equal) == kinds


@pytest.mark.parametrize("norm", ["none", "batch"], ids=["at_once", "in_turns"])
@pytest.mark.parametrize(
    "changes",
    [
        {"stabilise.matching": "l1"},
        {"stabilise.matching": "l1", "stabilise.joint_batch": True},
        {"stabilise.minibatch_kernels": 4},
        {"stabilise.joint_batch": True},
        {"stabilise.virtual_batch": 4},
        {"stabilise.historical": 0.1},
        {"stabilise.lagged": 0.5},
        {"stabilise.entropy": 0.1},
        {"stabilise.freeze_d": 0.6, "stabilise.freeze_g": 0.4},
        {"stabilise.augment": "colour"},
    ],
    ids=lambda changes: "+".join(key.removeprefix("stabilise.") for key in changes),
)
def test_and_so_are_those_with_stabilisers(small, equal, norm, changes):
    changes = {**changes, "training.steps": STEPS, "network.discriminator_norm": norm}
    assert same_with_and_without(small("dcgan", **changes), equal) == 1


@pytest.mark.parametrize("update", ["simultaneous_coupled", "alternating"])
def test_matching_leaves_no_pass_behind(small, equal, update):
    changes = {"stabilise.matching": "l2", "objective.update": update, "training.steps": STEPS}
    assert same_with_and_without(small("dcgan", **changes), equal) == 1


def same_with_and_without(config, equal):
    """The number of kinds of steps that were replayed, once they are seen to be the same."""
    runtime = Taped()
    plain, replayed = played(config), played(config, runtime)
    assert not replayed[0].game.notices
    assert replayed[1] == plain[1]
    assert equal(replayed[2], plain[2])
    return runtime.recordings(replayed[0].state)


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
    assert runtime.recordings(kept[0].state) == 0
    assert kept[1] == plain[1]
    # and these tests would notice: by a false claim a recorded step differs
    wrong = played(config, runtime, with_part(kind, claims=True))
    assert runtime.recordings(wrong[0].state) > 0
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
    assert runtime.recordings(trainer.state) == 0


def by_parameters(network):
    for parameter in network.parameters():
        parameter.data = parameter.data.clone()


def by_buffers(network):
    for module in network.modules():
        for name, buffer in list(module.named_buffers(recurse=False)):
            setattr(module, name, buffer.clone())


@pytest.mark.parametrize("move", [by_parameters, by_buffers])
@pytest.mark.parametrize("update", ["simultaneous_coupled", "alternating"])
def test_networks_that_were_moved_are_recorded_anew(small, equal, update, move):
    def ends(runtime):
        dataset = gankit.load_dataset("digits")
        game = gankit.build_game(small("dcgan", **{"objective.update": update}), dataset)
        with gankit.Trainer(game, dataset, runtime=runtime) as trainer:
            if runtime is not None:
                runtime.trainer = trainer
            for _ in range(5):
                trainer.step()
            move(game.generator)
            # The average and the optimiser follow what they had, so nothing but G's passes counts.
            moves = [dict(trainer.step()) for _ in range(4)]
        buffers = {name: x.clone() for name, x in game.generator.named_buffers()}
        return moves, buffers, trainer.state

    runtime = Taped()
    plain, replayed = ends(None), ends(runtime)
    assert replayed[0] == plain[0]
    assert equal(replayed[1], plain[1])
    assert runtime.recordings(replayed[2]) > 0


def test_another_trainer_of_the_same_game_records_for_itself(small, equal):
    dataset = gankit.load_dataset("digits")
    changes = {"stabilise.historical": 0.1, "stabilise.lagged": 0.5, "training.steps": 12}

    def ends(runtime):
        game, moves = gankit.build_game(small("gan", **changes), dataset), []
        for _ in range(2):
            with gankit.Trainer(game, dataset, runtime=runtime) as trainer:
                if runtime is not None:
                    runtime.trainer = trainer
                moves += [dict(trainer.step()) for _ in range(5)]
        return moves

    assert ends(Taped()) == ends(None)


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
    assert runtime.recordings(trainer.state) == 0


def test_what_a_family_is_derived_from_does_not_speak_for_it():
    class Mine(FAMILIES["dcgan"]):
        pass

    class Sure(FAMILIES["dcgan"]):
        replays = True

    assert (Mine.replays, Sure.replays) == (False, True)


@pytest.mark.parametrize(
    ("update", "k", "fails_at"), [("auto", 1, 1), ("alternating", 1, 2), ("alternating", 3, 2)]
)
def test_a_step_that_cannot_be_recorded_is_told_and_taken_as_it_is(
    small, equal, update, k, fails_at
):
    class Refusing(Taped):
        asked = 0

        def capture(self, chains, work):
            self.asked += 1
            if self.asked == fails_at:  # in turns, once another one was recorded
                raise RuntimeError("not permitted\nwhen stream is capturing")
            return super().capture(chains, work)

    changes = {"training.steps": STEPS, "objective.update": update, "objective.k": k}
    config = small("gan", **changes)
    runtime = Refusing()
    plain, refused = played(config), played(config, runtime)
    assert equal(refused[2], plain[2])
    assert runtime.recordings(refused[0].state) == 0
    assert runtime.asked == fails_at
    (notice,) = refused[0].game.notices
    assert notice == (
        "steps are not replayed as CUDA graphs: not permitted when stream is capturing"
    )
