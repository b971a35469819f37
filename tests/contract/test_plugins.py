"""A family, a loss and a data set from outside gankit: installed, imported, or not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = '''
"""A family, a loss and a data set that are not gankit's."""

from dataclasses import dataclass

import torch
from torch import nn

import gankit
from gankit.data import DATASETS
from gankit.losses import LOSSES


@DATASETS.register("two_points", "two dots")
def two_points(options):
    points = torch.randn(64, 2) * 0.1 + torch.tensor([1.0, -1.0])
    return gankit.Dataset.of(points, name="two_points")


LOSSES.register("my_loss", "hinge by another name")(LOSSES["hinge"])


@dataclass(frozen=True, kw_only=True)
class Options:
    width: int = 8


class Net(nn.Sequential):
    def forward(self, x, labels=None):
        return super().forward(x).squeeze(1)


@gankit.register_family("mine", "two dense layers")
class Mine(gankit.Game):
    Options = Options

    def build_generator(self):
        return self._net(self.config.latent.size, self.task.shape[0])

    def build_discriminator(self):
        return self._net(self.task.shape[0], 1)

    def _net(self, inputs, outputs):
        width = self.options.width
        return Net(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, outputs))
'''
ENTRY_POINTS = "[gankit.families]\nmine = hinge_gan\nbroken = there_is_no_such_module\n"
TRAIN = (
    *("train", "mine", "two_points", "--steps", "2", "--batch", "8", "--loss", "my_loss"),
    *("--threads", "1", "--set", "network.width=4", "--device", "cpu"),
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages: one with the plugin, and its entry points."""
    info = tmp_path / "site" / "hinge_gan-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hinge-gan\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    (tmp_path / "site" / "hinge_gan.py").write_text(PLUGIN)
    return tmp_path / "site"


def python(*arguments: object, folder: Path, site: Path | None = None):
    path = [str(site)] if site else []
    path += filter(None, [os.environ.get("PYTHONPATH")])
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        timeout=300,
    )


def gankit(*arguments: object, folder: Path, site: Path | None = None):
    return python("-m", "gankit", *arguments, folder=folder, site=site)


def test_an_installed_plugin_and_a_run_of_it_without_the_plugin(site, tmp_path):
    done = gankit(*TRAIN, "--out", "run", folder=tmp_path, site=site)
    assert done.returncode == 0, done.stderr
    code = "import gankit; print(gankit.load('run').sample(3).shape, gankit.load('run').config)"
    loaded = python("-c", code, folder=tmp_path, site=site)
    assert loaded.stdout.startswith("(3, 2)"), loaded.stderr
    assert "lr=0.0002" in loaded.stdout  # the plain default: no other family's recipe
    for arguments in (("sample", "run"), ("doctor", "run")):
        alone = gankit(*arguments, folder=tmp_path)
        assert alone.returncode == 2
        assert ("family 'mine' is defined in hinge_gan: import it first (--import)") in alone.stderr
        assert alone.stderr.count("\n") == 1


def test_a_broken_plugin_is_one_line_and_hinders_no_other(site, tmp_path):
    listed = gankit("list", folder=tmp_path, site=site)
    assert listed.returncode == 0
    assert "two dense layers" in listed.stdout
    assert "hinge by another name" in listed.stdout
    assert listed.stderr == (
        "plugin 'broken' (there_is_no_such_module) cannot be imported: ModuleNotFoundError: No "
        "module named 'there_is_no_such_module'\n"
    )


def test_a_file_that_is_imported_in_two_processes_too(site, tmp_path):
    own = ("--import", site / "hinge_gan.py")
    done = gankit(*own, *TRAIN, "--devices", "2", "--out", "run", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    sampled = gankit("sample", "run", "--import=site/hinge_gan.py", folder=tmp_path)
    assert sampled.returncode == 0, sampled.stderr
    named = gankit("--import", "hinge_gan", "sample", "../run", folder=site)
    assert named.returncode == 0, named.stderr
