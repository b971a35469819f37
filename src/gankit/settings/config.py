"""Every setting of a run, as frozen dataclasses: read, written, overridden, compared.

A `Config` is complete: together with the data it determines a run. It is made by a recipe
(recipes.py), changed by a TOML file, by flags and by `--set section.key=value`, in that order,
and kept in the run directory. An unknown key is an error with a suggestion; a wrong type and a
number outside its limits are errors too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gankit.arguments import typed_arguments
from gankit.errors import ConfigError
from gankit.registry import did_you_mean
from gankit.settings.schema import (
    LAYER,
    RARELY,
    Flag,
    build,
    check_settings,
    coerce_text,
    flatten,
    nested,
    replaced,
    section,
    setting,
)
from gankit.text import shown

Precision = Literal["32", "64", "bf16"]
"""Bits of a number; "bf16" is 32, with 16 inside the networks wherever that is safe."""

Update = Literal["auto", "simultaneous", "simultaneous_coupled", "alternating"]
"""The order in which the players move."""

ARRAYS = (".npz", ".npy", ".mat")
"""The suffixes of files that hold arrays."""


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """The data that is learned from."""

    source: str = setting(
        "digits", "a registered name, a folder of images, a file pattern, an IDX folder or arrays"
    )
    size: tuple[int, int] | None = setting(
        None, "height and width in pixels: 64, or 48x64; unless given, the data's own",
        least=1, most=4096, flag="--size",
    )  # fmt: skip
    fit: Literal["crop", "stretch"] = setting(
        "crop", "how other shapes are made to fit", flag="--fit"
    )
    crop: int | None = setting(
        None, "keep this many pixels a side from the middle of each image, before any resizing",
        least=8, most=10**5, flag="--crop",
    )  # fmt: skip
    channels: Literal["auto", "grey", "rgb", "rgba", "bands"] = setting(
        "auto",
        "auto: grey if the images are, else rgb; rgba keeps opacity, bands all that a file holds",
        flag="--channels",
    )  # fmt: skip
    memory_gb: float = setting(
        2.0, "decoded images above this are read from disk while training", least=0, most=10**6
    )
    holdout: float | None = setting(
        None,
        "share kept from training for scores, if there is no test split; unless given, 0.1",
        least=0, most=0.5, flag="--holdout",
    )  # fmt: skip
    train_size: int | None = setting(
        None, "train on this many examples, chosen at random; unless given, on all",
        least=2, most=10**12, flag="--train-size",
    )  # fmt: skip
    values: tuple[float, float] | None = setting(
        None,
        "what becomes black and white of images of more than 8 bits; unless given, by their own "
        "range",
        least=-(10**15), most=10**15,
    )  # fmt: skip
    labels_per_class: int | None = setting(
        None, "how many labels a family that learns from few may see",
        least=1, most=10**9, flag="--labels-per-class",
    )  # fmt: skip

    tokens: Literal["words", "characters", "bytes"] | None = setting(
        None, "what the lines of a text are taken apart into; unless given, words"
    )
    length: int | None = setting(
        None,
        "most tokens of a sequence, longer ones are cut; unless given, the data's own up to 32 "
        "words or 80 characters; an oracle's: 20",
        least=2, most=1024,
    )  # fmt: skip
    vocabulary: int | None = setting(
        None,
        "most symbols: rarer ones of a text are one symbol; unless given, 5,000; an oracle's: 200",
        least=4, most=2**16,
    )  # fmt: skip
    sequences: int | None = setting(
        None,
        "most lines that are read of a text, and how many sequences an oracle makes; unless "
        "given, all, and 5,000",
        least=20, most=10**7,
    )  # fmt: skip
    oracle: int = setting(
        0, "which oracle: its weights follow from this seed", least=0, below=2**48
    )
    transitions: bool = setting(
        False, "of an expert's episodes: read each move with what was seen next"
    )

    def __post_init__(self) -> None:
        check_settings(self, "data.")

    @property
    def is_arrays(self) -> bool:
        """Whether the source is an .npz, .npy or .mat file, whose arrays are taken as they are."""
        return self.source.lower().endswith(ARRAYS)


@dataclass(frozen=True, kw_only=True)
class LatentConfig:
    """The noise that the generator is given."""

    size: int = setting(100, "size of the latent noise", least=1, most=LAYER, flag="--z-dim")
    prior: Literal["normal", "uniform", "uniform01", "uniform_unit"] = setting(
        "normal",
        "of the noise: N(0, 1), U(-1, 1), U(0, 1), or U(-v, v) with v^2 = 3",
        flag="--prior",
    )

    def __post_init__(self) -> None:
        check_settings(self, "latent.")


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """What the players minimise, and in which order they move."""

    loss: str = setting("non_saturating", "see `gankit list`", flag="--loss")
    penalty: str = setting(
        "none", "on the discriminator; several are joined by +: r1+r2", flag="--penalty"
    )
    penalty_weight: float = setting(
        1.0, "what the penalty is multiplied by", least=0, most=10**6, flag="--penalty-weight"
    )
    penalty_interval: int = setting(
        1, "steps between penalties; the weight is multiplied by it", least=1, most=10**4
    )
    real_target: float = setting(
        1.0, "what D is to say of real examples; below 1: one-sided label smoothing",
        above=0.5, most=1,
    )  # fmt: skip
    k: int = setting(
        1, "discriminator steps for each generator step", least=1, most=1000, flag="--k"
    )
    g_steps: int = setting(
        1, "generator steps in each step; later ones have new noise", least=1, most=1000,
        flag="--g-steps",
    )  # fmt: skip
    update: Update = setting(
        "auto",
        "who moves when; auto: at once if one pass through D serves both exactly, or if the "
        "family moves so; "
        "simultaneous_coupled: at once with a D that couples the samples of a batch",
        flag="--update",
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_settings(self, "objective.")


@dataclass(frozen=True, kw_only=True)
class StabiliserConfig:
    """Stabilisers, which keep a game from failing; each is off by default (docs/stabilisers.md)."""

    noise: float = setting(
        0.0, "std of the noise on all that D sees, falling to 0 over the budget", least=0, most=1000
    )
    augment: str = setting(
        "none", "of what D sees, joined by +: colour+translation+cutout", flag="--augment"
    )
    augment_probability: float = setting(
        1.0, "of each augmentation; with a target, the first one", least=0, most=1
    )
    augment_target: float = setting(
        0.0, "adapt the probability to hold ADA's E[sign D(real)] here", off="never",
        least=0, below=1,
    )  # fmt: skip
    augment_images: int = setting(
        100_000, "adaptive: images in which the probability may go from 0 to 1",
        least=1, most=10**12,
    )  # fmt: skip
    joint_batch: bool = setting(False, "real and fake share the statistics of a batch-normalised D")
    virtual_batch: int = setting(
        0, "size of the reference batch that batch normalisation uses", off="none",
        least=0, most=10**4,
    )  # fmt: skip
    minibatch_kernels: int = setting(
        0, "kernels of minibatch discrimination before D's last layer", off="none",
        least=0, most=10**4,
    )  # fmt: skip
    minibatch_size: int = setting(
        5, "dimensions of each kernel of minibatch discrimination", least=1, most=10**3
    )
    matching: Literal["none", "l2", "l1"] = setting(
        "none", "G matches D's mean features in this norm, and fools nobody"
    )
    perceptual: float = setting(
        0.0, "weight of the distance from the data, as D's backbone sees it, in G's loss",
        least=0, most=10**6,
    )  # fmt: skip
    perceptual_by_class: float = setting(
        0.0, "the share of that distance which is taken within each class", least=0, most=1
    )
    top_k: float = setting(
        1.0,
        "share of fakes, the most real ones, that G learns from; it falls from 1 over the budget",
        above=0, most=1,
    )  # fmt: skip
    entropy: float = setting(
        0.0, "weight of the bonus on the entropy of G's samples", least=0, most=10**6
    )
    lecam: float = setting(
        0.0, "weight of the pull of D's logits to their past means of the other kind",
        least=0, most=10**6,
    )  # fmt: skip
    historical: float = setting(
        0.0, "weight of ||w - mean of w so far||^2 in both players' losses", least=0, most=10**6
    )
    lagged: float = setting(
        0.0, "G plays against an average of D with this decay", off="against D itself",
        least=0, below=1,
    )  # fmt: skip
    replay: float = setting(0.0, "share of fakes shown to D that are past ones", least=0, below=1)
    replay_size: int = setting(1024, "how many past fakes are kept", least=1, most=10**6)
    freeze_d: float = setting(
        1.0, "D stands still while it judges more than this share rightly", least=0, most=1
    )
    freeze_g: float = setting(
        0.0, "G stands still while D judges less than this share rightly", least=0, most=1
    )

    plugins: tuple[str, ...] = setting((), "stabilisers from outside, by name: jitter:0.2,other")

    def __post_init__(self) -> None:
        check_settings(self, "stabilise.")


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """How one player's weights are moved. Rate and momentum are functions of the step.

    With `schedule_steps`, or with constant momentum and a constant or exponential rate, they do not
    depend on the budget: a run of k steps is then the first k steps of a longer one.
    """

    name: Literal["adam", "optimistic_adam", "sgd"] = setting("adam", "the optimiser")
    lr: float = setting(2e-4, "learning rate", least=0, most=1000)
    beta1: float = setting(0.5, "Adam: decay of the mean gradient", least=0, below=1)
    beta2: float = setting(0.999, "Adam: decay of the mean squared gradient", least=0, below=1)
    eps: float = setting(
        1e-8, "Adam: added to the root of the mean squared gradient", above=0, most=1000
    )
    momentum: float = setting(0.5, "SGD: momentum at the start", least=0, below=1)
    momentum_end: float = setting(
        0.5, "SGD: momentum at the end of schedule_steps, reached linearly", least=0, below=1
    )
    schedule: Literal["constant", "linear", "cosine", "exponential"] = setting(
        "constant", "how the rate changes; exponential: by the step alone, whatever the budget"
    )
    schedule_steps: int | None = setting(
        None,
        "steps over which momentum and a linear or cosine rate change; unless given, the whole "
        "budget, and then the first steps of a longer run differ from a shorter one's",
        least=1, most=10**9,
    )  # fmt: skip
    decay_from: float = setting(
        0.0, "linear, cosine: the share of schedule_steps after which the rate falls to 0",
        least=0, below=1,
    )  # fmt: skip
    decay_rate: float = setting(
        1.000004, "exponential: the rate is divided by this at every step", least=1, most=1000
    )
    lr_floor: float = setting(1e-6, "exponential: the lowest rate", least=0, most=1000)
    weight_decay: float = setting(
        0.0, "this times each weight is added to its gradient (L2)", least=0, most=1000
    )
    clip: float = setting(
        0.0, "the gradient is scaled down to this norm", off="never", least=0, most=10**6
    )
    max_norm: float = setting(
        0.0, "norm of the weights into one unit of a dense layer, after a step", off="any",
        least=0, most=10**6,
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How long a run trains, with which batches, from which seed. Exactly one budget is set."""

    minutes: float | None = setting(
        None, "budget: about this long, as a number of steps",
        above=0, most=10**7, flag="--minutes",
    )  # fmt: skip
    steps: int | None = setting(
        None, "budget: this many generator steps", least=1, most=10**9, flag="--steps"
    )
    epochs: float | None = setting(
        None, "budget: this many passes over the training examples",
        above=0, most=10**7, flag="--epochs",
    )  # fmt: skip
    images: int | None = setting(
        None, "budget: this many real images shown", least=1, most=10**15, flag="--images"
    )
    batch: int = setting(
        64, "examples a step, over all processes", least=2, most=2**20, flag="--batch"
    )
    accumulate: int = setting(
        1,
        "parts in which a batch is computed, to need less memory; the gradient is the whole "
        "batch's if no layer couples its samples",
        least=1, most=2**16, flag="--accumulate",
    )  # fmt: skip
    seed: int = setting(0, "everything random follows from it", least=0, below=2**48, flag="--seed")
    ema: float = setting(
        0.999, "decay of the averaged generator", off="no average", least=0, below=1, flag="--ema"
    )

    def __post_init__(self) -> None:
        check_settings(self, "training.")
        given = [f"training.{name}" for name in BUDGETS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ConfigError(
                "one budget is needed (training.minutes, training.steps, training.epochs or "
                f"training.images), {' and '.join(given) or 'none'} given"
            )
        if self.batch % self.accumulate:
            raise ConfigError(
                f"training.batch {self.batch} cannot be cut into {self.accumulate} equal parts: "
                f"give a multiple of {self.accumulate}",
                *("training.batch", "training.accumulate"),
            )


@dataclass(frozen=True, kw_only=True)
class OutputConfig:
    """What a run writes, and how often, in steps unless the setting says otherwise."""

    sample_every: int | None = setting(
        None, "steps between pictures", off="at the end; unless given, 48 over the run",
        least=0, most=RARELY, flag="--sample-every",
    )  # fmt: skip
    checkpoint_every: int | None = setting(
        None, "steps between checkpoints", off="at the end; unless given, 12 over the run",
        least=0, most=RARELY, flag="--checkpoint-every",
    )  # fmt: skip
    keep: int = setting(2, "how many checkpoints to keep", least=1, most=10**6, flag="--keep")
    log_every: int = setting(50, "steps between lines of the log", least=1, most=RARELY)
    doctor: int = setting(
        10, "logged lines between two looks of the doctor at the run", off="never",
        least=0, most=RARELY,
    )  # fmt: skip
    tensorboard: bool = setting(
        False,
        "write TensorBoard events too, with histograms of z, D(x) and D(G(z))",
        flag="--tensorboard",
    )
    trackio: bool = setting(
        False, "log into trackio too, a dashboard on this machine", flag="--trackio"
    )
    evaluate_every: int = setting(
        0, "steps between scores, measured in the background", off="never",
        least=0, most=RARELY, flag="--evaluate-every",
    )  # fmt: skip
    evaluate_in: Literal["background", "between"] = setting(
        "background", "scores are measured in a process of their own, or between steps"
    )
    evaluate_features: str | None = setting(None, "the feature network; none: by the data")

    def __post_init__(self) -> None:
        check_settings(self, "output.")


@dataclass(frozen=True, kw_only=True)
class RuntimeConfig:
    """Where a run computes. All of it may change when a run is resumed, except the precision."""

    device: Literal["auto", "cpu", "cuda", "mps"] = setting(
        "auto", "where to compute", flag="--device"
    )
    devices: int = setting(
        1, "how many processes, one for each device", least=1, most=10**4, flag="--devices"
    )
    precision: Precision = setting("32", "bits of a number; bf16 is mixed", flag="--precision")
    threads: int | None = setting(
        None, "CPU threads; measured at the start unless given",
        least=1, most=4096, flag="--threads",
    )  # fmt: skip
    workers: int = setting(
        2, "processes that read images which do not fit in memory", least=0, most=1024
    )
    graphs: bool = setting(True, "on a GPU, launch the passes of a step as one, a CUDA graph")

    def __post_init__(self) -> None:
        check_settings(self, "runtime.")


DEFAULT_FAMILY = "cgan"
"""The family of the default job, `gankit train`. It is named here and nowhere else, because --help
shows it before any family is loaded."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """A complete run: every setting, in sections (docs/settings.md).

    >>> import gankit
    >>> config = gankit.Config(family="dcgan")
    >>> config.training.batch, config.latent.prior
    (64, 'normal')

    `gankit.configure` makes the one that suits a family and its data, and `gankit.override` a
    changed copy; nothing changes in place. `network` is the family's own dataclass of options.

    Raises ConfigError if a value is out of range.
    """

    family: str = setting(
        DEFAULT_FAMILY, f"the family of the game, named first: `gankit train {DEFAULT_FAMILY}`"
    )
    data: DataConfig = nested(DataConfig)
    network: Any = nested(lambda: None)
    latent: LatentConfig = nested(LatentConfig)
    objective: ObjectiveConfig = nested(ObjectiveConfig)
    stabilise: StabiliserConfig = nested(StabiliserConfig)
    generator_optimizer: OptimizerConfig = nested(
        OptimizerConfig, lr=Flag("--lr-g", "learning rate of the generator")
    )
    discriminator_optimizer: OptimizerConfig = nested(
        OptimizerConfig, lr=Flag("--lr-d", "learning rate of the discriminator")
    )
    training: TrainingConfig = nested(lambda: TrainingConfig(minutes=2))
    output: OutputConfig = nested(OutputConfig)
    runtime: RuntimeConfig = nested(RuntimeConfig)

    def __post_init__(self) -> None:
        coerce_text(self.family, "family")
        for item in dataclasses.fields(self):
            kind, value = SECTIONS.get(item.name), getattr(self, item.name)
            if kind is not None and not isinstance(value, kind):
                raise ConfigError(
                    f"{item.name} must be a section of settings, {kind.__name__}, got "
                    f"{shown(value)}",
                    item.name,
                )
        options = self.network
        if options is not None and (
            isinstance(options, type) or not dataclasses.is_dataclass(options)
        ):
            raise ConfigError(
                f"network must be the family's options, got {shown(options)}: gankit.configure "
                "makes them",
                "network",
            )


FORMER = {"generator": "generator_optimizer", "discriminator": "discriminator_optimizer"}
"""The names that two sections have in run.json and in artifacts, with their present names. TOML
files and `--set` may use both, as for the settings that a family's options name in `former`."""
BUDGETS = ("minutes", "steps", "epochs", "images")
"""The settings of `training` of which exactly one is set."""
FREE_ON_RESUME = (
    *(f"training.{name}" for name in BUDGETS),
    "data.memory_gb",
    "output.",
    "runtime.",
)
"""Settings, and sections, that may differ when a run is resumed: they do not change what is
computed."""
FIXED_ON_RESUME = ("runtime.precision",)
"""Exceptions from FREE_ON_RESUME: these do change what is computed."""

SECTIONS: Mapping[str, type] = {
    item.name: type(item.default_factory())
    for item in dataclasses.fields(Config)
    if item.default_factory is not dataclasses.MISSING and item.name != "network"
}
"""The classes of the sections that every family has."""


def to_dict(config: Config) -> dict[str, Any]:
    """Return the nested plain dictionary that run.json and the artifact hold."""
    stored = {now: then for then, now in FORMER.items()}
    return {stored.get(key, key): value for key, value in dataclasses.asdict(config).items()}


def from_dict(given: Mapping[str, Any], network_options: type) -> Config:
    """Return the configuration that `to_dict` stored.

    `network_options` is the family's dataclass of options. Raises ConfigError, and nothing else,
    for anything that a JSON file may hold instead.
    """
    given = section(given, "the configuration")
    for then, now in _former(network_options).items():
        given = _moved(given, then, now)
    sections = dict(given)
    if isinstance(sections.get("data"), Mapping):  # of 0.1, which held nothing out
        sections["data"] = {"holdout": 0.0, **sections["data"]}
    network = sections.get("network")
    network = section({} if network is None else network, "network")
    options = build(network_options, network, "network.")
    config: Config = build(Config, {**sections, "network": options}, "")
    return config


def _former(options: type) -> dict[str, str]:
    """Return the former keys of sections and settings, each with its present one.

    A family's class of options names its own in `former`, as pairs.
    """
    return {**FORMER, **dict(getattr(options, "former", ()))}


def _moved(given: Mapping[str, Any], then: str, now: str) -> Mapping[str, Any]:
    """Return sections of settings with what stands at one key, `then`, at another one, `now`.

    Both are sections, or both settings in one.
    """
    if "." not in then:
        return {now if name == then else name: value for name, value in given.items()}
    (old, leaf), (present, name) = then.split("."), now.split(".")
    held = given.get(old)
    if not isinstance(held, Mapping) or leaf not in held:
        return given
    rest = {key: value for key, value in held.items() if key != leaf}
    there = section(given.get(present, {}), present)
    return {**given, old: rest, present: {**there, name: held[leaf]}}


@typed_arguments()
def override(config: Config, changes: Mapping[str, Any]) -> Config:
    """Return a configuration with some settings changed; the one given stays as it is.

    >>> import gankit
    >>> config = gankit.configure("dcgan", "digits")
    >>> changed = gankit.override(config, {"training.batch": "32", "training.steps": 100})
    >>> changed.training.batch, changed.training.steps, changed.training.minutes
    (32, 100, None)

    Args:
        config: the configuration to start from.
        changes: new values by dotted key. They may be strings, as typed on a command line. A
            budget that is set replaces the other budgets.

    Raises ConfigError if a key is unknown (with a suggestion), or if a value is out of range or of
    a wrong type.
    """
    former = _former(type(config.network))
    changes = {_current(key, former): value for key, value in changes.items()}
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
            f"begin with gankit.configure({shown(family)})",
            "family",
        )
    changed: Config = replaced(config, changes, "")
    return changed


def _current(key: str, former: Mapping[str, str]) -> str:
    """Return the present name of a key: `generator.lr` -> `generator_optimizer.lr`."""
    name, dot, rest = str(key).partition(".")
    return former.get(key) or (former[name] + dot + rest if dot and name in former else key)


def differences(old: Config, new: Config, but: Sequence[str] = ()) -> list[str]:
    """Return a line for each setting that has changed, but may not when a run is resumed.

    `but` names settings that may change in this case.
    """
    before, after = flatten(old), flatten(new)
    return [
        f"{key}: {before.get(key)!r} in the run, {after.get(key)!r} asked"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key) and key not in but and not may_change(key)
    ]


def may_change(key: str) -> bool:
    """Return whether a setting may differ when a run is resumed."""
    return key.startswith(FREE_ON_RESUME) and key not in FIXED_ON_RESUME
