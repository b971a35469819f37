"""What a tracker is given of a run: numbers, pictures and histograms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from gankit.pictures import Pixels


class Tracker:
    """A place besides the run directory where a run can be followed.

    Every method does nothing unless overridden. None may end the run: a tracker that fails warns,
    and takes no more.
    """

    def numbers(self, step: int, numbers: Mapping[str, float]) -> None:
        """Take a step's numbers, by name."""

    def picture(self, step: int, picture: Pixels) -> None:
        """Take the picture of a step's samples, uint8 [H, W] or [H, W, 3]."""

    def histograms(self, step: int, values: Mapping[str, Tensor]) -> None:
        """Take tensors of a step whose histograms are to be shown, by name."""

    @property
    def wants_histograms(self) -> bool:
        """Whether `histograms` does anything: what it takes has to be computed."""
        return False

    def close(self) -> None:
        """Write what is not written, and release everything."""


class Trackers(Tracker):
    """Several trackers, or none, each of which is given everything."""

    def __init__(self, trackers: Sequence[Tracker] = ()) -> None:
        self._trackers = tuple(trackers)

    def numbers(self, step: int, numbers: Mapping[str, float]) -> None:
        for tracker in self._trackers:
            tracker.numbers(step, numbers)

    def picture(self, step: int, picture: Pixels) -> None:
        for tracker in self._trackers:
            tracker.picture(step, picture)

    def histograms(self, step: int, values: Mapping[str, Tensor]) -> None:
        for tracker in self._trackers:
            tracker.histograms(step, values)

    @property
    def wants_histograms(self) -> bool:
        return any(tracker.wants_histograms for tracker in self._trackers)

    def close(self) -> None:
        for tracker in self._trackers:
            tracker.close()
