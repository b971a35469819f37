"""Begin a run with the weights of a trained one, as far as they fit by name and shape.

A layer is taken whole or not at all. Two layers fit if they are of one kind (their names are equal
once the numbers of lists are removed) and their tensors have the same names and shapes. So in
networks of more or fewer stages, whose widths double from the image on, the layers at the image
stay at the image. If several layers of a network are alike, they are paired starting from the core
(the end farthest from the image), because what a network does there does not depend on the size of
the image. (With digits by a DCGAN of equal widths, 16 to 32 pixels, samples were nearer to the real
ones after 50, 100 and 200 steps than if paired from the image, with each of three seeds.)

If a tensor grows with the number of classes, the rows of those classes that both runs have, by
name, are taken. If only one of the two runs has labels, a tensor that is larger with labels gives
what it has without them. Everything else starts as it would without a trained run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from gankit.errors import ConfigError, RunError
from gankit.game import Game
from gankit.game_types import Task
from gankit.nn.ema import Average
from gankit.nn.uncompiled import shapes_alone
from gankit.run import Origin, Run, checkpoints, real_path
from gankit.stabilisers.batch import WithReference
from gankit.storage import not_finite, read_tensors
from gankit.stored import StoredError, check_data, is_count
from gankit.text import from_home, reason, shown, visible
from gankit.training.checkpoint import below, read_checkpoint
from gankit.training.state import PLAYERS

Tensors = Mapping[str, Tensor]
SHOWN = 3
"""How many of the tensors that start anew are named in a message."""


@dataclass(frozen=True)
class Trained:
    """The weights of a trained run.

    Attributes:
        path: the run directory or artifact file, as it was given.
        step, digest: of its checkpoint, or of its artifact.
        family, task: the run's family and what it learned.
        last, averaged: each player's last and averaged weights; empty if the file has none.
        notes: lines about checkpoints that could not be read.
    """

    path: str
    step: int
    digest: str
    family: str
    task: Task
    last: Mapping[str, Tensors]
    averaged: Mapping[str, Tensors]
    notes: Sequence[str] = ()

    def weights(self, player: str) -> Tensors:
        """Return the player's last weights; if there are none, the averaged ones; else none."""
        return self.last.get(player) or self.averaged.get(player) or {}

    def describe(self) -> str:
        """Return a phrase such as `dcgan for 1x28x28 images of 10 classes`."""
        return f"{self.family} for {self.task.describe()}"


def read_trained(path: str | Path) -> Trained:
    """Read the newest readable checkpoint of a run directory, or an artifact file.

    Raises GankitError if there is none, or if it is damaged, foreign or not finite.
    """
    try:
        place = from_home(path)
        place.stat()
    except (OSError, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        raise RunError(f"init_from '{path}' cannot be read: {why}", "init_from") from None
    return _read_run(str(path), place) if place.is_dir() else _read_artifact(str(path), place)


def _read_run(path: str, folder: Path) -> Trained:
    run = Run(folder)
    record = run.record() if run.record_path.exists() else None
    if record is None:
        raise RunError(
            f"init_from '{path}' holds no run: give a folder with a run.json", "init_from"
        )
    notes = []
    for file in reversed(checkpoints(run)):
        try:
            tensors, header = read_checkpoint(file, record)
        except RunError as error:
            notes.append(f"skipping checkpoint {file.name}, which {_reason(error, file)}")
            continue
        last = {player: below(tensors, f"{player}/") for player in PLAYERS}
        averaged = {player: below(tensors, f"average/{player}/") for player in PLAYERS}
        step, digest = header["step"], header["digest"]
        return Trained(path, step, digest, record.config.family, record.task, last, averaged, notes)
    why = "; ".join(notes) or "there is none in checkpoints/"
    also = run.artifact_path.exists()
    instead = f"; the averaged generator is in {run.artifact_path.name}: give that" if also else ""
    raise RunError(
        f"init_from '{path}' has no checkpoint that can be read ({why}){instead}", "init_from"
    )


def _read_artifact(path: str, file: Path) -> Trained:
    tensors, header = read_tensors(file, "artifact")
    if name := not_finite(tensors):
        raise RunError(f"'{file}' holds weights that are not finite ({name}): give another run")
    try:
        check_data({**header, "name": "", "fingerprint": "", "count": 0})
        if not is_count(header.get("step")):
            raise StoredError(f"its step is {shown(header.get('step'))}")
        family = str(header["config"]["family"])[:60]
        task = Task.stored(header)
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"'{file}' is no artifact that this gankit reads: {reason(error)}") from None
    averaged = {player: below(tensors, f"{player}/") for player in PLAYERS}
    return Trained(path, header["step"], header["digest"], family, task, {}, averaged)


def _reason(error: RunError, file: Path) -> str:
    return str(error).removeprefix(f"'{file}' ")


class Start:
    """A trained run's weights, paired with the networks of a new game.

    Attributes:
        origin: the entry in run.json that says where the weights come from.
        lines: text for the display that says what is taken and what is not.
    """

    def __init__(self, game: Game, trained: Trained) -> None:
        """Pair the weights with the networks. Raises ConfigError if nothing fits."""
        self._trained: Trained | None = trained
        classes = Classes.of(game, trained.task)
        self._taken = {player: _pair(game, player, trained, classes) for player in PLAYERS}
        if not any(taken.share for taken in self._taken.values()):
            raise ConfigError(
                f"init_from '{trained.path}' is a {trained.describe()}: nothing of it fits "
                f"this {game.config.family} for {game.task.describe()}; give networks of the same "
                "kind and widths",
                "init_from",
            )
        shares = {player: taken.share for player, taken in self._taken.items()}
        whole = tuple(player for player, taken in self._taken.items() if taken.whole)
        self.origin = Origin(trained.path, trained.step, trained.digest, shares, whole)
        self.lines = [*trained.notes, *self._say(game, trained, classes)]

    @torch.no_grad()
    def put(self, networks: Mapping[str, nn.Module], averages: Mapping[str, Average]) -> None:
        """Copy the weights into networks and averages; can be called once, and then drops them.

        If a network was taken whole, its average goes on from the trained one. If a part is new or
        was left out, its parts do not fit each other yet, so the average forgets its first weights
        as it does in a run without a trained start.
        """
        trained, self._trained = self._trained, None
        assert trained is not None, "the weights were put already"
        for player, taken in self._taken.items():
            taken.copy(networks[player], trained.weights(player))
            if player in averages:
                weights = trained.averaged.get(player) or trained.weights(player)
                taken.copy(averages[player].network, weights)
                averages[player].forgets = not taken.whole

    def _say(self, game: Game, trained: Trained, classes: Classes) -> Iterator[str]:
        yield f"begins with {self.origin.describe()}"
        for player, taken in self._taken.items():
            if not trained.weights(player):
                yield f"  the {player} starts anew: '{visible(trained.path)}' holds none"
            elif taken.anew:
                more = len(taken.anew) - SHOWN
                named = ", ".join(taken.anew[:SHOWN]) + (f" and {more} more" if more > 0 else "")
                yield (
                    f"  the {player}: {taken.count} of {taken.count + len(taken.anew)} tensors; "
                    f"anew: {named}"
                )
        if classes.unknown:
            yield "  classes have other names there: your own networks take them in their order"
        elif _labelled(game.task) == _labelled(trained.task) and any(
            name in taken.axes for taken in self._taken.values() for name in taken.pairs
        ):
            yield f"  classes taken by name: {len(classes.rows)} of {game.task.classes}"


@dataclass(frozen=True)
class Axis:
    """An axis of a tensor along which labels lie, after anything else that lies along it.

    `here` and `there` are how much of it belongs to labels, in the new and in the trained run.
    """

    number: int
    here: int
    there: int


@dataclass(frozen=True)
class Classes:
    """What to take along an axis if two runs have different classes, or only one has labels.

    Attributes:
        rows: (number here, number there) of each class that both runs have.
        axes: by player and tensor, the axis along which labels lie.
        unknown: whether some tensors may have such an axis without it being known which ones.
    """

    rows: Sequence[tuple[int, int]] = ()
    axes: Mapping[str, Mapping[str, Axis]] = field(default_factory=dict)
    unknown: bool = False

    @classmethod
    def of(cls, game: Game, there: Task) -> Classes:
        """Match the classes of a new game with those of a trained run's task."""
        task = game.task
        if _labelled(task) != _labelled(there) and not game.own_networks:
            return cls(axes=_label_axes(game, there))
        asked = game.conditional or game.guided
        known = task.classes and there.classes and task.class_names != there.class_names
        if not (asked and known):
            return cls()
        if game.own_networks:
            return cls(unknown=task.classes == there.classes)
        numbers = {name: number for number, name in enumerate(there.class_names)}
        names = enumerate(task.class_names)
        rows = [(number, numbers[name]) for number, name in names if name in numbers]
        return cls(rows, _class_axes(game, there.classes))

    @staticmethod
    def shape_there(shape: tuple[int, ...], axis: Axis | None) -> tuple[int, ...]:
        """Return the shape that a tensor of `shape` has with the trained run's labels."""
        if axis is None:
            return shape
        size = shape[axis.number] - axis.here + axis.there
        return (*shape[: axis.number], size, *shape[axis.number + 1 :])

    def numbers(self, size: int, axis: Axis) -> tuple[list[int], list[int]]:
        """Return the indices here, and those there, of what is taken along an axis of `size`."""
        other = size - axis.here
        mine = [*range(other), *(other + here for here, _ in self.rows)]
        return mine, [*range(other), *(other + there for _, there in self.rows)]


def _labelled(task: Task) -> bool:
    return task.classes >= 2 or task.condition > 0


def _class_axes(game: Game, there: int) -> dict[str, dict[str, Axis]]:
    """Return, by player and tensor, the axis along which the classes lie.

    It is the one axis that grows when the same game is built with one more class. `there` is the
    number of classes of the trained run.
    """
    more = replace(game.task, class_names=(*game.task.class_names, ""))
    return {
        player: {name: Axis(axis, game.task.classes, there) for name, (axis, _) in changed.items()}
        for player, changed in _changed_axes(game, more).items()
    }


def _label_axes(game: Game, there: Task) -> dict[str, dict[str, Axis]]:
    """Return, by player and tensor, the axis that is longer with labels than without.

    Either the game or the trained run has none. There are no such axes if the family cannot do
    without.
    """
    try:
        changed = _changed_axes(
            game, replace(game.task, class_names=there.class_names, condition=there.condition)
        )
    except ConfigError:
        return {}
    return {
        player: {
            name: Axis(axis, max(0, -more), max(0, more)) for name, (axis, more) in found.items()
        }
        for player, found in changed.items()
    }


def _changed_axes(game: Game, task: Task) -> dict[str, dict[str, tuple[int, int]]]:
    """Build the same game for another task, and return by player and tensor what has changed.

    That is (axis, how much longer it is) of each tensor that differs along one axis. The game is
    built on the meta device, which takes no memory.
    """
    with shapes_alone():
        other = type(game)(game.config, task)
    return {
        player: {
            name: changed[0]
            for name, tensor in _own(getattr(game, player)).items()
            if len(changed := _differing(tensor, _own(getattr(other, player)).get(name))) == 1
        }
        for player in PLAYERS
    }


def _differing(a: Tensor, b: Tensor | None) -> list[tuple[int, int]]:
    """Return (axis, length in b less that in a) where they differ; none if they cannot match."""
    if b is None or a.dim() != b.dim():
        return []
    pairs = enumerate(zip(a.shape, b.shape, strict=True))
    return [(axis, n - m) for axis, (m, n) in pairs if m != n]


@dataclass(frozen=True)
class Taken:
    """The weights that one player takes.

    Attributes:
        pairs: from the name of each tensor that takes something to the trained run's tensor.
        axes: the axis of labels of each tensor of which only some rows are taken.
        classes: which rows those are.
        anew: name and shape of each tensor that takes nothing.
        share: the share of the player's numbers that are taken, from 0 to 1.
        whole: whether the whole network is taken: nothing is new, and no layer was left out.
    """

    pairs: Mapping[str, str]
    axes: Mapping[str, Axis]
    classes: Classes
    anew: Sequence[str]
    share: float
    whole: bool

    @property
    def count(self) -> int:
        """The number of tensors that take something, not counting counters of batches."""
        return sum(not name.endswith("num_batches_tracked") for name in self.pairs)

    def copy(self, network: nn.Module, weights: Tensors) -> None:
        """Copy what is taken of `weights` into a network, in place."""
        mine = network.state_dict()
        for name, source in self.pairs.items():
            target, value, axis = mine[name], weights[source], self.axes.get(name)
            if axis is None:
                target.copy_(value)
                continue
            numbers = self.classes.numbers(target.shape[axis.number], axis)
            here, there = map(torch.tensor, numbers)
            rows = value.index_select(axis.number, there).to(target)
            target.index_copy_(axis.number, here.to(target.device), rows)


def _pair(game: Game, player: str, trained: Trained, classes: Classes) -> Taken:
    """Decide what `player` takes of a trained run."""
    mine, theirs = _own(getattr(game, player)), trained.weights(player)
    axes = classes.axes.get(player, {})
    here = {n: classes.shape_there(tuple(t.shape), axes.get(n)) for n, t in mine.items()}
    there = {n: tuple(t.shape) for n, t in theirs.items()}
    found = pair_layers(here, there, core_is_last=player == "discriminator")
    amounts = {
        name: t.numel() * _share_taken(classes, t, axes[name]) if name in axes else float(t.numel())
        for name, t in mine.items()
    }
    pairs = {name: source for name, source in found.items() if amounts[name]}
    learned = [name for name, tensor in mine.items() if tensor.is_floating_point()]
    anew = [f"{name} {list(mine[name].shape)}" for name in learned if name not in pairs]
    whole = sum(mine[name].numel() for name in learned)
    share = sum(amounts[name] for name in learned if name in pairs) / whole
    reference = getattr(game, player).state_dict().keys() - mine.keys()
    left_out = theirs.keys() - reference - set(pairs.values())
    return Taken(pairs, axes, classes, anew, share, whole=share == 1 and not left_out)


def _share_taken(classes: Classes, tensor: Tensor, axis: Axis) -> float:
    """Return the share of a tensor that is taken along its axis of labels, from 0 to 1."""
    size = tensor.shape[axis.number]
    return len(classes.numbers(size, axis)[0]) / size


def _own(network: nn.Module) -> Tensors:
    """Return a network's tensors by name, without a reference batch: that is the run's own data."""
    tensors: Tensors = network.state_dict()
    if isinstance(network, WithReference):
        return {name: tensor for name, tensor in tensors.items() if "." in name}
    return tensors


def pair_layers(
    mine: Mapping[str, tuple[int, ...]],
    theirs: Mapping[str, tuple[int, ...]],
    *,
    core_is_last: bool,
) -> dict[str, str]:
    """Return the name in `theirs` for each name in `mine` that finds one, by whole layers.

    Args:
        mine, theirs: the shapes of two networks' tensors by name, in order.
        core_is_last: whether the last layer is the one farthest from the image, as in D.
    """
    waiting: dict[object, list[dict[str, str]]] = {}
    for key, tensors in _layers(theirs, core_is_last):
        waiting.setdefault(key, []).append(tensors)
    pairs: dict[str, str] = {}
    for key, tensors in _layers(mine, core_is_last):
        if waiting.get(key):
            source = waiting[key].pop(0)
            pairs |= {name: source[leaf] for leaf, name in tensors.items()}
    return pairs


def _layers(
    shapes: Mapping[str, tuple[int, ...]], core_is_last: bool
) -> Iterator[tuple[object, dict[str, str]]]:
    """Yield (key, tensors) of each layer, starting from the core.

    Two layers fit if their keys are equal. `tensors` maps each name within the layer to the whole
    name.
    """
    layers: dict[str, dict[str, str]] = {}
    for name in shapes:
        layer, parametrised, leaf = name.partition(".parametrizations.")
        if not parametrised:
            layer, _, leaf = name.rpartition(".")
        layers.setdefault(layer, {})[leaf] = name
    for layer in reversed(layers) if core_is_last else layers:
        kind = re.sub(r"(^|\.)\d+(?=\.|$)", r"\1#", _unwrapped(layer))
        tensors = layers[layer]
        yield (kind, frozenset((leaf, shapes[name]) for leaf, name in tensors.items())), tensors


def _unwrapped(layer: str) -> str:
    """Return the layer's name without the wrapper of a reference batch or of own networks."""
    return re.sub(r"^(network(\.|$))+", "", layer)


def start_from(game: Game, path: str | Path) -> Start:
    """Pair a game with a trained run, given its run directory or its artifact file.

    Raises GankitError if it cannot be read, or nothing of it fits.
    """
    return Start(game, read_trained(path))


def find_start(game: Game, run: Run, asked: str | Path | None) -> Start | None:
    """Return the weights that a run in this directory begins with.

    None if no trained run was asked for, or if this run has begun: its checkpoints then hold its
    weights. Raises GankitError if `asked` cannot be read, or if nothing of it fits.
    """
    record = run.record()
    if record is not None:
        return _find_start_again(game, run, record.init_from)
    if asked is None:
        return None
    return start_from(game, asked)


def check_start(run: Run, asked: str | Path) -> None:
    """Check that the run in this directory may begin, or has begun, with the weights asked for.

    Raises RunError if it began with other ones, ConfigError if they are to come from itself.
    """
    record = run.record()
    if record is not None:
        run.check_origin(record.init_from, asked)
    if real_path(asked) in (real_path(run.folder), real_path(run.artifact_path)):
        raise ConfigError(
            f"init_from '{asked}' is the new run's own folder: choose another one",
            "init_from",
            "folder",
        )


def _find_start_again(game: Game, run: Run, origin: Origin | None) -> Start | None:
    """Do the same for a run that has a run.json: it may have been killed before a checkpoint."""
    if origin is None or checkpoints(run) or run.steps_taken():
        return None
    start = start_from(game, origin.path)
    if start.origin.digest != origin.digest:
        raise RunError(
            f"init_from '{origin.path}' has other weights than when '{run.folder}' was started: "
            "choose another folder",
            "folder",
        )
    return start
