"""The labels that samples are asked for by."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gankit
from tests.trained.made import made


def test_a_number_is_a_name_first_and_a_place_if_no_class_is_called_so(small):
    natural = made(small("cgan"), (1, 28, 28), tuple(map(str, range(12))))
    assert natural.labels_for(3, 2).tolist() == [2, 2, 2]
    assert natural.labels_for(1, "10").tolist() == natural.labels_for(1, 10).tolist() == [10]
    values = made(small("cgan"), (1, 28, 28), ("5", "90"))
    assert values.labels_for(2, [5, "90"]).tolist() == [0, 1]
    assert values.labels_for(2, [0, 1]).tolist() == [0, 1]
    assert values.labels_for(1, "1").tolist() == values.labels_for(1, 1).tolist() == [1]
    # Of an earlier version, whose order was that of the letters.
    letters = made(small("cgan"), (1, 28, 28), ("0", "1", "10", "2"))
    for two in (2, "2", np.int64(2)):
        assert letters.labels_for(1, two).tolist() == [3]
    assert letters.labels_for(4, [0, 1, 2, 10]).tolist() == [0, 1, 3, 2]
    shifted = made(small("cgan"), (1, 28, 28), ("1", "2", "3"))
    assert shifted.labels_for(3, np.array([1, 2, 3])).tolist() == [0, 1, 2]
    assert shifted.labels_for(3, np.array([0, 1, 2])).tolist() == [0, 1, 2]  # one is no name
    words = made(small("cgan"), (1, 28, 28), ("cat", "dog"))
    assert words.labels_for(3, ["dog", 0, 1]).tolist() == [1, 0, 1]
    for given in (
        torch.tensor([1, 0, 1]),
        [torch.tensor(1), np.int64(0), "dog"],
        np.array([1, 0, 1]),
    ):
        assert words.labels_for(3, given).tolist() == [1, 0, 1]
    for given in (torch.tensor(1), np.array(1), np.str_("dog")):
        assert words.labels_for(2, given).tolist() == [1, 1]
    for wrong in (1.0, np.float32(1), torch.tensor(1.5)):
        with pytest.raises(gankit.ConfigError, match="outside the 2 classes"):
            words.labels_for(2, wrong)
    for wrong in (2, -1, "cow", "00", 1.0):
        with pytest.raises(gankit.ConfigError, match="outside the 2 classes: cat, dog, or 0 to 1"):
            words.labels_for(1, [wrong])
