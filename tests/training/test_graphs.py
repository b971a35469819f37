"""Replayed passes: the bookkeeping around a CUDA graph, with a stand-in that a CPU can run.

The stand-in computes again what it has recorded, into the memory of the recording, as a graph does.
What a graph itself does is tested on a CUDA device (contract/test_on_a_gpu.py).
"""

from __future__ import annotations

import pytest
import torch

import gankit
from gankit.families import FAMILIES
from gankit.game_types import Terms
from gankit.training.checkpoint import capture, restore
from gankit.training.graphs import GraphRuntime

STEPS = 9
REPLAYED = ("cgan", "dcgan", "gan", "modern", "projected")


class StandIn(GraphRuntime):
    """Replays by computing again; `trainer` is set once there is one."""

    trainer: gankit.Trainer

    def __init__(self):
        super().__init__(torch.device("cpu"))

    def capture(self, work):
        state = self.trainer.state
        before, random = capture(state, copy=True), torch.get_rng_state()
        parameters = [p for player in state.players.values() for p in player.network.parameters()]
        lists = [notes for part in state.game.parts for notes in part.notes]

        def compute():
            for parameter in parameters:
                parameter.grad = None
            for notes in lists:
                notes.clear()
            moves = work().detached()
            left = [x for notes in lists for x in notes]
            return [*moves.tensors().values(), *(p.grad for p in parameters), *left], moves

        kept, moves = compute()
        gradients, left = [p.grad for p in parameters], [[*notes] for notes in lists]
        restore(state, *before)
        torch.set_rng_state(random)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        for notes, mine in zip(lists, left, strict=True):
            notes.extend(mine)

        def replay():
            for mine, new in zip(kept, compute()[0], strict=True):
                if mine is not None:
                    mine.copy_(new)
            for notes in lists:
                notes.clear()  # the recording tells what is in them
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient

        return replay, moves


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
        changes |= {"training.batch": 32}  # so many that what is remembered counts
    if family == "dcgan":
        changes |= {"objective.update": "simultaneous_coupled"}  # its D has batch normalisation
    config = small(family, **changes, **{"training.steps": STEPS})
    runtime = StandIn()
    plain, replayed = played(config), played(config, runtime)
    assert plain[0].update_name.startswith("simultaneous")
    assert runtime.recordings(replayed[0].game) == 2  # with penalties and without
    assert replayed[1] == plain[1]
    assert equal(replayed[2], plain[2])


def test_a_step_that_is_taken_back_leaves_recordings_that_hold(small, equal):
    config = small("projected", **{"training.steps": STEPS, "training.batch": 32})
    runtime = StandIn()

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
    strength = 1.0

    def g_terms(self, terms, real, fake, examples):
        self.strength *= 0.9
        return terms.with_terms(Terms({"fading": self.strength * examples.square().mean()}))


def test_what_keeps_numbers_of_its_own_is_not_replayed(small):
    def prepare(game):
        game.stabilisers = (*game.stabilisers, Fading())

    config = small("dcgan", **{"objective.update": "simultaneous_coupled"})
    runtime = StandIn()
    trainer = played(config, runtime, prepare)[0]
    assert runtime.recordings(trainer.game) == 0
    assert trainer.game.stabilisers[-1].strength <= 0.9**STEPS  # each step weakened it


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
    runtime = StandIn()
    trainer = played(config, runtime)[0]
    assert runtime.recordings(trainer.game) == 0


def test_what_a_family_is_derived_from_does_not_speak_for_it():
    class Mine(FAMILIES["dcgan"]):
        pass

    class Sure(FAMILIES["dcgan"]):
        replays = True

    assert (Mine.replays, Sure.replays) == (False, True)


def test_a_step_that_cannot_be_recorded_is_told_and_taken_as_it_is(small, equal):
    class Refusing(StandIn):
        def capture(self, work):
            raise RuntimeError("not permitted\nwhen stream is capturing")

    config = small("gan", **{"training.steps": STEPS})
    plain, refused = played(config), played(config, Refusing())
    assert equal(refused[2], plain[2])
    (notice,) = refused[0].game.notices
    assert notice == (
        "steps are not replayed as CUDA graphs: not permitted when stream is capturing"
    )
