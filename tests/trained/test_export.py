"""Files of samples."""

from __future__ import annotations

import pytest

from gankit.trained.export import write_samples
from tests.trained.made import made

ODD = ("a/b", "line\nbreak\0", "caf\udce9", "long " * 100, "日本")
"""Classes as tables and folders may name them."""


@pytest.mark.parametrize("kind", ["", "bands"])
def test_a_class_of_any_name_is_a_part_of_a_files_name(small, tmp_path, kind):
    gan = made(small("cgan"), (5 if kind else 1, 28, 28), ODD)
    write_samples(gan, 5, None, 0, tmp_path / "x")
    names = sorted(path.stem for path in (tmp_path / "x").iterdir())
    assert names[:3] == ["0-a_b", "1-line_break_", "2-caf_"]
    assert (names[3][:12], names[4]) == ("3-long long ", "4-日本")
    assert len(names[3]) == 202
