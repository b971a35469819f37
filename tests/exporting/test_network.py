"""How far an exported network may be from gankit's own."""

from __future__ import annotations

import math

import torch
from torch import nn

from gankit.exporting.network import LIMIT, MOST, accepted


class Rounded(nn.Module):
    """A network whose sums are so large that single precision rounds away half a thousandth."""

    def forward(self, x):
        return (x + 1e4) - 1e4


def test_more_is_accepted_only_where_gankits_own_numbers_are_rounded():
    batches = [(torch.linspace(-1, 1, 101)[None],)]
    assert accepted(5e-5, Rounded(), batches) == LIMIT
    assert LIMIT < accepted(5e-4, Rounded(), batches) <= MOST
    assert accepted(5e-4, nn.Identity(), batches) == LIMIT
    assert accepted(math.nan, Rounded(), batches) == LIMIT
    assert accepted(math.inf, Rounded(), batches) <= MOST
