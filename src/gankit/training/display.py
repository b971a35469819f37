"""The display of a run's progress: a bar on a terminal, plain lines elsewhere.

On a terminal something moves every second, also while a step takes longer. A thread sees to that,
which begins and ends with the bar. If the terminal is gone, or the disk behind stderr is full, the
run goes on without a display.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from gankit.training.pace import Pace, in_words

SECONDS_BEFORE_A_LINE, SECONDS_BETWEEN_LINES = 3.0, 10.0
SECONDS_BETWEEN_TICKS = 0.5


class Display:
    """Shows how far a run is; nothing if `quiet`, as in every process but the first.

    If `wordless`, it says no lines, and its bar on a terminal is gone when the run ends.
    """

    def __init__(self, quiet: bool = False, wordless: bool = False) -> None:
        self._wordless = wordless
        self.console = Console(stderr=True, quiet=quiet, highlight=False)
        self._is_live = self.console.is_terminal and not quiet
        self._bar: Progress | None = None
        self._ticker: _Ticker | None = None
        self._numbers = self._doing = ""
        self._steps, self._pace = 0, Pace(0, 0.0)
        self._began = self._advanced = time.monotonic()
        self._next_line = 0.0

    def say(self, text: str) -> None:
        """Print one line now."""
        if self._wordless:
            return
        # As plain text: square brackets in a path are not markup, and no line is wrapped.
        with suppress(OSError, UnicodeError):
            self.console.print(text, markup=False, soft_wrap=True)

    def begin(
        self, step: int, steps: int, seconds: float = 0.0, per_step: float | None = None
    ) -> None:
        """Begin the display of a run that starts, or goes on, at `step` of `steps`.

        Args:
            seconds: the time that it has trained for in all.
            per_step: the seconds that a step is thought to take; None: unknown.
        """
        self._steps, self._pace = steps, Pace(step, seconds, per_step)
        self._began = self._advanced = time.monotonic()
        self._next_line = self._began + SECONDS_BEFORE_A_LINE
        if self._is_live:
            self._show(
                TextColumn("step {task.completed:,.0f}/{task.total:,.0f}"),
                BarColumn(bar_width=12),
                _Column(self._times),
                _Column(lambda: self._doing or self._numbers),
                lasting=not self._wordless,
            )

    def advance(
        self, step: int, seconds: float, numbers: Mapping[str, float] | None = None
    ) -> None:
        """Show that `step` was reached, when the run had trained for `seconds` in all.

        Args:
            numbers: what was logged of it: images/s, losses, beliefs. None: nothing.
        """
        self._pace.note(step, seconds)
        self._advanced = now = time.monotonic()
        if numbers is not None:
            self._numbers = describe(numbers)
        if self._bar is None and now >= self._next_line:
            self._next_line = now + SECONDS_BETWEEN_LINES
            parts = (f"step {step:,}/{self._steps:,}", self._numbers, self._left())
            self.say("  ".join(part for part in parts if part))

    @contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """Show on a terminal that something other than a step takes its time."""
        self._doing, own_line = what, self._is_live and self._bar is None
        if own_line:
            self._began = time.monotonic()
            self._show(_Column(lambda: self._doing), _Column(self._times), lasting=False)
        try:
            yield
        finally:
            if own_line:
                self._hide()
            self._doing = ""

    def _left(self) -> str:
        left = self._pace.left(self._steps, time.monotonic() - self._advanced)
        return "" if left is None else f"{in_words(left)} left"

    def _times(self) -> str:
        """Return the time since the beginning, and the time left if it is known."""
        passed = in_words(time.monotonic() - self._began)
        left = "" if self._doing else self._left()
        return f"{passed}, {left}" if left else passed

    def _show(self, *columns: ProgressColumn, lasting: bool = True) -> None:
        self._bar = Progress(
            *columns, console=self.console, auto_refresh=False, transient=not lasting
        )
        self._bar.add_task("", total=self._steps, completed=self._pace.step)
        with suppress(OSError):
            self._bar.start()
        self._ticker = _Ticker(self._tick)

    def _tick(self) -> None:
        if self._bar is not None:
            with suppress(OSError, UnicodeError):
                self._bar.update(self._bar.task_ids[0], completed=self._pace.step, refresh=True)

    def _hide(self) -> None:
        if self._ticker is not None:
            self._ticker.stop()
        if self._bar is not None:
            self._tick()
            with suppress(OSError, UnicodeError):
                self._bar.stop()
        self._bar = self._ticker = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._hide()


class _Column(ProgressColumn):
    """A column whose text is asked for whenever it is shown."""

    def __init__(self, text: Callable[[], str]) -> None:
        super().__init__()
        self._text = text

    def render(self, task: Task) -> Text:
        return Text(self._text(), no_wrap=True, overflow="ellipsis")


class _Ticker:
    """Calls a function again and again in a thread of its own, until `stop`."""

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick, self._ended = tick, threading.Event()
        self._thread = threading.Thread(target=self._run, name="display", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(SECONDS_BETWEEN_TICKS):
            self._tick()

    def stop(self) -> None:
        """End the thread, and wait until it has ended."""
        self._ended.set()
        self._thread.join()


def describe(numbers: Mapping[str, float]) -> str:
    """Return a line such as `3,412 images/s  D 1.234  G 0.876  D(real) 0.61  D(fake) 0.38`."""
    players = {p: [v for k, v in numbers.items() if k.startswith(f"{p}/")] for p in "dg"}
    parts = [f"{numbers['images_per_second']:,.0f} images/s"]
    parts += [f"{p.upper()} {sum(values):.3f}" for p, values in players.items() if values]
    parts += [
        f"{label} {numbers[key]:.2f}"
        for key, label in (("d_real", "D(real)"), ("d_fake", "D(fake)"))
        if key in numbers
    ]
    return "  ".join(parts)
