"""Numbers that are not finite: met where they arise, named, gone back from, given up on."""

from __future__ import annotations

import pytest
import torch

import gankit
from gankit.doctor.diagnose import examine
from gankit.fitting import fit
from gankit.game import Game
from gankit.game_types import Answer
from gankit.run import Run
from gankit.storage import read_tensors
from gankit.training import clock, trainer
from gankit.training.session import Session


@pytest.fixture
def spoil(monkeypatch):
    """spoil(steps): D's real logits are spoilt at these, as often as named, or `always`."""

    def make(steps, how=float("nan"), always=False):
        left, state = list(steps), {}
        original_step, original_pair = Session.step, Game.answers_pair

        def take_step(self):
            state["step"] = self.state.step
            return original_step(self)

        def answers_pair(self, batch, fake):
            real, fakes = original_pair(self, batch, fake)
            if state["step"] in left:
                if not always:
                    left.remove(state["step"])
                real = Answer(real.output * how)
            return real, fakes

        monkeypatch.setattr(Session, "step", take_step)
        monkeypatch.setattr(Game, "answers_pair", answers_pair)

    return make


def header(folder):
    return read_tensors(max((folder / "checkpoints").iterdir()), "checkpoint")[1]


@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
@pytest.mark.slow
def test_the_term_is_named_and_the_run_goes_on(small, tmp_path, capfd, spoil, update):
    spoil([4])
    config = small("gan", **{"output.checkpoint_every": 3, "objective.update": update})
    assert fit(config, tmp_path / "r").finished
    said = capfd.readouterr().err
    assert "step 4: the term d/adversarial" in said
    assert "is not finite; back to step 3 with other draws (1 of 3)" in said
    weights = gankit.load(tmp_path / "r").generator.parameters()
    assert all(torch.isfinite(w).all() for w in weights)


def test_each_way_back_is_counted_and_kept(small, tmp_path, capfd, spoil):
    spoil([2, 4, 5])
    assert fit(small("gan", **{"output.checkpoint_every": 2}), tmp_path / "r").finished
    said = capfd.readouterr().err
    assert [f"({i} of 3)" in said for i in (1, 2, 3)] == [True] * 3
    assert header(tmp_path / "r")["rollbacks"] == 3
    assert [line["step"] for line in Run(tmp_path / "r").metrics()] == [1, 2, 3, 4, 5, 6]


def test_the_way_back_draws_other_numbers(small, tmp_path, monkeypatch, spoil):
    spoil([3])
    seen, original = [], trainer.draw_batch

    def draw_batch(state, *arguments):
        batch = original(state, *arguments)
        seen.append((state.step, batch.latent.noise.clone()))
        return batch

    monkeypatch.setattr(trainer, "draw_batch", draw_batch)
    config = small("gan", **{"output.checkpoint_every": 3, "training.steps": 5})
    fit(config, tmp_path / "r")
    at_three = [noise for step, noise in seen if step == 3]
    assert len(at_three) == 2
    assert not torch.equal(*at_three)


@pytest.mark.slow
def test_it_gives_up_after_three_and_the_last_checkpoint_is_whole(small, tmp_path, spoil, capfd):
    spoil([5], always=True)
    config = small("gan", **{"output.checkpoint_every": 2})
    with pytest.raises(gankit.TrainingError, match="stopped at step 5") as caught:
        fit(config, tmp_path / "r")
    assert "the last checkpoint is intact" in str(caught.value)
    assert capfd.readouterr().err.count("other draws (") == 3
    assert header(tmp_path / "r")["step"] == 4
    assert gankit.load(tmp_path / "r").sample(2).shape == (2, 28, 28)


def test_the_way_back_can_lead_to_the_very_start(small, tmp_path, spoil):
    spoil([0, 0, 0])  # twice while the run is measured: that leaves no trace
    assert fit(small("gan"), tmp_path / "r").finished
    assert header(tmp_path / "r")["rollbacks"] == 1


@pytest.mark.slow
def test_a_number_met_while_measuring_is_left_to_the_loop(small, tmp_path, spoil, monkeypatch):
    monkeypatch.setattr(clock, "OVERTIME", 1000.0)  # the clock must not end it first
    spoil([0], always=True)
    with pytest.raises(gankit.TrainingError, match="stopped at step 0"):
        fit(small("gan", **{"training.minutes": 0.01}), tmp_path / "r")
    assert header(tmp_path / "r")["step"] == 0


def test_what_was_not_finite_is_kept_for_the_doctor(small, tmp_path, spoil):
    spoil([2, 4])
    fit(small("gan", **{"output.checkpoint_every": 2}), tmp_path / "r")
    events = [e for e in Run(tmp_path / "r").events() if e["event"] == "not finite"]
    assert [(e["event"], e["step"], e["rollback"]) for e in events] == [
        ("not finite", 2, 1),
        ("not finite", 4, 2),
    ]
    assert events[0]["what"].startswith("the term d/adversarial")
    (verdict,) = [v for v in examine(tmp_path / "r") if v.sign == "not finite"]
    assert (verdict.severity, verdict.since_step) == ("sick", 2)
    assert "2 times; first the term d/adversarial" in verdict.seen
