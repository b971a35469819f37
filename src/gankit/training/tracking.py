"""TensorBoard, where it is installed and asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gankit.errors import ConfigError
from gankit.pictures import Pixels


class Tracker:
    """Writes scalars and pictures as TensorBoard events; does nothing unless `wanted`."""

    def __init__(self, folder: Path, wanted: bool) -> None:
        """Raises ConfigError where TensorBoard is wanted and not installed."""
        self._writer: Any = None
        if not wanted:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise ConfigError(
                "TensorBoard is not installed: pip install 'gankit[track]', or"
                " leave --tensorboard out"
            ) from None
        self._writer = SummaryWriter(folder / "tensorboard")

    def numbers(self, step: int, numbers: Mapping[str, float]) -> None:
        """Scalars of a step, by name."""
        if self._writer is not None:
            for name, value in numbers.items():
                self._writer.add_scalar(name, value, step)

    def picture(self, step: int, picture: Pixels) -> None:
        """The samples of a step."""
        if self._writer is not None:
            layout = "HW" if picture.ndim == 2 else "HWC"
            self._writer.add_image("samples", picture, step, dataformats=layout)

    def close(self) -> None:
        """Flush what was written."""
        if self._writer is not None:
            self._writer.close()
