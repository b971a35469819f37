"""Latents are kept, read again and given back; files that hold something else are refused."""

from __future__ import annotations

import io
import os
import zipfile

import numpy as np
import pytest

import gankit
from gankit.errors import ConfigError, RunError
from gankit.trained.latents import Latents, join

NOISE = np.arange(6, dtype=np.float32).reshape(3, 2)


@pytest.mark.parametrize(
    "labels",
    [None, [2, 0, 1], np.full((3, 4), 0.25, np.float32)],
    ids=["none", "classes", "shares"],
)
def test_what_is_saved_is_read_again(tmp_path, labels):
    given = Latents(NOISE, labels, "cgan", "abc")
    given.save(tmp_path / "new" / "x.npz")
    read = Latents.load(tmp_path / "new" / "x.npz")
    assert np.array_equal(read.noise, NOISE)
    assert (read.family, read.digest) == ("cgan", "abc")
    assert (read.labels is None) == (labels is None)
    if labels is not None:
        assert np.array_equal(read.labels, given.labels)
        assert read.labels.dtype == given.labels.dtype


def test_parts_of_them_and_several_together():
    given = Latents(NOISE, [2, 0, 1])
    assert given[-1].noise.tolist() == [[4, 5]]
    assert given[1:].labels.tolist() == [0, 1]
    assert given[[2, 0]].noise[:, 0].tolist() == [4, 0]
    assert join([given[2], given[:2]]).labels.tolist() == [1, 2, 0]
    with pytest.raises(IndexError):
        given[3]
    with pytest.raises(ConfigError, match="different sizes"):
        join([given, Latents(NOISE)])


@pytest.mark.parametrize(
    ("noise", "labels", "said"),
    [
        (NOISE[0], None, r"must be \[N, size\], got noise \[2\]"),
        (NOISE[:0], None, r"got noise \[0, 2\]"),
        ([[np.nan]], None, "finite"),
        ([[1e39]], None, "finite"),
        (["a"], None, "must be numbers"),
        (NOISE, [1, 2], r"labels must be whole numbers \[3\]"),
        (NOISE, [0.5, 1.0, 2.0], "labels must be"),
        (NOISE, [[np.inf]] * 3, "finite"),
    ],
)
def test_what_are_no_latents(noise, labels, said):
    with pytest.raises(ConfigError, match=said):
        Latents(noise, labels)


def archive(**arrays):
    """The bytes of an .npz file."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def bomb():
    """An array whose header promises more than the file holds."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (10**9, 10**3)}
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("noise.npy", header.getvalue())
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    {
        "empty": b"",
        "no archive": b"PK\x03\x04 and nothing else",
        "cut off": archive(noise=NOISE)[:-40],
        "other arrays": archive(images=np.zeros((2, 8, 8), np.uint8)),
        "objects": archive(noise=np.array([{}], object)),
        "texts": archive(noise=np.array(["a", "b"])),
        "not finite": archive(noise=np.full((1, 2), np.nan)),
        "no table": archive(noise=NOISE[0]),
        "labels of others": archive(noise=NOISE, labels=np.zeros(2, np.int64)),
        "a bomb": bomb(),
    }.items(),
    ids=lambda item: item[0],
)
def test_a_file_that_holds_none_is_one_clear_line(tmp_path, content):
    (tmp_path / "x.npz").write_bytes(content[1])
    with pytest.raises(RunError) as error:
        Latents.load(tmp_path / "x.npz")
    assert "x.npz' holds no latents: " in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400 + len(str(tmp_path))


def test_paths_that_lead_to_no_file(tmp_path):
    with pytest.raises(RunError, match="no latents at"):
        Latents.load(tmp_path / "x.npz")
    with pytest.raises(RunError, match="is no file"):
        Latents.load(tmp_path)
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(RunError, match="is no file"):
        Latents.load(tmp_path / "pipe.npz")
    with pytest.raises(ConfigError, match=r"name\.npz, got x\.png"):
        Latents(NOISE).save(tmp_path / "x.png")
    (tmp_path / "taken").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        Latents(NOISE).save(tmp_path / "taken" / "x.npz")


def test_an_owner_of_another_kind_is_no_traceback(tmp_path):
    (tmp_path / "x.npz").write_bytes(archive(noise=NOISE, family=np.zeros((2, 2)), digest=3))
    assert len(Latents.load(tmp_path / "x.npz")) == 3
    assert gankit.Latents is Latents
