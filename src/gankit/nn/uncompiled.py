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
    # Torch finds most shapes in Python, by functions that its compiler must stay out of. Each asks
    # `getattr`, in torch._compile, what the compiler calls in its place; if that is not known yet,
    # it imports the compiler to learn it. No setting of torch's prevents that. But while no
    # compiler is loaded the answer is simple, the function itself, and here it is given.
    names = vars(torch._compile)
    names["getattr"] = _in_its_place
    try:
        with torch.device("meta"):
            yield
    finally:
        names.pop("getattr", None)  # a block inside, or of another thread, may have ended


def _in_its_place(function: Any, name: str, *default: Any) -> Any:
    """Do what `getattr` does; before a compiler is loaded, a function stands in its own place."""
    if name == "__dynamo_disable" and "torch._dynamo" not in sys.modules:
        return function
    return getattr(function, name, *default)
