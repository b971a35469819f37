"""`gankit watch`: runs while they train, from this machine and to this machine alone."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from gankit.errors import ConfigError, RunError
from gankit.owner import ask_to_stop, is_owned
from gankit.pages.compare_groups import unfolded
from gankit.pages.local_server import ADDRESS, LocalHandler, LocalServer, open_server, serve
from gankit.run import PICTURE, Run
from gankit.text import from_home
from gankit.watching.look import Look
from gankit.watching.page import watch_page

WAIT, MOST_OF_A_CORE = 2.0, 0.05
"""The seconds between two looks of a page, and the share of a processor that they may take: what
takes longer is looked at more rarely, since training may want that processor."""
FIELDS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def watch(folders: Sequence[str | Path], *, port: int = 0, browser: bool = True) -> None:
    """Serve a page of runs, finished or not, open it in a browser, and return after Ctrl-C.

    Args:
        folders: run directories; a folder of runs stands for those in it.
        port: 0 to 65535; 0 takes any that is free.
        browser: whether to open the page.

    Raises:
        ConfigError: no folder is given, or the port is out of range.
        RunError: there is no run in a folder, or the port is taken.
    """
    if not folders:
        raise ConfigError("watch needs the folder of a run, or of several")
    found = unfolded([from_home(folder) for folder in folders])
    for folder in found:
        if not Run(folder).record_path.exists():
            raise RunError(f"'{folder}' holds no run: give the folder of one that has begun")
    watched = Watched(found)
    serve(watched.open(port), f"{watched.token}/", browser=browser)


@contextmanager
def watching(folders: Sequence[Path]) -> Iterator[str]:
    """Serve a page of runs from a thread, as long as the context lasts; yields its address.

    The runs need not have begun. At the end a page that is open is shown the last state.
    """
    watched = Watched(folders)
    with watched.open(0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True, name="gankit-watch")
        thread.start()
        try:
            yield f"http://{ADDRESS}:{server.server_port}/{watched.token}/"
            watched.show_the_end()
        finally:
            server.shutdown()
            thread.join()


class Watched:
    """The runs of a page, and its answers.

    Attributes:
        token: the beginning of every path. Who does not know it is told nothing, and stops no run:
            other users of this machine reach its ports too.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = folders
        self.token = secrets.token_urlsafe(24)
        self._looks = [Look(folder) for folder in folders]
        self._page = watch_page(folders)
        self._asked, self._told = float("-inf"), threading.Event()

    def open(self, port: int) -> LocalServer:
        """Return a server of the page. Raises ConfigError and RunError as `open_server` does."""
        watched = self

        class Handler(LocalHandler):
            def answer(self) -> None:
                token, *path = self.path.removeprefix("/").split("/")
                known = secrets.compare_digest(token.encode(), watched.token.encode())
                found = watched.answer(self.command, *path) if known else None
                if found is None:
                    self.send_error(HTTPStatus.NOT_FOUND)
                else:
                    self.reply(*found, FIELDS)

        return open_server(Handler, port)

    def answer(self, method: str, *path: str) -> tuple[bytes, str] | None:
        """Return what a path below the token stands for, and its media type; None if nothing.

        `` is the page, `state` all that is to be seen of the runs, `picture/0/0000500` a picture of
        the first run; to POST to `stop/0` asks that run to stop.
        """
        match method, *path:
            case "GET", "":
                return self._page, "text/html; charset=utf-8"
            case "GET", "state":
                return _as_json(self._state())
            case "GET", "picture", run, step if self._is_run(run):
                return _picture(self.folders[int(run)], step)
            case "POST", "stop", run if self._is_run(run):
                return _as_json({"said": _stop(self.folders[int(run)])})
        return None

    def _is_run(self, number: str) -> bool:
        return number in map(str, range(len(self.folders)))

    def _state(self) -> object:
        began = time.thread_time()
        runs = [look.now() for look in self._looks]
        wait = max(WAIT, (time.thread_time() - began) / MOST_OF_A_CORE)
        self._asked = time.monotonic() + wait
        self._told.set()
        return {"runs": runs, "wait": round(1000 * wait)}

    def show_the_end(self) -> None:
        """Wait until an open page has asked once more, or does not when it is expected to."""
        self._told.clear()
        left = self._asked + 1.0 - time.monotonic()
        if left > 0 and self._told.wait(left):
            time.sleep(0.2)  # until the answer is sent


def _as_json(content: object) -> tuple[bytes, str]:
    return json.dumps(content).encode(errors="replace"), "application/json"


def _picture(folder: Path, step: str) -> tuple[bytes, str] | None:
    name = f"{step}.png"
    if not PICTURE.fullmatch(name):
        return None
    try:
        return (Run(folder).samples / name).read_bytes(), "image/png"
    except OSError:
        return None


def _stop(folder: Path) -> str:
    """Ask the run in `folder` to stop, and return what became of that, in words."""
    if not is_owned(folder):
        return "no process trains in it"
    try:
        ask_to_stop(folder)
    except OSError as problem:
        return f"it cannot be asked to stop: {problem.strerror or problem}"
    return "asked to stop"
