"""`gankit race`: what is typed, the lines that are printed, and the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from gankit.cli.inspect import READING
from gankit.cli.options import option
from gankit.cli.streams import go_on, say, telling_how_to_go_on
from gankit.cli.train import parameter
from gankit.errors import ConfigError
from gankit.settings.text import parse_assignments
from gankit.text import as_file_name, from_home, in_shell, visible

if TYPE_CHECKING:
    from gankit.racing.race import Race


def _race(
    first: Annotated[
        str, option("a data set's name, a folder of images, or an .npz file; or first a family")
    ],
    second: Annotated[str | None, option("the data, if a family is named first")] = None,
    /,
    *,
    minutes: Annotated[
        float | None, option("budget of the whole race; the default is 60 minutes")
    ] = None,
    hours: Annotated[float | None, option("the same in hours")] = None,
    trials: Annotated[
        int | None, option("how many recipes to try; the default: as the budget allows")
    ] = None,
    steps: Annotated[
        int | None, option("of each trial; with --trials the race needs no other budget")
    ] = None,
    seed: Annotated[int, option("everything random follows from it")] = 0,
    out: Annotated[
        Path | None, option("folder of the race; the default is runs/race-DATA", "--out", "-o")
    ] = None,
    recipe: Annotated[str | None, option("the default recipe, by name")] = None,
    set_: Annotated[
        list[str] | None,
        option("a setting that is not tried: section.key=value; may be repeated", "--set"),
    ] = None,
    features: Annotated[
        str | None, option("feature network to measure in: see `gankit list`, or a file")
    ] = None,
    **settings: Any,
) -> None:
    """Find the recipe that fits your data best within a budget. The same command again goes on."""
    from gankit.choose_recipe import choose, configure
    from gankit.racing.race import race as run_race

    if minutes is not None and hours is not None:
        raise ConfigError("--minutes and --hours are both budgets: give one")
    family, data = (None, first) if second is None else (first, second)
    given = {READING[name].key: value for name, value in settings.items() if value is not None}
    given |= parse_assignments(set_ or [])
    if family is None and recipe is None:
        choice = choose(data, given)
        config, reasons = choice.config, choice.reasons
    else:
        reasons = ()
        config = configure(family, data, recipe, given)
    with telling_how_to_go_on():
        found = run_race(
            config,
            from_home(out or _default_folder(data)),
            minutes=60 * hours if hours is not None else minutes,
            trials=trials,
            steps=steps,
            seed=seed,
            features=features,
            fixed=tuple(given),
            say=_after(reasons),
        )
    _report(found)


def _default_folder(data: str) -> Path:
    from gankit.data import source_name

    return Path("runs") / f"race-{as_file_name(source_name(data)).replace(':', '-') or 'data'}"


def _after(reasons: Sequence[str]) -> Callable[[str], None]:
    """Return `say` that says the reasons first, once there is something else to say."""
    waiting = [*reasons]

    def say_after(line: str) -> None:
        for reason in waiting:
            say(reason)
        waiting.clear()
        say(line)

    return say_after


def _report(found: Race) -> None:
    """Print what was found and what to type next; exit with the signal's code if one came."""
    from gankit.racing.words import next_command, verdict_lines

    if found.signal is not None:
        ended = sum(trial.ended for trial in found.trials)
        print(
            f"stopped by {found.signal.name}, {ended} of {found.record.plan.trials} trials done: "
            f"saved\n{go_on()}"
        )
        sys.exit(128 + found.signal)
    print("\n".join(map(visible, verdict_lines(found.record, found.trials))))
    for path in (found.recipe_path, found.page_path):
        print(f"  {in_shell(path)}")
    print(f"  {next_command(found.folder, found.record)}")


def _command() -> Callable[..., None]:
    """Return the function of `gankit race`, with an option for each setting in READING."""

    def race(*named: str, **given: Any) -> None:
        _race(*named, **given)

    plain = signature(_race, eval_str=True)
    parameters = [p for p in plain.parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
    parameters += [parameter(name, setting) for name, setting in READING.items()]
    race.__doc__ = _race.__doc__
    race.__signature__ = plain.replace(parameters=parameters)  # type: ignore[attr-defined]
    return race


race = _command()
