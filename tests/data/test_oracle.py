"""The oracle: its sequences, and what they cost it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gankit
from gankit.data.oracle import build_oracle, oracle_nll
from gankit.data.tokens import TextOptions
from gankit.errors import DataError

SMALL = TextOptions(vocabulary=20, length=5, sequences=400)


def test_it_follows_from_its_settings_alone():
    one, again = (gankit.load_dataset("oracle", text=SMALL) for _ in range(2))
    assert np.array_equal(one.examples, again.examples)
    assert (one.shape, len(one), len(one.symbols)) == ((5,), 400, 20)
    other = gankit.load_dataset("oracle", text=TextOptions(vocabulary=20, length=5, oracle=1))
    test = gankit.load_dataset("oracle", text=SMALL, split="test")
    assert len({one.fingerprint, other.fingerprint, test.fingerprint}) == 3
    assert not np.array_equal(one.examples, test.examples)


def test_its_own_sequences_cost_it_least():
    dataset, network = gankit.load_dataset("oracle", text=SMALL), build_oracle(SMALL)
    own = oracle_nll(network, dataset.examples)
    random = oracle_nll(network, np.random.default_rng(0).integers(0, 20, (400, 5)))
    assert own.mean() < random.mean() - 0.5
    chances = network.log_chances(torch.from_numpy(dataset.examples)).exp()
    entropy = float(-(chances * chances.log()).sum(2).mean())
    assert own.mean() == pytest.approx(entropy, abs=0.15)


def test_it_has_no_words():
    with pytest.raises(DataError, match="is numbers of symbols"):
        gankit.load_dataset("oracle", text=TextOptions(tokens="bytes"))
