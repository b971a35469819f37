"""What the commands write and say."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from PIL import Image
from tools.breaking.processes import python

import gankit as package
from gankit.cli.app import app
from gankit.cli.train import SETTINGS
from gankit.families import FAMILIES
from gankit.losses import LOSSES
from gankit.penalties import PENALTIES
from gankit.recipes import RECIPES
from gankit.reproduce.papers import REPRODUCTIONS
from gankit.stabilisers.augment import AUGMENTATIONS
from tests.conftest import SMALL, THREADS

from .conftest import TINY


@pytest.fixture
def run(gankit):
    code, out, err = gankit("train", "cgan", "digits", "--steps", "3", *TINY, "--out", "r")
    assert code == 0, err
    return out


@pytest.mark.slow
def test_training_names_what_it_wrote(run, tmp_path):
    for name in ("grid.png", "timeline.gif", "report.html", "model.safetensors"):
        assert f"r/{name}" in run
        assert (tmp_path / "r" / name).stat().st_size > 0
    with (
        Image.open(tmp_path / "r/timeline.gif") as film,
        Image.open(tmp_path / "r/grid.png") as grid,
    ):
        assert film.n_frames == 4
        assert film.size == grid.size


@pytest.mark.slow
@pytest.mark.usefixtures("run")
def test_samples_as_arrays_pictures_and_a_folder(gankit, tmp_path):
    assert gankit("sample", "r", "-n", "25", "--label", "7", "-o", "a.npz")[0] == 0
    stored = np.load(tmp_path / "a.npz")
    assert stored["images"].shape == (25, 28, 28)
    assert stored["images"].dtype == np.uint8
    assert stored["labels"].dtype == np.int64
    assert (stored["labels"] == 7).all()
    in_python = package.load(tmp_path / "r").sample(25, labels=7, seed=0)
    assert np.array_equal(in_python, stored["images"])

    assert gankit("sample", "r", "-n", "25", "--label", "7", "-o", "some/folder")[0] == 0
    files = sorted((tmp_path / "some/folder").iterdir())
    assert len(files) == 25
    with Image.open(files[3]) as picture:
        assert np.array_equal(np.asarray(picture), stored["images"][3])

    assert gankit("sample", "r", "-n", "25", "--seed", "1", "-o", "a.png")[0] == 0
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (10 * 58 + 2, 3 * 58 + 2)
    assert gankit("sample", "r", "-o", "x.gif")[0] == 2


@pytest.mark.slow
@pytest.mark.usefixtures("run")
def test_memory_does_not_grow_with_the_number_of_samples(forks, tmp_path):
    (tmp_path / "peak.py").write_text(
        "import resource; from gankit.cli import main\n"
        "try:\n    main()\n"
        "finally:\n    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = []
    for count in ("500", "10000"):
        arguments = ("sample", "r", "-n", count, "-o", f"x{count}.npz")
        call = partial(python, tmp_path / "peak.py", *arguments)
        done = forks.start(call, folder=tmp_path).wait()
        assert done.code == 0, done.err
        peaks.append(int(done.out.split()[-1]) * 1024)
    result = 10_000 * 28 * 28
    # The arrays, their compressed copy in memory, and some slack for the allocator.
    assert peaks[1] - peaks[0] < 4 * result


@pytest.mark.slow
def test_a_rehearsal_reports_and_writes_nothing(gankit, tmp_path):
    code, out, _ = gankit("train", "dcgan", "digits", "--steps", "100", *TINY, "--dry-run")
    assert code == 0
    for said in (
        "10,000 grey images 28x28",
        "generator:",
        "parameters",
        "MB",
        "examples/s",
        "minutes",
        "alternating",
        "passes over the data",
    ):
        assert said in out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_folders_become_classes_and_any_size_works(gankit, image_folder, tmp_path):
    arguments = ("--steps", "2", *TINY, "--size", "20x28")
    code, _, err = gankit("train", "cgan", image_folder, *arguments, "--out", "c")
    assert code == 0, err
    gan = package.load(tmp_path / "c")
    assert gan.class_names == ("dark", "light")
    assert gan.sample(3, labels="light").shape == (3, 20, 28, 3)
    assert gankit("train", "dcgan", image_folder, *arguments, "--out", "d")[0] == 0
    assert package.load(tmp_path / "d").sample(2).shape == (2, 20, 28, 3)


@pytest.mark.slow
def test_settings_from_a_file_and_from_set(gankit, tmp_path):
    (tmp_path / "c.toml").write_text("[objective]\nloss = 'hinge'\n[training]\nbatch = 4\n")
    arguments = ("--config", "c.toml", "--set", "training.batch=6", "--steps", "2")
    code, out, err = gankit("train", "gan", "digits", *arguments, "--dry-run", "--verbose")
    assert code == 0, err
    assert "objective.loss = hinge" in out
    assert "training.batch = 6" in out


@pytest.mark.slow
def test_codes_are_swept_and_categories_classify(gankit, tmp_path):
    small = [f"--set={k}={v}" for k, v in SMALL["infogan"].items() if k != "network.codes"]
    train = ("--codes", "10,c", "--steps", "2", "--batch", "10", "--threads", str(THREADS))
    code, _, err = gankit("train", "infogan", "digits", *train, *small, "--out", "r")
    assert code == 0, err
    assert gankit("sweep", "r", "--code", "1", "-o", "s.png")[:2] == (0, "s.png\n")
    assert gankit("sweep", "r", "--code", "2", "-o", "s.gif")[0] == 0
    code, _, err = gankit("sweep", "r", "--code", "3")
    assert (code, err) == (2, "gankit: this run has 2 codes, there is no code 3 (--code)\n")
    assert "both given" in gankit("sweep", "r", "--code", "1", "--dimension", "0")[2]
    assert "--rows must be in 1 to 100" in gankit("sweep", "r", "--rows", "0")[2]
    code, out, err = gankit("classify", "r", "digits", "-o", "named.csv")
    assert code == 0, err
    assert "right: " in out
    assert (tmp_path / "named.csv").exists()


@pytest.mark.slow
def test_a_reproduction_adds_a_line(gankit, tmp_path):
    options = ("--seeds", "3,4", "--steps", "20", "--threads", str(THREADS))
    code, out, err = gankit("reproduce", "ring-modes", *options)
    assert code == 0, err
    assert out.count("paper=8 modes") == 2
    halved = ("--set", "discriminator_optimizer.lr=0.005", "--runs", "halved")
    code, out, err = gankit("reproduce", "ring-modes", *options, *halved)
    assert code == 0, err
    assert out.count("settings=discriminator_optimizer.lr=0.005") == 2
    assert len((tmp_path / "results/ring-modes.csv").read_text().splitlines()) == 5
    assert "unknown reproduction 'ring-mode'" in gankit("reproduce", "ring-mode")[2]
    assert (
        "whole numbers joined by commas, or a range such as 0-4, got 'x' (--seeds)"
        in gankit("reproduce", "ring-modes", "--seeds", "x")[2]
    )


@pytest.mark.slow
def test_a_run_asked_by_vectors(gankit, tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 16, 16)).astype(np.uint8)
    np.savez(tmp_path / "d.npz", images=images, conditions=rng.normal(size=(20, 3)))
    code, out, _ = gankit("train", "cgan", "d.npz", "--steps", "2", *TINY, "--out", "r")
    assert code == 0
    assert "gankit sample r -n 64 --label vector.npy -o samples.png" in out
    out = gankit("train", "dcgan", "d.npz", "--steps", "2", *TINY, "--out", "plain")[1]
    assert "gankit sample plain -n 64 -o samples.png" in out
    np.save(tmp_path / "asked.npy", np.ones(3))
    code, _, err = gankit("sample", "r", "-n", "5", "--label", "asked.npy", "-o", "f.npz")
    assert code == 0, err
    assert np.load(tmp_path / "f.npz")["labels"].shape == (5, 3)
    assert gankit("sample", "r", "-n", "5", "--label", "asked.npy", "-o", "folder")[0] == 0
    assert "asked by a vector" in gankit("sample", "r", "-n", "5")[2]
    assert "is no array" in gankit("sample", "r", "--label", "none.npy")[2]


def test_list_names_everything(gankit):
    code, out, _ = gankit("list")
    assert code == 0
    for registry in (FAMILIES, LOSSES, PENALTIES, RECIPES, AUGMENTATIONS, REPRODUCTIONS):
        for name, summary in registry.summaries().items():
            assert name in out
            assert summary in out
            assert summary
    for name in ("digits", "mnist", "fashion_mnist", "toy:ring8", "toy:grid25", "toy:spiral"):
        assert name in out


def test_list_settings_names_every_setting(gankit):
    code, out, _ = gankit("list", "settings")
    assert code == 0
    assert "training.batch = 64  --batch\n    examples a step, over all processes (whole" in out
    assert "network." not in out
    assert "network.gamma = 0.5\n" in gankit("list", "settings", "--family", "began")[1]
    assert gankit("list", "--family", "began")[0] == 2
    assert "Did you mean 'began'" in gankit("list", "settings", "--family", "bean")[2]


def test_an_error_names_the_setting_and_its_flag(gankit):
    for typed, said in (
        (("--batch", "1"), "training.batch must be at least 2, got 1 (--batch)"),
        (("--set", "generator_optimizer.lr=-1"), "generator_optimizer.lr must be at least 0, got "
         "-1.0 (--lr-g)"),
        (("--set", "output.log_every=0"), "output.log_every must be at least 1, got 0"),
        (("--size", "1x2x3"), "data.size takes 2 numbers, got ['1', '2', '3'] (--size)"),
    ):  # fmt: skip
        assert gankit("train", "cgan", "digits", *typed)[2] == f"gankit: {said}\n"


def test_every_option_is_explained(gankit):
    _, out, _ = gankit("train", "--help")
    for name in (*SETTINGS, "out", "recipe", "config", "set", "dry_run"):
        option = f"--{name.replace('_', '-')}"
        assert option in out
    for argument in app["train"].assemble_argument_collection():
        assert argument.parameter.help, argument.name


def test_completion_can_be_made():
    for shell in ("bash", "zsh", "fish"):
        assert "train" in app.generate_completion(shell=shell)


@pytest.mark.parametrize("typed", [["--help"], ["train", "--help"], ["list", "settings"]])
def test_help_does_not_load_torch(typed):
    code = (
        f"import sys\nsys.argv = {['gankit', *typed]}\nfrom gankit.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=300)


@pytest.mark.slow
def test_options_that_other_repositories_have(gankit, tmp_path):
    code, out, err = gankit(
        *("train", "dcgan", "digits", "--epochs", "2", "--train-size", "16", "--crop", "20"),
        *("--batch", "8", "--accumulate", "2", "--g-steps", "2", "--threads", THREADS),
        *("--out", "{family}-{lr-d}-{seed}", "--lr-d", "0.25", "--set=network.first_norm=true"),
        *("--set=network.generator_channels=4,4", "--set=network.discriminator_channels=4,4"),
        *("--loss", "hinge"),
    )
    assert code == 0, err
    assert "data digits: 16 grey images 20x20" in err + out
    assert "trained 4 steps" in out
    assert (tmp_path / "dcgan-0.25-0/model.safetensors").exists()
    code, out, err = gankit(
        *("train", "dcgan", "digits", "--steps", "2", "--batch", "8", "--threads", THREADS),
        *("--out", "r", "--update", "simultaneous_coupled", "--accumulate", "2"),
        *("--set=stabilise.lecam=0.3", "--set=network.stages=1"),
    )
    assert code == 0, err
    code, out, err = gankit("train", "gan", "digits", "--epochs", "1", "--steps", "2", "--out", "s")
    assert (code, "--steps and --epochs are both budgets" in err) == (2, True)
