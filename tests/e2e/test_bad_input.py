"""Bad input: a clear line, exit code 2, nothing written or lost."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gankit.storage import read_tensors, write_tensors

from .conftest import TINY, TINY_MLP

STEPS = ("--steps", "2")


def save_pictures(folder: Path, count: int, size: tuple[int, int] = (20, 20)) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for i in range(count):
        pixels = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:02}.jpg")


def test_folder_that_is_not_there(refused):
    assert "no_such_folder" in refused("train", "dcgan", "./no_such_folder", *STEPS)


def test_empty_folder(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "empty" in refused("train", "dcgan", "./empty", *STEPS)


def test_folder_of_text_files(refused, tmp_path):
    (tmp_path / "texts").mkdir()
    for name in ("a.txt", "b.md"):
        (tmp_path / "texts" / name).write_text("no picture")
    assert "texts" in refused("train", "dcgan", "./texts", *STEPS)


def test_one_image(refused, tmp_path):
    save_pictures(tmp_path / "one", 1)
    said = refused("train", "dcgan", "./one", "--size", "16", *STEPS, *TINY)
    assert "1 readable image; training needs 2 at the very least: add more" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--size", "7"), "7"),
        (("--size", "300"), "16 to 256"),
        (("--size", "abc"), "size"),
        (("--batch", "-4"), "batch"),
        (("--steps", "0"), "steps"),
        (("--k", "0"), "at least 1"),
        (("--lr-d", "nan"), "finite"),
        (("--loss", "hing"), "Did you mean 'hinge'"),
        (("--penalty", "r1+nonsense"), "nonsense"),
        (("--set", "network.widht=3"), "Did you mean"),
        (("--codes", "10,c"), "--codes is a setting of 'infogan', not of 'dcgan': leave it out"),
        (("--set", "objective"), "key=value"),
        (("--minutes", "1"), "give one"),
        (("--update", "simultaneous", "--recipe", "dcgan-fast"), "batch normalisation"),
        (("--device", "cuda"), "cuda"),
        (("--config", "nowhere.toml"), "nowhere.toml"),
    ],
)
def test_settings(refused, tmp_path, arguments, said):
    save_pictures(tmp_path / "images", 10)
    batch = () if "--batch" in arguments else ("--batch", "4")
    assert said in refused("train", "dcgan", "./images", *STEPS, *batch, *arguments)


def test_misspelt_option_gets_a_suggestion(refused):
    assert "--penalty" in refused("train", "dcgan", "digits", "--penalti", "r1")


def test_misspelt_names_get_suggestions(refused):
    assert "Did you mean 'cgan'" in refused("train", "cgn", "digits", *STEPS)
    assert "digits" in refused("train", "cgan", "digit", *STEPS)


def test_wrong_key_in_a_file(refused, tmp_path):
    (tmp_path / "c.toml").write_text("[objective]\nlos = 'hinge'\n")
    assert "Did you mean 'objective.loss'" in refused(
        "train", "dcgan", "digits", "--config", "c.toml", *STEPS
    )


def test_classes_asked_of_a_folder_without_any(refused, tmp_path):
    save_pictures(tmp_path / "plain", 10)
    assert "sub-folder" in refused("train", "cgan", "./plain", *STEPS, *TINY)


@pytest.fixture
def trained(gankit):
    """A conditional run `c` and an unconditional one `u`."""
    assert gankit("train", "cgan", "digits", *STEPS, *TINY, "--out", "c")[0] == 0
    assert gankit("train", "gan", "digits", *STEPS, *TINY_MLP, "--out", "u")[0] == 0


@pytest.mark.slow
@pytest.mark.usefixtures("trained")
def test_labels(refused):
    said = refused("sample", "c", "--label", "12", "-o", "x.png")
    assert "12" in said
    assert "0 to 9" in said
    assert "unconditional" in refused("sample", "u", "--label", "1", "-o", "x.png")


@pytest.mark.slow
@pytest.mark.usefixtures("trained")
def test_sampling_of_what_is_no_run(refused, tmp_path):
    assert "no model" in refused("sample", str(tmp_path), "-o", "x.png")
    assert "nowhere" in refused("sample", "nowhere", "-o", "x.png")
    whole = (tmp_path / "c/model.safetensors").read_bytes()
    for name, content in {
        "short": whole[: len(whole) // 2],
        "flipped": whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
        "foreign": b"\x80\x04pickle" * 40,
    }.items():
        (tmp_path / f"{name}.safetensors").write_bytes(content)
        assert "damaged" in refused("sample", f"{name}.safetensors", "-o", "x.png")
    checkpoint = next((tmp_path / "c/checkpoints").glob("step-*"))
    assert "is a gankit checkpoint" in refused("sample", checkpoint, "-o", "x.png")


@pytest.mark.slow
@pytest.mark.usefixtures("trained")
def test_another_format_version(refused, tmp_path, monkeypatch):
    path = tmp_path / "c/run.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "format": 2}))
    assert "version 2" in refused("train", "cgan", "digits", *STEPS, *TINY, "--out", "c")
    tensors, header = read_tensors(tmp_path / "u/model.safetensors", "artifact")
    monkeypatch.setattr("gankit.storage.FORMAT", 2)
    header = {k: v for k, v in header.items() if k not in ("format", "digest", "kind")}
    write_tensors(tmp_path / "u/model.safetensors", "artifact", tensors, header)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert "version 2" in refused("sample", tmp_path / "u", "-o", tmp_path / "x.png")


@pytest.mark.slow
@pytest.mark.usefixtures("trained")
def test_changed_settings_are_listed(refused):
    said = refused(
        "train", "cgan", "digits", *STEPS, *TINY, "--out", "c", "--seed", "3", "--loss", "hinge"
    )
    assert "training.seed: 0 in the run, 3 asked" in said
    assert "objective.loss: 'relativistic' in the run, 'hinge' asked" in said


def test_output_that_cannot_be(refused, tmp_path):
    (tmp_path / "file").write_text("mine")
    for out in ("file", "file/below"):
        assert "file" in refused("train", "cgan", "digits", *STEPS, *TINY, "--out", out)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("mine")
    assert "another folder (--out)" in refused(
        "train", "cgan", "digits", *STEPS, *TINY, "--out", "mine"
    )


@pytest.fixture
def mounted(tmp_path):
    """mounted(options) -> a folder with a file system of its own; skips where it is refused."""
    folder = tmp_path / "mount"
    folder.mkdir()

    def mount(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("file systems cannot be mounted here")
        return folder

    yield mount
    subprocess.run(["umount", str(folder)], capture_output=True, check=False)


def test_read_only_output(gankit, mounted):
    folder = mounted("ro,size=1m")
    code, _, err = gankit("train", "cgan", "digits", *STEPS, *TINY, "--out", folder / "run")
    assert code == 2
    assert "cannot be written" in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_full_disk_keeps_the_last_checkpoint_and_the_run_goes_on(
    gankit, mounted, newest, equal, tmp_path
):
    command = ("train", "cgan", "digits", "--steps", "12", *TINY, "--checkpoint-every", "2")
    assert gankit(*command, "--out", "whole")[0] == 0
    size = sum(p.stat().st_size for p in (tmp_path / "whole/checkpoints").iterdir())
    folder = mounted(f"size={int(size * 1.35) // 1024}k")
    filler = folder / "filler"
    code, _, err = gankit(*command, "--out", folder / "run")
    assert code == 2, "the disk was meant to fill up"
    assert "No space left" in err
    assert "Traceback" not in err
    assert not filler.exists()
    run = folder / "run"
    assert not list(run.rglob("*.part"))
    kept = max((run / "checkpoints").glob("step-*"))
    step = read_tensors(kept, "checkpoint")[1]["step"]
    assert step < 12
    subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
    assert gankit(*command, "--out", run)[0] == 0
    assert equal(newest(run), newest(tmp_path / "whole"))


def chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


@pytest.mark.slow
def test_broken_pictures_are_counted_and_named_and_the_rest_is_trained_on(gankit, tmp_path):
    folder = tmp_path / "images"
    save_pictures(folder, 12)
    whole = (folder / "03.jpg").read_bytes()
    (folder / "03.jpg").write_bytes(whole[: len(whole) // 2])
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    (folder / "bomb.png").write_bytes(bomb)
    code, _, err = gankit("train", "dcgan", "./images", "--size", "16", *STEPS, *TINY, "--out", "r")
    assert code == 0, err
    assert "03.jpg" in err
    assert "bomb.png" in err
    assert json.loads((tmp_path / "r/run.json").read_text())["data"]["count"] == 11
    assert (tmp_path / "r/model.safetensors").exists()
