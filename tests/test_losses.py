"""Each loss against its formula on probabilities, written independently in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gankit import losses
from gankit.errors import ConfigError
from gankit.losses import LOSSES
from gankit.objective import build_loss
from gankit.settings.config import ObjectiveConfig

REAL = torch.linspace(-3, 4, 9, dtype=torch.float64)
FAKE = torch.linspace(2, -5, 9, dtype=torch.float64)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def found_among(ones, others):
    """The softmax's chance of each of `ones` among itself and all `others`."""
    return np.exp(ones) / (np.exp(ones) + np.exp(others).sum())


FORMULAS = {
    "minimax": (
        lambda r, f: -np.log(sigmoid(r)).mean() - np.log(1 - sigmoid(f)).mean(),
        lambda r, f: np.log(1 - sigmoid(f)).mean(),
    ),
    "non_saturating": (
        lambda r, f: -np.log(sigmoid(r)).mean() - np.log(1 - sigmoid(f)).mean(),
        lambda r, f: -np.log(sigmoid(f)).mean(),
    ),
    "least_squares": (
        lambda r, f: 0.5 * np.mean((r - 1) ** 2) + 0.5 * np.mean(f**2),
        lambda r, f: 0.5 * np.mean((f - 1) ** 2),
    ),
    "wasserstein": (lambda r, f: f.mean() - r.mean(), lambda r, f: -f.mean()),
    "hinge": (
        lambda r, f: np.maximum(0, 1 - r).mean() + np.maximum(0, 1 + f).mean(),
        lambda r, f: -f.mean(),
    ),
    "relativistic": (
        lambda r, f: -np.log(sigmoid(r - f)).mean(),
        lambda r, f: -np.log(sigmoid(f - r)).mean(),
    ),
    "dual_contrastive": (
        lambda r, f: -np.log(found_among(r, f)).mean() - np.log(found_among(-f, -r)).mean(),
        lambda r, f: -np.log(found_among(f, r)).mean() - np.log(found_among(-r, -f)).mean(),
    ),
}


def test_every_loss_has_a_formula_here():
    assert set(FORMULAS) == set(LOSSES.names())


@pytest.mark.parametrize("name", FORMULAS)
def test_values(name):
    loss = build_loss(ObjectiveConfig(loss=name))
    for_d, for_g = FORMULAS[name]
    assert float(loss.discriminator(REAL, FAKE)) == pytest.approx(for_d(REAL.numpy(), FAKE.numpy()))
    assert float(loss.generator(REAL, FAKE)) == pytest.approx(for_g(REAL.numpy(), FAKE.numpy()))


@pytest.mark.parametrize("name", FORMULAS)
def test_stable_far_out(name):
    loss = build_loss(ObjectiveConfig(loss=name))
    for real, fake in ((1e4, -1e4), (-1e4, 1e4)):
        r = torch.full((2,), real, requires_grad=True)
        f = torch.full((2,), fake, requires_grad=True)
        total = loss.discriminator(r, f) + loss.generator(r, f)
        total.backward()
        assert torch.isfinite(total)
        assert torch.isfinite(r.grad).all()
        assert torch.isfinite(f.grad).all()


def test_generator_slope_at_a_confident_discriminator():
    """At logit -10 the saturating slope is sigmoid(-10) = 4.5e-5, the non-saturating one 1."""
    slopes = {}
    for name in ("minimax", "non_saturating"):
        fake = torch.tensor([-10.0], dtype=torch.float64, requires_grad=True)
        build_loss(ObjectiveConfig(loss=name)).generator(fake, fake).backward()
        slopes[name] = abs(float(fake.grad))
    assert slopes["minimax"] == pytest.approx(4.54e-5, rel=1e-3)
    assert slopes["non_saturating"] == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("alpha", [1.0, 0.9])
def test_best_discriminator_at_a_point(alpha):
    """D* = alpha p / (p + q), the optimum of the cross-entropy at one point with densities p, q."""
    p, q = 0.7, 0.4
    loss = build_loss(ObjectiveConfig(loss="non_saturating", real_target=alpha))

    def value(logit):
        # p and q weigh the two halves: evaluate each with the other silenced.
        at = torch.tensor([logit], dtype=torch.float64)
        silent_fake, silent_real = torch.tensor([-800.0]), torch.tensor([800.0])
        real = loss.discriminator(at, silent_fake)
        fake = loss.discriminator(silent_real, at) - loss.discriminator(silent_real, silent_fake)
        return float(p * real + q * fake)

    best = min(np.linspace(-4, 4, 4001), key=value)
    assert sigmoid(best) == pytest.approx(alpha * p / (p + q), abs=1e-3)


def test_smoothing_without_a_target_is_refused():
    with pytest.raises(ConfigError, match="least_squares"):
        build_loss(ObjectiveConfig(loss="hinge", real_target=0.9))


def test_unknown_loss_gets_a_suggestion():
    with pytest.raises(ConfigError, match="Did you mean 'hinge'"):
        build_loss(ObjectiveConfig(loss="hing"))


@pytest.mark.parametrize("target", [1.0, 0.9])
@pytest.mark.parametrize("name", FORMULAS)
def test_slopes_are_the_finite_differences_of_the_values(name, target):
    if target < 1 and not LOSSES[name].smoothable:
        pytest.skip("has no target")
    loss, h = build_loss(ObjectiveConfig(loss=name, real_target=target)), 1e-5
    for objective in (loss.discriminator, loss.generator):
        at = torch.stack([REAL, FAKE]).requires_grad_()
        objective(*at).backward()
        for i in range(2):
            for j in range(len(REAL)):
                aside = torch.zeros_like(REAL).expand(2, -1).clone()
                aside[i, j] = h
                up, down = (objective(*(at.detach() + s * aside)).item() for s in (1, -1))
                slope = 0.0 if at.grad is None else at.grad[i, j].item()
                assert slope == pytest.approx((up - down) / (2 * h), abs=1e-9)


def test_smoothed_cross_entropy_is_that_of_probabilities():
    for name in ("minimax", "non_saturating"):
        found = build_loss(ObjectiveConfig(loss=name, real_target=0.9)).discriminator(REAL, FAKE)
        entropy = torch.nn.functional.binary_cross_entropy
        wanted = entropy(REAL.sigmoid(), torch.full_like(REAL, 0.9)) + entropy(
            FAKE.sigmoid(), torch.zeros_like(FAKE)
        )
        assert found.item() == pytest.approx(wanted.item())


def test_smoothed_least_squares_aims_at_the_target():
    loss = build_loss(ObjectiveConfig(loss="least_squares", real_target=0.8))
    zero = torch.zeros(1)
    assert loss.discriminator(torch.tensor([0.8]), zero).item() == pytest.approx(0)
    assert loss.generator(zero, torch.tensor([1.0])).item() == 0  # G's own aim is not smoothed


@pytest.mark.parametrize("name", [n for n in FORMULAS if not LOSSES[n].smoothable])
def test_each_loss_without_a_target_refuses_smoothing(name):
    with pytest.raises(ConfigError, match=f"loss '{name}' has no target to smooth"):
        build_loss(ObjectiveConfig(loss=name, real_target=0.9))


@pytest.mark.parametrize("name", FORMULAS)
def test_paired_says_whether_g_looks_at_the_real_ones(name):
    loss = build_loss(ObjectiveConfig(loss=name))
    moved = loss.generator(REAL + 1, FAKE).item() != loss.generator(REAL, FAKE).item()
    assert moved == loss.paired


@pytest.mark.parametrize("name", FORMULAS)
def test_each_loss_is_a_pair_of_functions_by_its_own_name(name):
    loss, (for_d, for_g) = getattr(losses, name), FORMULAS[name]
    d_loss, g_loss = loss(REAL, FAKE)
    assert d_loss.item() == pytest.approx(for_d(REAL.numpy(), FAKE.numpy()))
    assert g_loss.item() == pytest.approx(for_g(REAL.numpy(), FAKE.numpy()))
    assert d_loss.shape == g_loss.shape == ()
    assert torch.equal(loss.discriminator(REAL, FAKE), d_loss)
    assert torch.equal(loss.generator(REAL, FAKE), g_loss)
    columns = loss(REAL[:, None], FAKE[:, None])
    assert torch.equal(torch.stack(columns), torch.stack((d_loss, g_loss)))
    assert repr(loss) == f"<gankit.losses.{name}>"


@pytest.mark.parametrize("name", [n for n in FORMULAS if LOSSES[n].smoothable])
def test_a_target_is_the_one_that_a_configuration_binds(name):
    loss, bound = LOSSES[name], build_loss(ObjectiveConfig(loss=name, real_target=0.8))
    assert torch.equal(bound.discriminator(REAL, FAKE), loss(REAL, FAKE, target=0.8)[0])
    assert torch.equal(loss.smoothed(0.8)(REAL, FAKE)[0], loss(REAL, FAKE, target=0.8)[0])
    assert loss.smoothed(1) is loss
    for target in (0.5, 1.1):
        with pytest.raises(ConfigError, match="must be in"):
            loss(REAL, FAKE, target=target)


@pytest.mark.parametrize("name", [n for n in FORMULAS if not LOSSES[n].smoothable])
def test_a_target_that_nothing_looks_at_is_refused(name):
    with pytest.raises(ConfigError, match="no target to smooth"):
        LOSSES[name].discriminator(REAL, FAKE, target=0.9)


def test_pairs_are_not_broadcast():
    for call in (losses.relativistic.discriminator, losses.relativistic.generator):
        with pytest.raises(ConfigError, match="one shape"):
            call(REAL, FAKE[:, None])
