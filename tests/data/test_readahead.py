"""Workers that are killed, stopped, raise or cannot be started: no batch is lost or changed."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from gankit.data import Dataset
from gankit.data.batches import Feed
from gankit.errors import DataError, TrainingError

pytestmark = [
    pytest.mark.slow,
    # From Python 3.12 on, forking beside threads warns; workers use none of the parent's.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


class Numbers(Dataset):
    """Pictures of random numbers, each a function of its index."""

    name, shape, fingerprint = "numbers", (3, 64, 64), "0"

    def __len__(self):
        return 100

    def read(self, indices):
        pixels = [np.random.default_rng(int(i)).integers(0, 256, self.shape) for i in indices]
        return np.stack(pixels).astype(np.uint8)


class Deadly(Numbers):
    """Ends the process that reads it, as a system does that is out of memory."""

    def read(self, indices):
        os.kill(os.getpid(), signal.SIGKILL)


class DeadlyOnce(Numbers):
    """The same, for so many readers."""

    def __init__(self, folder, times):
        self.folder, self.times = folder, times

    def read(self, indices):
        for death in range(self.times):
            path = self.folder / str(death)
            if not path.exists():
                path.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return super().read(indices)


class Raising(Numbers):
    def __init__(self, error):
        self.error = error

    def read(self, indices):
        raise self.error


def plain(position, batch=8):
    return Feed(Numbers(), seed=1, batch=batch).at(position)[0]


def workers():
    return multiprocessing.active_children()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("which", [slice(0, 1), slice(1, 2), slice(None)])
@pytest.mark.parametrize("idle", [False, True])
def test_a_worker_that_is_killed_is_replaced_and_no_batch_changes(number, which, idle):
    said = []
    with Feed(Numbers(), seed=1, batch=8, workers=2, say=said.append) as feed:
        for position in range(12):
            assert np.array_equal(feed.at(position)[0], plain(position))
            if position == 5:
                if idle:
                    time.sleep(0.2)
                killed = sorted(workers(), key=lambda process: process.pid)[which]
                for process in killed:
                    os.kill(process.pid, number)
                if idle:
                    time.sleep(0.2)
        assert len(workers()) == 2
    assert said == [
        f"a process that reads images died ({number.name}): another takes its place"
    ] * len(killed)
    assert workers() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_what_a_whole_group_is_sent_is_left_to_the_parent(number):
    with Feed(Numbers(), seed=1, batch=8, workers=1, say=pytest.fail) as feed:
        feed.at(0)
        os.kill(workers()[0].pid, number)
        for position in range(1, 6):
            assert np.array_equal(feed.at(position)[0], plain(position))


def test_one_that_dies_in_the_middle_of_an_answer():
    """An answer that does not fit into a pipe waits half-written until it is wanted."""
    said = []
    with Feed(Numbers(), seed=1, batch=90, workers=1, say=said.append) as feed:
        assert np.array_equal(feed.at(0)[0], plain(0, 90))
        time.sleep(0.5)
        os.kill(workers()[0].pid, signal.SIGKILL)
        for position in range(1, 5):
            assert np.array_equal(feed.at(position)[0], plain(position, 90))
    assert len(said) == 1


@pytest.mark.parametrize("times", [1, 2])
def test_it_is_tried_again(tmp_path, times):
    said = []
    with Feed(DeadlyOnce(tmp_path, times), seed=1, batch=8, workers=1, say=said.append) as feed:
        assert np.array_equal(feed.at(0)[0], plain(0))
    assert len(said) == times


@pytest.mark.parametrize("count", [1, 2])
def test_one_that_dies_again_and_again_is_given_up(count):
    said = []
    with Feed(Deadly(), seed=0, batch=2, workers=count, say=said.append) as feed:
        with pytest.raises(TrainingError, match=r"died 3 times over batch 4 \(SIGKILL\)") as raised:
            feed.at(4)
        assert workers() == []
    assert len(said) == 2
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("error", [ValueError("two\nlines"), MemoryError(), KeyError("x")])
def test_one_that_raises_is_told_in_one_line(error):
    with Feed(Raising(error), seed=0, batch=2, workers=2) as feed:
        for _ in range(2):
            with pytest.raises(TrainingError, match=type(error).__name__) as raised:
                feed.at(0)
            assert "\n" not in str(raised.value)
    assert workers() == []


def test_a_users_error_comes_as_it_is_and_reading_can_go_on(tmp_path):
    with Feed(Raising(DataError("no such picture")), seed=0, batch=2, workers=2) as feed:
        for position in (0, 1, 1, 7):
            with pytest.raises(DataError, match=r"^no such picture$"):
                feed.at(position)


def test_jumps_do_not_pile_up():
    """Answers that nobody waits for any more must not block a worker, nor the parent."""
    with Feed(Numbers(), seed=1, batch=8, workers=2) as feed:
        for position in [*range(0, 400, 2), 3, 3, 3, 0, 1, 2]:
            found = feed.at(position)[0]
        assert np.array_equal(found, plain(2))


def test_a_process_that_cannot_be_started(monkeypatch):
    def refuse(process):
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(multiprocessing.get_context().Process, "start", refuse)
    with (
        Feed(Numbers(), seed=1, batch=8, workers=3) as feed,
        pytest.raises(TrainingError, match=r"cannot be started .*lower runtime.workers from 3"),
    ):
        feed.at(0)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
@pytest.mark.parametrize("ending", ["SIGKILL", "exit", "error"])
def test_no_worker_outlives_its_parent(tmp_path, ending):
    endings = {
        "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
        "exit": "sys.exit(0)",
        "error": "raise SystemError",
    }
    program = f"""
        import multiprocessing, os, signal, sys
        from tests.data.test_readahead import Numbers
        from gankit.data.batches import Feed
        feed = Feed(Numbers(), seed=1, batch=90, workers=3)
        feed.at(0)
        print(*[child.pid for child in multiprocessing.active_children()], flush=True)
        {endings[ending]}
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60, check=False,
    )  # fmt: skip
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 3
    until = time.monotonic() + 20
    while time.monotonic() < until and any(alive(pid) for pid in pids):
        time.sleep(0.05)
    assert not any(alive(pid) for pid in pids)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
