"""What every test stands on: a CPU, its threads, tiny configurations, a way to train them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gankit.choose_recipe import configure
from gankit.families import FAMILIES
from gankit.fitting import fit
from gankit.run import Run
from gankit.settings.config import Config, override
from gankit.storage import read_tensors

# What is tested is the same with a GPU, in a narrow window, and where colours are forced.
os.environ["COLUMNS"] = "80"
if "GANKIT_TEST_GPU" not in os.environ:  # tests mean the same on every machine
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.pop("FORCE_COLOR", None)

THREADS = int(os.environ.get("GANKIT_TEST_THREADS", "1"))
"""CPU threads of each test. Their number changes the last bits of sums, and no verdict."""

TEXT: dict[str, Any] = {
    "data.sequences": 100,
    "network.hidden": 8,
    "network.embedding": 8,
    "network.filters": 4,
    "network.pretrain_steps": 2,
    "network.pretrain_d_steps": 1,
}

SMALL: dict[str, dict[str, Any]] = {
    "gan": {"network.generator_hidden": "16,16", "network.discriminator_hidden": "8,8"},
    "dcgan": {
        "network.generator_width": 4,
        "network.discriminator_width": 4,
        "network.generator_units": 0,  # 0.02 is the start of wide layers
        "network.discriminator_units": 0,
    },
    "cgan": {"network.generator_width": 4, "network.discriminator_width": 4},
    "infogan": {
        "network.generator_width": 8,
        "network.discriminator_width": 8,
        "network.units": 128,
        "network.posterior_units": 32,
        "network.codes": "2,c",
        "network.code_weights": 0.1,
        "network.init": None,  # 0.02 is the start of wide layers
        "objective.penalty": "r1",
        "stabilise.joint_batch": True,  # two kinds of picture look alike once each is normalised
    },
    "began": {
        "network.width": 8,
        "network.embedded": 16,
        "network.gamma": 1.0,  # noise that no autoencoder learns is most of the error
        "network.lambda_k": 0.01,
    },
    "ssgan": {
        "network.generator_hidden": "128,128",
        "network.discriminator_hidden": "128,64",
        "objective.penalty": "r1",
        "objective.penalty_weight": 0.1,
        "stabilise.matching": "none",  # matching means makes mixtures of two kinds of picture
    },
    "modern": {"network.generator_width": 4, "network.discriminator_width": 4},
    "projected": {
        "network.backbone": "random",  # which needs no package
        "network.least_side": 16,
        "network.generator_width": 8,
        "network.mixed": 16,
        "network.head_width": 16,
        "stabilise.augment": "none",  # it is for photographs
    },
    "seqgan": TEXT | {"network.rollouts": 2},
    "gumbel": TEXT,
    "scratchgan": {key: value for key, value in TEXT.items() if key != "network.filters"},
    "gail": {"network.hidden": "8,8", "network.episodes": 2, "network.epochs": 1, "objective.k": 1},
    "airl": {"network.hidden": "8,8", "network.episodes": 2, "network.epochs": 1, "objective.k": 1},
    "bc": {"network.hidden": "8,8"},
}
"""Settings that make a family's default networks tiny. A new family is tested without them."""

QUIET = {
    "output.log_every": 400,
    "output.sample_every": 0,
    "output.checkpoint_every": 0,
    "output.doctor": 0,
}
"""For a run whose end alone is looked at. It ends in the same weights."""

SOURCES = {"tokens": "sentences"}
"""What families are tested on that make no images, by the kind that they make."""


def families_of(kind: str) -> list[str]:
    """The families that make examples of a kind."""
    return [name for name in FAMILIES.names() if kind in FAMILIES[name].kinds]


def source_of(family: str) -> str:
    """The data that a family is tested on."""
    return SOURCES.get(FAMILIES[family].kinds[0], "digits")


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing is read from the user's cache, nothing is left in it."""
    os.environ["GANKIT_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def forks(own_cache: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """What starts a process in a hundredth of the time that importing torch takes.

    The process is a fork of one that has imported torch and gankit: files, signals, output and exit
    codes are those of a process of its own. What a start itself does (imports, `python -m`, the
    environment) is not tested by it; tests of that start Python.
    """
    if not hasattr(os, "fork"):
        pytest.skip("this system does not fork processes")
    from tools.breaking.processes import Forks

    made = Forks(tmp_path_factory.mktemp("forks"))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def same_start() -> None:
    """Whatever ran before in this process: a run sets its threads, most things draw."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)


@pytest.fixture
def small() -> Callable[..., Config]:
    """small("cgan", "digits", **{"training.steps": 3}) -> a tiny, complete configuration."""

    def make(family: str, source: str | None = None, **changes: Any) -> Config:
        source = source or source_of(family)
        budgets = {"training.minutes", "training.images"} & changes.keys()
        settings = {
            **({} if budgets else {"training.steps": 6}),
            "training.batch": 8,
            "output.log_every": 1,
            "output.sample_every": 0,  # pictures cost more than the steps between them
            "runtime.threads": THREADS,
            "runtime.device": "cpu",
        }
        config = configure(family, source)
        if not source.startswith("toy:"):
            settings |= SMALL.get(family, {})
        return override(config, settings | changes)

    return make


@pytest.fixture
def newest() -> Callable[[Path], dict[str, torch.Tensor]]:
    """Every tensor of a run's newest checkpoint, by name."""

    def read(folder: Path) -> dict[str, torch.Tensor]:
        return read_tensors(max((folder / "checkpoints").glob("step-*")), "checkpoint")[0]

    return read


@pytest.fixture
def equal() -> Callable[[dict[str, torch.Tensor], dict[str, torch.Tensor]], bool]:
    """Whether two sets of tensors are the same to the bit."""

    def compare(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
        return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)

    return compare


@pytest.fixture
def goes_on(
    tmp_path: Path,
    newest: Callable[[Path], dict[str, torch.Tensor]],
    equal: Callable[[dict[str, torch.Tensor], dict[str, torch.Tensor]], bool],
) -> Callable[[Config, int], Run]:
    """goes_on(config, 3): a run that stops after 3 steps, and goes on, ends as an undisturbed one.

    Returns the undisturbed one.
    """

    def check(config: Config, steps: int) -> Run:
        players = ("generator", "discriminator")
        config = override(config, {f"{p}_optimizer.schedule": "constant" for p in players})
        fit(config, tmp_path / "whole", quiet=True)
        fit(override(config, {"training.steps": steps}), tmp_path / "parts", quiet=True)
        fit(config, tmp_path / "parts", quiet=True)
        assert equal(newest(tmp_path / "whole"), newest(tmp_path / "parts"))
        return Run(tmp_path / "whole")

    return check


@pytest.fixture
def image_folder(tmp_path: Path) -> Path:
    """Two classes of twelve 20 x 24 colour pictures each."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for name, level in (("dark", 40), ("light", 200)):
        folder = tmp_path / "images" / name
        folder.mkdir(parents=True)
        for i in range(12):
            pixels = (rng.integers(-30, 30, (20, 24, 3)) + level).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{i}.png")
    return tmp_path / "images"
