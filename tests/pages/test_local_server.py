"""Servers of this machine: what reaches them, and what they never say."""

from __future__ import annotations

import socket
import threading
from http.client import HTTPConnection

import pytest

import gankit
from gankit.pages.local_server import LocalHandler, open_server


class Echo(LocalHandler):
    def answer(self):
        self.reply(f"{self.command} {self.path}".encode(), "text/plain", {"X-More": "yes"})


@pytest.fixture
def port():
    with open_server(Echo, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def asked(port, method, path, **headers):
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.getheader("X-More"), answer.read()
    connection.close()
    return found


def test_get_and_post_of_this_machine_alone(port):
    assert asked(port, "GET", "/a?b") == (200, "yes", b"GET /a?b")
    assert asked(port, "POST", "/a", Host=f"localhost:{port}") == (200, "yes", b"POST /a")
    assert asked(port, "GET", "/favicon.ico") == (204, None, b"")
    for method in ("GET", "POST"):
        assert asked(port, method, "/a", Host=f"elsewhere.example:{port}")[0] == 403
    assert asked(port, "DELETE", "/a")[0] == 501


def test_a_client_that_leaves_is_no_error(port, capfd):
    for _ in range(3):
        client = socket.create_connection(("127.0.0.1", port), timeout=30)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
        client.sendall(b"GET /a HTTP/1.1\r\nHost: localhost:1\r\n\r\n")
        client.close()
    assert asked(port, "GET", "/a")[0] == 200
    assert capfd.readouterr().err == ""


def test_a_port_that_cannot_be_used(port):
    with pytest.raises(gankit.RunError, match=r"cannot be used .*give another"):
        open_server(Echo, port)
    with pytest.raises(gankit.ConfigError, match="port must be in 0 to 65535"):
        open_server(Echo, 70_000)
