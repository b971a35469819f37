"""Projected GAN: any size, classes or vectors, all patches; what a run holds of its backbone."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import gankit
from gankit.choose_recipe import configure
from gankit.errors import ConfigError, RunError
from gankit.families import FAMILIES, Task
from gankit.features.backbones import Backbone
from gankit.game_types import Answer, Batch, Latent
from gankit.nn.layers import frozen
from gankit.settings.config import override
from gankit.storage import read_tensors
from gankit.training.state import build_game
from gankit.training.update import (
    alternating,
    choose_update,
    penalty_terms,
    simultaneous,
    simultaneous_coupled,
    why_not_simultaneous,
)

SMALL = {
    "network.pixels": 0,
    "network.backbone": "random",
    "network.least_side": 16,
    "network.generator_width": 4,
    "network.mixed": 8,
    "network.head_width": 8,
}


def config_of(**changes):
    return override(configure("projected", "digits"), {**SMALL, **changes})


def game(shape=(3, 32, 32), classes=0, condition=0, **changes):
    task = Task(shape, tuple(map(str, range(classes))), condition)
    return build_game(config_of(**changes), task)


@pytest.mark.parametrize(
    "shape", [(1, 16, 16), (3, 17, 33), (1, 28, 28), (3, 64, 48), (3, 32, 128)], ids=str
)
def test_any_size_comes_out_as_asked_and_goes_in(shape):
    g = game(shape)
    images = g.generator(torch.randn(3, 100))
    assert images.shape == (3, *shape)
    assert images.abs().max() <= 1
    logits = g.logits(images, None)
    assert logits.shape == (3,)
    logits.sum().backward()
    for player in (g.generator, g.discriminator):
        assert all(p.grad is not None and p.grad.isfinite().all() for p in player.parameters())


@pytest.mark.parametrize(("least", "patches"), [(16, 16 + 4 + 1 + 1), (64, 16 + 4 * 4 * 2 + 4)])
def test_small_images_are_enlarged_for_the_backbone(least, patches):
    """The head of each scale has 4 to 7 patches a side, unless its map is smaller."""
    g = game((1, 16, 16), **{"network.least_side": least})
    assert g.discriminator(torch.zeros(2, 1, 16, 16)).shape == (2, patches)


def test_a_head_of_its_own_sees_the_pixels():
    images = torch.rand(4, 3, 32, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for pixels, more in ((0, 0), (16, 24), (64, 24)):  # at the most the image's own 32
        d = game((3, 32, 48), **{"network.pixels": pixels}).discriminator.eval()
        d.backbone.register_forward_hook(lambda *told: [torch.zeros_like(m) for m in told[2]])
        blind, seen = d(images), d(images.flip(3))
        told = (blind != seen).any(0)  # the logits that the image changes, all else being hidden
        assert told.sum() == more, (pixels, told)


def test_grey_is_colour_of_three_equal_channels():
    torch.manual_seed(0)
    grey = torch.rand(2, 1, 32, 32)
    one, three = game((1, 32, 32)).discriminator.eval(), game((3, 32, 32)).discriminator.eval()
    three.load_state_dict(one.state_dict())
    assert torch.allclose(one(grey), three(grey.expand(-1, 3, -1, -1)), atol=1e-6)


@pytest.mark.parametrize("labels", ["classes", "vectors"])
def test_it_is_asked_for_classes_or_vectors(labels):
    kind = {"classes": 3} if labels == "classes" else {"condition": 2}
    one, other = torch.zeros(2, 2), torch.ones(2, 2)
    if labels == "classes":
        one, other = torch.tensor([0, 0]), torch.tensor([1, 1])
    noise, image = torch.randn(2, 100), torch.randn(2, 3, 32, 32)
    by_code = {"network.class_strength": 0.15, "network.class_maps": 0}
    g = game(**kind, **by_code)
    for player, given in ((g.generator.eval(), noise), (g.discriminator.eval(), image)):
        assert not torch.allclose(player(given, one), player(given, other))
    silent = {"network.class_strength": 0, "network.class_weight": 0}
    deaf = game(**kind, **{**by_code, **silent})
    for player, given in ((deaf.generator.eval(), noise), (deaf.discriminator.eval(), image)):
        assert torch.equal(player(given, one), player(given, other))
    without = game(**kind, **{"network.labels": "none"})
    assert not without.conditional
    assert without.generator(noise).shape == (2, 3, 32, 32)


@pytest.mark.parametrize("labels", ["classes", "vectors"])
def test_labels_scale_and_shift_the_first_maps_and_leave_the_noise(labels):
    kind = {"classes": 3} if labels == "classes" else {"condition": 3}
    g = game(**kind, **{"network.class_strength": 0, "network.class_maps": 2}).generator.eval()
    assert g.stem.in_features == 100
    assert len(g.label_scales) == 2
    one, other = torch.eye(3)[:1], torch.eye(3)[1:2]
    if labels == "classes":
        one, other = torch.tensor([0]), torch.tensor([1])
    noise = torch.randn(1, 100, generator=torch.Generator().manual_seed(0))
    assert torch.equal(g(noise, one), g(noise, other))  # until they have learned
    with torch.no_grad():
        scales = torch.linspace(-1, 1, g.label_scales[1].weight.numel())
        g.label_scales[1].weight.copy_(scales.view_as(g.label_scales[1].weight))
    assert not torch.allclose(g(noise, one), g(noise, other))


def test_a_classifier_is_heard_by_both_players_and_is_no_patch():
    plain, g = (game(classes=3, **{"network.classifier": c}) for c in ((0, 0), (0.5, 2)))
    images, labels = torch.randn(4, 3, 32, 32), torch.tensor([0, 1, 2, 0])
    assert (
        g.discriminator(images, labels).shape[1] == plain.discriminator(images, labels).shape[1] + 3
    )
    assert g.logits(images, labels).shape == (4,)
    batch = Batch(images, labels, Latent(torch.zeros(4, 100), labels), torch.zeros(4))
    sure = 20 * torch.eye(3)[labels]
    patches = torch.randn(4, 6)
    right, wrong = (Answer(torch.cat([patches, s], 1)) for s in (sure, sure.roll(1, 1)))
    for objective, weight in ((g.discriminator_objective, 0.5), (g.generator_objective, 2.0)):
        pairs = ((right, wrong), (wrong, right))
        first, second = (objective(*pair, batch).minimised for pair in pairs)
        told, untold = (first, second) if weight == 0.5 else (second, first)
        assert told["class"] < 1e-6
        assert untold["class"] == pytest.approx(20 * weight, rel=1e-4)
        assert first["adversarial"] == second["adversarial"]
    for other in (game(condition=3, **{"network.classifier": (0.5, 2)}), plain):
        assert not other.classifies


def test_every_patch_counts_and_not_the_mean_of_an_image():
    g = game(**{"objective.loss": "hinge"})
    real = Answer(torch.tensor([[3.0, -1.0], [1.0, 1.0]]))
    fake = Answer(torch.tensor([[-1.0, -1.0], [-3.0, 1.0]]))
    batch = Batch(torch.zeros(2, 3, 32, 32), None, Latent(torch.zeros(2, 100)), torch.zeros(2))
    terms = g.discriminator_objective(real, fake, batch)
    assert terms.minimised["adversarial"] == 2 / 4 + 2 / 4  # of the means it would be 0 + 0
    assert g.generator_objective(real, fake, batch).minimised["adversarial"] == 1
    assert g.logits_of(real).tolist() == [1, 1]


def test_relativistic_pairs_are_of_one_patch_each():
    g = game()
    real, fake = Answer(torch.randn(4, 6)), Answer(torch.randn(4, 6))
    batch = Batch(torch.zeros(4, 3, 32, 32), None, Latent(torch.zeros(4, 100)), torch.zeros(4))
    found = g.discriminator_objective(real, fake, batch).minimised["adversarial"]
    pairs = torch.nn.functional.softplus(fake.output - real.output)
    assert torch.allclose(found, pairs.mean())


@pytest.mark.parametrize("pixels", [0, 16])
def test_a_penalty_is_on_the_slope_by_what_the_heads_see(pixels):
    """R1 by hand, with D's heads alone, and with D as a whole."""
    asked = {"objective.penalty": "r1", "objective.penalty_weight": 2, "network.pixels": pixels}
    asked |= {"network.head_norm": "none", "network.classifier": "0.3,0.2"}
    asked |= {"objective.penalty_interval": 1}
    found = {}
    for on in ("images", "maps"):
        g = game(classes=2, **asked, **{"network.penalty_on": on, "stabilise.augment": "none"})
        d, labels = g.discriminator.eval(), torch.tensor([0, 1, 1])
        d.requires_grad_()  # on the way of every update but the generator's
        images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
        batch = Batch(images, labels, Latent(torch.zeros(3, 100), labels), torch.zeros(3))
        found[on] = penalty_terms(g, batch, images, 0)["r1"]
        inputs = [images.requires_grad_()]
        if on == "maps":
            inputs = [m.detach().requires_grad_() for m in d.maps(images)]
        logits = d(images, labels)[:, :-2].mean(1)
        if on == "maps":
            logits = torch.cat([h(m, labels)[0] for h, m in zip(d.heads, inputs, strict=True)], 1)
            logits = logits.mean(1)
        slopes = torch.autograd.grad(logits.sum(), inputs)
        by_hand = 2 * sum(s.square().sum() for s in slopes) / 3 / 2
        assert found[on].item() == pytest.approx(by_hand.item(), rel=1e-4)
        found[on].backward()
        assert all(h.logit.parametrizations.weight.original.grad.any() for h in d.heads)
    assert found["images"].item() != pytest.approx(found["maps"].item(), rel=0.1)


def test_the_mixing_is_drawn_by_the_seed_fixed_and_stored():
    one, same, other = (game(**{"training.seed": seed}).discriminator for seed in (0, 0, 1))
    mine, again, another = (d.mixing.state_dict() for d in (one, same, other))
    assert mine.keys() == {f"{part}.{i}.weight" for part in ("across", "between") for i in range(4)}
    assert all(torch.equal(mine[k], again[k]) for k in mine)
    assert not any(torch.equal(mine[k], another[k]) for k in mine)
    assert not [name for name, _ in one.named_parameters() if not name.startswith("heads.")]
    assert not [name for name in one.state_dict() if name.startswith("backbone.")]


def test_the_mixing_keeps_the_size_of_numbers():
    mixing = game(**{"network.mixed": 64}).discriminator.mixing
    maps = [torch.randn(8, c, s, s) for c, s in zip((8, 16, 32, 80), (16, 8, 4, 2), strict=True)]
    assert all(0.6 < float(m.std()) < 1.6 for m in mixing(maps))


@pytest.mark.parametrize(("norm", "coupled"), [("batch", True), ("none", False)])
def test_heads_couple_samples_if_they_are_normalised(norm, coupled):
    g = game(**{"network.head_norm": norm})
    assert bool(why_not_simultaneous(g)) is coupled
    x = torch.randn(6, 3, 32, 32)
    with frozen(g.discriminator):  # the spectral norms stand still
        alone = torch.allclose(g.discriminator(x)[:3], g.discriminator(x[:3]), atol=1e-5)
    assert alone is not coupled


def test_a_small_map_excites_a_map_eight_times_as_large():
    generator = game((3, 64, 64)).generator.eval()
    assert [tuple(s) for s in generator.sizes] == [(n, n) for n in (4, 8, 16, 32, 64)]
    assert len(generator.excitations) == 2  # of 32 and of 64 pixels
    noise = torch.randn(2, 100)
    before = generator(noise)
    torch.nn.init.constant_(generator.excitations[0].decide[3].bias, -50.0)  # shut
    assert not torch.allclose(generator(noise), before)


def run_of(tmp_path, **changes):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (24, 16, 16, 3), np.uint8)
    fixed = {"training.steps": 2, "training.batch": 4, "runtime.threads": 1}
    outcome = gankit.fit(
        config_of(**fixed | changes), tmp_path / "run", dataset=(images, np.arange(24) % 2)
    )
    return outcome, tmp_path / "run"


def test_a_run_holds_the_digest_of_its_backbone_and_not_its_weights(tmp_path):
    _, folder = run_of(tmp_path)
    said = json.loads((folder / "run.json").read_text())["pretrained"]
    tensors, header = read_tensors(folder / "model.safetensors", "artifact")
    assert said == header["pretrained"]
    assert list(said) == ["random"]
    assert all(name.startswith("generator/") for name in tensors)
    checkpoint = read_tensors(max((folder / "checkpoints").iterdir()), "checkpoint")[0]
    assert not [name for name in checkpoint if "backbone" in name]
    assert gankit.load(folder).sample(3, labels=1).shape == (3, 16, 16, 3)


@pytest.mark.slow
def test_an_artifact_is_sampled_where_its_backbone_is_gone(tmp_path):
    class Maps(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Conv2d(3, 4, 3, 2, 1)

        def forward(self, images):
            return [self.layer(images)]

    path = tmp_path / "maps.pt2"
    free = ({0: torch.export.Dim("n", min=1)},)
    torch.export.save(
        torch.export.export(Maps(), (torch.zeros(4, 3, 16, 16),), dynamic_shapes=free), path
    )
    _, folder = run_of(tmp_path, **{"network.backbone": str(path)})
    path.unlink()
    assert gankit.load(folder).sample(3).shape == (3, 16, 16, 3)
    with pytest.raises(ConfigError, match="there is no backbone"):
        run_of(tmp_path, **{"network.backbone": str(path), "training.steps": 3})


def test_a_run_does_not_go_on_with_another_backbone_of_the_same_name(tmp_path):
    _, folder = run_of(tmp_path)
    record = json.loads((folder / "run.json").read_text())
    record["pretrained"]["random"] = "0" * 32
    (folder / "run.json").write_text(json.dumps(record))
    with pytest.raises(RunError, match=r"random 000000000000 in the run, random [0-9a-f]{12} now"):
        run_of(tmp_path, **{"training.steps": 3})
    record["pretrained"] = 5
    (folder / "run.json").write_text(json.dumps(record))
    with pytest.raises(RunError, match="is damaged"):
        run_of(tmp_path, **{"training.steps": 3})


def test_a_run_begins_with_the_weights_of_one_of_another_size_and_classes(tmp_path):
    _, folder = run_of(tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (24, 32, 32, 3), np.uint8)
    config = config_of(**{"training.steps": 1, "training.batch": 4, "runtime.threads": 1})
    begun = tmp_path / "begun"
    gankit.fit(config, begun, dataset=(images, np.arange(24) % 3), init_from=folder)
    shares = json.loads((begun / "run.json").read_text())["init_from"]["shares"]
    assert all(0 < share < 1 for share in shares.values())


def test_batch_normalisation_in_a_backbone_couples_nothing_and_stays(monkeypatch):
    class Maps(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.norm = torch.nn.Conv2d(3, 4, 3, 2, 1), torch.nn.BatchNorm2d(4)

        def forward(self, images):
            return [self.norm(self.layer(images))]

    def load_backbone(name):
        return Backbone(name, "d", Maps().eval())

    monkeypatch.setattr("gankit.families.projected.load_backbone", load_backbone)
    assert why_not_simultaneous(game(**{"network.head_norm": "none"})) is None
    virtual = game(**{"network.head_norm": "none", "stabilise.virtual_batch": 4})
    assert isinstance(virtual.discriminator.backbone.network.norm, torch.nn.BatchNorm2d)


@pytest.mark.parametrize(
    ("changes", "update"),
    [
        ({}, simultaneous_coupled),
        ({"network.head_norm": "none"}, simultaneous),
        ({"objective.k": 2}, alternating),
        ({"objective.g_steps": 2}, alternating),
        ({"stabilise.lagged": 0.9, "stabilise.perceptual": 0.0}, alternating),
        ({"objective.update": "alternating"}, alternating),
    ],
)
def test_both_players_move_at_once_unless_something_forbids_it(changes, update):
    assert choose_update(game(**{"network.head_norm": "batch", **changes})) is update


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"network.backbone": "lite"}, "unknown backbone 'lite'. Did you mean 'lite"),
        ({"objective.penalty": "spectral_norm"}, "leave spectral_norm out"),
        ({"stabilise.minibatch_kernels": 4}, "has no last hidden layer"),
        ({"stabilise.matching": "l2"}, "has no last hidden layer"),
        ({"network.stages": 6}, "halves .* to nothing"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(changes, said):
    with pytest.raises(ConfigError, match=said) as caught:
        game(**changes)
    assert "\n" not in str(caught.value)


def test_images_of_other_channels_are_refused():
    with pytest.raises(ConfigError, match="these have 4 channels"):
        FAMILIES["projected"](config_of(), Task((4, 32, 32)))
