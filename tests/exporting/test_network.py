"""How far an exported network may be from gankit's own."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from gankit.errors import RunError
from gankit.exporting.network import LIMIT, MOST, accepted, compare


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


@pytest.mark.parametrize("wrong", [math.nan, 1.0])
def test_every_form_of_an_export_is_compared(wrong):
    batches = [(torch.linspace(-1, 1, 5)[None],)]
    right, other = (lambda given: given[0].numpy()), (lambda given: given[0].numpy() + wrong)
    assert compare([right, right], nn.Identity(), batches, "the file") == (0, LIMIT)
    for forms in ([right, other], [other, right]):
        with pytest.raises(RunError, match=r"the file differs from gankit's own samples by"):
            compare(forms, nn.Identity(), batches, "the file")
    assert compare([right], nn.Identity(), batches, "the file", limit=0.5) == (0, 0.5)
