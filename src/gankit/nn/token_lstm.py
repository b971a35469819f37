"""An LSTM that says one token after the other, each given those before it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Memory(NamedTuple):
    """The state of the LSTM for N sequences: `hidden` and `cell`, [N, H] each."""

    hidden: Tensor
    cell: Tensor


class Said(NamedTuple):
    """Sequences, and the memory from which each token was chosen.

    Attributes:
        tokens: int64 [N, T].
        memories: T memories, each before the token at its place was said.
    """

    tokens: Tensor
    memories: list[Memory]


class TokenLSTM(nn.Module):
    """P(token | tokens before it) by an LSTM; also the sampler that it is.

    >>> import torch
    >>> network = TokenLSTM(symbols=7, length=5, embedding=4, hidden=8)
    >>> network(torch.rand(3, 5)).shape
    torch.Size([3, 5])

    Attributes:
        symbols, length: the number of symbols, and of tokens of a sequence.
        end: the symbol after which a sequence holds only copies of it; None: there is none.
        temperature: what the logits are divided by when tokens are chosen; 1: as trained. It
            belongs to sampling, and no file holds it.
    """

    def __init__(
        self, symbols: int, length: int, embedding: int, hidden: int, end: int | None = None
    ) -> None:
        super().__init__()
        self.symbols, self.length, self.end = symbols, length, end
        self.temperature = 1.0
        self.embed = nn.Embedding(symbols + 1, embedding)  # the last one begins a sequence
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True)
        self.head = nn.Linear(hidden, symbols)

    def forward(self, chances: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return tokens, int64 [N, T], each chosen by its chance in `chances`, [N, T] in [0, 1)."""
        return self.say(chances).tokens

    def log_chances(self, tokens: Tensor) -> Tensor:
        """Return the log-probability of every symbol at every place, [N, T, V].

        `tokens`, int64 [N, T], are what stands before each place.
        """
        first = tokens.new_full((tokens.shape[0], 1), self.symbols)
        heard, _ = self.lstm(self.embed(torch.cat([first, tokens[:, :-1]], 1)))
        said: Tensor = self.head(heard).log_softmax(-1)
        return said

    def log_likelihood(self, tokens: Tensor) -> Tensor:
        """Return the log-probability of each token, given those before it, [N, T].

        It is 0 beyond the end.
        """
        said = self.log_chances(tokens).gather(2, tokens[..., None])[..., 0]
        return said * self.counted(tokens)

    def counted(self, tokens: Tensor) -> Tensor:
        """Return 1 for each token as far as the end, and 0 beyond it, [N, T]."""
        return before_end(tokens, self.end).to(self.head.weight.dtype)

    def begin(self, count: int) -> tuple[Tensor, Memory]:
        """Return the first input, [N, E], and the empty memory of `count` sequences."""
        weight = self.embed.weight
        empty = weight.new_zeros(count, self.lstm.hidden_size)
        return weight[self.symbols].expand(count, -1), Memory(empty, empty)

    def hear(self, heard: Tensor, memory: Memory) -> Memory:
        """Return the memory after an input, [N, E]."""
        weights: list[Tensor] = self.lstm.all_weights[0]  # type: ignore[assignment]
        hidden, cell = torch.lstm_cell(heard, memory, *weights)
        return Memory(hidden, cell)

    def choose(self, memory: Memory, chances: Tensor, last: Tensor | None) -> Tensor:
        """Return the next token of each sequence, int64 [N]: the one in whose share of [0, 1) its
        chance, [N], lies. After the end it is the end; `last` is None at the first place."""
        reached = (self.head(memory.hidden) / self.temperature).softmax(1).cumsum(1)
        # What searchsorted finds, in operators that ONNX has.
        chosen: Tensor = (reached < chances[:, None]).sum(1).clamp_max(self.symbols - 1)
        if self.end is None or last is None:
            return chosen
        return torch.where(last == self.end, last, chosen)

    def say(self, chances: Tensor) -> Said:
        """Return tokens chosen by `chances`, [N, T] in [0, 1), with the memories before each."""
        heard, memory = self.begin(chances.shape[0])
        tokens: list[Tensor] = []
        memories: list[Memory] = []
        for chance in chances.T.contiguous().unbind():
            memory = self.hear(heard, memory)
            memories.append(memory)
            last = tokens[-1] if tokens else None
            tokens.append(self.choose(memory, chance, last))
            heard = self.embed(tokens[-1])
        return Said(torch.stack(tokens, 1), memories)

    def go_on(self, said: Said, chances: Tensor) -> Tensor:
        """Return ways to go on after each place of a sequence, as whole sequences.

        Only what follows is computed, from the memories that were kept: at place s, the ways from
        all places before s take one step together.

        Args:
            said: N sequences of T tokens.
            chances: [M, T - 1, N, T] in [0, 1): M ways after each of the first T - 1 places.

        Returns:
            int64 [M, T - 1, N, T]; the way from place t has the first t + 1 tokens of `said`.
        """
        ways, starts, count, length = chances.shape
        whole = said.tokens.expand(ways, starts, -1, -1).clone()
        kept = Memory(*(torch.stack(part) for part in zip(*said.memories[:-1], strict=True)))
        size = kept.hidden.shape[-1]
        memory = Memory(*(part.new_empty(ways, 0, count, size) for part in kept))
        for place in range(1, length):
            begun = (part[place - 1].expand(ways, 1, -1, -1) for part in kept)
            memory = Memory(*(torch.cat(both, 1) for both in zip(memory, begun, strict=True)))
            last = whole[:, :place, :, place - 1].reshape(-1)
            flat = Memory(*(part.reshape(-1, size) for part in memory))
            flat = self.hear(self.embed(last), flat)
            chosen = self.choose(flat, chances[:, :place, :, place].flatten().contiguous(), last)
            whole[:, :place, :, place] = chosen.view(ways, place, count)
            memory = Memory(*(part.view(ways, place, count, size) for part in flat))
        return whole

    def relax(self, noise: Tensor, temperature: float, *, hard: bool) -> Tensor:
        """Return mixtures of symbols, [N, T, V], that carry a gradient (Gumbel-softmax).

        Each is softmax((logits + noise) / temperature); the lower the temperature, the nearer to a
        single symbol. The symbol that is largest is chosen as often as its chance says. After the
        end, as far as it was said, there is only the end.

        Args:
            noise: of the Gumbel distribution (`gumbel`), [N, T, V].
            temperature: above 0.
            hard: straight-through: the largest symbol alone goes forward, and the gradient is that
                of the mixture.
        """
        heard, memory = self.begin(noise.shape[0])
        going_on, said = noise.new_ones(noise.shape[0], 1), []
        for place in range(self.length):
            memory = self.hear(heard, memory)
            mixture = ((self.head(memory.hidden) + noise[:, place]) / temperature).softmax(1)
            if hard:
                chosen = F.one_hot(mixture.argmax(1), self.symbols).to(mixture.dtype)
                mixture = chosen + mixture - mixture.detach()
            if self.end is not None:
                ended = F.one_hot(torch.tensor(self.end), self.symbols).to(mixture)
                mixture = going_on * mixture + (1 - going_on) * ended
                going_on = going_on * (1 - mixture[:, self.end, None])
            said.append(mixture)
            heard = mixture @ self.embed.weight[:-1]
        return torch.stack(said, 1)


def before_end(tokens: Tensor, end: int | None) -> Tensor:
    """Return which tokens count, bool [N, T]: all as far as the first `end`, and none beyond it.

    >>> before_end(torch.tensor([[3, 0, 0], [0, 0, 0], [1, 2, 3]]), end=0).long()
    tensor([[1, 1, 0],
            [1, 0, 0],
            [1, 1, 1]])
    """
    if end is None:
        return torch.ones_like(tokens, dtype=torch.bool)
    ends = (tokens == end).long()
    return ends.cumsum(1) == ends


def gumbel(chances: Tensor) -> Tensor:
    """Return noise of the Gumbel distribution, by uniform numbers in [0, 1) of any shape."""
    return -(-(chances.clamp(1e-10, 1 - 1e-7)).log()).log()
