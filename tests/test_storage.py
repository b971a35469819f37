"""Files that survive, and damage that is found."""

from __future__ import annotations

import errno
import os

import pytest
import torch
from safetensors.torch import save_file

from gankit import storage
from gankit.errors import RunError
from gankit.storage import digest, read_tensors, write_atomically, write_tensors

TENSORS = {
    "a": torch.arange(6.0).view(2, 3),
    "b": torch.tensor(7),
    "c": torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
}


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "x.safetensors"
    write_tensors(path, "checkpoint", TENSORS, {"step": 3})
    return path


def test_what_was_written_is_read(stored):
    tensors, header = read_tensors(stored, "checkpoint")
    assert header["step"] == 3
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(tensors[name], tensor)
        assert tensors[name].dtype == tensor.dtype


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_a_truncated_file_is_refused(stored, cut):
    stored.write_bytes(stored.read_bytes()[:-cut])
    with pytest.raises(RunError, match="damaged"):
        read_tensors(stored, "checkpoint")


@pytest.mark.parametrize("place", [-1, -100, -300, 100, 4])
def test_a_flipped_bit_is_found(stored, place):
    content = bytearray(stored.read_bytes())
    content[place] ^= 4
    stored.write_bytes(bytes(content))
    with pytest.raises(RunError):
        read_tensors(stored, "checkpoint")


def test_another_kind_a_foreign_file_and_none_are_refused(stored, tmp_path):
    with pytest.raises(RunError, match="is a gankit checkpoint"):
        read_tensors(stored, "artifact")
    save_file({"a": torch.ones(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(RunError, match="not written by gankit"):
        read_tensors(tmp_path / "foreign.safetensors", "artifact")
    with pytest.raises(RunError, match="no artifact at"):
        read_tensors(tmp_path / "nothing", "artifact")


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, failing):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail(*_arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_another_format_version_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "x.safetensors"
    monkeypatch.setattr(storage, "FORMAT", 2)
    write_tensors(path, "checkpoint", TENSORS, {})
    monkeypatch.undo()
    with pytest.raises(RunError, match="format version 2; this gankit reads version 1"):
        read_tensors(path, "checkpoint")


@pytest.mark.parametrize("name", TENSORS)
def test_every_byte_of_every_tensor_is_in_the_digest(name):
    before = digest(TENSORS)
    for i in range(TENSORS[name].numel()):
        changed = {k: v.clone(memory_format=torch.contiguous_format) for k, v in TENSORS.items()}
        assert digest(changed) == before  # how it lies in memory is no matter
        changed[name].view(-1)[i] += 1
        assert digest(changed) != before


def test_names_types_and_shapes_are_in_the_digest():
    a = torch.zeros(4)
    assert len({digest(t) for t in ({"a": a}, {"b": a}, {"a": a.view(2, 2)}, {"a": a.int()})}) == 4


def test_a_folder_that_is_missing_is_an_os_error_and_leaves_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "none" / "file", b"x")
    assert list(tmp_path.iterdir()) == []
