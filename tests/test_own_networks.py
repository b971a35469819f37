"""Games played by the user's own networks: trained, resumed, loaded."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import gankit
from gankit.errors import ConfigError, RunError
from gankit.probe.probe import probe

from .conftest import IMAGE_FAMILIES

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 16, 16), np.uint8)
LABELS = np.arange(24) % 2


class G(nn.Module):
    def __init__(self, width: int = 8):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 256))

    def forward(self, z):
        return self.layers(z).tanh().view(-1, 1, 16, 16)


class LabelledG(G):
    def forward(self, z, labels):
        return super().forward(z) * (labels.view(-1, 1, 1, 1) * 0.5 + 0.5)


class LabelledD(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(257, 1)

    def forward(self, x, labels):
        return self.linear(torch.cat([x.flatten(1), labels[:, None].to(x.dtype)], 1))


def plain_d():
    return nn.Sequential(nn.Flatten(), nn.Linear(256, 1))


def config_of(family="gan", **changes):
    config = gankit.configure(family, gankit.Dataset.of(IMAGES, LABELS))
    fixed = {"training.steps": 2, "training.batch": 8, "runtime.threads": 1, "latent.size": 4}
    return gankit.override(config, {**fixed, "objective.penalty": "none", **changes})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("own") / "run"
    networks = (G(), plain_d())
    before = {k: v.clone() for k, v in networks[0].state_dict().items()}
    gankit.fit(config_of(), folder, networks=networks, dataset=IMAGES)
    after = networks[0].state_dict()
    assert all(torch.equal(after[k], v) for k, v in before.items())  # a copy was trained
    return folder


def test_it_is_loaded_with_the_code_and_without_the_discriminator(run):
    both = gankit.load(run, networks=(G(), plain_d()))
    alone = gankit.load(run, networks=(G(), None))
    assert both.sample(3).shape == (3, 16, 16)
    assert (both.sample(3) == alone.sample(3)).all()


def test_a_conditional_family_gives_labels(tmp_path):
    data = (IMAGES, LABELS)
    networks = (LabelledG(), LabelledD())
    config = config_of("cgan", **{"stabilise.augment": "none"})
    gankit.fit(config, tmp_path / "run", networks=networks, dataset=data)
    assert gankit.load(tmp_path / "run", networks=networks).sample(2, labels=1).shape == (2, 16, 16)


def test_it_is_resumed_as_if_it_had_not_stopped(tmp_path, newest, equal):
    torch.manual_seed(0)
    networks = (G(), plain_d())
    constant = {f"{p}_optimizer.schedule": "constant" for p in ("generator", "discriminator")}
    four = config_of(**{"training.steps": 4, **constant})
    gankit.fit(four, tmp_path / "whole", networks=networks, dataset=IMAGES)
    gankit.fit(config_of(**constant), tmp_path / "parts", networks=networks, dataset=IMAGES)
    gankit.fit(four, tmp_path / "parts", networks=(G(), plain_d()), dataset=IMAGES)
    assert equal(newest(tmp_path / "whole"), newest(tmp_path / "parts"))


def test_what_does_not_fit_a_run_is_one_line(run):
    cases = [
        (lambda: gankit.load(run), "your own networks .*G.*: give them from Python"),
        (lambda: gankit.evaluate(run), rf"it = gankit.load\('{run}', networks=\(G, D\)\)"),
        (lambda: probe(run), rf"Trainer\(.*\(G, D\)\), dataset, init_from='{run}'\)"),
        (lambda: gankit.load(run, networks=(G(9), None)), r"layers.0.bias is \[9\], in the file"),
        (lambda: gankit.fit(config_of(), run, dataset=IMAGES), "give them again, gankit.fit"),
    ]
    for call, said in cases:
        with pytest.raises(RunError, match=said) as caught:
            call()
        assert "\n" not in str(caught.value)
    longer = config_of(**{"training.steps": 3})
    with pytest.raises(RunError, match="layers"):
        gankit.fit(longer, run, networks=(G(9), plain_d()), dataset=IMAGES)


@pytest.mark.parametrize(
    ("family", "networks", "said"),
    [
        ("gan", (G(), None, 3), r"must be \(G, D\)"),
        ("gan", G(), "must be .*, got G"),
        ("gan", (LabelledG(), plain_d()), "fails on two examples of .*no labels"),
        ("cgan", (G(), LabelledD()), "labels too"),
        ("gan", (nn.Linear(4, 7), plain_d()), r"makes \[2, 7\] of two examples; needed: \[2, 1,"),
        ("gan", (G(), nn.Flatten()), "no weights to train"),
        ("gan", (G(), nn.Sequential(nn.Flatten(), nn.Linear(256, 3))), r"needed: logits \[N\]"),
    ],
)
def test_networks_that_are_of_no_use_are_one_line(family, networks, said):
    dataset = gankit.Dataset.of(IMAGES, LABELS)
    with pytest.raises(ConfigError, match=said) as caught:
        gankit.build_game(config_of(family), dataset, networks)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("family", IMAGE_FAMILIES)
def test_every_family_plays_them_or_says_why_not(family):
    networks = (LabelledG(), LabelledD()) if family in ("cgan", "modern") else (G(), plain_d())
    dataset = gankit.Dataset.of(IMAGES, LABELS)
    config = config_of(family, **{"stabilise.matching": "none"})
    if family in ("infogan", "began", "ssgan", "projected"):
        with pytest.raises(ConfigError, match="more to say than a logit"):
            gankit.build_game(config, dataset, networks)
    else:
        game = gankit.build_game(config, dataset, networks)
        assert game.own_networks[0].endswith(type(networks[0]).__name__)
