"""The journal of a race: nothing of it is lost, and a proposal depends on nothing else."""

from __future__ import annotations

import json
import math
import sys

import pytest

from gankit.errors import MissingExtraError, RunError
from gankit.racing.journal import NAME, Journal, check_installed
from gankit.search_space import Among, Between

SPACE = {"generator_optimizer.lr": Between(1e-4, 1e-2), "training.batch": Among((32, 16, 64))}
DEFAULT = {"generator_optimizer.lr": 1e-3, "training.batch": 32}


def play(journal, count):
    """Run trials whose distance is the rate, some of which fall behind."""
    for number in range(len(journal.entries()), count):
        changes = journal.propose(number, seed=3) if number else DEFAULT
        journal.begin(changes)
        distance = changes["generator_optimizer.lr"]
        journal.note(number, 0, distance)
        whole = number % 2 == 0
        if whole:
            journal.note(number, 1, distance / 2)
        journal.end(number, whole=whole, step=10 + number, seconds=1.5)


def test_what_is_written_is_read_back(tmp_path):
    journal = Journal(tmp_path, SPACE)
    assert journal.entries() == []
    play(journal, 2)
    journal.begin({"generator_optimizer.lr": 5e-3, "training.batch": 64})
    journal.note(2, 0, math.inf)
    first, second, third = Journal(tmp_path, SPACE).entries()
    assert (first.number, first.changes, first.whole, first.distance) == (0, DEFAULT, True, 0.0005)
    assert (first.step, first.seconds, first.ended) == (10, 1.5, True)
    assert (second.whole, second.ended) == (False, True)
    assert (third.ended, third.distance) == (False, math.inf)
    assert third.changes == {"generator_optimizer.lr": 5e-3, "training.batch": 64}


def test_a_proposal_depends_on_the_seed_and_the_trials_before_it(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        play(Journal(tmp_path / name, SPACE), 12)
    a, b = Journal(tmp_path / "a", SPACE), Journal(tmp_path / "b", SPACE)
    assert [entry.changes for entry in a.entries()] == [entry.changes for entry in b.entries()]
    assert a.propose(12, seed=3) == b.propose(12, seed=3) == b.propose(12, seed=3)
    assert a.propose(12, seed=3) != a.propose(12, seed=4)
    assert a.propose(5, seed=3) == a.entries()[5].changes


def test_proposals_lie_in_the_space_and_are_short(tmp_path):
    journal = Journal(tmp_path, SPACE)
    play(journal, 12)
    for entry in journal.entries():
        assert all(SPACE[key].holds(value) for key, value in entry.changes.items())
        rate = entry.changes["generator_optimizer.lr"]
        assert rate == float(f"{rate:.3g}")


def test_nothing_is_tried_twice_while_there_is_something_new(tmp_path):
    space = {"training.batch": Among((32, 16, 64, 8))}
    journal = Journal(tmp_path, space)
    for number in range(5):
        changes = journal.propose(number, seed=0) if number else {"training.batch": 32}
        journal.begin(changes)
        journal.note(number, 0, 1.0)
        journal.end(number, whole=True, step=1, seconds=0.0)
    tried = [entry.changes["training.batch"] for entry in journal.entries()]
    assert sorted(tried[:4]) == [8, 16, 32, 64]
    assert len(tried) == 5


def test_it_looks_where_earlier_trials_were_good(tmp_path):
    journal = Journal(tmp_path, SPACE)
    play(journal, 30)
    rates = [entry.changes["generator_optimizer.lr"] for entry in journal.entries()]
    assert sorted(rates[20:])[5] < sorted(rates[1:9])[4]  # the medians, late and early


def test_a_line_that_a_kill_tore_is_skipped(tmp_path):
    play(Journal(tmp_path, SPACE), 1)
    whole = (tmp_path / NAME).read_bytes()
    with (tmp_path / NAME).open("ab") as file:
        file.write(whole.splitlines()[1][:40])
    journal = Journal(tmp_path, SPACE)
    play(journal, 2)
    assert [entry.number for entry in Journal(tmp_path, SPACE).entries()] == [0, 1]


def test_it_is_a_journal_that_optuna_reads(tmp_path):
    import optuna
    from optuna.storages.journal import JournalFileBackend

    play(Journal(tmp_path, SPACE), 3)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(tmp_path / NAME)))
    study = optuna.load_study(study_name="race", storage=storage)
    assert study.best_value == min(
        e.distance for e in Journal(tmp_path, SPACE).entries() if e.whole
    )


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"no": "journal"}),
        "[1]\n" + json.dumps({"op_code": "x", "worker_id": "x"}),
    ],
)
def test_a_damaged_journal_is_one_line(content, tmp_path):
    (tmp_path / NAME).write_text(content + "\n")
    with pytest.raises(RunError, match="is damaged") as caught:
        Journal(tmp_path, SPACE).entries()
    assert "\n" not in str(caught.value)


def test_a_folder_in_its_place_is_one_line(tmp_path):
    (tmp_path / NAME).mkdir()
    with pytest.raises(RunError, match=r"journal\.log"):
        Journal(tmp_path, SPACE)


def test_without_optuna_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'gankit\[race\]'"):
        check_installed()
