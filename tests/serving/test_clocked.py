"""Slow clients, by raw sockets: none of them holds a connection."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from urllib.request import urlopen

import pytest
import uvicorn

from gankit.serving.clocked import clocked
from gankit.serving.serve import listening

HEAD = b"GET / HTTP/1.1\r\nHost: here\r\n"
SIZES = {"/": 2, "/large": 32 * 2**20}


async def answers(scope, receive, send):
    """An application whose /large is more than sockets hold."""
    size = SIZES[scope["path"]]
    headers = [(b"content-length", b"%d" % size)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"x" * size})


@pytest.fixture
def server():
    """A server that gives clients half a second, and its port."""
    with listening("127.0.0.1", 0) as listener:
        config = uvicorn.Config(
            answers, http=clocked(0.5), ws="none", lifespan="off", log_level="critical"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        port = listener.getsockname()[1]
        assert urlopen(f"http://127.0.0.1:{port}/", timeout=30).read() == b"xx"
        yield server, port
        server.should_exit = True
        thread.join()


def idle(connection):
    time.sleep(2)


def head_in_pieces(connection):
    for byte in HEAD + b"X-Long: " + b"y" * 40:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def second_head_in_pieces(connection):
    connection.sendall(HEAD + b"\r\n")
    assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    head_in_pieces(connection)


def reads_nothing(connection):
    connection.sendall(HEAD.replace(b"/ ", b"/large ") + b"\r\n")
    time.sleep(2)


def leaves_without_reading(connection):
    connection.sendall(HEAD.replace(b"/ ", b"/large ") + b"Connection: close\r\n\r\n")
    connection.recv(10)
    time.sleep(2)


SLOW = (idle, head_in_pieces, second_head_in_pieces, reads_nothing, leaves_without_reading)


def test_a_slow_client_is_cut_and_others_are_answered(server):
    running, port = server
    open_ones = []
    for slow in SLOW:
        connection = socket.create_connection(("127.0.0.1", port))
        open_ones.append(connection)

        def act(slow=slow, connection=connection):
            with suppress(OSError):  # it is cut while it goes on
                slow(connection)

        threading.Thread(target=act, daemon=True).start()
    until = time.monotonic() + 20
    while len(running.server_state.connections) < 5 and time.monotonic() < until:
        time.sleep(0.01)
    assert urlopen(f"http://127.0.0.1:{port}/", timeout=30).read() == b"xx"
    while running.server_state.connections and time.monotonic() < until:
        time.sleep(0.05)
    assert not running.server_state.connections
    for connection in open_ones:
        connection.close()


def test_a_client_in_time_is_answered_in_full(server):
    _, port = server
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for part in (HEAD[:10], HEAD[10:], b"\r\n"):
            connection.sendall(part)
            time.sleep(0.05)
        assert connection.recv(1000).endswith(b"xx")
    assert len(urlopen(f"http://127.0.0.1:{port}/large", timeout=30).read()) == SIZES["/large"]
