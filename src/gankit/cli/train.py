"""`gankit train`: flags become settings; what is said at the end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from gankit.cli.options import option
from gankit.cli.streams import silence
from gankit.errors import ConfigError
from gankit.text import in_shell

#: The named options of `train`, and the setting that each one is.
SETTINGS = {
    "minutes": "training.minutes",
    "steps": "training.steps",
    "images": "training.images",
    "seed": "training.seed",
    "batch": "training.batch",
    "ema": "training.ema",
    "size": "data.size",
    "fit": "data.fit",
    "channels": "data.channels",
    "labels_per_class": "data.labels_per_class",
    "codes": "network.codes",
    "z_dim": "latent.size",
    "prior": "latent.prior",
    "loss": "objective.loss",
    "penalty": "objective.penalty",
    "penalty_weight": "objective.penalty_weight",
    "augment": "stabilise.augment",
    "k": "objective.k",
    "update": "objective.update",
    "lr_d": "discriminator_optimizer.lr",
    "lr_g": "generator_optimizer.lr",
    "device": "runtime.device",
    "devices": "runtime.devices",
    "precision": "runtime.precision",
    "threads": "runtime.threads",
    "sample_every": "output.sample_every",
    "checkpoint_every": "output.checkpoint_every",
    "keep": "output.keep",
    "tensorboard": "output.tensorboard",
    "evaluate_every": "output.evaluate_every",
}


def train(
    family: Annotated[str | None, option("see `gankit list`; the default is cgan")] = None,
    data: Annotated[
        str | None, option("a data set's name, a folder of images or of IDX files, or an .npz file")
    ] = None,
    /,
    *,
    minutes: Annotated[
        float | None, option("budget: about this long, as a number of steps")
    ] = None,
    steps: Annotated[int | None, option("budget: this many generator steps")] = None,
    images: Annotated[int | None, option("budget: this many real images shown")] = None,
    out: Annotated[
        Path | None, option("run directory; the default is runs/FAMILY-DATA", "--out", "-o")
    ] = None,
    seed: Annotated[int | None, option("everything random follows from it")] = None,
    recipe: Annotated[str | None, option("start from this recipe's settings")] = None,
    config: Annotated[Path | None, option("then take settings from this TOML file")] = None,
    size: Annotated[str | None, option("height and width in pixels: 64, or 48x64")] = None,
    fit: Annotated[
        Literal["crop", "stretch"] | None, option("how other shapes are made to fit")
    ] = None,
    channels: Annotated[
        Literal["auto", "grey", "rgb"] | None, option("auto: grey where the images are")
    ] = None,
    batch: Annotated[int | None, option("examples a step, over all processes")] = None,
    labels_per_class: Annotated[
        int | None, option("how many labels a family that learns from few may see")
    ] = None,
    codes: Annotated[
        str | None, option("infogan's: categories of each code, or c: '10,c,c'")
    ] = None,
    z_dim: Annotated[int | None, option("size of the latent noise")] = None,
    prior: Annotated[
        Literal["normal", "uniform", "uniform01", "uniform_unit"] | None,
        option("of the noise: N(0, 1), U(-1, 1), U(0, 1), or U(-v, v) with v^2 = 3"),
    ] = None,
    loss: Annotated[str | None, option("see `gankit list`")] = None,
    penalty: Annotated[
        str | None, option("on the discriminator; several are joined by +: r1+r2")
    ] = None,
    penalty_weight: Annotated[float | None, option("what the penalty is multiplied by")] = None,
    augment: Annotated[
        str | None, option("of what D sees, joined by +: colour+translation+cutout")
    ] = None,
    k: Annotated[int | None, option("discriminator steps for each generator step")] = None,
    update: Annotated[
        Literal["auto", "simultaneous", "alternating"] | None,
        option("who moves when; auto: at once where that is exact"),
    ] = None,
    ema: Annotated[float | None, option("decay of the averaged generator; 0: no average")] = None,
    lr_d: Annotated[float | None, option("learning rate of the discriminator")] = None,
    lr_g: Annotated[float | None, option("learning rate of the generator")] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda", "mps"] | None, option("where to compute")
    ] = None,
    devices: Annotated[int | None, option("how many processes, one for each device")] = None,
    precision: Annotated[
        Literal["32", "64", "bf16"] | None, option("bits of a number; bf16 is mixed")
    ] = None,
    threads: Annotated[
        int | None, option("CPU threads; measured at the start unless given")
    ] = None,
    sample_every: Annotated[int | None, option("steps between pictures; 0: at the end")] = None,
    checkpoint_every: Annotated[
        int | None, option("steps between checkpoints; 0: at the end")
    ] = None,
    keep: Annotated[int | None, option("how many checkpoints to keep")] = None,
    tensorboard: Annotated[bool | None, option("write TensorBoard events too")] = None,
    evaluate_every: Annotated[
        int | None, option("steps between scores, measured in the background; 0: never")
    ] = None,
    set_: Annotated[
        list[str] | None, option("any setting: section.key=value; may be repeated", "--set")
    ] = None,
    dry_run: Annotated[bool, option("say what would run, and write nothing")] = False,
) -> None:
    """Train a GAN. The same command again resumes; a larger budget extends."""
    typed = locals()  # first, while it holds the arguments alone
    given = {key: typed[name] for name, key in SETTINGS.items() if typed[name] is not None}
    from gankit.choose_recipe import configure
    from gankit.settings.config import override
    from gankit.settings.text import parse_assignments, read_toml

    exclusive_budget(minutes, steps, images)
    settings = configure(family, data, recipe)
    if config is not None:
        settings = override(settings, read_toml(config))
    settings = override(settings, given)
    settings = override(settings, parse_assignments(set_ or []))
    if dry_run:
        from gankit.training.dry_run import rehearse

        print(rehearse(settings))
        return
    folder = (out or _default_folder(settings.family, settings.data.source)).expanduser()
    _report(folder, _fit(settings, folder))


def exclusive_budget(minutes: object, steps: object, images: object) -> None:
    given = {"--minutes": minutes, "--steps": steps, "--images": images}
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise ConfigError(f"{' and '.join(named)} are both budgets: give one")


def _default_folder(family: str, source: str) -> Path:
    from gankit.data import source_name

    name = source_name(source).replace(":", "-")
    return Path("runs") / f"{family}-{name or 'data'}"


def _fit(settings: Any, folder: Path) -> Any:
    from gankit.fitting import fit

    return fit(settings, folder)


def _report(folder: Path, outcome: Any) -> None:
    """The last lines of `train`: how it ended, and where things are."""
    if outcome.writes:
        try:
            print("\n".join([_ending(outcome), *_places(folder, outcome)]), flush=True)
        except OSError:
            if outcome.signal is None:  # else the terminal is gone, and that is why it stopped
                raise
            silence(sys.stdout)
    if outcome.writes and outcome.signal is not None:
        sys.exit(128 + outcome.signal)


def _ending(outcome: Any) -> str:
    step, steps = f"{outcome.step:,}", f"{outcome.steps:,}"
    again = "saved; the same command again goes on from there"
    if outcome.signal is not None:
        return f"stopped by {outcome.signal.name} at step {step} of {steps}: {again}"
    if outcome.overtime:
        return f"the time ran out at step {step} of {steps}: {again}"
    if outcome.trained == 0:
        return f"nothing to do: all {steps} steps are trained; a larger budget extends the run"
    return f"trained {step} steps in {outcome.seconds:,.0f} s"


def _places(folder: Path, outcome: Any) -> list[str]:
    from gankit.families import FAMILIES

    run = outcome.run
    paths = (run.grid_path, run.timeline_path, run.report_path, run.artifact_path)
    record = run.record()
    by_vector = record.task.condition and FAMILIES[record.config.family].conditional
    asked = " --label vector.npy" if by_vector else ""
    again = f"  gankit sample {in_shell(folder)} -n 64{asked} -o samples.png"
    return [*(f"  {path}" for path in paths if path.exists()), again]
