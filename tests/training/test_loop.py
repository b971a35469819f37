"""Budgets, checkpoints, rollbacks and the log, through `fit` and its session."""

from __future__ import annotations

import json
import os
import signal
from signal import SIGINT, SIGTERM

import pytest
import torch

import gankit
import gankit.settings.config
from gankit import owner
from gankit.fitting import fit, opened
from gankit.run import Run
from gankit.storage import read_tensors
from gankit.training import clock
from gankit.training.checkpoint import capture
from gankit.training.session import Session, due
from gankit.training.state import PLAYERS
from gankit.training.update import NotFiniteError


@pytest.mark.slow
def test_minutes_become_steps_that_are_recorded_and_repeatable(
    small, tmp_path, newest, equal, monkeypatch
):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    config = small("gan", **{"training.minutes": 0.05, "runtime.threads": None})
    outcome = fit(config, tmp_path / "timed")
    plan = json.loads((tmp_path / "timed/run.json").read_text())["plan"]
    assert outcome.steps == plan["steps"] > 1
    assert plan["seconds_per_step"] > 0
    if outcome.finished:  # a machine that is busy with something else may not come so far
        steps = {"training.steps": outcome.step, "runtime.threads": plan["threads"]}
        again = small("gan", **steps)
        fit(again, tmp_path / "counted")
        assert equal(newest(tmp_path / "timed"), newest(tmp_path / "counted"))


@pytest.mark.slow
def test_more_minutes_are_more_steps_in_proportion(small, tmp_path):
    fit(small("gan", **{"training.minutes": 0.01}), tmp_path / "r")
    first = json.loads((tmp_path / "r/run.json").read_text())["plan"]["steps"]
    outcome = fit(small("gan", **{"training.minutes": 0.02}), tmp_path / "r")
    assert outcome.steps == 2 * first


@pytest.mark.slow
def test_images_are_steps_times_batch_times_k(small, tmp_path):
    outcome = fit(small("gan", **{"training.images": 160, "objective.k": 2}), tmp_path / "r")
    assert outcome.steps == 10


def test_the_clock_guards_a_budget_in_minutes(small, tmp_path, monkeypatch):
    monkeypatch.setattr(clock, "OVERTIME", 0.0)
    outcome = fit(small("gan", **{"training.minutes": 0.05}), tmp_path / "r")
    assert outcome.overtime
    assert not outcome.finished
    monkeypatch.undo()


@pytest.mark.parametrize("family", ["gan", "cgan"])
def test_measuring_leaves_no_trace(small, tmp_path, family):
    def set_up(name, **changes):
        with opened(small(family, **changes), tmp_path / name) as s:
            tensors, numbers = capture(s.state, copy=True)
        return tensors, numbers["step"]

    measured = set_up("a", **{"training.minutes": 0.02})
    unmeasured = set_up("b", **{"training.steps": 1})
    assert measured[1] == unmeasured[1] == 0
    assert measured[0].keys() == unmeasured[0].keys()
    assert all(torch.equal(v, unmeasured[0][k]) for k, v in measured[0].items())


def test_only_the_newest_checkpoints_are_kept(small, tmp_path):
    config = small("gan", **{"output.checkpoint_every": 1, "output.keep": 3})
    fit(config, tmp_path / "r")
    names = sorted(p.stem for p in (tmp_path / "r/checkpoints").iterdir())
    assert names == [f"step-{s:08d}" for s in (4, 5, 6)]


def test_pictures_at_their_steps(small, tmp_path):
    fit(small("gan", **{"output.sample_every": 4}), tmp_path / "r")
    assert [p.name for p in sorted((tmp_path / "r/samples").iterdir())] == [
        "0000000.png", "0000004.png", "0000006.png",
    ]  # fmt: skip


def test_a_smaller_budget_than_was_trained_has_nothing_to_do(small, tmp_path):
    fit(small("gan"), tmp_path / "r")
    assert fit(small("gan", **{"training.steps": 4}), tmp_path / "r").trained == 0


def break_at(monkeypatch, steps, always=False):
    """Make `take_step` meet a number that is not finite at these steps."""
    broken, original = set(steps), Session.step

    def take_step(self):
        if self.state.step in broken:
            if not always:
                broken.discard(self.state.step)
            raise NotFiniteError("the term d/adversarial")
        return original(self)

    monkeypatch.setattr(Session, "step", take_step)


@pytest.mark.slow
def test_a_run_goes_back_with_other_draws_and_says_so(
    small, tmp_path, monkeypatch, capfd, newest, equal
):
    config = small("gan", **{"output.checkpoint_every": 2})
    fit(config, tmp_path / "whole")
    break_at(monkeypatch, [5])
    assert fit(config, tmp_path / "r").finished
    said = capfd.readouterr().err
    assert "step 5: the term d/adversarial is not finite; back to step 4" in said
    steps = [line["step"] for line in Run(tmp_path / "r").metrics()]
    assert steps == [1, 2, 3, 4, 5, 6]
    assert not equal(newest(tmp_path / "r"), newest(tmp_path / "whole"))
    header = read_tensors(max((tmp_path / "r/checkpoints").iterdir()), "checkpoint")[1]
    assert header["rollbacks"] == 1


def test_after_three_ways_back_it_gives_up_and_the_checkpoint_is_whole(
    small, tmp_path, monkeypatch
):
    break_at(monkeypatch, [3], always=True)
    config = small("gan", **{"output.checkpoint_every": 2})
    with pytest.raises(
        gankit.TrainingError, match=r"d/adversarial.*discriminator_optimizer.lr"
    ) as caught:
        fit(config, tmp_path / "r")
    assert "\n" not in str(caught.value)
    assert read_tensors(max((tmp_path / "r/checkpoints").iterdir()), "checkpoint")[1]["step"] == 2
    monkeypatch.undo()
    assert fit(config, tmp_path / "r").finished


def test_a_real_explosion_is_met(small, tmp_path):
    steepest = {
        f"{p}_optimizer.{k}": v for p in PLAYERS for k, v in (("name", "sgd"), ("lr", 1000))
    }
    config = small("gan", **steepest, **{"training.steps": 40})
    with pytest.raises(gankit.TrainingError, match="not finite"):
        fit(config, tmp_path / "r")


def test_a_signal_stops_after_the_step_and_saves(small, tmp_path, monkeypatch):
    original = Session.step

    def take_step(self):
        if self.state.step == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self)

    monkeypatch.setattr(Session, "step", take_step)
    outcome = fit(small("gan"), tmp_path / "r")
    assert outcome.signal is signal.SIGTERM
    assert outcome.step == 4
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert fit(small("gan"), tmp_path / "r").trained == 2


def test_data_that_changed_is_refused(small, image_folder, tmp_path):
    config = small("dcgan", str(image_folder), **{"data.size": "16"})
    fit(config, tmp_path / "r")
    next(image_folder.glob("*/*.png")).unlink()
    with pytest.raises(gankit.RunError, match="24 examples in the run, 23 other ones now"):
        fit(config, tmp_path / "r")


def test_pictures_that_came_after_the_start_are_named(small, image_folder, tmp_path):
    config = small("dcgan", str(image_folder), **{"data.size": "16"})
    fit(config, tmp_path / "r")
    old = next(image_folder.glob("*/*.png"))
    sheet = old.with_name("sheet.png")
    sheet.write_bytes(old.read_bytes())
    later = (tmp_path / "r" / "run.json").stat().st_mtime + 5
    os.utime(sheet, (later, later))
    named = f"25 other ones now; newer than the run: {sheet.parent.name}/sheet.png$"
    with pytest.raises(gankit.RunError, match=named):
        fit(config, tmp_path / "r")


def test_pictures_that_were_cut_off_after_the_start_are_named(small, image_folder, tmp_path):
    config = small("dcgan", str(image_folder), **{"data.size": "16"})
    fit(config, tmp_path / "r")
    cut = next(image_folder.glob("*/*.png"))
    cut.write_bytes(cut.read_bytes()[:40])
    said = f"23 other ones now; unreadable: {cut.parent.name}/{cut.name} \\("
    with pytest.raises(gankit.RunError, match=said):
        fit(config, tmp_path / "r")


def test_images_larger_than_memory_give_the_same_run(small, image_folder, tmp_path, newest, equal):
    for name, memory in (("within", 2.0), ("beyond", 0.0)):
        config = small("dcgan", str(image_folder), **{"data.size": "16", "runtime.workers": 0})
        config = gankit.settings.config.override(config, {"data.memory_gb": memory})
        fit(config, tmp_path / name)
    assert equal(newest(tmp_path / "within"), newest(tmp_path / "beyond"))


def test_tensorboard_where_it_is_installed(small, tmp_path):
    pytest.importorskip("tensorboard")
    fit(small("gan", **{"output.tensorboard": True}), tmp_path / "r")
    assert list((tmp_path / "r/tensorboard").glob("events*"))


@pytest.mark.parametrize("family", ["gan", "cgan"])
@pytest.mark.slow
def test_extended_twice_is_one_long_run(small, tmp_path, newest, equal, family):
    changes = {
        "generator_optimizer.schedule": "constant",
        "discriminator_optimizer.schedule": "constant",
    }
    for steps in (2, 5, 9):
        outcome = fit(small(family, **changes, **{"training.steps": steps}), tmp_path / "parts")
        assert (outcome.step, outcome.finished) == (steps, True)
    fit(small(family, **changes, **{"training.steps": 9}), tmp_path / "whole")
    assert equal(newest(tmp_path / "parts"), newest(tmp_path / "whole"))


def test_a_changed_setting_is_refused_and_nothing_is_touched(small, tmp_path):
    fit(small("gan"), tmp_path / "r")
    before = {p: p.read_bytes() for p in (tmp_path / "r").rglob("*") if p.is_file()}
    with pytest.raises(gankit.RunError, match=r"latent\.size: 32 in the run, 7 asked"):
        fit(small("gan", **{"latent.size": 7, "training.steps": 99}), tmp_path / "r")
    assert {p: p.read_bytes() for p in (tmp_path / "r").rglob("*") if p.is_file()} == before


def test_it_learns_by_the_rate_of_the_whole_budget(small, tmp_path):
    config = small(
        "gan",
        **{
            "training.steps": 4,
            "generator_optimizer.lr": 0.4,
            "generator_optimizer.schedule": "linear",
            "generator_optimizer.decay_from": 0,
            "discriminator_optimizer.lr": 0.1,
            "discriminator_optimizer.schedule": "constant",
        },
    )
    fit(config, tmp_path / "r")
    lines = Run(tmp_path / "r").metrics()
    assert [line["lr_g"] for line in lines] == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert [line["lr_d"] for line in lines] == pytest.approx([0.1] * 4)


@pytest.mark.parametrize(
    ("step", "every", "is_due"), [(0, 3, True), (4, 3, False), (6, 3, True), (6, 0, False)]
)
def test_what_is_due(step, every, is_due):
    assert due(step, every) is is_due


@pytest.mark.slow
def test_files_of_others_among_its_own_hinder_no_end(small, tmp_path):
    config = small("gan", **{"output.sample_every": 2})
    fit(config, tmp_path / "r")
    run = Run(tmp_path / "r")
    (run.samples / "0000010 (1).png").write_bytes(b"")
    (run.samples / "0000002.png").write_bytes(b"")
    (run.samples / "0000099.png").mkdir()
    (run.folder / "doctor.json").write_bytes(b"\xff")
    with run.metrics_path.open("a") as file:
        file.write('{"step": null}\n{"step": "4"}\n[]\n')
    longer = gankit.settings.config.override(config, {"training.steps": 9})
    assert fit(longer, run.folder).finished
    page = run.report_path.read_text()
    assert "This picture cannot be read" in page
    assert "9 of 9" in page


class Interrupts(gankit.Callback):
    """Does what a person's Ctrl-C does, after two steps."""

    def __init__(self, act):
        self.act = act

    def after_step(self, trainer, moves):
        if trainer.state.step == 2:
            self.act()


def test_ctrl_c_in_a_notebooks_cell_saves_and_returns(small, tmp_path):
    """A kernel's interrupt is SIGINT in the main thread, in which a cell runs."""
    stopped = fit(
        small("gan"), tmp_path / "r", callbacks=[Interrupts(lambda: os.kill(os.getpid(), SIGINT))]
    )
    assert (stopped.step, stopped.finished, stopped.signal) == (2, False, SIGINT)
    assert gankit.load(tmp_path / "r").step == 2


def test_a_keyboard_interrupt_that_no_signal_announced_keeps_the_last_step(small, tmp_path):
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(small("gan"), tmp_path / "r", callbacks=[Interrupts(interrupt)])
    assert gankit.load(tmp_path / "r").step == 2


def test_a_callback_may_end_the_call_and_the_same_call_goes_on(small, tmp_path, newest, equal):
    class StopAt(gankit.Callback):
        def after_step(self, trainer, moves):
            if trainer.state.step == 4:
                trainer.stop()

    outcome = fit(small("gan"), tmp_path / "halting", callbacks=[StopAt()])
    assert (outcome.step, outcome.finished, outcome.signal) == (4, False, None)
    assert Run(tmp_path / "halting").grid_path.exists()
    assert fit(small("gan"), tmp_path / "halting").finished
    fit(small("gan"), tmp_path / "straight")
    assert equal(newest(tmp_path / "halting"), newest(tmp_path / "straight"))


def test_a_quiet_run_prints_nothing(small, tmp_path, capfd):
    fit(small("gan"), tmp_path / "r", quiet=True)
    assert capfd.readouterr() == ("", "")


def test_a_request_in_the_run_directory_stops_it_as_a_signal_does(small, tmp_path, monkeypatch):
    monkeypatch.setattr(owner, "LOOK", 0.01)

    class Asking(gankit.Callback):
        def after_step(self, trainer, moves):
            if trainer.state.step == 3:
                owner.ask_to_stop(trainer.run.folder)

    config = small("gan", **{"training.steps": 10**6})
    outcome = fit(config, tmp_path / "r", callbacks=[Asking()])
    assert outcome.signal is SIGTERM
    assert 3 <= outcome.step < 10**6
    newest = max((tmp_path / "r/checkpoints").iterdir())
    assert int(newest.stem[5:]) == outcome.step
    assert not owner.is_asked_to_stop(tmp_path / "r")
