"""ONNX files: run by onnxruntime alone, in every form."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import gankit
from gankit.exporting.to_onnx import to_onnx
from gankit.families import Task
from tests.exporting.made import PERCEPTRON, SHAPE, untrained, with_onnx

pytestmark = [with_onnx, pytest.mark.slow]


def session(path):
    import onnxruntime

    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_classes_by_number_and_what_the_file_says(small, tmp_path):
    gan = untrained(small("cgan"))
    made = gankit.export(gan, tmp_path / "g.onnx")
    assert made.difference <= made.limit == 1e-4
    run = session(tmp_path / "g.onnx")
    assert [(one.name, one.type) for one in run.get_inputs()] == [
        ("latents", "tensor(float)"),
        ("labels", "tensor(int64)"),
    ]
    latents = np.random.default_rng(0).standard_normal((5, gan.game.latent_size), np.float32)
    labels = np.array([2, 0, 1, 1, 0])
    (images,) = run.run(["images"], {"latents": latents, "labels": labels})
    np.testing.assert_allclose(images, gan(latents, labels), atol=1e-4)
    facts = json.loads(run.get_modelmeta().custom_metadata_map["gankit"])
    assert facts["class_names"] == ["a", "b", "c"]
    assert json.loads((tmp_path / "g.onnx.json").read_text()) == facts | {
        "difference": made.difference,
        "limit": 1e-4,
    }


def test_half_precision_and_uint8_of_a_range_of_its_own(small, tmp_path):
    gan = untrained(small("infogan", **{"network.output": "sigmoid"}))
    made = gankit.export(gan, tmp_path / "g.onnx", uint8=True, half=True)
    whole = sum(p.numel() * p.element_size() for p in gan.generator.parameters())
    assert made.bytes < 0.7 * whole
    latents = np.random.default_rng(0).standard_normal((3, gan.game.latent_size), np.float32)
    (images,) = session(tmp_path / "g.onnx").run(None, {"latents": latents})
    assert (images.dtype, images.shape) == (np.uint8, (3, *SHAPE[1:], SHAPE[0]))
    expected = gan(latents).permute(0, 2, 3, 1).numpy() * 255
    assert np.abs(images - expected).max() <= 3


def test_vectors_and_a_perceptron(small, tmp_path):
    gan = untrained(small("cgan", **PERCEPTRON), Task(SHAPE, (), 5))
    gankit.export(gan, tmp_path / "g.onnx")
    latents = np.zeros((4, gan.game.latent_size), np.float32)
    vectors = np.linspace(0, 1, 20, dtype=np.float32).reshape(4, 5)
    (images,) = session(tmp_path / "g.onnx").run(None, {"latents": latents, "labels": vectors})
    np.testing.assert_allclose(images, gan(latents, vectors), atol=1e-4)


def test_a_file_that_differs_is_not_written(small, tmp_path, monkeypatch):
    gan = untrained(small("dcgan"))
    for parameter in gan.generator.parameters():
        parameter.mul_(1e6)  # beyond the numbers of half precision
    with pytest.raises(gankit.RunError, match="nothing was written"):
        gankit.export(gan, tmp_path / "g.onnx", half=True)
    assert [*tmp_path.iterdir()] == []


class Searching(torch.nn.Module):
    """A generator that calls what ONNX does not have."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, noise, labels=None):
        places = torch.searchsorted(torch.zeros(2), noise)
        return self.inner(noise, labels) + 0 * places.sum()


def test_what_onnx_lacks_is_said_with_what_to_do(small, tmp_path):
    gan = untrained(small("gan"))
    gan.game.generator = Searching(gan.game.generator).eval()
    text = untrained(small("seqgan"), Task((2,), symbols=("a", "b"), tokens="words"))
    lacks = "cannot be written as ONNX: ONNX has nothing like torch's .*; export it to torch"
    for given, form, said in (
        (gan, "onnx", lacks),
        (text, "html", "this run makes tokens: export it to onnx or torch"),
    ):
        with pytest.raises(gankit.RunError, match=f"{said}$") as error:
            gankit.export(given, tmp_path / "g", form)
        assert str(error.value).isprintable()
    assert [*tmp_path.iterdir()] == []


def test_mixtures_are_linear_in_the_code(small):
    gan = untrained(small("cgan"))
    made = to_onnx(gan, mixtures=True)
    assert made.facts["mixtures"] is True
    latents = np.ones((1, gan.game.latent_size), np.float32)
    run = session(made.content)
    ask = lambda *shares: run.run(None, {"latents": latents, "labels": np.float32([shares])})[0]  # noqa: E731
    np.testing.assert_allclose(ask(0, 1, 0), gan(latents, "b"), atol=1e-4)
    from gankit.exporting.mixing import sample_at

    half = np.rint((ask(0.5, 0.5, 0)[0, 0] + 1) * 127.5)
    assert np.abs(half - sample_at(gan, latents[0], shares=[0.5, 0.5, 0])).max() <= 1


def test_what_is_missing_is_named(small, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(gankit.GankitError, match=r"pip install 'gankit\[onnx\]'"):
        gankit.export(untrained(small("dcgan")), tmp_path / "g.onnx")
    assert [*tmp_path.iterdir()] == []
