"""Jobs in processes of their own, forked from one that has imported torch and gankit.

A fresh interpreter needs three seconds for its imports; a fork of one that has them needs a
hundredth. The server never takes a training step itself: torch cannot be used in a fork of a
process that has.
"""

from __future__ import annotations

import importlib
import os
import pickle
import pkgutil
import runpy
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[2]
BOOT = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from tools.breaking.processes import serve; serve()"
)
HEAVY = ("torch._dynamo", "safetensors.torch", "PIL.GifImagePlugin", "PIL.PngImagePlugin")
"""What a run imports late, besides gankit itself."""
PATIENCE = 300.0
"""Seconds after which a job hangs. Far more than any needs on a slow machine."""

Call = Callable[[], Any]


@dataclass(frozen=True)
class Result:
    """How a process ended: its exit code (minus the number of a signal that ended it), output."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclass(frozen=True)
class Child:
    """A job that runs. `pid` is its own until `wait` has returned."""

    pid: int
    forks: Forks
    output: tuple[Path, Path]

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def running(self) -> bool:
        with Path(f"/proc/{self.pid}/stat").open() as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"

    def wait(self, seconds: float = PATIENCE) -> Result:
        """How it ended. One that hangs is killed; its code is then -9, and its output says so."""
        until, late = time.monotonic() + seconds, ""
        while (code := self.forks.ask("poll", self.pid)) is None:
            time.sleep(0.004)
            if time.monotonic() > until and not late:
                late = f"\nTraceback: none; it hung for {seconds:.0f} s and was killed"
                self.send(signal.SIGKILL)
        out, err = (path.read_text(errors="replace") for path in self.output)
        for path in self.output:
            path.unlink()
        return Result(code, out, err + late)


class Forks:
    """The server's other end. May be used by several threads."""

    def __init__(self, scratch: Path) -> None:
        self._scratch, self._count, self._lock = scratch, 0, threading.Lock()
        self._server = subprocess.Popen(
            [sys.executable, "-c", BOOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"},
        )
        assert self._server.stdin is not None
        self._asked, self._answered = self._server.stdin, self._server.stdout
        paths = [str(ROOT), *(os.path.abspath(p) for p in sys.path)]  # noqa: PTH100 - '' is one
        pickle.dump(paths, self._asked)
        self._asked.flush()

    def start(self, call: Call, prepare: Iterable[Call] = (), folder: Path | None = None) -> Child:
        """`call` in a process of its own, inside `folder`, after everything in `prepare`."""
        with self._lock:
            self._count += 1
            number = self._count
        output = tuple(self._scratch / f"{number}.{name}" for name in ("out", "err"))
        for path in output:
            path.touch()  # it may be killed before it opens them
        job = pickle.dumps((call, tuple(prepare), str(folder or self._scratch), output))
        return Child(self.ask("start", job), self, output)

    def ask(self, what: str, content: Any) -> Any:
        with self._lock:
            pickle.dump((what, content), self._asked)
            self._asked.flush()
            return pickle.load(self._answered)

    def close(self) -> None:
        self._asked.close()
        self._answered.close()
        self._server.wait()


def command(*arguments: object) -> None:
    """The `gankit` command, as a job."""
    from gankit.cli import main

    sys.argv = ["gankit", *map(str, arguments)]
    main()


def python(path: Path, *arguments: str) -> None:
    """A file of Python, as a job: what `python PATH ARGUMENTS` runs."""
    sys.path.insert(0, str(path.parent))
    sys.argv = [str(path), *arguments]
    runpy.run_path(str(path), run_name="__main__")


def installed_in(folder: Path) -> None:
    """For `prepare`: what lies in a folder can be imported, as an installed package can."""
    sys.path.insert(0, str(folder))


def serve() -> None:
    """Fork a job for each request, and say how it ended, until nobody asks any more."""
    _import_everything()
    while True:
        try:
            what, content = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        if what == "start":
            answer: int | None = os.fork()
            if answer == 0:
                _become(content)
        else:
            done, status = os.waitpid(content, os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if done else None
        pickle.dump(answer, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _import_everything() -> None:
    import gankit

    inside = (m.name for m in pkgutil.walk_packages(gankit.__path__, "gankit."))
    for name in (*HEAVY, *inside):
        if not name.endswith("__main__"):
            with suppress(ImportError):
                importlib.import_module(name)


def _become(job: bytes) -> NoReturn:
    """In the fork: be the job, and never return to the server's code."""
    code = 1
    try:
        call, prepare, folder, output = pickle.loads(job)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for handle, path in enumerate((Path(os.devnull), *output)):
            opened = os.open(path, os.O_RDWR | os.O_CREAT)
            os.dup2(opened, handle)
            os.close(opened)
        os.chdir(folder)
        for step in prepare:
            step()
        call()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        if isinstance(stop.code, str):
            sys.stderr.write(stop.code + "\n")
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
