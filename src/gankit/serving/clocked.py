"""Connections that a slow client cannot hold: uvicorn's own, with a clock.

uvicorn waits without end for the head of a request, and for a client to read its answer. Clients
that do neither would use up the server's connections.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


def clocked(seconds: float) -> type[H11Protocol]:
    """Return a protocol for uvicorn (`Config(http=...)`) that gives clients so many seconds.

    A connection is cut if the head of a request has not come that long after the connection was
    made, or after the first byte of a later request; or if an answer waits that long for the client
    to read on. Bodies are not its business: `Guard` bounds them. A connection that is idle after an
    answer is closed by uvicorn.
    """

    class Clocked(_Clocked):
        patience = seconds

    return Clocked


class _Clocked(H11Protocol):
    patience: ClassVar[float]
    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop()
        elif self._clock is None and self.timeout_keep_alive_task is None:
            self._wait()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait_for_the_end()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._wait_for_the_end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _wait_for_the_end(self) -> None:
        """Give the client time to read the rest of an answer, if the connection is closing."""
        if self.transport.is_closing() and self._clock is None:
            self._wait()

    def _wait(self) -> None:
        self._stop()
        self._clock = self.loop.call_later(self.patience, self.transport.abort)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
