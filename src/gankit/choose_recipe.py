"""`configure`: the complete configuration of a family on some data."""

from __future__ import annotations

import os
from dataclasses import replace

from gankit.data import DATASETS, Dataset, has_classes, looks_like_path
from gankit.errors import ConfigError
from gankit.families import FAMILIES
from gankit.recipes import RECIPES
from gankit.settings.config import DEFAULT_FAMILY, DEFAULT_WITHOUT_CLASSES, Config


def configure(
    family: str | None = None,
    source: str | os.PathLike[str] | Dataset | None = None,
    recipe: str | None = None,
) -> Config:
    """Return a complete configuration: the named recipe's, or the one for this family and data.

    >>> import gankit
    >>> gankit.configure("dcgan", "digits").data.source
    'digits'
    >>> gankit.configure(recipe="toy-gan").family
    'gan'

    Args:
        family: a name in `gankit list`; None: the recipe's, or else `cgan`, or `dcgan` for a path
            to data without classes.
        source: a data set's name, a path, or a Dataset; None: the recipe's own.
        recipe: a name in `gankit list`; None: the one that the family names for such data.

    Raises:
        ConfigError: a name is unknown, the family is not the recipe's, or `source` is neither a
            name, a path nor a Dataset.
    """
    name = _name(source)
    if recipe is not None:
        config = RECIPES[recipe]()
        if family not in (None, config.family):
            raise ConfigError(
                f"recipe '{recipe}' is of family '{config.family}', not '{family}': "
                "leave one of the two out",
                *("family", "recipe"),
            )
    else:
        points = isinstance(source, Dataset) and source.kind == "points"
        config = _default(family or _family_for(name), name or "digits", points)
    if name is not None:
        config = replace(config, data=replace(config.data, source=name))
    if config.data.is_arrays or isinstance(source, Dataset):  # which are taken as they are
        config = replace(config, data=replace(config.data, size=None, channels="auto"))
    return config


def _name(source: object) -> str | None:
    if isinstance(source, Dataset):
        return source.whence
    if source is None or isinstance(source, (str, os.PathLike)):
        return None if source is None else os.fspath(source)
    raise ConfigError(
        f"data must be a name, a path or a Dataset, got one {type(source).__name__}: make one with "
        "gankit.Dataset.of(...)"
    )


def _family_for(name: str | None) -> str:
    """The family to train if none is named: one that is asked for classes, if there are any."""
    if name is None or name in DATASETS or not looks_like_path(name) or has_classes(name):
        return DEFAULT_FAMILY
    return DEFAULT_WITHOUT_CLASSES


def _default(family: str, name: str, points: bool) -> Config:
    """Return the configuration of the family's recipe for such data, or else Config's defaults."""
    game = FAMILIES[family]
    points = points or name.startswith("toy:")
    usual = (game.points_recipe if points else None) or game.default_recipe
    recipe = game.data_recipes.get(name, usual)
    config = Config(family=family) if recipe is None else RECIPES[recipe]()
    if config.family != family or recipe is None:
        config = replace(config, family=family, network=game.Options())
    return config
