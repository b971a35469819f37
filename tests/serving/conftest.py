"""GANs of each kind: digits by class, codes, points, vectors."""

from __future__ import annotations

import pytest

from .gans import DIGITS, made


@pytest.fixture
def digits(small):
    return made(small("cgan"), (1, 28, 28), DIGITS)


@pytest.fixture
def coded(small):
    return made(small("infogan", **{"network.codes": "3,c"}), (1, 16, 16))


@pytest.fixture
def points(small):
    return made(small("gan", "toy:ring8"), (2,))


@pytest.fixture
def vectors(small):
    return made(small("cgan"), (1, 28, 28), condition=2)
