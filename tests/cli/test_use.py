"""What `gankit sample` loads."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from gankit.cli import main
from gankit.trained.artifact import save_artifact
from tests.trained.made import made


def test_what_films_need_is_loaded_for_a_film_alone(small, tmp_path, monkeypatch):
    game = made(small("gan", "toy:ring8"), (2,)).game
    save_artifact(tmp_path / "model.safetensors", game, {"generator": game.generator}, 0)
    for module in ("gankit.exploring.films", "gankit.worlds.film"):
        monkeypatch.setitem(sys.modules, module, None)  # an import of it fails
    target = tmp_path / "points.npz"
    monkeypatch.setattr(
        sys, "argv", ["gankit", "sample", str(tmp_path), "-n", "3", "--out", str(target)]
    )
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    assert np.load(target)["points"].shape == (3, 2)
