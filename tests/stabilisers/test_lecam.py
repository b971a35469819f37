"""LeCam: its term against the formula, its anchors, and a run that goes on with them."""

from __future__ import annotations

import pytest
import torch

from gankit.choose_recipe import configure
from gankit.errors import ConfigError
from gankit.families import Task
from gankit.settings.config import override
from gankit.stabilisers.lecam import LeCam
from gankit.training.state import build_game

REAL = torch.tensor([1.0, 3.0], dtype=torch.float64)
FAKE = torch.tensor([-2.0, 0.0], dtype=torch.float64)


def test_logits_are_pulled_to_the_past_of_the_other_kind():
    lecam = LeCam(0.5)
    first = lecam.d_terms(REAL, FAKE)
    assert first.loss == 0
    lecam.after_step(first.watched)  # a_R = 2, a_F = -1
    term = lecam.d_terms(REAL + 1, FAKE)
    assert float(term.loss) == pytest.approx(0.5 * ((9 + 25) / 2 + (16 + 4) / 2))
    lecam.after_step(term.watched)  # means are now 3 and -1
    again = LeCam(0.5)
    again.load_state(lecam.state())
    assert again.anchors.tolist() == pytest.approx([2.01, -1.0])


def test_a_run_goes_on_with_its_anchors(small, goes_on):
    run = goes_on(small("gan", "toy:ring8", **{"stabilise.lecam": 0.3, "training.steps": 6}), 3)
    assert all("d/lecam" in line for line in run.metrics())


def test_errors_without_a_sign_are_refused():
    config = override(configure("began", "digits"), {"stabilise.lecam": 0.3})
    with pytest.raises(ConfigError, match=r"stabilise\.lecam"):
        build_game(config, Task((1, 16, 16)))
