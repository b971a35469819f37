"""Every setting of a run, as frozen dataclasses: read, written, overridden, compared.

A `Config` is complete: together with the data it determines a run. It is made by a recipe
(recipes.py), changed by a TOML file, by flags and by `--set section.key=value`, in that order,
and kept in the run directory. Unknown keys are errors with a suggestion, wrong types too, and so is
a number outside its limits.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from gankit.errors import ConfigError
from gankit.registry import did_you_mean
from gankit.settings import LAYER, RARELY, check_setting, check_settings, setting
from gankit.stored import StoredError, read_text
from gankit.text import shown, visible

Precision = Literal["32", "64", "bf16"]
"""Bits of a number; bf16: 32, and 16 inside the networks where that is safe."""


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What is learned from."""

    source: str = "digits"  # a registered name, a folder of images, a file pattern or an IDX folder
    # (height, width) in pixels; None: the data's own
    size: tuple[int, int] | None = setting(None, least=1, most=4096)
    fit: Literal["crop", "stretch"] = "crop"
    channels: Literal["auto", "grey", "rgb"] = "auto"
    # decoded images above this are read from disk while training
    memory_gb: float = setting(2.0, least=0, most=10**6)
    # how many labels a family that learns from few may see
    labels_per_class: int | None = setting(None, least=1, most=10**9)

    def __post_init__(self) -> None:
        check_settings(self, "data.")

    @property
    def is_arrays(self) -> bool:
        """Whether it is an .npz file, whose arrays are taken as they are."""
        return self.source.endswith(".npz")


@dataclass(frozen=True, kw_only=True)
class LatentConfig:
    """What the generator eats."""

    size: int = setting(100, least=1, most=LAYER)
    #: N(0, 1); U(-1, 1); U(0, 1); U(-sqrt 3, sqrt 3), whose variance is 1
    prior: Literal["normal", "uniform", "uniform01", "uniform_unit"] = "normal"

    def __post_init__(self) -> None:
        check_settings(self, "latent.")


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """What the players minimise, and in which order they move."""

    loss: str = "non_saturating"
    penalty: str = "none"  # names joined by '+', such as 'r1+r2'
    penalty_weight: float = setting(1.0, least=0, most=10**6)
    # lazy: every so many steps, with the weight multiplied by it
    penalty_interval: int = setting(1, least=1, most=10**4)
    real_target: float = setting(1.0, above=0.5, most=1)  # one-sided label smoothing below 1
    k: int = setting(1, least=1, most=1000)  # discriminator steps for each generator step
    update: Literal["auto", "simultaneous", "alternating"] = "auto"

    def __post_init__(self) -> None:
        check_settings(self, "objective.")


@dataclass(frozen=True, kw_only=True)
class StabiliserConfig:
    """What keeps a game from failing; each is off unless asked for (docs/stabilisers.md)."""

    # std of the noise on all that D sees, falling to 0 over the run
    noise: float = setting(0.0, least=0, most=1000)
    augment: str = "none"  # of all that D sees: names joined by '+', such as 'colour+translation'
    # of each; with a target, where it starts
    augment_probability: float = setting(1.0, least=0, most=1)
    # adaptive: holds ADA's E[sign D(real)] here; 0: not
    augment_target: float = setting(0.0, least=0, below=1)
    # adaptive: images in which the probability may go from 0 to 1
    augment_images: int = setting(100_000, least=1, most=10**12)
    joint_batch: bool = False  # real and fake share the statistics of a batch-normalised D
    # size of the reference batch that batch normalisation uses; 0: none
    virtual_batch: int = setting(0, least=0, most=10**4)
    # of minibatch discrimination before D's last layer; 0: none
    minibatch_kernels: int = setting(0, least=0, most=10**4)
    minibatch_size: int = setting(5, least=1, most=10**3)  # dimensions of each
    matching: Literal["none", "l2", "l1"] = "none"  # G matches D's mean features; fools nobody
    # the share of fakes, the most real ones, that G learns from at the end
    top_k: float = setting(1.0, above=0, most=1)
    # weight of the bonus on the entropy of G's samples
    entropy: float = setting(0.0, least=0, most=10**6)
    # weight of ||w - mean of w so far||^2 in both players' losses
    historical: float = setting(0.0, least=0, most=10**6)
    # G plays against an average of D with this decay; 0: against D itself
    lagged: float = setting(0.0, least=0, below=1)
    # the share of fakes shown to D that are past ones
    replay: float = setting(0.0, least=0, below=1)
    replay_size: int = setting(1024, least=1, most=10**6)  # how many past fakes are kept
    # D stands still while it judges more than this share rightly
    freeze_d: float = setting(1.0, least=0, most=1)
    # G stands still while D judges less than this share rightly
    freeze_g: float = setting(0.0, least=0, most=1)

    def __post_init__(self) -> None:
        check_settings(self, "stabilise.")


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """How one player descends. The rate is a function of the step alone."""

    name: Literal["adam", "optimistic_adam", "sgd"] = "adam"
    lr: float = setting(2e-4, least=0, most=1000)  # a higher one can only be a slip
    beta1: float = setting(0.5, least=0, below=1)  # Adam
    beta2: float = setting(0.999, least=0, below=1)  # Adam
    momentum: float = setting(0.5, least=0, below=1)  # SGD
    # SGD: reached linearly over the whole budget
    momentum_end: float = setting(0.5, least=0, below=1)
    schedule: Literal["constant", "linear", "cosine", "exponential"] = "constant"
    # linear, cosine: the share of the budget after which the rate falls to 0
    decay_from: float = setting(0.0, least=0, below=1)
    # exponential: the rate is divided by this at every step
    decay_rate: float = setting(1.000004, least=1, most=1000)
    lr_floor: float = setting(1e-6, least=0, most=1000)  # exponential
    # the gradient is scaled down to this norm; 0: never
    clip: float = setting(0.0, least=0, most=10**6)
    # of the weights into one unit of a dense layer, after a step; 0: any
    max_norm: float = setting(0.0, least=0, most=10**6)

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How long, with what batches, from which seed. Exactly one budget is set."""

    minutes: float | None = setting(None, above=0, most=10**7)
    steps: int | None = setting(None, least=1, most=10**9)
    # real images shown to D: steps * batch * k
    images: int | None = setting(None, least=1, most=10**15)
    batch: int = setting(64, least=2, most=2**20)
    seed: int = setting(0, least=0, below=2**48)
    # decay of the averaged generator weights per step; 0: the last weights
    ema: float = setting(0.999, least=0, below=1)

    def __post_init__(self) -> None:
        check_settings(self, "training.")
        given = [name for name in BUDGETS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ConfigError(
                "one budget is needed (--minutes, --steps or --images), "
                f"{' and '.join(given) or 'none'} given"
            )


@dataclass(frozen=True, kw_only=True)
class OutputConfig:
    """What a run writes, and how often. Steps; 0: at the end only."""

    sample_every: int | None = setting(None, least=0, most=RARELY)  # None: 48 pictures over the run
    checkpoint_every: int | None = setting(None, least=0, most=RARELY)  # None: 12 over the run
    keep: int = setting(2, least=1, most=10**6)  # newest checkpoints kept
    log_every: int = setting(50, least=1, most=RARELY)
    # logged lines between two looks of the doctor at the run; 0: never
    doctor: int = setting(10, least=0, most=RARELY)
    tensorboard: bool = False
    evaluate_every: int = setting(0, least=0, most=RARELY)  # steps between scores; 0: never
    evaluate_in: Literal["background", "between"] = "background"  # a process, or between steps
    evaluate_features: str | None = None  # the feature network; None: by the data

    def __post_init__(self) -> None:
        check_settings(self, "output.")


@dataclass(frozen=True, kw_only=True)
class RuntimeConfig:
    """Where a run computes. It may change when a run is resumed; precision may not."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: int = setting(1, least=1, most=10**4)  # processes, one for each device
    precision: Precision = "32"
    # CPU threads; None: measured at the start
    threads: int | None = setting(None, least=1, most=4096)
    # processes that read images which do not fit in memory
    workers: int = setting(2, least=0, most=1024)

    def __post_init__(self) -> None:
        check_settings(self, "runtime.")


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
    """The inverse of `to_dict`; `network_options` is the family's dataclass of options.

    Raises ConfigError, and nothing else, for whatever a JSON file may hold in its place.
    """
    sections = _section(given, "the configuration")
    network = sections.get("network")
    options = _build(network_options, {} if network is None else network, "network.")
    config: Config = _build(Config, {**sections, "network": options}, "")
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
            hint = f" Did you mean {leaf[0]!r}?" if leaf else did_you_mean(str(key), known)
            own = str(key).startswith("network.")
            whose = f"family '{config.family}' has no" if own else "unknown"
            raise ConfigError(f"{whose} setting {shown(key)}.{hint}")
    family = _coerce_text(changes.get("family", config.family), "family")
    if family != config.family:  # its options are another class
        raise ConfigError(
            f"the family is '{config.family}' here and cannot be set to {shown(family)}: "
            f"name it first, as in `gankit train {visible(family[:40])}`"
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
        raise ConfigError(f"{wanted}, got {shown(text)}") from None


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file of settings as dotted keys, ready for `override`. Raises ConfigError."""
    try:
        text = read_text(path, LONGEST_TOML)
    except StoredError as error:
        raise ConfigError(f"config file '{path}' cannot be read: {error}") from None
    flat: dict[str, Any] = {}

    def walk(node: Mapping[str, Any], prefix: str) -> None:
        for key, value in node.items():
            if isinstance(value, dict):
                walk(value, f"{prefix}{key}.")
            else:
                flat[prefix + key] = value

    try:
        walk(tomllib.loads(text), "")
    except RecursionError:
        raise ConfigError(f"config file '{path}' is not TOML: nested too deeply") from None
    except ValueError as error:
        raise ConfigError(f"config file '{path}' is not TOML: {error}") from None
    return flat


LONGEST_TOML = 2**16
"""Bytes: every setting there is, with remarks, takes a tenth of it."""


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


def _section(given: object, name: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise ConfigError(f"{name} must be a section of settings, got {shown(given)}")
    return given


def _build(kind: type, given: object, prefix: str) -> Any:
    hints = get_type_hints(kind)
    fields = {item.name: item for item in dataclasses.fields(kind)}
    values = {}
    for key, value in _section(given, prefix.rstrip(".") or "the configuration").items():
        if key not in hints:
            name = shown(f"{prefix}{key}")
            raise ConfigError(f"unknown setting {name}.{did_you_mean(str(key), hints)}")
        if dataclasses.is_dataclass(hints[key]):
            values[key] = _build(hints[key], value, f"{prefix}{key}.")
        else:
            values[key] = _coerce(value, hints[key], prefix + key)
            check_setting(fields[key].metadata, values[key], prefix + key)
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
            check_setting(item.metadata, values[item.name], key)
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
        if (name := value if isinstance(value, str) else shown(value)) in arguments:
            return name
        raise ConfigError(
            f"{key} must be one of {', '.join(arguments)}, got {shown(value)}."
            f"{did_you_mean(value, arguments) if isinstance(value, str) else ''}"
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
        raise ConfigError(f"{key} takes {len(arguments)} numbers, got {shown(value)}")
    check_setting({}, value, key)  # not too many
    return tuple(_coerce(part, arguments[0], key) for part in value)


NUMBERS: Any = (str, Real)
"""What may stand for a number."""


def _coerce_scalar(value: Any, hint: type, key: str) -> Any:
    if hint is bool:
        return _coerce_bool(value, key)
    if hint is str:
        return _coerce_text(value, key)
    wrong = ConfigError(f"{key} must be {_article(hint)}, got {shown(value)}")
    if isinstance(value, bool) or not isinstance(value, NUMBERS):
        raise wrong
    try:
        number = hint(value)
    except (TypeError, ValueError):
        raise wrong from None
    except OverflowError:  # infinity as a whole number, 10^400 as a float
        raise ConfigError(f"{key} must be a finite number, got {shown(value)}") from None
    if hint is int and not isinstance(value, str) and value != number:
        raise wrong
    if hint is float and not (number == number and abs(number) != float("inf")):
        raise ConfigError(f"{key} must be a finite number, got {shown(value)}")
    return number


def _coerce_bool(value: object, key: str) -> bool:
    if isinstance(value, bool):
        return value
    typed = value.lower() if isinstance(value, str) else shown(value)
    if typed in ("true", "yes", "on", "1", "false", "no", "off", "0"):
        return typed in ("true", "yes", "on", "1")
    raise ConfigError(f"{key} must be true or false, got {shown(value)}")


LONGEST_TEXT = 4096
"""Characters: as many as a path may have on most systems."""


def _coerce_text(value: object, key: str) -> str:
    """A name or a path; a number stands for its digits, as in `codes = [10, "c"]`."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ConfigError(f"{key} must be a text, got {shown(value)}")
    text = value if isinstance(value, str) else shown(value)
    try:
        holds = len(text) <= LONGEST_TEXT and b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        holds = False
    if not holds:
        raise ConfigError(
            f"{key} must be a text of {LONGEST_TEXT:,} characters at most that can be a file's "
            f"name, got {shown(value)}"
        )
    return text


def _article(hint: type) -> str:
    return {int: "a whole number", float: "a number"}.get(hint, hint.__name__)
