"""Which recipe trains: the one that the user names, or the one that fits the data.

`configure` returns a complete configuration. A family that is named may have recipes of its own for
some kinds of data (`Game.kind_recipes`). If no family is named, `choose` looks at the data,
without decoding all of it, and applies three tables from top to bottom:

- `KINDS` names the kind of data. Each family says for which kinds it is chosen (`Game.suits`).
- `CHANGES` adapts the family's recipe to how many examples there are, and how large they are.
- what the user has set comes last, and is never changed.

The choice is a function of the data and of those settings alone. It does not depend on the machine
or on what is installed: if the chosen family needs a package that is missing, that is an error. Nor
does it depend on the budget, because a run can be extended, and its settings stay the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gankit.arguments import typed_arguments
from gankit.data import Dataset, glance
from gankit.errors import ConfigError, GankitError
from gankit.families import FAMILIES, Task
from gankit.recipes import RECIPES
from gankit.settings.config import BUDGETS, DEFAULT_FAMILY, Config, may_change, override
from gankit.settings.schema import flatten
from gankit.settings.text import typed
from gankit.text import shown


@dataclass(frozen=True)
class Facts:
    """What is known of data before it is chosen how to learn it.

    Attributes:
        task: its kind, shape and labels.
        count: the number of its examples.
        resizable: whether it can be read at another size, as arrays cannot.
    """

    task: Task
    count: int
    resizable: bool = True

    @classmethod
    def of(
        cls, source: str | os.PathLike[str] | Dataset, settings: Mapping[str, Any] = {}
    ) -> Facts:
        """Look at the data as `settings` read it; of a folder, only some pictures are decoded."""
        if isinstance(source, Dataset):
            return cls(Task.of(source), len(source), resizable=False)
        about_data = {key: value for key, value in settings.items() if key.startswith("data.")}
        asked = override(with_data(Config(), source), about_data).data
        dataset = glance(asked)
        return cls(Task.of(dataset), len(dataset), not asked.is_arrays)

    @property
    def labelled(self) -> bool:
        """Whether there are two classes or more, or a vector for each example."""
        return self.task.classes >= 2 or self.task.condition > 0

    @property
    def channels(self) -> int:
        return self.task.shape[0]

    @property
    def short(self) -> int:
        """The short side of images, in pixels."""
        return min(self.task.shape[1:])

    def describe(self) -> str:
        """Return a phrase such as `1,399 colour images 128x128, 2 classes`."""
        task = self.task
        said = f"{self.count:,} {task.kind}"
        if task.is_images:
            colour = {1: "grey ", 3: "colour "}.get(self.channels, "")
            image = "image" if self.count == 1 else "images"
            said = f"{self.count:,} {colour}{image} {task.shape[1]}x{task.shape[2]}"
            said += "" if colour else f" of {self.channels} channels"
        if task.condition:
            return f"{said}, a vector of {task.condition} each"
        return f"{said}, {task.classes:,} classes" if task.classes >= 2 else said


@dataclass(frozen=True)
class Kind:
    """A kind of data, the rule that tells it, and the reason why the rule is as it is."""

    name: str
    holds: Callable[[Facts], bool]
    reason: str


FEW = 1000
"""The number of training images below which D may learn them by heart."""
AUGMENTED = "colour+translation+cutout"
"""The augmentation of few images."""
DRAWING = 32
"""The most pixels of the short side for which grey images are taken for drawings and letters."""

KINDS = (
    Kind("tokens", lambda d: d.task.kind == "tokens", "symbols carry no gradient"),
    Kind("moves", lambda d: d.task.world is not None, "moves are made in an environment"),
    Kind("trajectories", lambda d: d.task.kind == "trajectories", "moves are played out"),
    Kind(
        "labelled points",
        lambda d: d.task.kind == "points" and d.labelled,
        "points are asked for by their label",
    ),
    Kind("points", lambda d: d.task.kind == "points", "perceptrons suffice for points"),
    Kind(
        "channels",
        lambda d: d.channels not in (1, 3),
        "no network trained elsewhere knows images of such channels",
    ),
    Kind(
        "photographs",
        lambda d: d.channels == 3 or d.short > DRAWING,
        "taken for photographs, which a network trained on photographs judges best",
    ),
    Kind(
        "labelled drawings",
        lambda d: d.labelled,
        f"grey and at most {DRAWING} pixels: small convolutional networks, asked for by label",
    ),
    Kind(
        "drawings",
        lambda d: True,
        f"grey and at most {DRAWING} pixels: small convolutional networks, there are no labels",
    ),
)
"""The kinds of data, from top to bottom: data is of the first kind whose rule holds."""


@dataclass(frozen=True)
class Change:
    """A setting that the recipe leaves to the data.

    `value` returns the setting for such data and the recipe's configuration; None: as it is.
    """

    key: str
    value: Callable[[Facts, Config], object]
    reason: str


PHOTOGRAPH = 64
"""The pixels of the short side to which photographs are reduced unless a size is asked for."""


def _size(data: Facts, config: Config) -> object:
    """Reduce large images."""
    if not (data.task.is_images and data.resizable) or data.short <= PHOTOGRAPH:
        return None
    return tuple(round(side * PHOTOGRAPH / data.short) for side in data.task.shape[1:])


def _batch(data: Facts, config: Config) -> object:
    """Halve the batch until the data holds one; the least batch is 2."""
    batch = config.training.batch
    while batch > max(2, data.count):
        batch //= 2
    return None if batch == config.training.batch else batch


def _augment(data: Facts, config: Config) -> object:
    """Augment few images, unless the recipe does so already."""
    if data.task.is_images and data.count < FEW and config.stabilise.augment == "none":
        return AUGMENTED
    return None


CHANGES = (
    Change(
        "data.size",
        _size,
        f"larger images cost more time a step than {PHOTOGRAPH} pixels; ask for more by data.size",
    ),
    Change("training.batch", _batch, "the data holds no more"),
    Change(
        "stabilise.augment",
        _augment,
        f"fewer than {FEW:,} images, which D would know by heart",
    ),
)
"""What else the data decides, in this order, if it is not set by the user."""


@dataclass(frozen=True)
class Choice:
    """A configuration that the data has chosen, and why, in lines for people to read."""

    config: Config
    reasons: tuple[str, ...]


@typed_arguments()
def configure(
    family: str | None = None,
    source: str | os.PathLike[str] | Dataset | None = None,
    recipe: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Config:
    """Return a complete configuration: the named recipe's, or the one for this family and data.

    >>> import gankit
    >>> gankit.configure("dcgan", "digits").data.source
    'digits'
    >>> gankit.configure(recipe="toy-gan").family
    'gan'

    Args:
        family: a name in `gankit list`; None: the recipe's, or else the one that the data chooses
            (`choose`, which also says why).
        source: a data set's name, a path, or a Dataset; None: the recipe's own, or `digits`.
        recipe: a name in `gankit list`; None: the one that the family has for such data.
        settings: settings to change, as for `gankit.override`; None: none.

    Raises:
        ConfigError: a name is unknown, the family is not the recipe's, or `source` is neither a
            name, a path nor a Dataset, or `settings` name other data; or what `choose` and
            `override` raise.
    """
    if family is None and recipe is None and source is not None:
        return choose(source, settings).config
    name = _name(source)
    _check_given_once(name, settings or {})
    if recipe is not None:
        config = RECIPES[recipe]()
        if family not in (None, config.family):
            raise ConfigError(
                f"recipe '{recipe}' is of family '{config.family}', not '{family}': "
                "leave one of the two out",
                *("family", "recipe"),
            )
    else:
        family = DEFAULT_FAMILY if family is None else family
        config = recipe_for(family, name or "digits", _task(family, source, settings or {}))
    return override(with_data(config, source), settings or {})


def recipe_for(family: str, name: str, task: Task | None) -> Config:
    """Return the configuration that a named family has for a data set of this name and task.

    `task` None: unknown. Points are then told by the name alone.
    """
    game = FAMILIES[family]
    points = name.startswith("toy:") if task is None else task.kind == "points"
    usual = (game.points_recipe if points else None) or game.default_recipe
    if task is not None:
        usual = game.kind_recipes.get(_kind(Facts(task, 0)).name, usual)
    recipe = game.data_recipes.get(name, usual)
    config = Config(family=family) if recipe is None else RECIPES[recipe]()
    if config.family != family or recipe is None:
        config = replace(config, family=family, network=game.Options())
    return config


def earlier_recipes(family: str) -> list[Mapping[str, Any]]:
    """Return what the family's recipes had in earlier versions, as changes of what they have now.

    These are `Game.earlier`. And a kind of data that has a recipe of its own had the default one
    before, so there are also the differences between the two.
    """
    game = FAMILIES[family]
    found: list[Mapping[str, Any]] = list(game.earlier)
    for name in game.kind_recipes.values():
        assert game.default_recipe is not None
        now, then = flatten(RECIPES[name]()), flatten(RECIPES[game.default_recipe]())
        changed = {
            key: value
            for key, value in then.items()
            if value != now.get(key) and not key.startswith("data.") and not may_change(key)
        }
        found += [changed, *({**changed, **earlier} for earlier in game.earlier)]
    return found


def _task(
    family: str, source: str | os.PathLike[str] | Dataset | None, settings: Mapping[str, Any]
) -> Task | None:
    """Return the task of data, if it decides which of the family's recipes is taken; else None.

    Data that cannot be read is no error here: whoever reads it says what is wrong.
    """
    if isinstance(source, Dataset):
        return Task.of(source)
    game, name = FAMILIES[family], _name(source)
    if name is None or not game.kind_recipes or name in game.data_recipes:
        return None
    try:
        return Facts.of(name, settings).task
    except GankitError:
        return None


@typed_arguments()
def choose(
    source: str | os.PathLike[str] | Dataset, settings: Mapping[str, Any] | None = None
) -> Choice:
    """Choose family, recipe and settings by the data, and say why.

    >>> import gankit
    >>> choice = gankit.choose("toy:spiral")
    >>> choice.config.family, choice.reasons
    ('gan', ('gan, because: 25,600 points: perceptrons suffice for points; 4,000 steps',))

    Args:
        source: a data set's name, a path, or a Dataset.
        settings: settings that the user has decided, as for `gankit.override`. The choice sees
            the data as they say, and changes none of them.

    Raises:
        ConfigError: a setting does not fit, or names other data; no family is known for such data,
            or the chosen family needs what is not installed.
        DataError: the data cannot be read.
    """
    decided = settings or {}
    _check_given_once(_name(source), decided)
    data = Facts.of(source, decided)
    kind, family = _suited(data)
    game = FAMILIES[family]
    config = with_data(
        RECIPES[game.data_recipes.get(_name(source) or "", game.suits[kind.name])](), source
    )
    config = override(config, decided)
    changes = {c.key: (c.value(data, config), c.reason) for c in CHANGES if c.key not in decided}
    changed = {key: (value, why) for key, (value, why) in changes.items() if value is not None}
    config = override(config, {key: value for key, (value, _) in changed.items()})
    if (missing := game.why_not_installed(config)) is not None:
        raise ConfigError(f"{missing}{_instead(data, kind)}")
    reasons = [f"{family}, because: {data.describe()}: {kind.reason}; {_budget(config)}"]
    reasons += [f"{key} = {typed(value)}, because: {why}" for key, (value, why) in changed.items()]
    return Choice(config, tuple(reasons))


def _name(source: str | os.PathLike[str] | Dataset | None) -> str | None:
    if isinstance(source, Dataset):
        return source.whence
    return None if source is None else os.fspath(source)


def _check_given_once(name: str | None, settings: Mapping[str, Any]) -> None:
    """Raise ConfigError if settings name other data than `name`."""
    other = settings.get("data.source", name)
    if name is not None and other != name:
        raise ConfigError(
            f"data is given twice, as {shown(name)} and by data.source = {shown(other)}: leave one "
            "of the two out",
            "data",
        )


def with_data(config: Config, source: str | os.PathLike[str] | Dataset | None) -> Config:
    """Return the configuration with `source` as its data, unless that is None."""
    name = _name(source)
    if name is not None:
        config = replace(config, data=replace(config.data, source=name))
    if config.data.is_arrays or isinstance(source, Dataset):  # which are taken as they are
        config = replace(config, data=replace(config.data, size=None, channels="auto"))
    return config


def _suited(data: Facts) -> tuple[Kind, str]:
    """Return the kind of the data, and the family that is chosen for it. Raises ConfigError."""
    kind = _kind(data)
    if (family := _family_for(kind)) is None:
        raise ConfigError(
            f"no known family is the one for {data.describe()} ({kind.reason}): name a family",
            "family",
        )
    return kind, family


def _kind(data: Facts) -> Kind:
    """Return the kind of the data."""
    return next(kind for kind in KINDS if kind.holds(data))


def _family_for(kind: Kind) -> str | None:
    """Return the family for a kind of data; of several, the one that was registered last.

    So a family that a user imports comes before gankit's own, and one that is merely installed does
    not count.
    """
    suited = [name for name in FAMILIES.asked_for() if kind.name in FAMILIES[name].suits]
    return suited[-1] if suited else None


def _instead(data: Facts, kind: Kind) -> str:
    """Return what else can be trained on the data, as the end of a message."""
    below = KINDS[KINDS.index(kind) + 1 :]
    others = (_family_for(other) for other in below if other.holds(data))
    named = next((name for name in others if name is not None), None)
    return "" if named is None else f"; or name the family '{named}', which goes on without"


def _budget(config: Config) -> str:
    """Return the budget in words: `10 minutes`."""
    name = next(name for name in BUDGETS if getattr(config.training, name) is not None)
    amount = getattr(config.training, name)
    return f"{amount:,g} {name if amount != 1 else name[:-1]}"
