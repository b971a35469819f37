"""`oracle`: sequences that a frozen LSTM of random weights says, so their likelihood is known."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gankit.data.dataset import ArrayDataset, array_fingerprint
from gankit.data.read_options import ReadOptions
from gankit.data.tokens import TextOptions
from gankit.errors import DataError
from gankit.nn.token_lstm import TokenLSTM
from gankit.randomness import Purpose, rng, torch_seed

LENGTH, SYMBOLS, COUNT = 20, 200, 5_000
"""The tokens of a sequence, the symbols, and the sequences of a split, unless asked otherwise."""
EMBEDDING = HIDDEN = 32
"""The sizes of the LSTM (Yu et al. 2016, arXiv 1609.05473, section 5.1)."""
AT_A_TIME = 1_000
"""How many sequences are made, or judged, at a time."""


def build_oracle(options: TextOptions) -> TokenLSTM:
    """Return the oracle: an LSTM whose weights are drawn from N(0, 1) by the seed alone."""
    symbols, length = options.vocabulary or SYMBOLS, options.length or LENGTH
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(options.oracle, Purpose.ORACLE))
        network = TokenLSTM(symbols, length, EMBEDDING, HIDDEN)
        for weight in network.parameters():
            nn.init.normal_(weight)
    return network.eval().requires_grad_(False)


def sequences(options: ReadOptions) -> ArrayDataset:
    """Return sequences that the oracle says, int64 [N, T]; the test split holds other ones."""
    if options.size is not None or options.channels != "auto" or options.text.tokens is not None:
        raise DataError("data 'oracle' is numbers of symbols: leave size, channels and tokens out")
    network, text = build_oracle(options.text), options.text
    count, split = text.sequences or COUNT, 0 if options.split == "train" else 1
    chances = rng(text.oracle, Purpose.ORACLE, 1, split).random((count, network.length), np.float32)
    with torch.inference_mode():
        parts = [network(part) for part in torch.split(torch.from_numpy(chances), AT_A_TIME)]
    # Not of the numbers, which another processor may round to another symbol.
    made_by = np.array([text.oracle, network.symbols, network.length, count, split], np.int64)
    return ArrayDataset(
        "oracle",
        torch.cat(parts).numpy(),
        array_fingerprint(made_by),
        symbols=tuple(map(str, range(network.symbols))),
    )


def oracle_nll(network: TokenLSTM, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what each sequence costs the oracle, in nats per token, float64 [N].

    That is -log P(sequence) / T; the lower, the likelier the oracle would say it.
    """
    with torch.inference_mode():
        parts = [
            -network.log_likelihood(part).mean(1)
            for part in torch.split(torch.from_numpy(tokens), AT_A_TIME)
        ]
    return torch.cat(parts).double().numpy()
