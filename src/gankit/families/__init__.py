"""Families of games, one file per paper. Importing this package registers every one of them."""

from importlib import import_module
from pkgutil import iter_modules

from gankit.game import FAMILIES, Game
from gankit.game_types import Task

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["FAMILIES", "Game", "Task"]
