"""The modern baseline: blocks that start as the identity, any size, labels or none."""

from __future__ import annotations

import pytest
import torch

from gankit.choose_recipe import configure
from gankit.families import FAMILIES, Task
from gankit.families.modern import Block
from gankit.settings.config import override
from gankit.training.update import why_not_simultaneous


def game(shape=(1, 16, 16), classes=0, **options):
    torch.manual_seed(0)
    changes = {"generator_width": 8, "discriminator_width": 8, **options}
    config = override(
        configure("modern", "digits"), {f"network.{k}": v for k, v in changes.items()}
    )
    return FAMILIES["modern"](config, Task(shape, tuple(map(str, range(classes)))))


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 17, 33), (1, 28, 28), (3, 50, 64)], ids=str)
def test_any_size_comes_out_as_asked_and_goes_in(shape):
    g = game(shape)
    images = g.generator(torch.randn(3, 64))
    assert images.shape == (3, *shape)
    logits = g.discriminator(images)
    assert logits.shape == (3,)
    logits.sum().backward()
    # The block's last layer starts at 0, so what is before it has no slope in the first step.
    assert g.discriminator.core.grad.abs().sum() > 0


def test_a_block_starts_as_the_identity_and_is_grouped():
    block = Block(32, 16)
    x = torch.randn(2, 32, 5, 5)
    assert torch.equal(block(x), x)
    assert block.mix.groups == 4
    assert Block(12, 16).mix.groups == 1  # groups that do not divide are none


def test_no_sample_is_coupled_to_another():
    g = game()
    assert why_not_simultaneous(g) is None
    x = torch.randn(6, 1, 16, 16)
    assert torch.allclose(g.discriminator(x)[:3], g.discriminator(x[:3]), atol=1e-6)


def test_it_is_conditional_where_the_data_has_classes():
    with_classes, without = game(classes=3), game()
    assert with_classes.conditional
    assert not without.conditional
    assert not game(classes=3, labels="none").conditional
    noise, image = torch.randn(2, 64), torch.randn(2, 1, 16, 16)
    labels = [torch.full((2,), label) for label in (0, 1)]
    for player, given in ((with_classes.generator, noise), (with_classes.discriminator, image)):
        assert not torch.allclose(player(given, labels[0]), player(given, labels[1]))
