"""Every setting of a run, as frozen dataclasses: read, written, overridden, compared.

A `Config` is complete: together with the data it determines a run. It is made by a recipe
(recipes.py), changed by a TOML file, by flags and by `--set section.key=value`, in that order,
and kept in the run directory. Unknown keys are errors with a suggestion, wrong types too, and so is
a number outside its limits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gankit.errors import ConfigError
from gankit.registry import did_you_mean
from gankit.settings.schema import (
    LAYER,
    RARELY,
    build,
    check_settings,
    coerce_text,
    flatten,
    replaced,
    section,
    setting,
)
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
    generator_optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    discriminator_optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(minutes=2))
    output: OutputConfig = field(default_factory=OutputConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)


FORMER = {"generator": "generator_optimizer", "discriminator": "discriminator_optimizer"}
"""Sections that have another name in run.json and in artifacts. TOML files and `--set` may use
both names."""
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


def to_dict(config: Config) -> dict[str, Any]:
    """The nested plain dictionary that config.json and the artifact hold."""
    stored = {now: then for then, now in FORMER.items()}
    return {stored.get(key, key): value for key, value in dataclasses.asdict(config).items()}


def from_dict(given: Mapping[str, Any], network_options: type) -> Config:
    """The inverse of `to_dict`; `network_options` is the family's dataclass of options.

    Raises ConfigError, and nothing else, for whatever a JSON file may hold in its place.
    """
    given = section(given, "the configuration")
    sections = {FORMER.get(key, key): value for key, value in given.items()}
    network = sections.get("network")
    options = build(network_options, {} if network is None else network, "network.")
    config: Config = build(Config, {**sections, "network": options}, "")
    return config


def override(config: Config, changes: Mapping[str, Any]) -> Config:
    """`config` with dotted keys changed: `override(c, {"objective.k": 2})`.

    Values may be strings, as typed on a command line. A budget that is set replaces the other
    budgets. Raises ConfigError for an unknown key (with a suggestion) and for a wrong type.
    """
    changes = {_current(key): value for key, value in changes.items()}
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
    family = coerce_text(changes.get("family", config.family), "family")
    if family != config.family:  # its options are another class
        raise ConfigError(
            f"the family is '{config.family}' here and cannot be set to {shown(family)}: "
            f"name it first, as in `gankit train {visible(family[:40])}`"
        )
    changed: Config = replaced(config, changes, "")
    return changed


def _current(key: str) -> str:
    """`generator.lr` -> `generator_optimizer.lr`; any other key as it is."""
    name, dot, rest = str(key).partition(".")
    return FORMER[name] + dot + rest if dot and name in FORMER else key


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
