"""The contract's own parts: what G eats, what the terms are, what is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from gankit.choose_recipe import configure
from gankit.errors import ConfigError
from gankit.families import FAMILIES, Task
from gankit.game import families_that
from gankit.game_types import Batch, Code, Latent, Terms, draw_noise
from gankit.settings.config import LatentConfig

from .conftest import families_of

TASK = Task((2,), ("a", "b", "c"))


@pytest.mark.parametrize(
    ("prior", "mean", "variance", "low", "high"),
    [
        ("normal", 0, 1, -np.inf, np.inf),
        ("uniform", 0, 1 / 3, -1, 1),
        ("uniform01", 0.5, 1 / 12, 0, 1),
    ],
)
def test_priors(prior, mean, variance, low, high):
    rng = np.random.default_rng(0)
    noise = draw_noise(LatentConfig(size=50, prior=prior), 4000, rng)
    assert noise.shape == (4000, 50)
    assert noise.dtype == torch.float32
    assert float(noise.mean()) == pytest.approx(mean, abs=0.01)
    assert float(noise.var()) == pytest.approx(variance, rel=0.02)
    assert low <= float(noise.min()) < float(noise.max()) <= high


def test_a_code_is_put_into_its_place_alone():
    latent = Latent(torch.zeros(2, 6) + 0.5, torch.tensor([1, 2]))
    category = Code(3, slice(2, 5)).put(latent, 1)
    assert category.noise.tolist() == [[0.5, 0.5, 0, 1, 0, 0.5]] * 2
    assert category.labels is latent.labels
    assert Code(0, slice(5, 6)).put(latent, -2.0).noise.tolist() == [[0.5] * 5 + [-2.0]] * 2
    assert latent.noise.unique().tolist() == [0.5]


def test_families_are_named_by_what_they_can_do(monkeypatch):
    class Mine(FAMILIES["gan"]):
        judges = True

    assert families_that(lambda game: False) == "another family"
    before = families_that(lambda game: game.judges)
    monkeypatch.setitem(FAMILIES._things, "mine", Mine)
    assert families_that(lambda game: game is Mine) == "'mine'"
    assert families_that(lambda game: game.judges) == f"{before.replace(' or', ',')} or 'mine'"


@pytest.mark.parametrize(
    ("task", "of_labels", "of_none"),
    [
        (Task((1, 28, 28)), {"cgan"}, {"dcgan", "gan", "infogan"}),  # nobody has labels: by kind
        (Task((1, 28, 28), ("a", "b")), {"cgan"}, {"dcgan", "gan", "infogan"}),
        (Task((5, 28, 28), ("a", "b")), {"cgan"}, {"dcgan", "gan", "infogan"}),
        (Task((2,), ("a", "b")), {"cgan"}, {"gan"}),
        (Task((9,), symbols=("x", "y")), set(), {"seqgan", "scratchgan"}),
    ],
)
def test_only_families_that_could_train_on_the_data_are_named(task, of_labels, of_none):
    for suit, some in (
        (lambda f: f.conditional, of_labels),
        (lambda f: not (f.conditional or f.guided), of_none),
    ):
        named = set(re.findall(r"'(.+?)'", families_that(suit, task)))
        assert some <= named
        assert not some or all(task.kind in FAMILIES[name].kinds for name in named)
    if task.shape == (5, 28, 28):
        assert "'projected'" not in families_that(lambda f: True, task)


def test_a_family_of_classes_names_others_for_data_without_any():
    with pytest.raises(ConfigError, match="'ssgan' needs labels of at least 2 classes") as error:
        FAMILIES["ssgan"](configure("ssgan", "digits"), Task((1, 28, 28)))
    said = str(error.value)
    assert "'dcgan'" in said
    assert not [
        n for n in FAMILIES.names() if f"'{n}'" in said and "images" not in FAMILIES[n].kinds
    ]


def test_a_latent_is_sliced_and_moved_with_its_labels():
    latent = Latent(torch.arange(6.0).view(3, 2), torch.tensor([5, 6, 7]))
    part = latent[1:].to(torch.device("cpu"), torch.float64)
    assert part.noise.tolist() == [[2.0, 3.0], [4.0, 5.0]]
    assert part.noise.dtype == torch.float64
    assert part.labels.tolist() == [6, 7]
    assert part.labels.dtype == torch.int64
    assert Latent(latent.noise)[:1].labels is None


def test_the_loss_is_the_sum_of_what_is_minimised_and_of_nothing_else():
    one, two = torch.tensor(1.5, requires_grad=True), torch.tensor(2.0)
    terms = Terms({"a": one}, {"seen": torch.tensor(9.0)}).with_terms(Terms({"b": two}))
    assert terms.minimised.keys() == {"a", "b"}
    assert terms.watched.keys() == {"seen"}
    assert terms.loss.item() == 3.5
    terms.loss.backward()
    assert one.grad.item() == 1


@pytest.mark.parametrize("family", families_of("images"))
@pytest.mark.parametrize("classes", [0, 1])
def test_a_conditional_family_needs_two_classes(small, family, classes):
    task = Task((1, 16, 16), ("a", "b")[:classes])
    config = small(family)
    if FAMILIES[family].conditional or FAMILIES[family].guided:
        with pytest.raises(ConfigError, match="needs labels of at least 2 classes"):
            FAMILIES[family](config, task)
    else:
        assert FAMILIES[family](config, task).task.classes == classes


@pytest.mark.parametrize(("family", "labelled"), [("gan", False), ("cgan", True)])
def test_only_a_conditional_generator_is_asked_for_labels(family, labelled):
    game = FAMILIES[family](configure(family, "toy:ring8"), TASK)
    latent = game.latent(3, torch.tensor([0, 1, 2]), np.random.default_rng(0))
    assert (latent.labels is not None) is labelled
    assert game.generate(latent).shape == (3, 2)


def test_real_and_fake_in_one_pass_are_the_two_passes():
    game = FAMILIES["cgan"](configure("cgan", "toy:ring8"), TASK)
    real, fake, labels = torch.randn(4, 2), torch.randn(4, 2), torch.tensor([0, 1, 2, 0])
    batch = Batch(real, labels, Latent(torch.zeros(4, 1), labels), torch.zeros(4))
    together = game.logits_pair(batch, fake)
    apart = game.logits(real, labels), game.logits(fake, labels)
    for a, b in zip(together, apart, strict=True):
        assert torch.allclose(a, b, atol=1e-6)
