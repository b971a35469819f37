"""What a request must pass: token, size, time, concurrency; and what happens at the end."""

from __future__ import annotations

import asyncio
import json

import pytest

from gankit.serving.access import Token
from gankit.serving.guard import Guard
from gankit.serving.limits import Limits

SECRET = "correct-horse-battery"
LIMITS = Limits(body=100, seconds=0.2, requests=2)


class Client:
    """One request to a guarded application, message by message."""

    def __init__(self, guard, path="/sample", headers=(), body=b"", sends=True):
        self.guard, self.sent = guard, []
        self.scope = {"type": "http", "method": "POST", "path": path, "headers": list(headers)}
        self.incoming = asyncio.Queue()
        if sends:
            self.send(body)

    def send(self, body, more=False):
        self.incoming.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def leave(self):
        self.incoming.put_nowait({"type": "http.disconnect"})

    async def ask(self):
        async def send(message):
            self.sent.append(message)

        await self.guard(self.scope, self.incoming.get, send)
        return self

    @property
    def status(self):
        return self.sent[0]["status"]

    @property
    def headers(self):
        return dict(self.sent[0]["headers"])

    @property
    def detail(self):
        return json.loads(self.sent[1]["body"])["detail"]


class Echo:
    """An application that answers with the body, once it may."""

    def __init__(self):
        self.may, self.seen, self.cancelled = asyncio.Event(), 0, 0
        self.may.set()

    async def __call__(self, scope, receive, send):
        body = (await receive())["body"]
        self.seen += 1
        try:
            await self.may.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


def guarded(token=None, limits=LIMITS):
    counted = []
    echo = Echo()
    guard = Guard(echo, limits, token, lambda path, status, seconds: counted.append((path, status)))
    return guard, echo, counted


def test_a_request_passes_whole():
    async def story():
        guard, _, counted = guarded()
        client = Client(guard, sends=False)
        client.send(b"ab", more=True)
        client.send(b"cd")
        await client.ask()
        assert client.status == 200
        assert client.sent[1]["body"] == b"abcd"
        assert client.headers[b"x-content-type-options"] == b"nosniff"
        assert counted == [("/sample", 200)]
        assert guard.in_progress == 0

    asyncio.run(story())


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        ([(b"authorization", f"Bearer {SECRET}".encode())], "/sample", 200),
        ([(b"authorization", b"Bearer wrong")], "/sample", 401),
        ([(b"authorization", f"Bearer {SECRET}".encode())] * 2, "/sample", 401),
        ([], "/sample", 401),
        ([], "/docs", 401),
        ([], "/health", 200),
    ],
)
def test_a_token_is_asked_for(headers, path, status):
    async def story():
        guard, echo, _ = guarded(Token(SECRET))
        client = await Client(guard, path, headers).ask()
        assert client.status == status
        assert echo.seen == (status == 200)
        if status == 401:
            assert client.headers[b"www-authenticate"] == b"Bearer"

    asyncio.run(story())


def test_a_long_body_is_refused_before_it_is_read_to_its_end():
    async def story():
        guard, echo, _ = guarded()
        told = Client(guard, headers=[(b"content-length", b"101")], sends=False)
        untold = Client(guard, sends=False)
        untold.send(b"x" * 60, more=True)
        untold.send(b"x" * 60, more=True)
        for client in (told, untold):
            await client.ask()
            assert client.status == 413
            assert client.detail == "the request is longer than 100 bytes"
        assert echo.seen == 0

    asyncio.run(story())


def test_a_body_that_does_not_arrive_is_not_waited_for():
    async def story():
        guard, _, counted = guarded()
        client = Client(guard, sends=False)
        client.send(b"x", more=True)
        assert (await client.ask()).status == 408
        assert counted == [("/sample", 408)]

    asyncio.run(story())


def test_an_answer_that_takes_too_long_is_given_up():
    async def story():
        guard, echo, _ = guarded()
        echo.may.clear()
        client = await Client(guard).ask()
        assert client.status == 503
        assert client.headers[b"retry-after"] == b"5"
        assert "longer than 0.2 s" in client.detail
        assert echo.cancelled == 1

    asyncio.run(story())


@pytest.mark.parametrize("when", ["while it sends", "while it waits"])
def test_a_client_that_leaves_is_forgotten(when):
    async def story():
        guard, echo, counted = guarded(limits=Limits(seconds=30))
        echo.may.clear()
        client = Client(guard, sends=when == "while it waits")
        client.leave()
        await client.ask()
        assert client.sent == []
        assert counted == []
        assert guard.in_progress == 0
        assert echo.cancelled == echo.seen == (when == "while it waits")

    asyncio.run(story())


def test_more_requests_than_there_may_be_are_told_to_come_back():
    async def story():
        guard, echo, _ = guarded(limits=Limits(requests=2))
        echo.may.clear()
        clients = [Client(guard) for _ in range(3)]
        asking = [asyncio.create_task(client.ask()) for client in clients]
        while echo.seen < 2:
            await asyncio.sleep(0)
        await asking[2]
        assert clients[2].status == 429
        assert clients[2].headers[b"retry-after"] == b"1"
        echo.may.set()
        await asyncio.gather(*asking)
        assert [client.status for client in clients] == [200, 200, 429]
        assert (await Client(guard).ask()).status == 200

    asyncio.run(story())


def test_while_it_stops_those_in_progress_are_answered_and_others_refused():
    async def story():
        guard, echo, _ = guarded(limits=Limits())
        echo.may.clear()
        before = Client(guard, body=b"before")
        asking = asyncio.create_task(before.ask())
        while not echo.seen:
            await asyncio.sleep(0)
        guard.stopping = True
        after = await Client(guard).ask()
        echo.may.set()
        await asking
        assert (before.status, before.sent[1]["body"]) == (200, b"before")
        assert after.status == 503
        assert after.detail == "the server is stopping"
        assert before.headers[b"connection"] == after.headers[b"connection"] == b"close"

    asyncio.run(story())
