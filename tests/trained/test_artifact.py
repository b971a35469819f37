"""Loading and sampling a trained generator."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import torch

import gankit
from gankit.errors import RunError
from gankit.fitting import fit
from gankit.settings.config import override
from gankit.storage import read_tensors, write_tensors
from gankit.trained.drawing import BLOCK


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small conditional run of three steps."""
    config = override(
        gankit.configure("cgan", "digits"),
        {
            "training.steps": 3,
            "training.batch": 8,
            "network.generator_width": 4,
            "network.discriminator_width": 4,
            "runtime.threads": 1,
        },
    )
    folder = tmp_path_factory.mktemp("artifact") / "run"
    fit(config, folder)
    return folder


def test_every_class_in_turn_unless_asked(run):
    gan = gankit.load(run)
    assert gan.labels_for(12).tolist() == [*range(10), 0, 1]
    assert gan.labels_for(3, 7).tolist() == [7, 7, 7]
    assert gan.labels_for(2, "4").tolist() == [4, 4]
    assert gan.labels_for(3, [1, "2", 3]).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("n", "labels", "said"),
    [
        (2, 10, "outside"),
        (2, "seven", "outside"),
        (2, [1], "1 labels given for 2"),
        (0, None, "least 1"),
    ],
)
def test_labels_and_counts_that_cannot_be(run, n, labels, said):
    with pytest.raises(gankit.ConfigError, match=said):
        gankit.load(run).sample(n, labels)


def test_names_come_before_numbers(run):
    gan = gankit.load(run)
    gan.class_names = ("cat", "0", "dog")
    assert gan.labels_for(1, "0").tolist() == [1]  # a name
    assert gan.labels_for(1, 0).tolist() == [1]  # the same, as a number
    assert gan.labels_for(1, 2).tolist() == [2]  # no name: a place
    assert gan.labels_for(1, "2").tolist() == [2]


def test_a_sample_does_not_depend_on_how_many_are_asked_for(run):
    gan = gankit.load(run)
    many = gan.sample(2 * BLOCK + 7, seed=3)
    few = gan.sample(BLOCK + 1, seed=3)
    assert np.abs(many[: len(few)].astype(int) - few).max() <= 1
    assert len(list(gan.blocks(2 * BLOCK + 7))) == 3


def test_it_draws_in_eval_mode_and_keeps_no_gradient(run):
    gan = gankit.load(run)
    assert not gan.generator.training
    assert not any(p.requires_grad for p in gan.generator.parameters())
    before = {k: v.clone() for k, v in gan.generator.state_dict().items()}
    gan.sample(20)
    assert all(torch.equal(v, before[k]) for k, v in gan.generator.state_dict().items())


def test_no_pickle_is_read(run, monkeypatch):
    def refuse(*_arguments, **_named):
        raise AssertionError("torch.load was called")

    monkeypatch.setattr(torch, "load", refuse)
    gankit.load(run).sample(2)


def test_the_header_says_all_that_loading_needs(run, tmp_path):
    tensors, header = read_tensors(run / "model.safetensors", "artifact")
    assert header["value_range"] == [-1.0, 1.0]
    assert header["class_names"] == [str(i) for i in range(10)]
    assert header["config"]["family"] == "cgan"
    (tmp_path / "alone.safetensors").write_bytes((run / "model.safetensors").read_bytes())
    assert np.array_equal(
        gankit.load(tmp_path / "alone.safetensors").sample(5), gankit.load(run).sample(5)
    )
    assert not any(name.startswith("trunk") for name in tensors)  # no discriminator


@pytest.mark.parametrize("change", ["family", "option", "weight"])
def test_an_artifact_of_another_gankit_is_refused_in_one_line(run, tmp_path, change):
    tensors, header = read_tensors(run / "model.safetensors", "artifact")
    header = {
        k: v for k, v in json.loads(json.dumps(header)).items() if k not in ("kind", "digest")
    }
    if change == "family":
        header["config"]["family"] = "unheard_of"
    elif change == "option":
        header["config"]["network"]["unheard_of"] = 1
    else:
        tensors.pop("generator/stem.weight")
    write_tensors(tmp_path / "x.safetensors", "artifact", tensors, header)
    with pytest.raises(gankit.RunError, match="does not fit this one"):
        gankit.load(tmp_path / "x.safetensors")


@pytest.mark.parametrize("closed", ["folder", "above"])
def test_a_closed_folder_is_one_line(tmp_path, monkeypatch, closed):
    """As it is to a user who is not the superuser, whom the tests may run as."""
    folder = tmp_path / "above" / "run"
    folder.mkdir(parents=True)
    within = f"{folder if closed == 'folder' else folder.parent}/"
    stat = os.stat

    def refuse(path, *more, **options):
        if str(path).startswith(within):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, *more, **options)

    monkeypatch.setattr(os, "stat", refuse)
    with pytest.raises(RunError, match="cannot be read: Permission denied"):
        gankit.load(folder)
