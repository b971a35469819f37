"""Every setting of a run, as frozen dataclasses: read, written, overridden, compared.

A `Config` is complete: together with the data it determines a run. It is made by a recipe
(recipes.py), changed by a TOML file, by flags and by `--set section.key=value`, in that order,
and kept in the run directory. Unknown keys are errors with a suggestion, wrong types too.
"""

from __future__ import annotations

import dataclasses
import tomllib
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from gankit.errors import ConfigError
from gankit.registry import did_you_mean

Precision = Literal["32", "64", "bf16"]
"""Bits of a number; bf16: 32, and 16 inside the networks where that is safe."""


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What is learned from."""

    source: str = "digits"  # a registered name, a folder of images, a file pattern or an IDX folder
    size: tuple[int, int] | None = None  # (height, width) in pixels; None: the data's own
    fit: Literal["crop", "stretch"] = "crop"
    channels: Literal["auto", "grey", "rgb"] = "auto"
    memory_gb: float = 2.0  # decoded images above this are read from disk while training
    labels_per_class: int | None = None  # how many labels a family that learns from few may see

    def __post_init__(self) -> None:
        _require(self.memory_gb >= 0, "data.memory_gb", self.memory_gb, "at least 0")
        budget = self.labels_per_class
        _require(budget is None or budget >= 1, "--labels-per-class", budget, "at least 1")

    @property
    def is_arrays(self) -> bool:
        """Whether it is an .npz file, whose arrays are taken as they are."""
        return self.source.endswith(".npz")


@dataclass(frozen=True, kw_only=True)
class LatentConfig:
    """What the generator eats."""

    size: int = 100
    #: N(0, 1); U(-1, 1); U(0, 1); U(-sqrt 3, sqrt 3), whose variance is 1
    prior: Literal["normal", "uniform", "uniform01", "uniform_unit"] = "normal"

    def __post_init__(self) -> None:
        _require(self.size >= 1, "latent.size", self.size, "at least 1")


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """What the players minimise, and in which order they move."""

    loss: str = "non_saturating"
    penalty: str = "none"  # names joined by '+', such as 'r1+r2'
    penalty_weight: float = 1.0
    penalty_interval: int = 1  # lazy: every so many steps, with the weight multiplied by it
    real_target: float = 1.0  # one-sided label smoothing below 1
    k: int = 1  # discriminator steps for each generator step
    update: Literal["auto", "simultaneous", "alternating"] = "auto"

    def __post_init__(self) -> None:
        _require(self.penalty_weight >= 0, "objective.penalty_weight", self.penalty_weight, ">= 0")
        _require(
            self.penalty_interval >= 1, "objective.penalty_interval", self.penalty_interval, ">= 1"
        )
        _require(
            0.5 < self.real_target <= 1, "objective.real_target", self.real_target, "in (0.5, 1]"
        )
        _require(self.k >= 1, "objective.k", self.k, "at least 1")


@dataclass(frozen=True, kw_only=True)
class StabiliserConfig:
    """What keeps a game from failing; each is off unless asked for (docs/stabilisers.md)."""

    noise: float = 0.0  # std of the noise on all that D sees, falling to 0 over the run
    augment: str = "none"  # of all that D sees: names joined by '+', such as 'colour+translation'
    augment_probability: float = 1.0  # of each; with a target, where it starts
    augment_target: float = 0.0  # adaptive: holds ADA's E[sign D(real)] here; 0: not
    augment_images: int = 100_000  # adaptive: images in which the probability may go from 0 to 1
    joint_batch: bool = False  # real and fake share the statistics of a batch-normalised D
    virtual_batch: int = 0  # size of the reference batch that batch normalisation uses; 0: none
    minibatch_kernels: int = 0  # of minibatch discrimination before D's last layer; 0: none
    minibatch_size: int = 5  # dimensions of each
    matching: Literal["none", "l2", "l1"] = "none"  # G matches D's mean features; fools nobody
    top_k: float = 1.0  # the share of fakes, the most real ones, that G learns from at the end
    entropy: float = 0.0  # weight of the bonus on the entropy of G's samples
    historical: float = 0.0  # weight of ||w - mean of w so far||^2 in both players' losses
    lagged: float = 0.0  # G plays against an average of D with this decay; 0: against D itself
    replay: float = 0.0  # the share of fakes shown to D that are past ones
    replay_size: int = 1024  # how many past fakes are kept
    freeze_d: float = 1.0  # D stands still while it judges more than this share rightly
    freeze_g: float = 0.0  # G stands still while D judges less than this share rightly

    def __post_init__(self) -> None:
        for key in ("noise", "entropy", "historical", "minibatch_kernels", "virtual_batch"):
            _require(getattr(self, key) >= 0, f"stabilise.{key}", getattr(self, key), "at least 0")
        for key in ("augment_images", "minibatch_size", "replay_size"):
            _require(getattr(self, key) >= 1, f"stabilise.{key}", getattr(self, key), "at least 1")
        for key in ("augment_probability", "freeze_d", "freeze_g"):
            value = getattr(self, key)
            _require(0 <= value <= 1, f"stabilise.{key}", value, "in [0, 1]")
        for key in ("augment_target", "lagged", "replay"):
            value = getattr(self, key)
            _require(0 <= value < 1, f"stabilise.{key}", value, "in [0, 1)")
        _require(0 < self.top_k <= 1, "stabilise.top_k", self.top_k, "in (0, 1]")


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """How one player descends. The rate is a function of the step alone."""

    name: Literal["adam", "optimistic_adam", "sgd"] = "adam"
    lr: float = 2e-4
    beta1: float = 0.5  # Adam
    beta2: float = 0.999  # Adam
    momentum: float = 0.5  # SGD
    momentum_end: float = 0.5  # SGD: reached linearly over the whole budget
    schedule: Literal["constant", "linear", "cosine", "exponential"] = "constant"
    decay_from: float = (
        0.0  # linear, cosine: the share of the budget after which the rate falls to 0
    )
    decay_rate: float = 1.000004  # exponential: the rate is divided by this at every step
    lr_floor: float = 1e-6  # exponential
    clip: float = 0.0  # the gradient is scaled down to this norm; 0: never
    max_norm: float = 0.0  # of the weights into one unit of a dense layer, after a step; 0: any

    def __post_init__(self) -> None:
        _require(self.lr >= 0, "lr", self.lr, "at least 0")
        for key in ("clip", "max_norm"):
            _require(getattr(self, key) >= 0, key, getattr(self, key), "at least 0")
        for key in ("beta1", "beta2", "momentum", "momentum_end", "decay_from"):
            _require(0 <= getattr(self, key) < 1, key, getattr(self, key), "in [0, 1)")
        _require(self.decay_rate >= 1, "decay_rate", self.decay_rate, "at least 1")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How long, with what batches, from which seed. Exactly one budget is set."""

    minutes: float | None = None
    steps: int | None = None
    images: int | None = None  # real images shown to D: steps * batch * k
    batch: int = 64
    seed: int = 0
    ema: float = 0.999  # decay of the averaged generator weights per step; 0: the last weights

    def __post_init__(self) -> None:
        given = [name for name in BUDGETS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ConfigError(
                "one budget is needed (--minutes, --steps or --images), "
                f"{' and '.join(given) or 'none'} given"
            )
        _require(getattr(self, given[0]) > 0, f"--{given[0]}", getattr(self, given[0]), "above 0")
        _require(self.batch >= 2, "--batch", self.batch, "at least 2")
        _require(0 <= self.seed < 2**48, "--seed", self.seed, "in [0, 2^48)")
        _require(0 <= self.ema < 1, "--ema", self.ema, "in [0, 1)")


@dataclass(frozen=True, kw_only=True)
class OutputConfig:
    """What a run writes, and how often. Steps; 0: at the end only."""

    sample_every: int | None = None  # None: 48 pictures over the run
    checkpoint_every: int | None = None  # None: 12 over the run
    keep: int = 2  # newest checkpoints kept
    log_every: int = 50
    doctor: int = 10  # logged lines between two looks of the doctor at the run; 0: never
    tensorboard: bool = False
    evaluate_every: int = 0  # steps between scores; 0: never
    evaluate_in: Literal["background", "between"] = "background"  # a process, or between steps
    evaluate_features: str | None = None  # the feature network; None: by the data

    def __post_init__(self) -> None:
        for key in ("sample_every", "checkpoint_every", "evaluate_every"):
            value = getattr(self, key)
            _require(value is None or value >= 0, f"output.{key}", value, "at least 0")
        _require(self.keep >= 1, "--keep", self.keep, "at least 1")
        _require(self.log_every >= 1, "output.log_every", self.log_every, "at least 1")
        _require(self.doctor >= 0, "output.doctor", self.doctor, "at least 0")


@dataclass(frozen=True, kw_only=True)
class RuntimeConfig:
    """Where a run computes. It may change when a run is resumed; precision may not."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: int = 1  # processes, one for each device
    precision: Precision = "32"
    threads: int | None = None  # CPU threads; None: measured at the start
    workers: int = 2  # processes that read images which do not fit in memory

    def __post_init__(self) -> None:
        _require(self.devices >= 1, "--devices", self.devices, "at least 1")
        _require(self.threads is None or self.threads >= 1, "--threads", self.threads, "at least 1")
        _require(self.workers >= 0, "runtime.workers", self.workers, "at least 0")


@dataclass(frozen=True, kw_only=True)
class Config:
    """A complete run. `network` is the family's own dataclass of options."""

    family: str = "cgan"
    data: DataConfig = field(default_factory=DataConfig)
    network: Any = None
    latent: LatentConfig = field(default_factory=LatentConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    stabilise: StabiliserConfig = field(default_factory=StabiliserConfig)
    generator: OptimizerConfig = field(default_factory=OptimizerConfig)
    discriminator: OptimizerConfig = field(default_factory=OptimizerConfig)
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(minutes=2))
    output: OutputConfig = field(default_factory=OutputConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)


BUDGETS = ("minutes", "steps", "images")
#: Settings that may differ when a run is resumed: they do not change what is computed.
FREE_ON_RESUME = (
    *(f"training.{name}" for name in BUDGETS),
    "data.memory_gb",
    "output.",
    "runtime.",
)
#: ... except these, which do.
FIXED_ON_RESUME = ("runtime.precision",)


def flatten(config: object, prefix: str = "") -> dict[str, Any]:
    """`{"family": ..., "data.source": ..., ...}`: every leaf setting by its dotted key."""
    flat: dict[str, Any] = {}
    for item in dataclasses.fields(config):  # type: ignore[arg-type]
        value = getattr(config, item.name)
        key = prefix + item.name
        flat.update(flatten(value, f"{key}.") if dataclasses.is_dataclass(value) else {key: value})
    return flat


def to_dict(config: Config) -> dict[str, Any]:
    """The nested plain dictionary that config.json and the artifact hold."""
    return dataclasses.asdict(config)


def from_dict(given: Mapping[str, Any], network_options: type) -> Config:
    """The inverse of `to_dict`; `network_options` is the family's dataclass of options."""
    nested = {**given, "network": _build(network_options, given.get("network") or {}, "network.")}
    config: Config = _build(Config, nested, "")
    return config


def override(config: Config, changes: Mapping[str, Any]) -> Config:
    """`config` with dotted keys changed: `override(c, {"objective.k": 2})`.

    Values may be strings, as typed on a command line. A budget that is set replaces the other
    budgets. Raises ConfigError for an unknown key (with a suggestion) and for a wrong type.
    """
    budget = [key for key in changes if key in {f"training.{name}" for name in BUDGETS}]
    if budget:
        changes = {f"training.{name}": None for name in BUDGETS} | dict(changes)
    known = flatten(config)
    for key in changes:
        if key not in known:
            leaf = [name for name in known if name.rsplit(".", 1)[-1] == key]
            hint = f" Did you mean {leaf[0]!r}?" if leaf else did_you_mean(key, known)
            whose = f"family '{config.family}' has no" if key.startswith("network.") else "unknown"
            raise ConfigError(f"{whose} setting {key!r}.{hint}")
    if changes.get("family", config.family) != config.family:  # its options are another class
        raise ConfigError(
            f"the family is '{config.family}' here and cannot be set to '{changes['family']}': "
            f"name it first, as in `gankit train {changes['family']}`"
        )
    changed: Config = _replace(config, changes, "")
    return changed


def parse_assignments(pairs: list[str]) -> dict[str, str]:
    """`["objective.k=2"]` as typed after `--set` -> `{"objective.k": "2"}`."""
    for pair in pairs:
        if "=" not in pair:
            raise ConfigError(f"--set {pair!r} is not of the form section.key=value")
    return dict(pair.split("=", 1) for pair in pairs)


SEEDS_WANTED = "--seeds takes whole numbers such as 0,1,2"


def parse_numbers(text: str, wanted: str) -> list[int]:
    """`0,1,2` -> [0, 1, 2]. Raises ConfigError, saying `wanted`, for anything else."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"{wanted}, got {text!r}") from None


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file of settings as dotted keys, ready for `override`."""
    try:
        nested = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"config file '{path}' cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"config file '{path}' is not TOML: {error}") from None
    flat: dict[str, Any] = {}

    def walk(node: Mapping[str, Any], prefix: str) -> None:
        for key, value in node.items():
            if isinstance(value, dict):
                walk(value, f"{prefix}{key}.")
            else:
                flat[prefix + key] = value

    walk(nested, "")
    return flat


def differences(old: Config, new: Config, but: Sequence[str] = ()) -> list[str]:
    """One line for each setting that may not change when a run is resumed, and did.

    `but`: settings that may.
    """
    before, after = flatten(old), flatten(new)
    return [
        f"{key}: {before.get(key)!r} in the run, {after.get(key)!r} asked"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
        and key not in but
        and (key in FIXED_ON_RESUME or not key.startswith(FREE_ON_RESUME))
    ]


def _require(holds: bool, name: str, given: object, needed: str) -> None:
    if not holds:
        raise ConfigError(f"{name} must be {needed}, got {given}")


def _build(kind: type, given: Mapping[str, Any], prefix: str) -> Any:
    hints = get_type_hints(kind)
    values = {}
    for key, value in given.items():
        if key not in hints:
            raise ConfigError(f"unknown setting {prefix + key!r}.{did_you_mean(key, hints)}")
        if dataclasses.is_dataclass(hints[key]) and isinstance(value, Mapping):
            values[key] = _build(hints[key], value, f"{prefix}{key}.")
        else:
            values[key] = _coerce(value, hints[key], prefix + key)
    return kind(**values)


def _replace(node: Any, changes: Mapping[str, Any], prefix: str) -> Any:
    hints = get_type_hints(type(node))
    values: dict[str, Any] = {}
    for item in dataclasses.fields(node):
        key, value = prefix + item.name, getattr(node, item.name)
        if dataclasses.is_dataclass(value):
            if any(changed.startswith(f"{key}.") for changed in changes):
                values[item.name] = _replace(value, changes, f"{key}.")
        elif key in changes:
            values[item.name] = _coerce(changes[key], hints[item.name], key)
    return dataclasses.replace(node, **values) if values else node


def _coerce(value: Any, hint: Any, key: str) -> Any:
    """`value`, possibly a string from a command line, as the type that the field declares."""
    if hint is Any or dataclasses.is_dataclass(value):
        return value
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None or (isinstance(value, str) and value.lower() in ("none", "null", "")):
            return None
        return _coerce(value, next(a for a in arguments if a is not types.NoneType), key)
    if origin is Literal:
        if str(value) in arguments:
            return str(value)
        raise ConfigError(
            f"{key} must be one of {', '.join(arguments)}, got {value!r}."
            f"{did_you_mean(str(value), arguments)}"
        )
    if origin is tuple:
        return _coerce_tuple(value, arguments, key)
    return _coerce_scalar(value, hint, key)


def _coerce_tuple(value: Any, arguments: tuple[Any, ...], key: str) -> tuple[Any, ...]:
    if isinstance(value, str):  # '64', '48x64' and '64,32' alike
        value = value.replace("x", ",") if arguments[0] is int else value
        value = [part for part in value.split(",") if part]
    elif not isinstance(value, (list, tuple)):
        value = [value]
    if arguments[-1] is not ... and len(value) == 1:
        value = [value[0]] * len(arguments)  # one number stands for a square
    if arguments[-1] is not ... and len(value) != len(arguments):
        raise ConfigError(f"{key} takes {len(arguments)} numbers, got {value!r}")
    return tuple(_coerce(part, arguments[0], key) for part in value)


def _coerce_scalar(value: Any, hint: type, key: str) -> Any:
    if hint is bool:
        if isinstance(value, bool):
            return value
        if str(value).lower() in ("true", "yes", "on", "1", "false", "no", "off", "0"):
            return str(value).lower() in ("true", "yes", "on", "1")
        raise ConfigError(f"{key} must be true or false, got {value!r}")
    try:
        number = hint(value)
    except (TypeError, ValueError):
        raise ConfigError(f"{key} must be {_article(hint)}, got {value!r}") from None
    if hint is int and isinstance(value, float) and value != number:
        raise ConfigError(f"{key} must be a whole number, got {value!r}")
    if hint is float and not (number == number and abs(number) != float("inf")):
        raise ConfigError(f"{key} must be a finite number, got {value!r}")
    return number


def _article(hint: type) -> str:
    return {int: "a whole number", float: "a number", str: "a text"}.get(hint, hint.__name__)
