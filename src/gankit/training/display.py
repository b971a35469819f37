"""The display of a run's progress: a bar on a terminal, plain lines elsewhere.

If the terminal is gone, or the disk behind stderr is full, the run goes on without a display.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

SECONDS_BETWEEN_LINES = 10.0


class Display:
    """Shows how far a run is; nothing if `quiet`, as in every process but the first."""

    def __init__(self, quiet: bool = False) -> None:
        self.console = Console(stderr=True, quiet=quiet, highlight=False)
        self._quiet = quiet
        self._bar: Progress | None = None
        self._last_line = 0.0
        self._started = (0, time.monotonic())
        self._steps = 0

    def say(self, text: str) -> None:
        """Print one line now."""
        # As plain text: square brackets in a path are not markup, and no line is wrapped.
        with suppress(OSError, UnicodeError):
            self.console.print(text, markup=False, soft_wrap=True)

    def begin(self, step: int, steps: int) -> None:
        """Begin the display of a run that starts, or goes on, at `step` of `steps`."""
        self._started, self._steps = (step, time.monotonic()), steps
        self._last_line = time.monotonic()
        if self.console.is_terminal and not self._quiet:
            self._bar = Progress(
                TextColumn("step {task.completed:,}/{task.total:,}"),
                BarColumn(bar_width=24),
                TaskProgressColumn(),
                TextColumn("{task.fields[numbers]}"),
                TimeRemainingColumn(compact=True),
                console=self.console,
                refresh_per_second=4,
            )
            self._bar.add_task("", total=steps, completed=step, numbers="")
            with suppress(OSError):
                self._bar.start()

    def update(self, step: int, numbers: Mapping[str, float]) -> None:
        """Show the numbers of `step`: images/s, losses, beliefs, time left."""
        text = describe(numbers)
        if self._bar is not None:
            with suppress(OSError):
                self._bar.update(self._bar.task_ids[0], completed=step, numbers=text)
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            first, started = self._started
            left = (time.monotonic() - started) / max(1, step - first) * (self._steps - step)
            self.say(f"step {step:,}/{self._steps:,}  {text}  {left:.0f} s left")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            with suppress(OSError):
                self._bar.stop()
            self._bar = None


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
