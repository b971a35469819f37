"""The compiler is left out, and found as it was by who wants it.

That it is left out of training and sampling: tests/test_imports.py.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gankit.nn.uncompiled import WRAPPERS, shapes_alone, unwrapped


def test_torch_is_left_as_it_was():
    before = dict(vars(torch._compile))
    with shapes_alone():
        pass
    with pytest.raises(RuntimeError, match="5"), shapes_alone():
        nn.Linear(3, 4)(torch.zeros(2, 5))
    assert vars(torch._compile) == before
    assert torch.zeros(1).device.type == "cpu"


def test_shapes_inside_shapes():
    with shapes_alone():
        with shapes_alone():
            inner = nn.Linear(2, 3)
        assert torch.tanh(inner(torch.zeros(5, 2))).shape == (5, 3)


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.SGD])
def test_no_wrapper_is_left_on_a_step(kind):
    kind([torch.zeros(1)], lr=0.1)  # torch wraps the step of a class at its first use
    step = unwrapped(kind.step)
    assert step.__code__.co_qualname == f"{kind.__name__}.step"
    assert kind.step.__wrapped__.__code__.co_qualname in WRAPPERS  # and torch's own class has them


def test_what_is_not_wrapped_stays():
    assert unwrapped(nn.Linear.forward) is nn.Linear.forward
    assert unwrapped(len) is len


def test_who_compiles_may():
    optimizer = torch.optim.SGD([weight := nn.Parameter(torch.ones(2))], lr=0.5)
    weight.grad = torch.ones(2)

    @torch.compile(backend="eager")
    def doubled(x):
        optimizer.zero_grad()  # the compiler keeps out of it
        return 2 * x

    with shapes_alone():
        nn.Linear(2, 3)(torch.zeros(4, 2)).tanh()
    assert doubled(torch.ones(2)).tolist() == [2, 2]
    assert weight.grad is None
    with shapes_alone():
        assert nn.Linear(2, 3)(torch.zeros(4, 2)).tanh().shape == (4, 3)
    assert doubled(torch.ones(2)).tolist() == [2, 2]
