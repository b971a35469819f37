"""A folder of plain PyTorch, used as its owner uses it: without gankit."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import gankit
from tests.exporting.made import untrained

WITHOUT_GANKIT = """
import runpy, sys
sys.modules["gankit"] = None  # importing it fails
sys.path.insert(0, ".")
runpy.run_path("example.py", run_name="__main__")
"""


@pytest.mark.slow
def test_the_example_draws_gankits_samples_without_gankit(small, tmp_path):
    gan = untrained(small("infogan", **{"network.codes": "3,c"}))
    gankit.export(gan, tmp_path / "plain")
    folder = tmp_path / "plain"
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_GANKIT], cwd=folder, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    drawn = np.asarray(Image.open(folder / "samples.png"), int)
    tiles = drawn.reshape(8, 20, 8, 24).swapaxes(1, 2).reshape(64, 20, 24)
    assert np.abs(tiles - gan.sample(64, seed=0)).max() <= 1


def test_the_program_is_torchs_own(small, tmp_path):
    gan = untrained(small("cgan"))
    gankit.export(gan, tmp_path / "plain")
    program = torch.export.load(tmp_path / "plain" / "generator.pt2").module()
    latents = torch.randn(5, gan.game.latent_size)
    labels = torch.tensor([0, 1, 2, 0, 1])
    wanted = gan(latents, labels.tolist())
    torch.testing.assert_close(program(latents, labels), wanted, rtol=0, atol=1e-5)


def test_the_code_reads_well(small, tmp_path):
    gankit.export(untrained(small("cgan")), tmp_path / "plain")
    text = (tmp_path / "plain" / "generator.py").read_text()
    assert "CLASSES = ['a', 'b', 'c']" in text
    assert 'F.linear(latents, w["stem.weight"], w["stem.bias"])' in text
    assert "labels: int64 [N]" in text
    assert "gankit." not in text
    assert "torch.ops" not in text
    compile(text, "generator.py", "exec")
