"""`gankit train`: flags become settings; what is said at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any, get_origin

from gankit.cli.options import option
from gankit.cli.streams import silence
from gankit.errors import ConfigError
from gankit.settings.config import BUDGETS, override
from gankit.settings.reference import FLAGS, Setting
from gankit.settings.text import parse_assignments, read_toml
from gankit.text import in_shell

ORDER = (
    "family", "data", "minutes", "steps", "images", "out", "seed", "recipe", "config", "size",
    "fit", "channels", "holdout", "batch", "labels_per_class", "codes", "z_dim", "prior", "loss",
    "penalty", "penalty_weight", "augment", "k", "update", "ema", "lr_d", "lr_g", "device",
    "devices", "precision", "threads", "sample_every", "checkpoint_every", "keep", "tensorboard",
    "evaluate_every", "set_", "dry_run",
)  # fmt: skip
"""The arguments of `train` in the order of --help; any other one comes last."""


def _argument(setting: Setting) -> str:
    """`--lr-d` -> `lr_d`."""
    return str(setting.flag).removeprefix("--").replace("-", "_")


SETTINGS = {_argument(setting): setting for setting in FLAGS.values()}
"""The settings that are options of `train`, by the name of the argument."""


def _takes_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each of SETTINGS, in place of its `**settings`."""
    own = signature(command)
    parameters = {p.name: p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD}
    for name, setting in SETTINGS.items():
        # '64', '48x64' and '64,32' are read where the setting is
        kind: Any = setting.kind if get_origin(setting.kind) is not tuple else str
        parameters[name] = Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[kind | None, option(setting.text, str(setting.flag))],
        )
    first = {name: place for place, name in enumerate(ORDER)}
    ordered = sorted(parameters.values(), key=lambda p: first.get(p.name, len(first)))
    command.__signature__ = own.replace(parameters=ordered)  # type: ignore[attr-defined]
    return command


@_takes_settings
def train(
    family: Annotated[
        str | None,
        option("see `gankit list`; the default fits the data: cgan, or dcgan without classes"),
    ] = None,
    data: Annotated[
        str | None, option("a data set's name, a folder of images or of IDX files, or an .npz file")
    ] = None,
    /,
    *,
    out: Annotated[
        Path | None, option("run directory; the default is runs/FAMILY-DATA", "--out", "-o")
    ] = None,
    recipe: Annotated[str | None, option("start from this recipe's settings")] = None,
    config: Annotated[Path | None, option("then take settings from this TOML file")] = None,
    set_: Annotated[
        list[str] | None, option("any setting: section.key=value; may be repeated", "--set")
    ] = None,
    dry_run: Annotated[bool, option("say what would run, and write nothing")] = False,
    **settings: Any,
) -> None:
    """Train a GAN. The same command again resumes; a larger budget extends."""
    from gankit.choose_recipe import configure

    if data is None and family is not None and _is_data(family):
        family, data = None, family
    exclusive_budget(**{name: settings.get(name) for name in BUDGETS})
    chosen = configure(family, data, recipe)
    if config is not None:
        chosen = override(chosen, read_toml(config))
    given = {SETTINGS[name].key: value for name, value in settings.items() if value is not None}
    chosen = override(chosen, given)
    chosen = override(chosen, parse_assignments(set_ or []))
    if dry_run:
        from gankit.training.dry_run import rehearse

        print(rehearse(chosen))
        return
    folder = (out or _default_folder(chosen.family, chosen.data.source)).expanduser()
    _report(folder, _fit(chosen, folder))


def _is_data(family: str) -> bool:
    """Whether what stands in the place of the family is a path, which is data."""
    from gankit.data import looks_like_path
    from gankit.families import FAMILIES

    return looks_like_path(family) and family not in FAMILIES


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
