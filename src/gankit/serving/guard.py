"""What every request passes before the application sees it: token, size, time, concurrency, stop.

It is plain ASGI, so that it bounds what is read before anything is parsed.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from gankit.serving.access import Token
from gankit.serving.limits import Limits

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
Counted = Callable[[str, int, float], None]

OPEN = ("/health",)
"""The paths that need no token: what watches over a server must reach it."""


class RefusedError(Exception):
    """An answer in place of the application's: a status, the reason, and headers."""

    def __init__(self, status: int, reason: str, **headers: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Guard:
    """An application that bounds another one.

    Args:
        application: what is guarded.
        limits: of a request, and of all of them together.
        token: what a request must carry; None: nothing.
        counted: called with the path, the status and the seconds of each answer.

    Attributes:
        stopping: whether new requests are refused; those in progress are answered, and each answer
            closes its connection.
    """

    def __init__(
        self, application: Application, limits: Limits, token: Token | None, counted: Counted
    ) -> None:
        self._application, self._limits = application, limits
        self._token, self._counted = token, counted
        self.in_progress = 0
        self.stopping = False

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        answer = _Answer(send, lambda: self.stopping)
        started = time.monotonic()
        self.in_progress += 1
        try:
            self._check(scope)
            body = await self._body(scope, receive)
            if body is not None:
                await self._run(scope, body, receive, answer)
        except RefusedError as refusal:
            await answer.refuse(refusal)
        finally:
            self.in_progress -= 1
            if answer.status:
                self._counted(scope["path"], answer.status, time.monotonic() - started)

    def _check(self, scope: MutableMapping[str, Any]) -> None:
        if self.stopping:
            raise RefusedError(503, "the server is stopping", retry_after="5")
        if self._token is not None and scope["path"] not in OPEN:
            given = [value for name, value in scope["headers"] if name == b"authorization"]
            if len(given) != 1 or not self._token.admits(given[0]):
                raise RefusedError(
                    401,
                    "a token is needed: send the header Authorization: Bearer <token>",
                    www_authenticate="Bearer",
                )
        if self.in_progress > self._limits.requests and scope["path"] not in OPEN:
            raise RefusedError(429, "too many requests are in progress", retry_after="1")

    async def _body(self, scope: MutableMapping[str, Any], receive: Receive) -> bytes | None:
        """Read the body of a request; None if the client has gone."""
        most = self._limits.body
        told = next((v for name, v in scope["headers"] if name == b"content-length"), b"0")
        if told.isdigit() and int(told[:20]) > most:
            raise _too_long(most)
        parts, size = [], 0
        try:
            async with asyncio.timeout(self._limits.seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > most:
                        raise _too_long(most)
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            raise RefusedError(
                408,
                f"the request did not arrive within {self._limits.seconds:g} s",
                connection="close",
            ) from None

    async def _run(
        self, scope: MutableMapping[str, Any], body: bytes, receive: Receive, answer: _Answer
    ) -> None:
        """Let the application answer, unless the client goes or the time is over."""
        pieces = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def again() -> Message:
            return next(pieces, {"type": "http.disconnect"})

        work = asyncio.ensure_future(self._application(scope, again, answer))
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            await asyncio.wait(
                {work, gone}, timeout=self._limits.seconds, return_when="FIRST_COMPLETED"
            )
            if work.done():
                await work  # raises what it raised
            elif not gone.done() and not answer.status:
                raise RefusedError(
                    503, f"it took longer than {self._limits.seconds:g} s", retry_after="5"
                )
        finally:
            for task in (work, gone):
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task


class _Answer:
    """Sends what the application answers, notes its status, and closes connections at the end."""

    def __init__(self, send: Send, closing: Callable[[], bool]) -> None:
        self._send, self._closing = send, closing
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", []), (b"x-content-type-options", b"nosniff")]
            if self._closing():
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        await self._send(message)

    async def refuse(self, refusal: RefusedError) -> None:
        """Answer with a refusal."""
        body = json.dumps({"detail": refusal.reason}).encode()
        headers = {"content-type": "application/json", "content-length": str(len(body))}
        named = {**headers, **refusal.headers}
        raw = [(name.encode(), value.encode()) for name, value in named.items()]
        await self({"type": "http.response.start", "status": refusal.status, "headers": raw})
        await self({"type": "http.response.body", "body": body})


async def _until_gone(receive: Receive) -> None:
    """Return when the client has closed its connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _too_long(most: int) -> RefusedError:
    return RefusedError(413, f"the request is longer than {most:,} bytes", connection="close")
