"""The server of `gankit watch`: through HTTP, and in a browser where there is one."""

from __future__ import annotations

import json
import shutil
import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from urllib.request import urlopen

import pytest

import gankit
from gankit.owner import is_asked_to_stop, own
from gankit.run import Run
from gankit.watching.watch import Watched, watch, watching
from tests.browser import open_browser


@pytest.fixture
def runs(made, tmp_path):
    """A run that has reached step 3 of 6, and one that is finished."""
    for name in ("first", "second"):
        shutil.copytree(made, tmp_path / name)
    first, second = Run(tmp_path / "first"), Run(tmp_path / "second")
    first.trim_log(3)
    (first.samples / "0000006.png").unlink()
    return first, second


@contextmanager
def served(*runs):
    """The runs' page, answered from a thread; and its server."""
    watched = Watched([run.folder for run in runs])
    with watched.open(0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield watched, server
        finally:
            server.shutdown()
            thread.join()


def asked(server, path, method="GET", host=None):
    """The status, the media type and the body of an answer."""
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    connection.request(method, path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    found = answer.status, answer.getheader("Content-Type"), answer.read()
    connection.close()
    return found


def test_page_state_and_pictures(runs):
    with served(*runs) as (watched, server):
        base = f"/{watched.token}/"
        status, kind, page = asked(server, base)
        assert (status, kind) == (200, "text/html; charset=utf-8")
        assert b"second" in page
        seen = json.loads(asked(server, f"{base}state")[2])
        assert [now["state"] for now in seen["runs"]] == ["ended", "finished"]
        assert seen["wait"] >= 2000
        status, kind, picture = asked(server, f"{base}picture/1/0000006")
        assert (status, kind) == (200, "image/png")
        assert picture == (runs[1].samples / "0000006.png").read_bytes()


def test_nothing_is_told_without_the_token_or_beside_the_runs(runs):
    runs[0].samples.joinpath("0000001.png").mkdir()
    with served(*runs) as (watched, server), own(runs[0].folder):
        base = f"/{watched.token}"
        for path in ("/", "/state", "/x/state", f"{base}x/", "/%ff/", "//", "*", base[1:]):
            assert asked(server, path)[0] == 404
        for step in ("9999999", "0000001", "..%2frun", "0000003.png", "../run"):
            assert asked(server, f"{base}/picture/0/{step}")[0] == 404
        for number in ("2", "-1", "x", "", "00"):
            assert asked(server, f"{base}/stop/{number}", "POST")[0] == 404
        assert asked(server, "/x/stop/0", "POST")[0] == 404
        assert asked(server, f"{base}/stop/0", "GET")[0] == 404
        assert asked(server, f"{base}/state", host="elsewhere.example:80")[0] == 403
        assert not is_asked_to_stop(runs[0].folder)


def test_the_button_asks_the_process_that_trains(runs):
    with served(*runs) as (watched, server):
        path = f"/{watched.token}/stop/0"
        assert json.loads(asked(server, path, "POST")[2]) == {"said": "no process trains in it"}
        with own(runs[0].folder):
            assert json.loads(asked(server, path, "POST")[2]) == {"said": "asked to stop"}
            assert is_asked_to_stop(runs[0].folder)


def test_a_run_that_trains_is_watched_until_it_has_ended(small, tmp_path):
    seen = []

    class Looking(gankit.Callback):
        def after_step(self, trainer, moves):
            with urlopen(f"{address}state", timeout=30) as answer:
                seen.append(json.load(answer)["runs"][0]["state"])

    config = small("gan", **{"training.steps": 2})
    with watching([tmp_path / "run"]) as address:
        gankit.fit(config, tmp_path / "run", callbacks=[Looking()], quiet=True)
    assert seen == ["training", "training"]


def test_what_cannot_be_watched(runs, tmp_path):
    with pytest.raises(gankit.ConfigError, match="needs the folder of a run"):
        watch([])
    with pytest.raises(gankit.RunError, match=r"holds no run: give the folder"):
        watch([tmp_path / "typo"])
    with pytest.raises(gankit.ConfigError, match="port must be in 0 to 65535"):
        watch([runs[0].folder], port=-1)
    with served(*runs) as (_, server), pytest.raises(gankit.RunError, match="give another one"):
        watch([tmp_path], port=server.server_port)  # a folder of runs stands for them


def test_the_page_in_a_browser(runs):
    """Both runs, on a phone, by the keyboard; what is new appears; no request goes elsewhere."""
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": 360, "height": 740})
        with served(*runs) as (watched, server), own(runs[0].folder):
            use(page, f"http://127.0.0.1:{server.server_port}/", watched.token, runs[0])
        page.get_by_text("The server has ended").wait_for()


def use(page, base, token, run):
    """Do what a person does on the page, of whose runs `run` is the first."""
    heard = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: heard.append(request.url))
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{base}{token}/")
    first = page.locator(".run").first
    first.locator(".state.training").wait_for()
    page.get_by_text("finished").wait_for()
    assert not page.get_by_text("The server has ended").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.title().startswith("50 %, 100 %")
    assert page.evaluate("document.querySelector('.growing img').naturalWidth") > 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "stop"
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")  # the film stands still where it is put
    first.get_by_text("step 0", exact=True).wait_for()
    run.log({"step": 5, "seconds": 2.5, "d_real": 0.5, "d_fake": 0.5})
    first.get_by_text("5 of 6").wait_for()
    assert first.locator("figcaption").first.text_content() == "step 0"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    first.get_by_text("asked to stop:").wait_for()
    assert is_asked_to_stop(run.folder)
    assert not [said for said in heard if not said.startswith(base)]


def test_the_last_state_is_shown_to_a_page_that_is_open(runs):
    watched = Watched([runs[0].folder])
    watched.show_the_end()  # nobody asked, so nothing is waited for
    watched.answer("GET", "state")
    waiting = threading.Thread(target=watched.show_the_end)
    waiting.start()
    watched.answer("GET", "state")
    waiting.join(timeout=20)
    assert not waiting.is_alive()
