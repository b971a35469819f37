"""The conditional GAN: its ranges, its class-naming head and what that head's terms are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from gankit.choose_recipe import configure
from gankit.errors import ConfigError
from gankit.families import FAMILIES, Task
from gankit.game_types import Batch
from gankit.recipes import RECIPES
from gankit.settings.config import override
from gankit.training.state import build_game

TASK = Task((1, 16, 16), ("a", "b", "c"))
NARROW = {"generator_width": 2, "discriminator_width": 2}


def game(task=TASK, **options):
    changes = {f"network.{k}": v for k, v in (NARROW | options).items()}
    return FAMILIES["cgan"](override(configure("cgan", "digits"), changes), task)


def batch(g, count=6):
    rng = np.random.default_rng(0)
    labels = torch.arange(count) % 3
    real = torch.from_numpy(rng.uniform(-1, 1, (count, 1, 16, 16)).astype(np.float32))
    return Batch(real, labels, g.latent(count, labels, rng), torch.rand(count))


@pytest.mark.parametrize(("output", "low"), [("sigmoid", 0.0), ("tanh", -1.0)])
def test_images_stay_in_the_value_range(output, low):
    g = game(output=output)
    assert g.value_range == (low, 1.0)
    images = g.generate(batch(g).latent)
    assert low <= images.min() < images.max() <= 1


def test_points_have_no_range():
    g = FAMILIES["cgan"](configure("cgan", "toy:ring8"), Task((2,), ("a", "b")))
    assert g.value_range is None


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_the_class_terms_are_cross_entropies_of_the_second_head(norm):
    torch.manual_seed(0)
    g = game(classifier="0.5,0.25", discriminator_norm=norm)
    given = batch(g)
    fake = g.generate(given.latent).detach()
    d_terms, g_terms = g.shared_terms(given, fake)
    wanted = []
    for weight, examples in ((0.5, given.real), (0.25, fake)):
        chances = g.discriminator(examples, given.labels)[:, 1:].softmax(1)
        right = chances[torch.arange(6), given.labels]
        wanted.append(-weight * right.log().mean().item())
    assert d_terms.minimised["class"].item() == pytest.approx(wanted[0], rel=1e-5)
    assert g_terms.minimised["class"].item() == pytest.approx(wanted[1], rel=1e-5)
    alone = g.generator_terms(given, fake)
    for name, value in g_terms.minimised.items():
        assert alone.minimised[name].item() == pytest.approx(value.item(), rel=1e-5)


def test_the_head_says_nothing_of_real_or_fake():
    torch.manual_seed(0)
    g = game(classifier="1,1")
    given = batch(g)
    out = g.discriminator(given.real, given.labels)
    assert out.shape == (6, 4)
    assert torch.equal(g.logits(given.real, given.labels), out[:, 0])


def test_without_the_head_there_is_no_such_term():
    g = game(classifier="0,0")
    given = batch(g)
    terms = g.discriminator_terms(given, g.generate(given.latent).detach())
    assert terms.minimised.keys() == {"adversarial"}
    assert g.discriminator.classifier is None
    assert g.only_logits


def test_the_papers_label_is_the_raw_one_hot_vector():
    """A linear map of a one-hot label, as a look-up: the same function."""
    torch.manual_seed(0)
    g = FAMILIES["cgan"](RECIPES["cgan-mnist-paper"](), Task((1, 28, 28), tuple("0123456789")))
    labels = torch.tensor([5, 0])
    one_hot = torch.eye(10)[labels]
    assert torch.allclose(g.generator.label(labels), one_hot @ g.generator.label.weight)
    assert g.discriminator.one_hot(labels).tolist() == one_hot.tolist()


@pytest.mark.parametrize("body", ["mlp", "conv"])
def test_concatenation_puts_the_one_hot_label_where_it_belongs(body):
    g = game(body=body, conditioning="concat", classifier="0,0")
    seen = {}
    first = g.discriminator.layers if body == "mlp" else g.discriminator.trunk[0]
    first.register_forward_hook(lambda _m, inputs, _out: seen.update(x=inputs[0]))
    image = torch.full((1, 1, 16, 16), 0.5)
    g.discriminator(image, torch.tensor([2]))
    if body == "mlp":
        assert seen["x"].shape == (1, 256 + 3)
        assert seen["x"][0, 256:].tolist() == [0, 0, 1]
    else:
        assert seen["x"].shape == (1, 1 + 3, 16, 16)
        assert seen["x"][0, 1:].mean((1, 2)).tolist() == [0, 0, 1]
    assert (seen["x"].flatten(1)[0, :256] == 0.5).all()


def test_the_papers_recipe_starts_g_at_the_mean_image():
    config = override(RECIPES["cgan-mnist-paper"](), {"network.mlp_init": "1e-8,1e-8"})
    g = FAMILIES["cgan"](config, Task((1, 4, 4), ("a", "b")))
    examples = torch.rand(200, 1, 4, 4)
    g.meet(examples, None)
    drawn = g.generate(g.latent(2, torch.tensor([0, 1]), np.random.default_rng(0)))
    assert torch.allclose(drawn[0], examples.mean(0), atol=1e-4)


@pytest.mark.parametrize(
    ("conditioning", "units"), [("branches", 200 + 1000 + 1200), ("concat", 1200)]
)
def test_dropout_in_g_is_noise_that_stays_when_sampling(conditioning, units):
    g = game(body="mlp", conditioning=conditioning, classifier="0,0", generator_dropout=0.5)
    latent = g.latent(64, torch.arange(64) % 3, np.random.default_rng(0))
    assert latent.noise.shape == (64, g.latent_size) == (64, 64 + units)
    seen = {}
    last = next(m for m in reversed(list(g.generator.modules())) if isinstance(m, nn.Linear))
    last.register_forward_hook(lambda _m, inputs, _out: seen.update(x=inputs[0]))
    for training in (True, False):
        g.generator.train(training)(latent.noise, latent.labels)
        dropped = latent.noise[:, -1200:] < 0.5
        assert (seen["x"][dropped] == 0).all()
        kept = (seen["x"][~dropped] > 0).double().mean().item()
        assert 0.2 < kept < 0.8  # the rest is silenced by ReLU alone


def test_dropout_in_g_leaves_the_mean_of_what_a_layer_says():
    """The next layer hears as much as without: over many masks, to within 5 standard errors."""
    settings = {"body": "mlp", "conditioning": "concat", "classifier": "0,0"}
    thin, whole = game(**settings, generator_dropout=0.3), game(**settings)
    linear = {
        g: [m for m in g.generator.modules() if isinstance(m, nn.Linear)] for g in (thin, whole)
    }
    for mine, theirs in zip(linear[thin], linear[whole], strict=True):
        mine.load_state_dict(theirs.state_dict())
    heard = []
    for g in (thin, whole):
        linear[g][-1].register_forward_hook(lambda _m, x, _out: heard.append(x[0].double()))
    masks = torch.rand(4000, 1200, generator=torch.manual_seed(0))
    noise, labels = torch.rand(1, 64).expand(4000, -1), torch.zeros(4000, dtype=torch.int64)
    thin.generator(torch.cat([noise, masks], 1), labels)
    whole.generator(noise[:1], labels[:1])
    error = heard[0].std(0) / 4000**0.5
    assert ((heard[0].mean(0) - heard[1][0]).abs() <= 5 * error + 1e-6).all()


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("cgan", {"generator_dropout": 0.5}),
        ("cgan", {"output_bias": "marginals"}),
        ("gan", {"body": "conv", "output_bias": "marginals"}),
    ],
)
def test_what_only_a_perceptron_has_is_refused_elsewhere(family, changes):
    config = configure(family, "digits")
    config = override(config, {f"network.{k}": v for k, v in changes.items()})
    with pytest.raises(ConfigError, match=r"is the mlp's: set network\.body = mlp"):
        build_game(config, TASK)
    FAMILIES[family](config, TASK)  # one that was trained so can be used


def test_dropout_of_everything_is_refused():
    with pytest.raises(ConfigError, match=r"network.generator_dropout must be in \[0, 1\), got 1"):
        game(body="mlp", generator_dropout=1.0)
