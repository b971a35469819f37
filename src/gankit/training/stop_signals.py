"""Stop a run after its step on Ctrl-C, or on the signals of batch systems and lost terminals."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from gankit.errors import Interrupted

ASK_TO_STOP = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")
"""The signals of Ctrl-C, of `kill` and batch systems, of a terminal that is gone, and of a batch
system's early warning."""


class StopSignals:
    """A context in which the first signal only sets `received`; a second one acts as usual.

    Before `wait_for_a_step` is called there is no step to wait for, so the first signal acts at
    once: Ctrl-C as usual, and any other raises Interrupted.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}
        self._waiting = False

    def wait_for_a_step(self) -> None:
        """Let the next signal only set `received`, from now on."""
        self._waiting = True

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # Python allows no other
            for name in ASK_TO_STOP:
                number = getattr(signal, name, None)  # Windows lacks some
                if number is None or self._is_nohup(number):
                    continue
                self._before[number] = signal.signal(number, self._receive)
        return self

    def _is_nohup(self, number: signal.Signals) -> bool:
        """Return whether the run was told to outlive its terminal."""
        return number.name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._waiting:
            self.received = signal.Signals(number)
        self._put_back()
        if self._waiting:
            return
        before = self._before.get(signal.Signals(number))
        if callable(before):
            before(number, frame)
        else:
            raise Interrupted(number, signal.Signals(number).name)

    def _put_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._put_back()
