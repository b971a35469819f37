"""What earlier versions wrote stays usable: their run directories load, sample and go on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import gankit
from gankit.fitting import fit
from gankit.run import Run
from gankit.settings.config import override
from gankit.storage import read_tensors

STORED = Path(__file__).parents[1] / "fixtures"
RUNS = sorted(path.parent for path in STORED.glob("*/*/run.json"))


@pytest.fixture(params=RUNS, ids=lambda path: f"{path.parent.name}/{path.name}")
def stored(request, tmp_path):
    """A copy of a run directory, and what the version that wrote it made of it."""
    shutil.copytree(request.param, tmp_path / "run")
    with np.load(tmp_path / "run/expected.npz") as arrays:
        expected = dict(arrays)
    (tmp_path / "run/expected.npz").unlink()
    return tmp_path / "run", expected


def test_there_are_some():
    assert len(RUNS) >= 3


def test_it_loads_and_samples_the_same(stored):
    folder, expected = stored
    samples = gankit.load(folder).sample(8, seed=5)
    assert samples.dtype == expected["samples"].dtype
    assert samples.shape == expected["samples"].shape
    # Another processor rounds otherwise: a pixel's last step, a point's last digits.
    atol = 1 if samples.dtype == np.uint8 else 1e-4
    np.testing.assert_allclose(samples.astype(float), expected["samples"].astype(float), atol=atol)


def test_it_goes_on_as_it_would_have_then(stored):
    folder, expected = stored
    del expected["samples"]
    config = override(Run(folder).record().config, {"training.steps": 12})
    assert fit(config, folder).trained == 4
    tensors, header = read_tensors(folder / "model.safetensors", "artifact")
    assert header["step"] == 12
    assert tensors.keys() == expected.keys()
    for name, tensor in tensors.items():
        np.testing.assert_allclose(tensor.numpy(), expected[name], rtol=1e-3, atol=1e-4)


def test_given_the_same_budget_there_is_nothing_to_train(stored):
    folder, _ = stored
    before = (folder / "model.safetensors").read_bytes()
    outcome = fit(Run(folder).record().config, folder)
    assert (outcome.trained, outcome.step) == (0, 8)
    assert (folder / "model.safetensors").read_bytes() == before
    assert (folder / "report.html").exists()
