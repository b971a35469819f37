"""The page from a local server: to this machine alone, and nothing but the page."""

from __future__ import annotations

import threading
from http.client import HTTPConnection
from pathlib import Path

import pytest

import gankit
from gankit.exporting.explore import explore, serve_page


@pytest.fixture
def server():
    opened = serve_page(b"<p>page</p>", 0)
    thread = threading.Thread(target=opened.serve_forever)
    thread.start()
    yield opened
    opened.shutdown()
    thread.join()
    opened.server_close()


def asked(server, path="/", host=None):
    """The status and the body of an answer."""
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_the_page_and_nothing_else(server):
    assert server.server_address[0] == "127.0.0.1"
    assert asked(server) == (200, b"<p>page</p>")
    assert asked(server, host=f"localhost:{server.server_port}")[0] == 200
    assert asked(server, "/../../etc/passwd")[0] == 404
    assert asked(server, host=f"elsewhere.example:{server.server_port}")[0] == 403


def test_a_port_that_cannot_be_used(server):
    with pytest.raises(gankit.RunError, match=r"cannot be used .*give another"):
        serve_page(b"", server.server_port)
    with pytest.raises(gankit.ConfigError, match="port must be in 0 to 65535"):
        explore(Path("run"), port=70_000)
    with pytest.raises(gankit.RunError, match="no artifact at"):
        explore(Path("nowhere"))
