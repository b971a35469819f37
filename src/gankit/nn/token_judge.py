"""A recurrent network that judges each token of a sequence, given those before it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gankit.nn.token_lstm import before_end


class TokenJudge(nn.Module):
    """Sequences int64 [N, T] -> logits [N, T] of each token, high for real.

    NaN stands for what comes after the end. A logit depends on its token and on those before it,
    and on no later one.

    >>> import torch
    >>> network = TokenJudge(7, embedding=4, hidden=8, dropout=0.0, end=0)
    >>> network(torch.tensor([[3, 2, 0, 0]])).isnan()
    tensor([[False, False, False,  True]])

    Attributes:
        end: the symbol after which a sequence holds only copies of it; None: there is none.
    """

    def __init__(
        self, symbols: int, embedding: int, hidden: int, dropout: float, end: int | None = None
    ) -> None:
        super().__init__()
        self.end = end
        self.embed = nn.Embedding(symbols, embedding)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True)
        self.norm = nn.LayerNorm(hidden)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, 1)

    def forward(self, tokens: Tensor, labels: Tensor | None = None) -> Tensor:
        heard, _ = self.lstm(self.dropout(self.embed(tokens)))
        logits: Tensor = self.head(self.dropout(self.norm(heard)))[..., 0]
        return logits.masked_fill(~before_end(tokens, self.end), torch.nan)
