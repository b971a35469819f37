"""What every export promises: one clear line, nothing half-written, the form by the name."""

from __future__ import annotations

import json

import pytest

import gankit
from gankit.families import Task
from tests.exporting.made import SHAPE, untrained


def test_the_ending_says_the_form(small, tmp_path):
    gan = untrained(small("dcgan"))
    assert gankit.export(gan, tmp_path / "a.gif").form == "gif"
    assert gankit.export(gan, tmp_path / "deep" / "plain").form == "torch"
    with pytest.raises(gankit.ConfigError, match=r"'a\.pt' does not say what to write"):
        gankit.export(gan, tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("form", "arguments", "said"),
    [
        ("tflite", {}, "to must be onnx, torch, html, gif"),
        ("gif", {"uint8": True}, "uint8 is for onnx"),
        ("torch", {"half": True}, "half is for onnx and html"),
        ("torch", {"seed": 3}, "labels and seed are for gif"),
        ("torch", {"labels": "a"}, "labels and seed are for gif"),
        ("gif", {"seed": -1}, "seed must be in"),
        ("gif", {"labels": "z"}, "label 'z' is outside"),
    ],
)
def test_arguments_that_do_not_fit(small, tmp_path, form, arguments, said):
    gan = untrained(small("cgan"))
    with pytest.raises(gankit.ConfigError, match=said):
        gankit.export(gan, tmp_path / "x", form, **arguments)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("form", ["gif", "html"])
def test_points_have_no_pictures(small, tmp_path, form):
    gan = untrained(small("gan", "toy:ring8"), Task((2,)))
    with pytest.raises(gankit.GankitError, match="this run makes points"):
        gankit.export(gan, tmp_path / f"x.{form}")
    assert [*tmp_path.iterdir()] == []


def test_a_place_that_is_taken_or_cannot_be_written(small, tmp_path):
    gan = untrained(small("dcgan"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(gankit.ConfigError, match="is a folder"):
        gankit.export(gan, tmp_path / "folder", "gif")
    for name in ("file", "folder"):
        with pytest.raises(gankit.ConfigError, match="is no former export"):
            gankit.export(gan, tmp_path / name, "torch")
    with pytest.raises(gankit.RunError, match="cannot be written"):
        gankit.export(gan, tmp_path / "file" / "x.gif")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_network_that_freezes_the_batch_is_refused_with_the_cure(small, tmp_path):
    gan = untrained(small("dcgan"))

    class Frozen(type(gan.generator)):
        def forward(self, noise, labels=None):
            return super().forward(noise.view(len(list(noise)), -1), labels)

    gan.generator.__class__ = Frozen
    with pytest.raises(gankit.RunError, match="this generator cannot be exported"):
        gankit.export(gan, tmp_path / "x", "torch")
    assert [*tmp_path.iterdir()] == []


def test_a_film_loops_and_shows_the_class_asked_for(small, tmp_path):
    from PIL import Image

    gan = untrained(small("cgan"))
    gankit.export(gan, tmp_path / "a.gif", labels="a", seed=1)
    gankit.export(gan, tmp_path / "b.gif", labels="b", seed=1)
    with Image.open(tmp_path / "a.gif") as film:
        assert film.is_animated
        assert film.info["loop"] == 0
        assert film.n_frames > 50
    assert (tmp_path / "a.gif").read_bytes() != (tmp_path / "b.gif").read_bytes()


def test_a_class_whose_name_is_no_text_is_written_as_json_writes_it(small, tmp_path):
    names = ("caf\udce9", "\ud800", "日本")
    gankit.export(untrained(small("cgan"), Task(SHAPE, names)), tmp_path / "x", "torch")
    written = (tmp_path / "x" / "export.json").read_bytes()
    assert tuple(json.loads(written)["class_names"]) == names
    assert "日本".encode() in written


def test_what_export_json_says(small, tmp_path):
    gan = untrained(small("cgan"))
    made = gankit.export(gan, tmp_path / "x", "torch")
    facts = json.loads((tmp_path / "x" / "export.json").read_text())
    assert facts["family"] == "cgan"
    assert facts["class_names"] == ["a", "b", "c"]
    assert facts["shape"] == [1, 20, 24]
    assert facts["difference"] == made.difference <= made.limit == facts["limit"]
    assert len(facts["digest"]) == 32
    again = gankit.export(gan, tmp_path / "x", "torch")  # a former export is replaced
    assert again == made
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
