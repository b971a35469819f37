"""What a walk passes over: run directories, bad links, pipes, folders that may not be listed."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import numpy as np
import pytest

from gankit.data import load_dataset
from gankit.errors import DataError
from gankit.fitting import fit

from .test_folder import notes, save, values


def fingerprint(source):
    return load_dataset(source).fingerprint


@pytest.fixture
def photos(tmp_path):
    """Eight loose pictures."""
    for value in range(8):
        save(tmp_path / "photos" / f"{value}.png", value)
    return tmp_path / "photos"


def make_run(folder, record='{"config": {}, "data": {}, "plan": {}}', without=()):
    """What `gankit train` leaves, or a part of it."""
    for name in ("samples/0000001.png", "grid.png"):
        save(folder / name, 99)
    (folder / "checkpoints").mkdir()
    for name in (".lock", "metrics.jsonl", "model.safetensors", "timeline.gif"):
        (folder / name).write_text("")
    (folder / "run.json").write_text(record)
    for name in without:
        path = folder / name
        if path.is_dir():
            for file in path.iterdir():
                file.unlink()
            path.rmdir()
        else:
            path.unlink()


@pytest.mark.slow
def test_a_run_that_was_really_trained_is_passed_over(photos, small):
    before = fingerprint(photos)
    fit(small("dcgan", str(photos), **{"training.steps": 2}), photos / "runs" / "mine")
    dataset = load_dataset(photos)
    assert dataset.fingerprint == before
    assert "left out: 1 run directory (runs/mine)" in notes(dataset)
    (photos / "runs" / "mine" / "run.json").write_text('{"half')
    assert fingerprint(photos) == before
    (photos / "runs" / "mine" / "run.json").unlink()
    assert fingerprint(photos) == before


@pytest.mark.parametrize("where", ["run", "runs/a", "a/b/c"])
@pytest.mark.parametrize(
    ("record", "without"),
    [
        ('{"config": {}, "data": {}, "plan": {}}', ()),
        ('{"config": {}, "data": {}, "plan": {}}', (".lock", "metrics.jsonl", "checkpoints")),
        ('{"config": {"family', ()),
        ('{"config": {"family', (".lock", "metrics.jsonl", "model.safetensors", "checkpoints")),
        ("", (".lock", "model.safetensors")),
        ("[]", ()),
        ("[" * 100_000, ("checkpoints",)),
        ("", ("run.json",)),
        ("", ("run.json", ".lock", "checkpoints")),
    ],
)
def test_a_run_is_known_by_what_it_holds(photos, where, record, without):
    before = load_dataset(photos)
    make_run(photos / where, record, without)
    after = load_dataset(photos)
    assert after.fingerprint == before.fingerprint
    assert values(after) == values(before)
    assert after.labels is None
    assert f"1 run directory ({where})" in notes(after)


def test_runs_are_no_class_and_hide_in_none(tmp_path):
    for name in ("cat/1.png", "cat/2.png", "dog/1.png"):
        save(tmp_path / name)
    before = load_dataset(tmp_path)
    make_run(tmp_path / "runs" / "x")
    make_run(tmp_path / "runs" / "y")
    make_run(tmp_path / "cat" / "z")
    after = load_dataset(tmp_path)
    assert after.class_names == ("cat", "dog")
    assert after.fingerprint == before.fingerprint
    assert "3 run directories (cat/z, runs/x, runs/y)" in notes(after)


def test_runs_in_a_split(tmp_path):
    for name in ("train/1.png", "test/2.png"):
        save(tmp_path / name)
    before = [load_dataset(tmp_path, split=split).fingerprint for split in ("train", "test")]
    make_run(tmp_path / "runs" / "x")
    make_run(tmp_path / "train" / "runs" / "x")
    make_run(tmp_path / "test" / "y")
    after = [load_dataset(tmp_path, split=split).fingerprint for split in ("train", "test")]
    assert after == before


@pytest.mark.parametrize("pattern", ["**/*.png", "./**/*.png", "*/*.png", "**"])
def test_runs_are_no_match_of_a_pattern(photos, monkeypatch, pattern):
    save(photos / "more" / "1.png", 50)
    monkeypatch.chdir(photos)
    before = load_dataset(pattern)
    make_run(photos / "runs")
    after = load_dataset(pattern)
    assert after.fingerprint == before.fingerprint
    assert "1 run directory (runs)" in notes(after)


def test_a_folder_of_that_kind_by_chance_is_data(photos):
    save(photos / "samples" / "9.png", 9)
    (photos / "run.json").write_text("{}")
    save(photos / "set" / "samples" / "10.png", 10)
    (photos / "set" / "run.json").write_text(json.dumps({"by": "another program"}))
    assert len(load_dataset(photos)) == 10


def test_a_run_in_place_of_data_is_called_so(tmp_path):
    make_run(tmp_path / "r")
    with pytest.raises(DataError, match="is a run directory, not data"):
        load_dataset(tmp_path / "r")
    assert values(load_dataset(tmp_path / "r" / "samples")) == [99]  # asked for by name
    (tmp_path / "all").mkdir()
    (tmp_path / "r").rename(tmp_path / "all" / "r")
    with pytest.raises(DataError, match=r"holds no images, only 1 run directory \(r\)"):
        load_dataset(tmp_path / "all")


def test_one_bad_link_is_left_out_and_named(photos):
    before = fingerprint(photos)
    (photos / "self.png").symlink_to("self.png")
    (photos / "a.png").symlink_to("b.png")
    (photos / "b.png").symlink_to("a.png")
    (photos / "gone.png").symlink_to("nowhere/gone.png")
    (photos / "folder").symlink_to("nowhere")
    (photos / "below.png").symlink_to("0.png/below.png")
    dataset = load_dataset(photos)
    assert dataset.fingerprint == before
    assert "3 links that lead back (a.png, b.png, self.png)" in notes(dataset)
    assert "3 links that point nowhere (below.png, folder, gone.png)" in notes(dataset)


@pytest.mark.parametrize("pattern", ["", "*.png", "**/*.png"])
def test_links_that_all_point_nowhere(tmp_path, pattern):
    for index in range(12):
        (tmp_path / f"{index:02}.png").symlink_to(f".git/annex/objects/{index}.png")
    with pytest.raises(DataError, match=r"only 12 links that point nowhere \(00.png") as raised:
        load_dataset(str(tmp_path / pattern))
    assert "git annex get" in str(raised.value)
    assert "dvc pull" in str(raised.value)


def test_a_link_in_place_of_the_folder(tmp_path, photos):
    (tmp_path / "link").symlink_to("photos")
    assert fingerprint(tmp_path / "link") == fingerprint(photos)
    (tmp_path / "dead").symlink_to("moved")
    with pytest.raises(DataError, match="the link points nowhere: 'moved'"):
        load_dataset(tmp_path / "dead")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(DataError, match="cannot be looked at"):
        load_dataset(tmp_path / "loop")


@pytest.mark.parametrize("pattern", ["", "**/*.png"])
def test_no_folder_is_read_twice_whatever_links_lead_to_it(tmp_path, pattern):
    save(tmp_path / "photos" / "in" / "1.png", 1)
    save(tmp_path / "photos" / "2.png", 2)
    save(tmp_path / "else" / "3.png", 3)
    links = {"A": "in", "in/up": "..", "up": "..", "me": ".", "more": "../else", "again": "../else"}
    for name, target in links.items():
        (tmp_path / "photos" / name).symlink_to(target, target_is_directory=True)
    (tmp_path / "else" / "back").symlink_to("../photos", target_is_directory=True)
    dataset = load_dataset(str(tmp_path / "photos" / pattern))
    assert sorted(values(dataset)) == [1, 2, 3]
    assert "3 links that lead back (in/up, me, up)" in notes(dataset)
    assert "links to folders read anyway (A, " in notes(dataset)
    assert dataset.unreadable == ()


def test_a_second_way_to_a_folder_leads_nowhere_back(tmp_path):
    save(tmp_path / "set" / "photos" / "1.png", 1)
    (tmp_path / "set" / "same").symlink_to("photos", target_is_directory=True)
    assert "1 link to a folder that is read anyway (same)" in notes(load_dataset(tmp_path / "set"))
    (tmp_path / "set" / "back").symlink_to("..", target_is_directory=True)
    assert "1 link that leads back (back)" in notes(load_dataset(tmp_path / "set"))


def test_a_folder_is_known_by_its_own_name_and_not_by_a_links(tmp_path):
    save(tmp_path / "cat" / "1.png")
    save(tmp_path / "dog" / "2.png")
    (tmp_path / "a-cat").symlink_to("cat", target_is_directory=True)
    assert load_dataset(tmp_path).class_names == ("cat", "dog")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("memory_gb", [2.0, 0.0])
def test_pipes_and_sockets_are_left_out_and_named(photos, memory_gb, monkeypatch):
    os.mkfifo(photos / "pipe.png")
    monkeypatch.chdir(photos)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.png")
        dataset = load_dataset(".", memory_gb=memory_gb)
    assert len(dataset) == 8
    assert "2 pipes, sockets or devices (pipe.png, socket.png)" in notes(dataset)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_what_may_not_be_read_is_left_out_and_named(photos):
    save(photos / "closed" / "1.png")
    (photos / "closed").chmod(0)
    (photos / "0.png").chmod(0)
    try:
        dataset = load_dataset(photos)
    finally:
        (photos / "closed").chmod(0o700)
    assert len(dataset) == 7
    assert "1 name that cannot be looked at (closed)" in notes(dataset)
    assert "0.png (Permission denied)" in notes(dataset)


@pytest.mark.parametrize("failure", [PermissionError(13, "Permission denied"), OSError(5, "I/O")])
def test_a_folder_that_cannot_be_listed_is_named(photos, monkeypatch, failure):
    save(photos / "closed" / "1.png")
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("closed"):
            raise failure
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    dataset = load_dataset(photos)
    assert len(dataset) == 8
    assert "1 name that cannot be looked at (closed)" in notes(dataset)


def test_a_closed_folder_is_one_line(photos, monkeypatch):
    """As it is to a user who is not the superuser, whom the tests may run as."""

    def closed(name, within):
        work = getattr(os, name)

        def refuse(path, *more, **options):
            if f"{path}/".startswith(within):
                raise PermissionError(13, "Permission denied", str(path))
            return work(path, *more, **options)

        monkeypatch.setattr(os, name, refuse)

    for name in ("scandir", "listdir"):
        closed(name, f"{photos}/")
    closed("stat", f"{photos}/data.mdb/")
    with pytest.raises(DataError, match="cannot be listed: Permission denied"):
        load_dataset(photos)


def test_a_file_that_goes_away_while_the_folder_is_listed(photos, monkeypatch):
    (photos / "late").mkdir()
    save(photos / "late" / "9.png")
    scandir = os.scandir

    class Listing(list):
        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

    def slow(path):
        listing = Listing(scandir(path))
        for gone in (photos / "0.png", photos / "late" / "9.png"):
            gone.unlink(missing_ok=True)
        (photos / "late").rmdir() if (photos / "late").exists() else None
        return listing

    monkeypatch.setattr("gankit.data.load.is_text", lambda path: False)  # which lists it first
    monkeypatch.setattr(os, "scandir", slow)
    assert values(load_dataset(photos)) == [1, 2, 3, 4, 5, 6, 7]


def test_names_of_any_bytes(photos):
    picture = (photos / "0.png").read_bytes()
    for name in (b"new\nline.png", b"\xff\xfe.png", b"tab\t\x1b[31m.png"):
        (photos / os.fsdecode(name)).write_bytes(picture)
    (photos / os.fsdecode(b"odd\n\xff.png")).symlink_to("nowhere")
    dataset = load_dataset(photos, memory_gb=0)
    assert len(dataset.read(np.arange(11))) == 11
    assert "odd??.png" in notes(dataset)
    assert all(line.isprintable() for line in dataset.notes)


def test_folders_deeper_than_a_path_may_be_long(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "a.png")
    for _ in range(650):
        Path("deeper").mkdir()
        os.chdir("deeper")
    assert len(load_dataset(tmp_path)) == 1
