"""`configure`: the complete configuration of a family on some data."""

from __future__ import annotations

from dataclasses import replace

from gankit.errors import ConfigError
from gankit.families import FAMILIES
from gankit.recipes import RECIPES
from gankit.settings.config import Config

DEFAULTS = {
    "cgan": "cgan-fast",
    "gan": "gan-fast",
    "dcgan": "dcgan-fast",
    "infogan": "infogan-fast",
    "began": "began-fast",
    "ssgan": "ssgan-fast",
    "modern": "modern-fast",
}
"""The recipe for images, by family."""


def configure(
    family: str | None = None, source: str | None = None, recipe: str | None = None
) -> Config:
    """A complete configuration: the named recipe, else the one for this family and data.

    Args:
        family: a name in `gankit list`; None: the default job's, `cgan`.
        source: a data set or folder; None: the recipe's own.
        recipe: a name in `gankit list`.

    Raises ConfigError for an unknown name, or a family that is not the recipe's.
    """
    if recipe is None:
        recipe = _recipe_for(family or "cgan", source or "digits")
    elif family not in (None, RECIPES[recipe]().family):
        raise ConfigError(
            f"recipe '{recipe}' is of family '{RECIPES[recipe]().family}', not '{family}': "
            "leave one of the two out"
        )
    config = RECIPES[recipe]()
    if family is not None and family != config.family:
        config = replace(config, family=family, network=FAMILIES[family].Options())
    if source is not None:
        config = replace(config, data=replace(config.data, source=source))
    if config.data.is_arrays:  # which are taken as they are
        config = replace(config, data=replace(config.data, size=None, channels="auto"))
    return config


def _recipe_for(family: str, source: str) -> str:
    FAMILIES[family]  # an unknown family is said here, with a suggestion
    if source == "toy:gaussian1d" and family == "gan":
        return "toy-theory"
    if source.startswith("toy:"):
        return "toy-cgan" if family == "cgan" else "toy-gan"
    return DEFAULTS.get(family, "gan-fast")
