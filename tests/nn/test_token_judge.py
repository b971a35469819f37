"""D of single tokens."""

from __future__ import annotations

import torch

from gankit.nn.token_judge import TokenJudge


def test_a_token_is_judged_by_itself_and_by_those_before_it():
    network = TokenJudge(6, embedding=4, hidden=8, dropout=0.0)
    tokens = torch.randint(6, (3, 7))
    changed = tokens.clone()
    changed[:, 4] = (tokens[:, 4] + 1) % 6
    before, after = network(tokens), network(changed)
    assert torch.equal(before[:, :4], after[:, :4])
    assert (before[:, 4:] != after[:, 4:]).all()


def test_nothing_is_said_of_what_comes_after_the_end_and_it_carries_no_gradient():
    network = TokenJudge(6, embedding=4, hidden=8, dropout=0.0, end=0)
    logits = network(torch.tensor([[1, 2, 0, 0], [0, 0, 0, 0], [1, 2, 3, 4]]))
    assert (~logits.isnan()).sum(1).tolist() == [3, 1, 4]
    logits.nanmean(1).sum().backward()
    assert all(weight.grad.isfinite().all() for weight in network.parameters())
