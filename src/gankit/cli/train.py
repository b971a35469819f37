"""`gankit train`: how flags become settings, and the last lines that it prints."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any, get_origin

from cyclopts import Parameter as CommandLine

from gankit.cli.family_flags import sort_words
from gankit.cli.options import option
from gankit.cli.streams import silence
from gankit.errors import ConfigError, DataError
from gankit.registry import did_you_mean
from gankit.settings.config import BUDGETS, Config
from gankit.settings.reference import FLAGS, Setting, flags_of
from gankit.settings.schema import flatten
from gankit.settings.text import parse_assignments, parse_seeds, read_toml, seeds_text, typed
from gankit.text import as_file_name, from_home, in_shell

ORDER = (
    "family", "data", "minutes", "steps", "epochs", "images", "out", "init_from", "seed", "seeds",
    "recipe", "config", "size", "fit", "crop", "channels", "holdout", "train_size", "batch",
    "accumulate", "labels_per_class", "z_dim", "prior", "loss", "penalty", "penalty_weight",
    "augment", "k", "g_steps", "update", "ema", "lr_d", "lr_g", "device", "devices", "precision",
    "threads", "sample_every", "checkpoint_every", "keep", "tensorboard", "trackio",
    "evaluate_every", "set_", "watch", "dry_run", "verbose",
)  # fmt: skip
"""The arguments of `train` in the order of --help. Any others follow, and a family's own come
last."""


def _argument(setting: Setting) -> str:
    """Return the name of a setting's argument: `--lr-d` -> `lr_d`."""
    return str(setting.flag).removeprefix("--").replace("-", "_")


def by_argument(settings: Iterable[Setting]) -> dict[str, Setting]:
    """Return settings that are options of `train` by the name of the argument."""
    return {_argument(setting): setting for setting in settings}


SETTINGS = by_argument(FLAGS.values())
"""Those settings of every run that are options of `train`, by the name of the argument."""


def command(own: Mapping[str, Setting], heading: str = "") -> Callable[..., None]:
    """Return the function of `gankit train`, with an option for each setting in SETTINGS and `own`.

    Args:
        own: a family's own settings, by argument.
        heading: the title of the family's own options in --help.
    """

    def train(*named: str, **given: Any) -> None:
        _train(*named, **given)

    plain = signature(_train, eval_str=True)
    parameters = [p for p in plain.parameters.values() if p.kind is not p.VAR_KEYWORD]
    parameters += [parameter(name, setting) for name, setting in SETTINGS.items()]
    first = {name: place for place, name in enumerate(ORDER)}
    parameters.sort(key=lambda parameter: first.get(parameter.name, len(first)))
    apart = CommandLine(group=heading)
    parameters += [parameter(name, setting, apart) for name, setting in own.items()]
    train.__doc__ = _train.__doc__
    train.__signature__ = plain.replace(parameters=parameters)  # type: ignore[attr-defined]
    return train


def parameter(name: str, setting: Setting, *described: CommandLine) -> Parameter:
    """Return the option of a setting, as a parameter of the command's function."""
    # Tuples stay text here: the settings read '64', '48x64' and '64,32'.
    kind: Any = setting.kind if get_origin(setting.kind) is not tuple else str
    about = option(setting.text, str(setting.flag))
    annotation = Annotated[kind | None, about, *described]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _train(
    family: Annotated[
        str | None,
        option("see `gankit list`; if left out, the data chooses; with --help: its own options"),
    ] = None,
    data: Annotated[
        str | None,
        option("a data set's name, a folder of images or of IDX files, an .npz or a .txt file"),
    ] = None,
    /,
    *,
    out: Annotated[
        Path | None,
        option(
            "run directory, or the folder of several; the default is runs/FAMILY-DATA; a setting "
            "in braces stands for its value: runs/{family}-{lr-d}-{seed}",
            "--out",
            "-o",
        ),
    ] = None,
    # Not a setting: a configuration says what is trained, so runs compare by it. This says from
    # which weights.
    init_from: Annotated[
        Path | None, option("begin with the weights of this run or artifact, as far as they fit")
    ] = None,
    seeds: Annotated[
        str | None,
        option("one run for each seed, 0,1,2 or 0-4, in OUT/seed-0 and so on; then all are scored"),
    ] = None,
    recipe: Annotated[str | None, option("start from this recipe's settings")] = None,
    config: Annotated[Path | None, option("then take settings from this TOML file")] = None,
    set_: Annotated[
        list[str] | None, option("any setting: section.key=value; may be repeated", "--set")
    ] = None,
    watch: Annotated[
        bool, option("show the run while it trains, as a page from this machine: `gankit watch`")
    ] = False,
    dry_run: Annotated[bool, option("say what would run, and write nothing")] = False,
    verbose: Annotated[bool, option("with --dry-run: every layer, setting and note too")] = False,
    **settings: Any,
) -> None:
    """Train a GAN. The same command again resumes; a larger budget extends."""
    family, data = sort_words(family, data)
    exclusive_budget(**{name: settings.get(name) for name in BUDGETS})
    stored = {} if config is None else read_toml(config)
    if data is not None:  # what is typed replaces what the file says
        stored.pop("data.source", None)
    if family is None and recipe is None and "family" in stored:
        family = str(stored["family"])
    own = _own_flags(family, data, recipe)
    known = {**SETTINGS, **by_argument(own.values())}
    given = {known[name].key: value for name, value in settings.items() if value is not None}
    given |= parse_assignments(set_ or [])
    budgets = {f"training.{name}" for name in BUDGETS}
    if budgets & given.keys():
        stored = {key: value for key, value in stored.items() if key not in budgets}
    chosen, reasons = _decide(family, data, recipe, {**stored, **given})
    several = [] if seeds is None else parse_seeds(seeds)
    if several and "training.seed" in given:
        raise ConfigError("--seeds gives the seeds of all runs: leave the single seed out")
    folder = from_home(out or _default_folder(chosen.family, chosen.data.source))
    folder = Path(named_by(str(folder), chosen, [*known.values()], several))
    if out is None and several:
        folder = folder.with_name(f"{folder.name}-seeds")
    if dry_run:
        _rehearse(chosen, folder, several, init_from, reasons, verbose=verbose)
    elif verbose:
        raise ConfigError("--verbose says more of a dry run: add --dry-run")
    elif several:
        from gankit.cli.seeds import train_seeds
        from gankit.seeds import seed_folder

        with _watched(seed_folder(folder, seed) for seed in several if watch):
            train_seeds(chosen, folder, several, init_from, reasons)
    else:
        with _watched([folder] if watch else []):
            outcome = _fit(chosen, folder, init_from, reasons)
        _report(folder, outcome)


train = command({})


def _decide(
    family: str | None, data: str | None, recipe: str | None, settings: Mapping[str, Any]
) -> tuple[Config, list[str]]:
    """Return the configuration, and what there is to say of how it was chosen."""
    from gankit.choose_recipe import choose, configure

    if family is None and recipe is None and data is not None:
        from gankit.training.display import Display

        with Display().busy("looking at the data"):
            choice = choose(data, settings)
        return choice.config, [*choice.reasons]
    said = []
    if family is not None and data is None and os.path.isdir(family):  # noqa: PTH112 - never raises
        said.append(f"'{family}' is a family; the folder of that name is ./{family}")
    return configure(family, data, recipe, settings), said


def _own_flags(family: str | None, data: str | None, recipe: str | None) -> Mapping[str, Setting]:
    """Return the settings that are options of the family, if one is named."""
    from gankit.choose_recipe import configure

    if family is None and recipe is None:
        return {}
    return flags_of(configure(family, data, recipe).network)


def exclusive_budget(**budgets: object) -> None:
    given = {f"--{name}": value for name, value in budgets.items()}
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise ConfigError(f"{' and '.join(named)} are both budgets: give one")


PLACE = re.compile(r"\{([a-z][\w.-]*)\}")
"""The name of a setting in braces, within the name of a folder."""


def named_by(
    name: str, config: Config, settings: Sequence[Setting], seeds: Sequence[int] = ()
) -> str:
    """Return a folder's name with the value of each setting that it names in braces.

    A setting is named by its option (`{lr-d}`, `{seed}`), by its key (`{training.batch}`), or, as
    the family and the data, by the words `{family}` and `{data}`. Characters that a folder's name
    cannot have become hyphens.

    Args:
        name: the folder, as it was typed.
        config: the configuration of the run.
        settings: the settings that have an option.
        seeds: the seeds of several runs, which no name of one folder can have.

    Raises ConfigError if a name in braces is no setting, or is the seed of several runs.
    """
    from gankit.data import source_name

    values = flatten(config)
    keys = {str(setting.flag).removeprefix("--"): setting.key for setting in settings}
    keys |= {key: key for key in values} | {"data": "data.source"}

    def value(found: re.Match[str]) -> str:
        key = keys.get(found[1])
        if key is None:
            near = did_you_mean(found[1], keys)
            raise ConfigError(f"--out names {found[0]}, which is no setting.{near}")
        if seeds and key == "training.seed":
            raise ConfigError(
                f"--out names {found[0]}, but --seeds makes a folder of each seed: leave it out"
            )
        shown = values[key]
        text = source_name(shown) if key == "data.source" else typed(shown)
        return re.sub(r"[^\w.,+=-]+", "-", as_file_name(text))

    return PLACE.sub(value, name)


def _default_folder(family: str, source: str) -> Path:
    from gankit.data import source_name

    name = as_file_name(source_name(source)).replace(":", "-")
    return Path("runs") / f"{family}-{name or 'data'}"


def _rehearse(
    config: Config,
    folder: Path,
    seeds: Sequence[int],
    init_from: Path | None,
    reasons: Sequence[str],
    *,
    verbose: bool,
) -> None:
    from gankit.seeds import seed_folder
    from gankit.training.dry_run import rehearse

    place = seed_folder(folder, seeds[0]) if seeds else folder
    print(rehearse(config, init_from, folder=place, reasons=reasons, verbose=verbose))
    if seeds:
        print(f"runs: {len(seeds)} of these, one after the other, from seeds {seeds_text(seeds)}")


@contextmanager
def _watched(folders: Iterable[Path]) -> Iterator[None]:
    """Serve the page of `gankit watch` from the first process, if there are any folders."""
    runs = list(folders)
    if not runs:
        yield
        return
    from gankit.training.processes import is_first
    from gankit.watching.watch import watching

    if not is_first():
        yield
        return
    with watching(runs) as address:
        print(f"watch it at {address}", file=sys.stderr, flush=True)
        yield


def _fit(settings: Any, folder: Path, init_from: Path | None, reasons: Sequence[str]) -> Any:
    from gankit.fitting import fit

    return fit(settings, folder, init_from=init_from, reasons=reasons)


def _report(folder: Path, outcome: Any) -> None:
    """Print the last lines of `train`: how it ended, and where its files are."""
    if outcome.writes:
        try:
            print("\n".join([_ending(outcome), *_places(folder, outcome)]), flush=True)
        except OSError:
            if outcome.signal is None:  # otherwise it stopped because the terminal is gone
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
    targets = {"tokens": "samples.txt", "trajectories": "samples.npz"}
    target = targets.get(record.task.kind, "samples.png")
    place = in_shell(folder / target) if _joins_the_data(target, record) else target
    again = f"  gankit sample {in_shell(folder)} -n 64{asked} -o {place}"
    return [*(f"  {path}" for path in paths if path.exists()), again]


def _joins_the_data(name: str, record: Any) -> bool:
    """Return whether a file that is written here would be trained on by the same command."""
    from gankit.inspection.inspect import lies_in_data

    try:
        return lies_in_data(Path(name), record.config.data.source)
    except DataError:  # it is gone meanwhile
        return False
