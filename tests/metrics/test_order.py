"""Real digits made worse step by step, and every metric that claims to see it says so."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

TOOL = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "order_metrics.py"))


@pytest.fixture(scope="module")
def table():
    return TOOL["measure"]("digits", "digits", 1000)


@pytest.mark.slow
@pytest.mark.parametrize("one", TOOL["MEASURES"], ids=lambda one: one.name)
def test_what_a_metric_claims_to_see_moves_it_the_right_way(table, one):
    values = table[one.name]
    assert one.sees
    assert values.keys() == {"floor", *(s for steps in TOOL["SERIES"].values() for s in steps)}
    wrong = [step for step, held in TOOL["held_claims"](values, one).items() if not held]
    assert not wrong, values


@pytest.mark.slow
def test_the_table_says_which_claims_fail(table):
    precision = next(one for one in TOOL["MEASURES"] if one.name == "precision")
    values = {**table["precision"], "noise 32": 1.0}
    held = TOOL["held_claims"](values, precision)
    assert [step for step, good in held.items() if not good] == ["noise 32"]
    row = TOOL["as_markdown"]({"precision": values}).splitlines()[2]
    assert "1 (!)" in row
    assert f"**{values['noise 64']:.3g}**" in row
    assert TOOL["cell"](np.nan, None) == "refused"


def test_a_blur_is_scipys():
    ndimage = pytest.importorskip("scipy.ndimage")
    images = np.random.default_rng(0).integers(0, 256, (3, 12, 14)).astype(np.uint8)
    expected = ndimage.gaussian_filter(
        images.astype(float), (0, 1.5, 1.5), mode="nearest", truncate=4.0
    )
    assert np.abs(TOOL["blurred"](images, 1.5) - expected).max() <= 0.5 + 1e-9
