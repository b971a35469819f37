"""A run's checkpoints as generators."""

from __future__ import annotations

import numpy as np
import pytest

import gankit
from gankit.errors import RunError
from gankit.fitting import fit
from gankit.reproduce.snapshots import snapshots
from gankit.run import Run


def settings(small, **changes):
    every_two = {"output.checkpoint_every": 2, "output.keep": 5, "output.doctor": 0}
    return small("gan", "toy:ring8", **every_two, **changes)


def test_the_last_weights_and_averaged_ones_come_from_one_run(small, tmp_path):
    fit(settings(small, **{"training.ema": 0.9}), tmp_path / "averaged")
    found = list(snapshots(Run(tmp_path / "averaged")))
    assert [snapshot.step for snapshot in found] == [2, 4, 6]
    newest = found[-1]
    kept = gankit.load(tmp_path / "averaged").sample(20)
    assert np.array_equal(newest.averaged.sample(20), kept)
    # Without an average the run is the same, and keeps the last weights.
    fit(settings(small, **{"training.ema": 0}), tmp_path / "last")
    assert [snapshot.averaged for snapshot in snapshots(Run(tmp_path / "last"))] == [None] * 3
    assert np.array_equal(newest.last.sample(20), gankit.load(tmp_path / "last").sample(20))
    assert not np.array_equal(newest.last.sample(20), kept)


def test_without_checkpoints_there_is_nothing_to_measure(tmp_path):
    with pytest.raises(RunError, match="has no checkpoints to measure"):
        list(snapshots(Run(tmp_path / "nothing")))
