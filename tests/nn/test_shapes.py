"""Sizes and widths of networks."""

from __future__ import annotations

from gankit.nn.shapes import stages_for, widths_for


def test_stages_and_widths():
    assert [stages_for((1, s, s)) for s in (16, 28, 32, 64, 256)] == [2, 2, 3, 4, 6]
    assert widths_for(128, 4) == [128, 256, 512, 1024]
    assert widths_for(128, 6, 512) == [128, 256, 512, 512, 512, 512]
