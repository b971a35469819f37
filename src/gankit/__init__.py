"""gankit: generative adversarial networks that people can really use.

import gankit
gan = gankit.load("runs/digits")
images = gan.sample(64, labels=7, seed=0)  # uint8 [64, 28, 28]

Nothing heavy is imported before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from gankit.artifact import GAN, load
    from gankit.config import Config
    from gankit.data import load_dataset
    from gankit.errors import ConfigError, DataError, GankitError, RunError, TrainingError
    from gankit.recipes import configure
    from gankit.training.loop import fit

_HOME = {
    "Config": "gankit.config",
    "ConfigError": "gankit.errors",
    "DataError": "gankit.errors",
    "GAN": "gankit.artifact",
    "GankitError": "gankit.errors",
    "RunError": "gankit.errors",
    "TrainingError": "gankit.errors",
    "configure": "gankit.recipes",
    "fit": "gankit.training.loop",
    "load": "gankit.artifact",
    "load_dataset": "gankit.data",
}

__all__ = [
    "GAN",
    "Config",
    "ConfigError",
    "DataError",
    "GankitError",
    "RunError",
    "TrainingError",
    "configure",
    "fit",
    "load",
    "load_dataset",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'gankit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
