"""D of tokens: whole symbols and mixtures of them."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from gankit.nn.text_cnn import TextCNN


def test_a_mixture_of_one_symbol_is_that_symbol():
    network = TextCNN(6, 7, 4, (1, 3, 20), 5, dropout=0.0)
    tokens = torch.randint(6, (3, 7))
    whole, mixed = network(tokens), network(F.one_hot(tokens, 6).float())
    assert whole.shape == (3,)
    assert torch.allclose(whole, mixed, atol=1e-6)


def test_windows_that_are_all_too_wide_become_one_as_wide_as_the_text():
    network = TextCNN(6, 2, 4, (5, 9), 5, dropout=0.0)
    assert [window.kernel_size for window in network.windows] == [(2,)]
