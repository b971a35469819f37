"""torch without its compiler, which gankit never asks for.

Torch keeps its compiler out of some functions by wrappers that import it (torch._dynamo) at the
first call, if only to say so. That takes as long as importing torch itself does. What is here knows
those wrappers by their names: with a torch that has others it changes nothing, and work begins
later. If the compiler is loaded already, all is as torch has it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch._compile

WRAPPERS = (
    "_disable_dynamo.<locals>.inner",
    "_use_grad_for_differentiable.<locals>._use_grad",
    "Optimizer.profile_hook_step.<locals>.wrapper",  # hides the others on a class that was in use
)
"""The names of the wrappers that `unwrapped` takes off."""


def unwrapped(method: Any) -> Any:
    """Return a method of torch's optimisers without the wrappers that import the compiler."""
    while getattr(getattr(method, "__code__", None), "co_qualname", None) in WRAPPERS:
        method = method.__wrapped__
    return method


@contextmanager
def shapes_alone() -> Iterator[None]:
    """Build networks, and run them, on shapes alone: on the meta device, without memory.

    >>> with shapes_alone():
    ...     made = torch.nn.Linear(10**6, 10**6)(torch.zeros(5, 10**6))
    >>> made.shape, made.device.type
    (torch.Size([5, 1000000]), 'meta')
    """
    # Torch computes most shapes in Python, by functions that the compiler must keep out of. Each
    # asks `getattr` for what to call in its place, and without an answer imports the compiler.
    names = vars(torch._compile)
    outermost = "getattr" not in names
    names["getattr"] = _in_its_place
    try:
        with torch.device("meta"):
            yield
    finally:
        if outermost:
            names.pop("getattr", None)  # another thread's may have gone with its own


def _in_its_place(function: Any, name: str, *default: Any) -> Any:
    """As `getattr`; but what stands in a function's place is itself while nothing can compile."""
    if name == "__dynamo_disable" and "torch._dynamo" not in sys.modules:
        return function
    return getattr(function, name, *default)
