"""A family, its flag and its sign, a loss and a data set from outside gankit: installed, imported,
or not there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from tools.breaking.processes import Call, Result, command, installed_in, python

PLUGIN = '''
"""A family, a loss, a penalty, a stabiliser and a data set that are not gankit's."""

from dataclasses import dataclass

import torch
from torch import nn

import gankit
from gankit.data import DATASETS
from gankit.losses import LOSSES
from gankit.game_types import Symptom
from gankit.penalties import PENALTIES, Penalty
from gankit.settings.schema import setting


@DATASETS.register("two_points", "two dots")
def two_points(options):
    random = torch.Generator().manual_seed(0)
    points = torch.randn(64, 2, generator=random) * 0.1 + torch.tensor([1.0, -1.0])
    return gankit.Dataset.of(points, name="two_points")


LOSSES.register("my_loss", "hinge by another name")(LOSSES["hinge"])


PENALTIES.register("level", "logits near 0")(
    Penalty("level", lambda discriminate, real, fake, mix: discriminate(real).square().mean())
)


@gankit.register_stabiliser("pull", "G's fakes are pulled to the middle")
class Pull(gankit.Stabiliser):
    only_logits = False

    def __init__(self, strength=1.0):
        self.strength, self.steps = strength, torch.zeros(())

    def g_terms(self, terms, real, fake, examples):
        pull = self.strength * examples.square().mean()
        return terms.with_terms(gankit.game_types.Terms({"pull": pull}))

    def after_step(self, numbers):
        self.steps = self.steps + 1

    def numbers(self):
        return {"pulled": self.steps}

    def state(self):
        return {"pull/steps": self.steps}

    def load_state(self, state):
        self.steps = state["pull/steps"]


@dataclass(frozen=True, kw_only=True)
class Options:
    width: int = 8
    depth: int = setting(1, "hidden layers", least=1, most=9, flag="--depth")
    wide: bool = setting(False, "four times the units", flag="--wide")


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
        width = self.options.width * (4 if self.options.wide else 1)
        hidden = [nn.Linear(inputs, width), nn.ReLU()]
        for _ in range(self.options.depth - 1):
            hidden += [nn.Linear(width, width), nn.ReLU()]
        return Net(*hidden, nn.Linear(width, outputs))

    def numbers(self):
        return {"layers": torch.tensor(float(self.options.depth))}

    @classmethod
    def symptoms(cls, config):
        less = {"network.depth": 1}
        return [Symptom("too deep", "layers", "two would do", high=3, changes=[less])]
'''
ENTRY_POINTS = "[gankit.families]\nmine = hinge_gan\nbroken = there_is_no_such_module\n"
TRAIN = (
    *("train", "mine", "two_points", "--steps", "2", "--batch", "8", "--loss", "my_loss"),
    *("--threads", "1", "--set", "network.width=4", "--device", "cpu"),
    *("--set", "stabilise.plugins=pull:0.5", "--penalty", "level", "--set", "output.log_every=1"),
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


def started(*arguments: object, folder: Path, site: Path | None = None):
    """The command in an interpreter of its own, which finds the packages of `site`."""
    path = [str(site)] if site else []
    path += filter(None, [os.environ.get("PYTHONPATH")])
    return subprocess.run(
        [sys.executable, "-m", "gankit", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture
def inside(forks, tmp_path):
    """Python in a process of its own, which finds the packages of `site`: a quick start."""

    def run(call: Call, site: Path | None = None) -> Result:
        prepare = (partial(installed_in, site),) if site else ()
        return forks.start(call, prepare, tmp_path).wait()

    return run


@pytest.fixture
def gankit(inside):
    """The same for the command."""
    return lambda *arguments, site=None: inside(partial(command, *arguments), site)


@pytest.fixture
def say(inside, site):
    """say("x = 1", "x") -> what the expression is after the code, in the plugin's company."""

    def run(code: str, expression: str) -> str:
        path = site.parent / "say.py"
        path.write_text(f"{code}\nprint({expression})")
        said = inside(partial(python, path), site)
        assert said.code == 0, said.err
        return said.out

    return run


def test_an_installed_plugin_and_a_run_of_it_without_the_plugin(gankit, say, site, tmp_path):
    done = gankit(*TRAIN, "--out", "run", site=site)
    assert done.code == 0, done.err
    loaded = say("import gankit; gan = gankit.load('run')", "gan.sample(3).shape, gan.config")
    assert loaded.startswith("(3, 2)")
    assert "lr=0.0002" in loaded  # the plain default: no other family's recipe
    last = json.loads((tmp_path / "run/metrics.jsonl").read_text().splitlines()[-1])
    assert last["pulled"] == 2
    assert last["g/pull"] > 0
    assert "d/level" in last
    longer = ["3" if word == "2" else word for word in TRAIN]
    more = gankit(*longer, "--out", "run", site=site)
    assert more.code == 0, more.err
    last = json.loads((tmp_path / "run/metrics.jsonl").read_text().splitlines()[-1])
    assert (last["step"], last["pulled"]) == (3, 3)  # it remembers
    for arguments in (("sample", "run"), ("doctor", "run")):
        alone = gankit(*arguments)
        assert alone.code == 2
        assert ("family 'mine' is defined in hinge_gan: import it first (--import)") in alone.err
        assert alone.err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--set", "stabilise.plugins=pull:0.5"), "stabiliser 'pull' is defined in hinge_gan"),
        (("--penalty", "r1+level"), "penalty 'level' is defined in hinge_gan"),
    ],
)
def test_what_gankits_own_family_takes_from_outside_is_named(gankit, site, options, said):
    train = ("train", "gan", "toy:ring8", "--steps", "1", "--batch", "8", "--threads", "1")
    done = gankit(*train, *options, "--out", "run", site=site)
    assert done.code == 0, done.err
    alone = gankit("sample", "run")
    assert (alone.code, said in alone.err) == (2, True), alone.err
    assert alone.err.count("\n") == 1


def test_a_broken_plugin_is_one_line_and_hinders_no_other(site, tmp_path):
    listed = started("list", folder=tmp_path, site=site)
    assert listed.returncode == 0
    assert "two dense layers" in listed.stdout
    assert "hinge by another name" in listed.stdout
    assert listed.stderr == (
        "plugin 'broken' (there_is_no_such_module) cannot be imported: ModuleNotFoundError: No "
        "module named 'there_is_no_such_module'\n"
    )


def test_a_file_that_is_imported_in_two_processes_too(gankit, site, tmp_path):
    own = ("--import", site / "hinge_gan.py")
    done = started(*own, *TRAIN, "--devices", "2", "--out", "run", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    sampled = gankit("sample", "run", "--import=site/hinge_gan.py")
    assert sampled.code == 0, sampled.err
    named = started("--import", "hinge_gan", "sample", "../run", folder=site)
    assert named.returncode == 0, named.stderr


def test_its_own_flags_are_options_of_train_and_its_sign_is_the_doctors(gankit, say, site):
    own = ("--wide", "--depth=3", "--set", "output.log_every=25", "--set", "training.steps=500")
    done = gankit(*TRAIN, *own, "--sample-every", "0", "--out", "run", site=site)
    assert done.code == 0, done.err
    assert "the doctor: too deep: layers is 3 in " in done.err
    looked = gankit("doctor", "run", site=site)
    assert re.search(r"sick: too deep, since step \d+\n", looked.out)
    assert re.search(r"layers is 3 in \d+ logged lines \(3 or more is a sign\)\n", looked.out)
    assert "try:   --depth 1\n" in looked.out
    code = "import gankit; o = gankit.load('run').config.network"
    assert say(code, "o.depth, o.wide") == "3 True\n"


def test_its_own_flags_are_in_its_help_and_their_limits_in_its_refusals(gankit, site):
    own = ("--import", site / "hinge_gan.py")
    shown = gankit(*own, "train", "mine", "--help")
    assert "--depth INT  hidden layers" in shown.out, shown.err
    assert "--batch INT" in shown.out
    refused = gankit(*own, *TRAIN, "--depth", "10", "--out", "run")
    assert refused.err == "gankit: network.depth must be at most 9, got 10 (--depth)\n"
