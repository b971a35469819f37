"""A run that is begun again, whatever happened to it: it completes, goes on, or says why not."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
import torch

import gankit
from gankit import fitting, pictures
from gankit.fitting import fit
from gankit.run import Run, checkpoints
from gankit.settings.config import override
from gankit.storage import read_tensors, write_tensors
from gankit.training import loop, session, trainer
from gankit.training.session import Session

CONSTANT = {
    "generator_optimizer.schedule": "constant",
    "discriminator_optimizer.schedule": "constant",
}
DEAD = 2**22 + 1  # above the largest process number that Linux gives


@pytest.fixture
def config(small):
    """Twelve steps of a tiny run, a checkpoint every four, a picture every six; no rate depends
    on the budget."""
    tiny = {"network.generator_hidden": "8,8", "network.discriminator_hidden": "8,8"}
    every = {"output.checkpoint_every": 4, "output.sample_every": 6, "training.steps": 12}
    return small("gan", "toy:ring8", **tiny, **every, **CONSTANT)


@pytest.fixture
def finished(config, tmp_path):
    """A finished run's folder."""
    fit(config, tmp_path / "r")
    return tmp_path / "r"


def files(folder: Path) -> dict[str, bytes]:
    """Everything in a folder but its lock."""
    paths = [p for p in folder.rglob("*") if p.is_file() and p.name != ".lock"]
    return {str(p.relative_to(folder)): p.read_bytes() for p in paths}


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return read_tensors(folder / "model.safetensors", "artifact")[0]


def raises(error: Exception):
    """A method that fails with this error, whatever it is given."""

    def method(*_given):
        raise error

    return method


# What cannot be read is never removed, overwritten or begun anew


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def flip(path):
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)


def flip_in_the_header(path):
    content = path.read_bytes()
    assert b'\\"rollbacks\\": 0' in content
    path.write_bytes(content.replace(b'\\"rollbacks\\": 0', b'\\"rollbacks\\": 1'))


def another_format(path):
    content = path.read_bytes()
    path.write_bytes(content.replace(b'\\"format\\": 1', b'\\"format\\": 7'))


def spoil(path):
    tensors, header = read_tensors(path, "checkpoint")
    name = next(n for n, t in tensors.items() if n.startswith("generator/") and t.dim() == 2)
    tensors[name][0, 0] = float("nan")
    write_tensors(path, "checkpoint", tensors, header)


DAMAGE = {
    "cut": cut,
    "flipped": flip,
    "flipped in the header": flip_in_the_header,
    "of another format": another_format,
    "not finite": spoil,
    "empty": lambda path: path.write_bytes(b""),
    "gone": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a link to nowhere": lambda path: (path.unlink(), path.symlink_to("nowhere")),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_where_no_checkpoint_can_be_read_nothing_is_touched(config, finished, damage):
    for path in checkpoints(Run(finished)):
        DAMAGE[damage](path)
    before = files(finished)
    with pytest.raises(gankit.RunError, match="trained to step 12 or further, and no") as caught:
        fit(config, finished)
    assert "\n" not in str(caught.value)
    assert files(finished) == before


def test_where_the_folder_of_checkpoints_was_not_copied(config, finished):
    shutil.rmtree(finished / "checkpoints")
    before = files(finished)
    with pytest.raises(gankit.RunError, match="there is none in checkpoints/"):
        fit(config, finished)
    assert files(finished) == before


@pytest.mark.parametrize("trace", ["metrics.jsonl", "samples", "model.safetensors"])
def test_any_one_trace_says_that_steps_were_taken(config, finished, trace):
    for path in finished.iterdir():
        if path.name not in ("run.json", trace):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(gankit.RunError, match="trained to step 12"):
        fit(config, finished)


def test_a_disk_that_cannot_be_read_is_no_reason_to_begin_anew(config, finished, monkeypatch):
    original = Path.read_bytes

    def read_bytes(path):
        if "checkpoints" in path.parts:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        return original(path)

    before = files(finished)
    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    with pytest.raises(gankit.RunError, match=r"cannot be read: Permission denied"):
        fit(config, finished)
    monkeypatch.undo()
    assert files(finished) == before


def test_a_share_that_is_gone_for_a_second_is_waited_for(config, finished, monkeypatch):
    original, fails = Path.read_bytes, [2]

    def read_bytes(path):
        if "checkpoints" in path.parts and fails[0]:
            fails[0] -= 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return original(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert fit(config, finished).trained == 0
    assert fails == [0]


@pytest.mark.parametrize("damage", [d for d in DAMAGE if d != "gone"])
def test_one_that_cannot_be_read_is_kept_and_the_run_goes_on(
    config, finished, tmp_path, equal, damage, capfd
):
    newest = checkpoints(Run(finished))[-1]
    DAMAGE[damage](newest)
    before = newest.read_bytes() if newest.is_file() else None
    fit(override(config, {"training.steps": 16}), finished)
    assert f"skipping checkpoint {newest.name}, which" in capfd.readouterr().err
    kept = finished / "checkpoints" / f"unreadable-1-{newest.name}"
    assert os.path.lexists(kept)
    assert before is None or kept.read_bytes() == before
    fit(override(config, {"training.steps": 16}), tmp_path / "whole")
    assert equal(weights(finished), weights(tmp_path / "whole"))


def test_a_run_whose_very_first_checkpoint_was_torn_begins_again(config, tmp_path, equal):
    fit(config, tmp_path / "whole")
    fit(config, tmp_path / "r")
    for path in (tmp_path / "r").iterdir():
        if path.name not in ("run.json", "checkpoints"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in checkpoints(Run(tmp_path / "r")):
        path.unlink()
    (tmp_path / "r/checkpoints/step-00000000.safetensors").write_bytes(b"torn")
    assert fit(config, tmp_path / "r").finished
    assert equal(weights(tmp_path / "r"), weights(tmp_path / "whole"))
    kept = tmp_path / "r/checkpoints/unreadable-1-step-00000000.safetensors"
    assert kept.read_bytes() == b"torn"


def test_a_checkpoint_of_the_same_settings_and_another_seed_is_not_taken(
    config, finished, tmp_path
):
    fit(override(config, {"training.seed": 5}), tmp_path / "other")
    for path in checkpoints(Run(finished)):
        shutil.copy(tmp_path / "other/checkpoints" / path.name, path)
    with pytest.raises(gankit.RunError, match=r"is of another run \(training.seed: 5 in the run"):
        fit(config, finished)


def test_a_line_of_the_log_that_cannot_be_read_stays(config, finished):
    lines = (finished / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    strange = b"\xff\xfe what is this\n"
    (finished / "metrics.jsonl").write_bytes(b"".join([*lines[:3], strange, *lines[3:]]) + b'{"st')
    fit(config, finished)
    assert (finished / "metrics.jsonl").read_bytes() == b"".join([*lines[:3], strange, *lines[3:]])


# Resuming completes what is there


ENDINGS = ("samples/0000012.png", "grid.png", "timeline.gif", "report.html", "model.safetensors")


@pytest.mark.parametrize("missing", [(name,) for name in ENDINGS] + [ENDINGS])
def test_what_a_finished_run_lacks_is_made(config, finished, missing):
    before = files(finished)
    for name in missing:
        (finished / name).unlink()
    outcome = fit(config, finished)
    assert (outcome.trained, outcome.finished) == (0, True)
    after = files(finished)
    assert after.keys() == before.keys()
    for name in ("samples/0000012.png", "grid.png", "timeline.gif", "model.safetensors"):
        assert after[name] == before[name]


@pytest.mark.parametrize("name", ENDINGS[:4])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_what_is_there_and_cannot_be_read_is_made_again(config, finished, name, share):
    if name == "report.html" and share:
        pytest.skip("half a page is not told from a whole one")
    before = files(finished)
    path = finished / name
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    fit(config, finished)
    after = files(finished)
    for made in set(ENDINGS) - {"report.html"}:
        assert after[made] == before[made], made
    assert len(after["report.html"]) > 1000


def test_a_picture_that_could_not_be_read_joins_the_film_later(config, finished, monkeypatch):
    film = (finished / "timeline.gif").read_bytes()
    (finished / "timeline.gif").unlink()
    read = pictures.read_picture

    def refused_once(path):
        if path.name == "0000006.png":
            raise PermissionError(errno.EACCES, "Permission denied")
        return read(path)

    monkeypatch.setattr(pictures, "read_picture", refused_once)
    fit(config, finished)
    assert (finished / "timeline.gif").read_bytes() != film
    monkeypatch.setattr(pictures, "read_picture", read)
    fit(config, finished)
    assert (finished / "timeline.gif").read_bytes() == film


def test_killed_before_its_end_was_made_the_end_is_made(config, tmp_path, monkeypatch):
    """The film of an earlier, shorter budget is there: it is not taken for this one's."""
    fit(config, tmp_path / "r")
    film = (tmp_path / "r/timeline.gif").read_bytes()
    longer = override(config, {"training.steps": 16})

    def killed(_self):
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "write_timeline", killed)
    with pytest.raises(KeyboardInterrupt):
        fit(longer, tmp_path / "r")
    monkeypatch.undo()
    assert fit(longer, tmp_path / "r").trained == 0
    assert (tmp_path / "r/timeline.gif").read_bytes() != film
    assert "16 of 16" in (tmp_path / "r/report.html").read_text()


def test_a_whole_run_is_left_alone(config, finished):
    before = {p: p.stat().st_mtime_ns for p in finished.rglob("*") if p.name != ".lock"}
    assert fit(config, finished).trained == 0
    after = {p: p.stat().st_mtime_ns for p in finished.rglob("*") if p.name != ".lock"}
    assert after == before


@pytest.mark.parametrize("damage", ["older", "torn", "of another run", "not finite"])
def test_an_artifact_that_is_not_the_states_is_made_again(
    config, finished, tmp_path, equal, damage
):
    right, artifact = weights(finished), finished / "model.safetensors"
    if damage == "torn":
        artifact.write_bytes(artifact.read_bytes()[:-7])
    elif damage == "not finite":
        tensors, header = read_tensors(artifact, "artifact")
        next(iter(tensors.values())).view(-1)[0] = float("inf")
        write_tensors(artifact, "artifact", tensors, header)
    else:
        change = {"training.steps": 4} if damage == "older" else {"training.seed": 8}
        fit(override(config, change), tmp_path / "other")
        shutil.copy(tmp_path / "other/model.safetensors", artifact)
    found = artifact.read_bytes()
    assert fit(config, finished).trained == 0
    assert equal(weights(finished), right)
    kept = finished / "unreadable-1-model.safetensors"
    assert (kept.read_bytes() == found) if damage != "older" else not kept.exists()


@pytest.mark.parametrize(
    "left",
    [
        (),
        (".lock",),
        (f".run.json.{DEAD}.part",),
        (".lock", "samples/", "checkpoints/", f".run.json.{DEAD}.part"),
        ("checkpoints/", f"checkpoints/.step-00000000.safetensors.{DEAD}.part"),
    ],
)
def test_a_start_that_was_killed_can_be_made_again(config, tmp_path, left):
    folder = tmp_path / "r"
    folder.mkdir()
    for name in left:
        path = folder / name
        path.mkdir() if name.endswith("/") else path.write_bytes(b"")
    assert fit(config, folder).finished
    assert not list(folder.rglob("*.part"))


def test_leavings_of_killed_writers_go_and_a_living_ones_stay(config, finished):
    torn = finished / "samples" / f".0000099.png.{DEAD}.part"
    written = finished / f".report.html.{os.getppid()}.part"
    for path in (torn, written):
        path.write_bytes(b"half")
    fit(config, finished)
    assert not torn.exists()
    assert written.exists()


@pytest.mark.parametrize("there", ["checkpoints/step-00000004.safetensors", "metrics.jsonl"])
def test_parts_of_a_run_without_its_record_are_not_begun_upon(config, tmp_path, there):
    path = tmp_path / "r" / there
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    with pytest.raises(gankit.RunError, match=r"holds parts of a run .* and no run.json"):
        fit(config, tmp_path / "r")
    assert files(tmp_path / "r") == {there: b"x"}


# Only finite things are kept


def poison(monkeypatch, at, where, always=False):
    """After step `at`, once or always: a number of the state is not finite."""
    original, left = Session.step, [True]

    def take_step(self):
        moves = original(self)
        if self.state.step == at and left and self.written >= 0:
            if not always:
                left.clear()
            where(self.state)
        return moves

    monkeypatch.setattr(Session, "step", take_step)


def _weight(state):
    next(state.players["discriminator"].network.parameters()).data.view(-1)[0] = float("nan")


def _average(state):
    next(state.averages["generator"].network.parameters()).data.view(-1)[0] = float("inf")


def _moment(state):
    moments = next(iter(state.players["generator"].optimizer.state.values()))
    moments["exp_avg"].view(-1)[0] = float("nan")


@pytest.mark.parametrize("where", [_weight, _average, _moment])
@pytest.mark.parametrize("step", [8, 12, 5])
def test_what_is_not_finite_is_never_kept(config, tmp_path, monkeypatch, where, step, capfd):
    poison(monkeypatch, step, where)
    assert fit(config, tmp_path / "r").finished
    assert "is not finite; back to step" in capfd.readouterr().err
    for path in checkpoints(Run(tmp_path / "r")):
        tensors = read_tensors(path, "checkpoint")[0]
        assert all(torch.isfinite(t).all() for t in tensors.values())
    gankit.load(tmp_path / "r").sample(4)


@pytest.mark.parametrize("where", [_weight, _average, _moment])
def test_a_single_step_that_always_breaks_leaves_no_artifact_of_it(
    config, tmp_path, monkeypatch, where
):
    poison(monkeypatch, 1, where, always=True)
    with pytest.raises(gankit.TrainingError, match="is not finite, and was not after 3 ways back"):
        fit(override(config, {"training.steps": 1}), tmp_path / "r")
    assert all(torch.isfinite(t).all() for t in weights(tmp_path / "r").values())
    assert [p.name for p in checkpoints(Run(tmp_path / "r"))] == ["step-00000000.safetensors"]


def test_from_a_doomed_checkpoint_it_goes_back_to_the_one_before(
    config, tmp_path, monkeypatch, capfd
):
    """Every step from 8 on fails, until the run has been back to 4 or before."""
    original, doomed = Session.step, [True]

    def take_step(self):
        if self.written >= 0 and self.state.step < 8 and self.state.rollbacks:
            doomed.clear()
        if doomed and self.state.step >= 8:
            raise loop.NotFiniteError("the term d/adversarial")
        return original(self)

    monkeypatch.setattr(Session, "step", take_step)
    assert fit(config, tmp_path / "r").finished
    said = capfd.readouterr().err
    assert "back to step 8 with other draws (1 of 3)" in said
    assert "back to step 4 with other draws (2 of 3)" in said


def test_loading_names_what_is_not_finite(finished):
    path = finished / "model.safetensors"
    tensors, header = read_tensors(path, "artifact")
    name = next(n for n, t in tensors.items() if t.dim() == 2)
    tensors[name][0, 0] = float("nan")
    write_tensors(path, "artifact", tensors, header)
    with pytest.raises(gankit.RunError, match=f"weights that are not finite \\({name}\\)"):
        gankit.load(finished)


# One run, one owner


def test_a_run_that_another_start_began_meanwhile_is_not_taken_over(config, tmp_path, monkeypatch):
    """Both saw an empty folder; the other had the lock first, and is done."""
    other = override(config, {"training.seed": 7})
    original = fitting.build_game

    def build_game(*arguments):
        monkeypatch.setattr(fitting, "build_game", original)
        fit(other, tmp_path / "r")
        return original(*arguments)

    monkeypatch.setattr(fitting, "build_game", build_game)
    with pytest.raises(gankit.RunError, match=r"training\.seed: 7 in the run, 0 asked"):
        fit(config, tmp_path / "r")
    assert json.loads((tmp_path / "r/run.json").read_text())["config"]["training"]["seed"] == 7
    assert Run(tmp_path / "r").record().config == other


def test_a_run_that_is_taken_over_writes_nothing_more(config, tmp_path, monkeypatch):
    original = Session.step

    def take_step(self):
        if self.state.step == 6 and self.owner:
            self.owner.lost = True
        return original(self)

    monkeypatch.setattr(Session, "step", take_step)
    with pytest.raises(gankit.RunError, match="another process has taken"):
        fit(config, tmp_path / "r")
    assert max(p.name for p in checkpoints(Run(tmp_path / "r"))) == "step-00000004.safetensors"


def contents(folder):
    """What each file of a folder holds, by its path there."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_run_that_another_one_replaces_writes_nothing_into_it(config, tmp_path, monkeypatch):
    fit(config, tmp_path / "other")
    before = contents(tmp_path / "other")
    original = Session.step

    def take_step(self):
        if self.state.step == 6 and self.owner:
            (tmp_path / "r").rename(tmp_path / "moved")
            (tmp_path / "other").rename(tmp_path / "r")
        return original(self)

    monkeypatch.setattr(Session, "step", take_step)
    with pytest.raises(gankit.RunError, match="was moved, and another run put in its place"):
        fit(config, tmp_path / "r")
    assert contents(tmp_path / "r") == before
    monkeypatch.undo()
    assert fit(config, tmp_path / "moved").finished


# Whatever ends training, the last whole step is kept


def test_what_ends_training_keeps_the_last_whole_step(config, tmp_path, monkeypatch, equal):
    original = trainer.draw_batch

    def draw_batch(state, *arguments):
        if state.step == 7:
            raise gankit.TrainingError("a worker that reads images died")
        return original(state, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(trainer, "draw_batch", draw_batch)
        with pytest.raises(gankit.TrainingError, match="a worker"):
            fit(config, tmp_path / "r")
    assert checkpoints(Run(tmp_path / "r"))[-1].name == "step-00000007.safetensors"
    fit(config, tmp_path / "r")
    fit(config, tmp_path / "whole")
    assert equal(weights(tmp_path / "r"), weights(tmp_path / "whole"))


def test_half_a_step_is_not_kept(config, tmp_path, monkeypatch):
    original = session.find_not_finite

    def checked(state):  # by now the run has been measured, and its first checkpoint is due
        monkeypatch.setattr("gankit.game.Game.after_step", after_step)
        return original(state)

    def after_step(_self, _numbers):
        raise MemoryError

    monkeypatch.setattr(session, "find_not_finite", checked)
    with pytest.raises(gankit.TrainingError, match=r"out of memory: lower training.batch"):
        fit(config, tmp_path / "r")
    assert [p.name for p in checkpoints(Run(tmp_path / "r"))] == ["step-00000000.safetensors"]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9"),
        RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"),
        torch.OutOfMemoryError("CUDA: tried to allocate 9 GiB"),
    ],
)
def test_out_of_memory_before_the_first_step_is_one_line_too(config, tmp_path, monkeypatch, error):
    monkeypatch.setattr("gankit.game.Game.after_step", raises(error))
    with pytest.raises(gankit.TrainingError, match=r"out of memory: lower training.batch"):
        fit(config, tmp_path / "r")


def test_an_error_that_only_speaks_of_memory_stays_what_it_is(config, tmp_path, monkeypatch):
    error = RuntimeError("could not create a memory object")
    monkeypatch.setattr("gankit.game.Game.after_step", raises(error))
    with pytest.raises(RuntimeError, match="a memory object"):
        fit(config, tmp_path / "r")


def test_a_picture_that_cannot_be_written_costs_no_step(config, tmp_path, monkeypatch):
    original = Run.write_picture

    def write_picture(self, step, picture):
        if step == 6:
            with self.writing("a picture"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return original(self, step, picture)

    monkeypatch.setattr(Run, "write_picture", write_picture)
    with pytest.raises(gankit.RunError, match="a picture cannot be written"):
        fit(override(config, {"output.sample_every": 3}), tmp_path / "r")
    assert checkpoints(Run(tmp_path / "r"))[-1].name == "step-00000006.safetensors"


def test_a_line_of_the_log_that_failed_once_is_not_lost(config, tmp_path, monkeypatch):
    original, failed = Run.log, []

    def log(self, numbers):
        if numbers["step"] == 5 and not failed:
            failed.append(numbers)
            with self.writing("the log"):
                raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        original(self, numbers)

    monkeypatch.setattr(Run, "log", log)
    with pytest.raises(gankit.RunError, match="the log cannot be written"):
        fit(config, tmp_path / "r")
    fit(config, tmp_path / "r")
    assert [line["step"] for line in Run(tmp_path / "r").metrics()] == list(range(1, 13))


# Where the data stands


def test_moved_data_goes_on_and_the_new_path_is_recorded(small, image_folder, tmp_path):
    config = small("dcgan", str(image_folder), **{"data.size": "16", "training.steps": 2})
    fit(config, tmp_path / "r")
    moved = image_folder.rename(tmp_path / "elsewhere")
    longer = override(config, {"data.source": f"{moved}/", "training.steps": 3})
    assert fit(longer, tmp_path / "r").trained == 1
    assert Run(tmp_path / "r").record().config.data.source == f"{moved}/"


@pytest.mark.parametrize("given", ["gan", None, {"family": "gan"}])
def test_what_is_no_configuration_is_one_line_and_writes_nothing(given, tmp_path):
    with pytest.raises(gankit.ConfigError, match=r"must be a gankit\.Config, got"):
        fit(given, tmp_path / "run")
    assert not (tmp_path / "run").exists()
