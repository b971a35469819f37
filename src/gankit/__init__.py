"""gankit: generative adversarial networks that people can really use.

import gankit
gan = gankit.load("runs/digits")
images = gan.sample(64, labels=7, seed=0)  # uint8 [64, 28, 28]

Nothing heavy is imported before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gankit.version import __version__ as __version__

if TYPE_CHECKING:
    from gankit import losses, metrics, nn, penalties
    from gankit.bibliography import Paper
    from gankit.choose_recipe import choose, configure
    from gankit.data import Dataset, load_dataset
    from gankit.errors import ConfigError, DataError, GankitError, RunError, TrainingError
    from gankit.exporting.export import export
    from gankit.fitting import fit
    from gankit.game import Game, register_family
    from gankit.inspection.inspect import inspect
    from gankit.racing.race import race
    from gankit.scores.evaluate import evaluate
    from gankit.seeds import fit_seeds
    from gankit.settings.config import Config, override
    from gankit.stabilisers.base import Stabiliser, register_stabiliser
    from gankit.trained.artifact import load
    from gankit.trained.gan import GAN
    from gankit.trained.latents import Latents
    from gankit.trained.sliders import sliders
    from gankit.training.callbacks import Callback
    from gankit.training.state import build_game
    from gankit.training.trainer import Trainer
    from gankit.worlds.episodes import Episodes
    from gankit.worlds.experts import make_expert

_ROOMS = ("losses", "metrics", "nn", "penalties")
_HOME = {
    "Callback": "gankit.training.callbacks",
    "Config": "gankit.settings.config",
    "ConfigError": "gankit.errors",
    "DataError": "gankit.errors",
    "Dataset": "gankit.data",
    "Episodes": "gankit.worlds.episodes",
    "GAN": "gankit.trained.gan",
    "Game": "gankit.game",
    "GankitError": "gankit.errors",
    "Latents": "gankit.trained.latents",
    "Paper": "gankit.bibliography",
    "RunError": "gankit.errors",
    "Stabiliser": "gankit.stabilisers.base",
    "Trainer": "gankit.training.trainer",
    "TrainingError": "gankit.errors",
    "build_game": "gankit.training.state",
    "choose": "gankit.choose_recipe",
    "configure": "gankit.choose_recipe",
    "evaluate": "gankit.scores.evaluate",
    "export": "gankit.exporting.export",
    "fit": "gankit.fitting",
    "fit_seeds": "gankit.seeds",
    "inspect": "gankit.inspection.inspect",
    "load": "gankit.trained.artifact",
    "load_dataset": "gankit.data",
    "make_expert": "gankit.worlds.experts",
    "override": "gankit.settings.config",
    "race": "gankit.racing.race",
    "register_family": "gankit.game",
    "register_stabiliser": "gankit.stabilisers.base",
    "sliders": "gankit.trained.sliders",
}

__all__ = [
    "GAN",
    "Callback",
    "Config",
    "ConfigError",
    "DataError",
    "Dataset",
    "Episodes",
    "Game",
    "GankitError",
    "Latents",
    "Paper",
    "RunError",
    "Stabiliser",
    "Trainer",
    "TrainingError",
    "build_game",
    "choose",
    "configure",
    "evaluate",
    "export",
    "fit",
    "fit_seeds",
    "inspect",
    "load",
    "load_dataset",
    "losses",
    "make_expert",
    "metrics",
    "nn",
    "override",
    "penalties",
    "race",
    "register_family",
    "register_stabiliser",
    "sliders",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name in _ROOMS:
        return import_module(f"gankit.{name}")
    raise AttributeError(f"module 'gankit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
