"""A convolutional network that looks at a sequence of tokens through windows of several widths."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class TextCNN(nn.Module):
    """Sequences [N, T] -> logits [N], high for real (arXiv 1609.05473, section 4).

    Each window slides over the embedded tokens, and its largest answer counts; a highway layer
    mixes these. Tokens are whole numbers [N, T], or mixtures of symbols [N, T, V], as relaxed
    samples are.

    >>> import torch
    >>> network = TextCNN(7, length=5, embedding=4, windows=(1, 2, 9), filters=3, dropout=0.0)
    >>> network(torch.zeros(2, 5, dtype=torch.long)).shape, len(network.windows)
    (torch.Size([2]), 2)
    """

    def __init__(
        self,
        symbols: int,
        length: int,
        embedding: int,
        windows: Sequence[int],
        filters: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(symbols, embedding)
        fitting = [width for width in windows if width <= length] or [length]
        self.windows = nn.ModuleList(nn.Conv1d(embedding, filters, width) for width in fitting)
        found = filters * len(fitting)
        self.gate, self.mix = nn.Linear(found, found), nn.Linear(found, found)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(found, 1)

    def forward(self, tokens: Tensor, labels: Tensor | None = None) -> Tensor:
        mixed = tokens.is_floating_point()
        seen = tokens @ self.embed.weight if mixed else self.embed(tokens)
        seen = seen.transpose(1, 2)
        found = torch.cat([F.relu(window(seen)).amax(2) for window in self.windows], 1)
        gate = self.gate(found).sigmoid()
        found = gate * F.relu(self.mix(found)) + (1 - gate) * found
        logits: Tensor = self.head(self.dropout(found))
        return logits[:, 0]
