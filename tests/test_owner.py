"""One run, one owner: by the file system's lock, and by a name and its age where there is none."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
import time

import pytest

from gankit import owner
from gankit.errors import RunError
from gankit.owner import LOCK, own

WITHOUT_LOCKS = [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL]


@pytest.fixture(params=WITHOUT_LOCKS, ids=errno.errorcode.get)
def no_locks(monkeypatch, request):
    """A file system that has no locks, as Lustre, some NFS and FUSE say it."""

    def flock(_handle, _how):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", flock)
    monkeypatch.setattr(owner, "SETTLE", 0.0)


def write_name(folder, seconds_ago=0.0, **name):
    path = folder / LOCK
    path.write_text(json.dumps(name))
    then = time.time() - seconds_ago
    os.utime(path, (then, then))


def test_without_locks_a_line_says_so_and_it_goes_on(tmp_path, no_locks):
    said = []
    with own(tmp_path, said.append):
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
    assert len(said) == 1
    assert "without locks" in said[0]
    assert (tmp_path / LOCK).read_text() == ""
    assert not os.access(tmp_path / LOCK, os.X_OK) or os.geteuid() == 0
    assert (tmp_path / LOCK).stat().st_mode & 0o111 == 0


def test_without_locks_a_living_process_is_noticed_by_its_name(tmp_path, no_locks):
    write_name(tmp_path, host=owner._host(), pid=os.getppid())
    with pytest.raises(RunError, match="another process is training"), own(tmp_path):
        pass


def test_without_locks_a_killed_process_is_not_waited_for(tmp_path, no_locks):
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    write_name(tmp_path, host=owner._host(), pid=gone.pid)
    with own(tmp_path):
        pass


@pytest.mark.parametrize("locks", [True, False])
def test_another_machine_is_noticed_for_a_minute(tmp_path, monkeypatch, locks):
    if not locks:
        monkeypatch.setattr(owner, "_lock", lambda *_: False)
    write_name(tmp_path, host="another machine", pid=1)
    with pytest.raises(RunError, match=r"number 1 on 'another machine'.*remove"), own(tmp_path):
        pass
    write_name(tmp_path, seconds_ago=owner.STALE + 5, host="another machine", pid=1)
    with own(tmp_path):
        pass


def test_of_two_starts_at_one_moment_the_one_whose_name_stands_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(owner, "_lock", lambda *_: False)

    def meanwhile(_seconds):
        write_name(tmp_path, host="another machine", pid=1)

    monkeypatch.setattr(owner.time, "sleep", meanwhile)
    with pytest.raises(RunError, match="it started at this moment"), own(tmp_path):
        pass


def test_an_owner_keeps_its_name_fresh_and_notices_when_it_is_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(owner, "BEAT", 0.02)
    with own(tmp_path) as mine:
        os.utime(tmp_path / LOCK, (1, 1))
        until = time.monotonic() + 20
        while (tmp_path / LOCK).stat().st_mtime < 2 and time.monotonic() < until:
            time.sleep(0.01)
        assert (tmp_path / LOCK).stat().st_mtime > 2
        assert not mine.lost
        write_name(tmp_path, host="another machine", pid=1)
        while not mine.lost and time.monotonic() < until:
            time.sleep(0.01)
        assert mine.lost
    assert "another machine" in (tmp_path / LOCK).read_text()  # another one's name stays


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"pid": "x"}', "\x00" * 5000])
def test_whatever_stands_in_an_old_lock_file(tmp_path, content):
    (tmp_path / LOCK).write_text(content)
    os.utime(tmp_path / LOCK, (1, 1))
    with own(tmp_path):
        pass


def test_an_owner_is_asked_to_stop_and_the_next_one_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(owner, "LOOK", 0.01)
    assert not owner.is_owned(tmp_path)
    owner.ask_to_stop(tmp_path)  # nobody is there to hear it
    with own(tmp_path) as first:
        assert owner.is_owned(tmp_path)
        time.sleep(0.05)
        assert not first.asked
        owner.ask_to_stop(tmp_path)
        assert owner.is_asked_to_stop(tmp_path)
        until = time.monotonic() + 20
        while not first.asked and time.monotonic() < until:
            time.sleep(0.01)
        assert first.asked
    assert not owner.is_owned(tmp_path)
    assert not owner.is_asked_to_stop(tmp_path)
    with own(tmp_path) as second:
        time.sleep(0.05)
        assert not second.asked


def test_a_killed_owner_is_forgotten_after_a_minute(tmp_path):
    write_name(tmp_path, host="another machine", pid=1)
    assert owner.is_owned(tmp_path)
    write_name(tmp_path, seconds_ago=owner.STALE + 5, host="another machine", pid=1)
    assert not owner.is_owned(tmp_path)
