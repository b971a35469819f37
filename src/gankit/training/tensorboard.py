"""Write events for TensorBoard."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gankit.errors import ConfigError
from gankit.pictures import Pixels
from gankit.training.trackers import Tracker


class TensorBoard(Tracker):
    """Writes scalars, pictures and histograms as TensorBoard events."""

    def __init__(self, folder: Path) -> None:
        """Create nothing on disk before the first number or picture.

        Raises ConfigError if TensorBoard is not installed.
        """
        self._writer: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise ConfigError(
                "TensorBoard is not installed: pip install 'gankit[track]', or leave "
                "output.tensorboard off",
                "output.tensorboard",
            ) from None
        self._make: Callable[[], Any] | None = partial(SummaryWriter, folder / "tensorboard")

    def _write(self, act: Callable[[Any], None]) -> None:
        """Call `act` with the writer. A disk that fails ends TensorBoard's log, not the run."""
        if self._make is None:
            return
        try:
            self._writer = self._writer or self._make()
            act(self._writer)
        except OSError as error:
            self._make = None
            warnings.warn(f"TensorBoard's events end here: {error}", stacklevel=2)

    def numbers(self, step: int, numbers: Mapping[str, float]) -> None:
        def add(writer: Any) -> None:
            for name, value in numbers.items():
                writer.add_scalar(name, value, step)

        self._write(add)

    def picture(self, step: int, picture: Pixels) -> None:
        layout = "HW" if picture.ndim == 2 else "HWC"
        self._write(lambda w: w.add_image("samples", picture, step, dataformats=layout))

    def histograms(self, step: int, values: Mapping[str, Tensor]) -> None:
        """Write the histograms of a step's tensors. Those of no finite number are left out."""

        def add(writer: Any) -> None:
            for name, found in values.items():
                finite = found[torch.isfinite(found)]
                if finite.numel():
                    writer.add_histogram(name, finite, step)

        self._write(add)

    @property
    def wants_histograms(self) -> bool:
        return self._make is not None

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
