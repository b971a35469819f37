"""InfoGAN: its codes, its bound against a closed form, what each player minimises."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from gankit.choose_recipe import configure
from gankit.errors import ConfigError
from gankit.families import FAMILIES, Task
from gankit.game_types import Answer, Batch
from gankit.recipes import RECIPES
from gankit.settings.config import override


def game(codes="3,c", shape=(1, 16, 16), **options):
    small = {"generator_width": 4, "discriminator_width": 4, "units": 16, "posterior_units": 8}
    changes = {f"network.{k}": v for k, v in {"codes": codes, **small, **options}.items()}
    torch.manual_seed(0)
    config = override(configure("infogan", "digits"), {**changes, "latent.size": 5})
    return FAMILIES["infogan"](config, Task(shape))


def test_it_is_the_papers_on_mnist():
    """Appendix C.1: 62 + 10 + 2 inputs, FC 1024, 7x7x128, 64, 1; 64, 128, FC 1024; Q: 128."""
    g = FAMILIES["infogan"](RECIPES["infogan-mnist-paper"](), Task((1, 28, 28)))
    assert g.generator.hidden[0].weight.shape == (1024, 74)
    assert g.generator.stem.weight.shape == (7 * 7 * 128, 1024)
    up = [m for m in g.generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    down = [m for m in g.discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert [(m.in_channels, m.out_channels) for m in up] == [(128, 64), (64, 1)]
    assert [(m.in_channels, m.out_channels) for m in down] == [(1, 64), (64, 128)]
    assert g.discriminator.dense[0].weight.shape == (1024, 7 * 7 * 128)
    assert g.discriminator.posterior[0].weight.shape == (128, 1024)
    assert g.discriminator.posterior[-1].weight.shape == (10 + 2 + 2, 128)
    assert g.value_range == (0.0, 1.0)


def test_it_is_the_papers_on_colour():
    """Appendix C.2: 124 + 40 + 4 inputs, 2x2x448, 256, 128, 64, 3, tanh, batch normalisation twice;
    64, 128, 256 (normalised but for the first), FC; Q: 128."""
    g = FAMILIES["infogan"](RECIPES["infogan-svhn-paper"](), Task((3, 32, 32)))
    assert g.generator.hidden is None
    assert g.generator.stem.weight.shape == (2 * 2 * 448, 168)
    up = [m for m in g.generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    down = [m for m in g.discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert [(m.in_channels, m.out_channels) for m in up] == [
        (448, 256), (256, 128), (128, 64), (64, 3),
    ]  # fmt: skip
    assert [m.bias is not None for m in up] == [False, True, True, True]
    assert [m.num_features for m in g.generator.modules() if isinstance(m, nn.BatchNorm2d)] == [
        448, 256,
    ]  # fmt: skip
    assert [(m.in_channels, m.out_channels) for m in down] == [(3, 64), (64, 128), (128, 256)]
    assert g.discriminator.head.linear.weight.shape == (1, 256 * 4 * 4)
    assert g.discriminator.posterior[0].weight.shape == (128, 256 * 4 * 4)
    assert g.value_range == (-1.0, 1.0)
    images = g.generate(g.latent(2, None, np.random.default_rng(0)))
    assert images.shape == (2, 3, 32, 32)
    assert images.min() < 0


def test_codes_follow_the_noise_as_one_hot_and_uniform():
    g = game("3,c,2")
    noise = g.latent(4000, None, np.random.default_rng(0)).noise
    assert noise.shape == (4000, 5 + 3 + 1 + 2)
    first, continuous, second = noise[:, 5:8], noise[:, 8], noise[:, 9:]
    for hot in (first, second):
        assert torch.equal(hot.sum(1), torch.ones(4000))
        assert hot.mean(0).tolist() == pytest.approx([1 / hot.shape[1]] * hot.shape[1], abs=0.03)
    assert -1 <= continuous.min() < -0.99
    assert 0.99 < continuous.max() <= 1


def test_a_code_is_set_and_everything_else_is_held():
    g = game("3,c")
    latent = g.latent(4, None, np.random.default_rng(0))
    chosen = g.codes[0].put(latent, 2).noise
    assert chosen[:, 5:8].tolist() == [[0, 0, 1]] * 4
    swept = g.codes[1].put(latent, -2.0).noise
    assert swept[:, 8].tolist() == [-2.0] * 4
    assert torch.equal(chosen[:, :5], latent.noise[:, :5])
    assert torch.equal(swept[:, :8], latent.noise[:, :8])


def test_the_bound_of_a_categorical_code_is_between_knowing_nothing_and_all():
    """Equation 5: log K for a sure and right Q, 0 for a Q that knows nothing."""
    g = game("3")
    inputs = g.latent(50, None, np.random.default_rng(0)).noise
    sure = 50 * inputs[:, 5:8]
    assert g.information(sure, inputs)[0].item() == pytest.approx(math.log(3), abs=1e-5)
    assert g.information(torch.zeros(50, 3), inputs)[0].item() == pytest.approx(0, abs=1e-6)


def test_the_bound_of_a_continuous_code_is_that_of_torch_s_normal():
    g = game("c", learned_sigma=True)
    inputs = g.latent(50, None, np.random.default_rng(0)).noise.double()
    q = torch.randn(50, 2, dtype=torch.float64)
    normal = torch.distributions.Normal(q[:, 0], (q[:, 1] / 2).exp())
    expected = normal.log_prob(inputs[:, 5]).mean() + math.log(2)
    assert g.information(q, inputs)[0].item() == pytest.approx(expected.item(), abs=1e-12)
    fixed = game("c").information(q, inputs)[0]
    expected = torch.distributions.Normal(q[:, 0], 1.0).log_prob(inputs[:, 5]).mean() + math.log(2)
    assert fixed.item() == pytest.approx(expected.item(), abs=1e-12)


def test_a_fixed_sigma_can_not_show_more_than_a_sixth_of_a_nat():
    """log 2 - log(2 pi) / 2 - 0 where every code is read perfectly: -0.226; and E[c^2]/2 = 1/6
    more than a Q that always answers 0."""
    g = game("c")
    inputs = g.latent(20_000, None, np.random.default_rng(0)).noise
    perfect = torch.stack([inputs[:, 5], torch.zeros(20_000)], 1)
    gain = g.information(perfect, inputs)[0] - g.information(torch.zeros(20_000, 2), inputs)[0]
    assert gain.item() == pytest.approx(1 / 6, abs=0.003)


def test_both_players_minimise_the_bound_weighted_and_d_the_adversarial_term_too():
    g = game("3,c", code_weights="2.0,0.5")
    latent = g.latent(6, None, np.random.default_rng(0))
    real, fake = (Answer(torch.randn(6, 1 + 3 + 2)) for _ in range(2))
    batch = Batch(torch.zeros(6, 1, 16, 16), None, latent, torch.zeros(6))
    d_terms = g.discriminator_objective(real, fake, batch)
    g_terms = g.generator_objective(real, fake, batch)
    category, number = g.information(fake.output[:, 1:], latent.noise)
    for terms in (d_terms, g_terms):
        assert terms.minimised.keys() == {"adversarial", "information"}
        expected = -(2.0 * category + 0.5 * number)
        assert terms.minimised["information"].item() == pytest.approx(expected.item(), abs=1e-6)
    assert d_terms.watched["information_1"].item() == pytest.approx(category.item())
    plain = g.discriminator_adversarial(real.output[:, 0], fake.output[:, 0])
    assert d_terms.minimised["adversarial"] == plain.minimised["adversarial"]


def test_the_trunk_is_trained_by_the_bound():
    g = game("3")
    latent = g.latent(6, None, np.random.default_rng(0))
    fake = g.generate(latent)
    g.information(g.answers(fake, None).output[:, 1:], latent.noise)[0].backward()
    assert float(g.discriminator.trunk[0].weight.grad.abs().sum()) > 0
    assert float(g.generator.stem.weight.grad.abs().sum()) > 0


def test_what_it_judges_is_the_first_category():
    g = game("c,3")
    g.discriminator.eval()
    images = torch.rand(4, 1, 16, 16)
    chances = g.judge(images)
    assert chances.shape == (4, 3)
    raw = g.discriminator(images)[:, 3:6]  # after the logit, and the first code's mean and width
    assert torch.allclose(chances, raw.softmax(1))
    assert g.judged_names == ("category 0", "category 1", "category 2")
    with pytest.raises(ConfigError, match="continuous"):
        game("c").judge(images)


@pytest.mark.parametrize(
    ("codes", "said"),
    [("1", "codes"), ("q", "codes"), ("ten", "codes"), ("0,c", "codes"), ("10,c,x", "codes")],
)
def test_codes_that_are_none_are_refused(codes, said):
    with pytest.raises(ConfigError, match=said):
        game(codes)


def test_weights_are_one_or_one_each():
    with pytest.raises(ConfigError, match="code_weights"):
        game("3,c", code_weights="1,1,1")
