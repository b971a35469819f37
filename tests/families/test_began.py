"""BEGAN: the balance step by step, against the paper's formulas written out."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gankit.choose_recipe import configure
from gankit.errors import ConfigError
from gankit.families import FAMILIES, Task
from gankit.recipes import RECIPES
from gankit.settings.config import override


def game(shape=(1, 16, 16), **options):
    torch.manual_seed(0)
    changes = {f"network.{k}": v for k, v in {"width": 4, "embedded": 6, **options}.items()}
    config = configure("began", "digits", "began-paper")
    return FAMILIES["began"](override(config, changes), Task(shape))


def test_it_is_the_papers_at_64():
    """Section 3.5: core 8x8, n = 128, encoder n, 2n, 3n, 4n; decoder n throughout; h = 64."""
    with torch.device("meta"):
        g = FAMILIES["began"](RECIPES["began-paper"](), Task((3, 64, 64)))
    assert g.generator.sizes == [(8, 8), (16, 16), (32, 32), (64, 64)]
    assert g.generator.stem.weight.shape == (8 * 8 * 128, 64)
    convs = [m for m in g.discriminator.encoder if isinstance(m, nn.Conv2d)]
    assert [m.out_channels for m in convs if m.stride == (2, 2)] == [256, 384, 512]
    assert g.discriminator.embed.weight.shape == (64, 8 * 8 * 512)
    assert {m.out_channels for m in g.generator.modules() if isinstance(m, nn.Conv2d)} == {128, 3}
    kinds = (nn.modules.batchnorm._BatchNorm, nn.Dropout, nn.ConvTranspose2d)
    for network in (g.generator, g.discriminator):
        assert not any(isinstance(m, kinds) for m in network.modules())


def test_both_players_start_with_layers_that_let_signals_through():
    """Glorot and Bengio's start: Var w = 2 / (fan in + fan out), biases 0."""
    g = game(width=16, embedded=32)
    for layer in (*g.generator.modules(), *g.discriminator.modules()):
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            area = layer.weight[0, 0].numel()
            expected = 2 / (area * (layer.weight.shape[0] + layer.weight.shape[1]))
            assert layer.weight.var().item() == pytest.approx(expected, rel=0.25)
            assert not layer.bias.any()


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 17, 33), (1, 28, 28)], ids=str)
def test_any_size_comes_out_as_asked(shape):
    g = game(shape)
    images = g.generator(torch.randn(2, 64))
    assert images.shape == (2, *shape)
    assert g.discriminator.reconstruct(images).shape == images.shape


def test_skips_show_the_core_to_every_later_scale():
    """What the first scale loses still reaches the image, at any size."""
    for skips, shape in ((False, (3, 17, 33)), (True, (3, 17, 33)), (True, (1, 28, 28))):
        g = game(shape, skips=skips, stages=2)
        for parameter in g.generator.scales[0].parameters():
            nn.init.zeros_(parameter)
        images = g.generator(torch.randn(2, 64))
        assert images.shape == (2, *shape)
        assert torch.equal(images[0], images[1]) is not skips
        assert g.discriminator.reconstruct(images).shape == images.shape


def test_the_answer_is_minus_the_mean_absolute_error_of_each_example():
    g = game()
    images = torch.randn(3, 1, 16, 16)
    error = (images - g.discriminator.reconstruct(images)).abs().mean((1, 2, 3))
    assert torch.allclose(g.discriminator(images), -error)


def test_objectives_and_k_are_the_papers():
    g = game(gamma=0.5, lambda_k=0.1)
    real, fake = torch.tensor([2.0, 4.0]), torch.tensor([1.0, 0.5])
    k = 0.0
    for _ in range(5):
        d_terms = g.discriminator_adversarial(-real, -fake)
        g_terms = g.generator_adversarial(-real, -fake)
        assert d_terms.loss.item() == pytest.approx(3.0 - k * 0.75, abs=1e-6)
        assert g_terms.loss.item() == pytest.approx(0.75)
        g.after_step({**d_terms.watched})
        k = min(1.0, max(0.0, k + 0.1 * (0.5 * 3.0 - 0.75)))
        assert g.k == pytest.approx(k)
    g.after_step({"l_real": torch.tensor(0.0), "l_fake": torch.tensor(1e3)})
    assert g.k == 0.0
    g.after_step({"l_real": torch.tensor(1e3), "l_fake": torch.tensor(0.0)})
    assert g.k == 1.0


def test_m_is_the_papers_convergence_measure():
    g = game(gamma=0.5)
    g.after_step({"l_real": torch.tensor(2.0), "l_fake": torch.tensor(1.6)})
    assert float(g.numbers()["measure"]) == pytest.approx(2.0 + abs(0.5 * 2.0 - 1.6))


def test_the_rate_is_halved_when_m_stalls_and_that_is_remembered():
    g = game(patience=10)
    falling = [
        {"l_real": torch.tensor(2.0 - i / 100), "l_fake": torch.tensor(1.0)} for i in range(50)
    ]
    for numbers in falling:
        g.after_step(numbers)
    assert g.pace == 1.0
    for _ in range(40):
        g.after_step({"l_real": torch.tensor(9.0), "l_fake": torch.tensor(4.5)})
    assert g.pace < 1.0
    other = game(patience=10)
    other.load_state(g.state())
    assert other.pace == g.pace
    assert other.k == g.k


def test_a_k_that_sticks_at_0_is_said_once():
    g = game()
    for _ in range(1500):
        g.after_step({"l_real": torch.tensor(0.1), "l_fake": torch.tensor(0.9)})
    assert len(g.notices) == 1
    assert "k has been 0 for 1,000 steps" in g.notices[0]


@pytest.mark.parametrize(
    ("option", "value"), [("gamma", 0), ("gamma", 1.5), ("lambda_k", 0), ("patience", -1)]
)
def test_bad_settings_are_refused_by_name(option, value):
    with pytest.raises(ConfigError, match=rf"network\.{option}"):
        game(**{option: value})


def test_another_loss_is_refused_with_the_reason():
    config = override(configure("began", "digits"), {"objective.loss": "hinge"})
    with pytest.raises(ConfigError, match="it plays wasserstein"):
        FAMILIES["began"](config, Task((1, 16, 16)))
