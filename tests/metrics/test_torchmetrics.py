"""Frechet and kernel distance against torchmetrics, with features given in place of images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gankit.metrics.frechet import frechet_distance, moments
from gankit.metrics.kernel import kernel_distance, squared_mmd

SIZE = 48
RNG = np.random.default_rng(0)
MIX = RNG.normal(size=(SIZE, SIZE)) / SIZE**0.5
REAL = np.maximum(RNG.normal(size=(900, SIZE)) @ MIX, 0)  # as the features of a network are
FAKE = np.maximum(RNG.normal(0.1, 1.1, size=(700, SIZE)) @ MIX, 0)


class Flat(torch.nn.Module):
    """Images that are the features already."""

    num_features = SIZE

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)


def updated(metric, real, fake):
    for features, is_real in ((real, True), (fake, False)):
        for block in torch.from_numpy(features).reshape(-1, 3, 4, 4).split(128):
            metric.update(block, real=is_real)
    return metric


# torchmetrics' tr (A B)^(1/2) is that of the eigenvalues of A B, which is not symmetric.
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-6), (np.float32, 1e-3)])
def test_the_frechet_distance_is_torchmetrics(dtype, tolerance):
    reference = pytest.importorskip("torchmetrics.image.fid").FrechetInceptionDistance
    metric = updated(
        reference(Flat()).set_dtype(torch.float64), REAL.astype(dtype), FAKE.astype(dtype)
    )
    found = frechet_distance(moments([REAL.astype(dtype)]), moments([FAKE.astype(dtype)]))
    assert found == pytest.approx(float(metric.compute()), rel=tolerance)
    assert found > 0.1


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save:UserWarning")
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-6), (np.float32, 1e-3)])
def test_the_kernel_distance_is_torchmetrics(dtype, tolerance):
    reference = pytest.importorskip("torchmetrics.image.kid").KernelInceptionDistance
    real, fake = REAL[:700].astype(dtype), FAKE.astype(dtype)
    metric = updated(reference(Flat(), subsets=1, subset_size=700), real, fake)
    found = squared_mmd(real, fake)
    assert found == pytest.approx(float(metric.compute()[0]), rel=tolerance)
    assert kernel_distance(real, fake, subsets=2, size=700)[0] == pytest.approx(found, rel=1e-9)
