"""The server as a process: it names its runs, listens, and stops without losing a request."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.client import HTTPConnection, RemoteDisconnected

import pytest

import gankit
from gankit.errors import ConfigError
from gankit.serving.serve import listening, load_named
from gankit.trained.artifact import save_artifact


@pytest.fixture
def run(points, tmp_path):
    """The folder of a run, with its artifact alone."""
    folder = tmp_path / "ring"
    folder.mkdir()
    save_artifact(folder / "model.safetensors", points.game, {"generator": points.generator}, 3)
    return folder


def test_a_run_is_named_by_its_folder_or_as_you_like(run):
    gans = load_named([str(run), f"other={run}", f"file={run}/model.safetensors"])
    assert list(gans) == ["ring", "other", "file"]
    assert list(load_named([f"{run}/model.safetensors"])) == ["ring"]
    with pytest.raises(ConfigError, match="two runs are called 'ring'"):
        load_named([str(run), str(run)])
    with pytest.raises(gankit.RunError, match="no artifact"):
        load_named([f"x={run}/nowhere"])


def test_a_folder_may_have_an_equals_sign(run):
    named = run.rename(run.parent / "lr=0.1")
    assert list(load_named([str(named)])) == ["lr=0.1"]


def test_an_address_that_cannot_be_listened_at_is_refused():
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port}: .*in use"):
            listening("127.0.0.1", port)
    for host, port in (
        ("127.0.0.1", 65536),
        ("127.0.0.1", -1),
        ("no.such.host.invalid", 80),
        ("a" * 70, 80),
    ):
        with pytest.raises(ConfigError):
            listening(host, port)


@pytest.fixture
def server(run):
    """A server in a process of its own, and its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gankit", "serve", str(run), "--port", "0"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    first = process.stderr.readline()
    assert "serving ring at http://127.0.0.1:" in first, first + process.stderr.read()
    yield process, int(first.split(" (")[0].rpartition(":")[2])
    process.kill()
    process.communicate()


@pytest.mark.slow
def test_on_sigterm_every_accepted_request_is_answered(server):
    """Clients ask without a pause over kept connections, and none is cut off."""
    process, port = server
    answered, refused, lost = [], [], []

    def ask(number):
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        body = json.dumps({"n": 200, "seed": number, "format": "npz"})
        while True:
            try:
                connection.request("POST", "/sample", body, {"Content-Type": "application/json"})
            except OSError:  # nobody listens any more: it was never accepted
                return
            try:
                answer = connection.getresponse()
                whole = answer.read()
            except (OSError, RemoteDisconnected) as error:
                lost.append(error)
                return
            if answer.status == 200:
                answered.append(len(whole))
            else:
                refused.append((answer.status, json.loads(whole)["detail"]))
                return

    clients = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for client in clients:
        client.start()
    while len(answered) < 20:
        time.sleep(0.01)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as page:
        assert b"POST /sample" in page.read()
    process.send_signal(signal.SIGTERM)
    for client in clients:
        client.join(60)
    assert process.wait(60) == 0
    assert lost == []
    assert refused == [(503, "the server is stopping")] * 8
    assert "stopped; every accepted request was answered" in process.stderr.read()
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), 5):
        pass
