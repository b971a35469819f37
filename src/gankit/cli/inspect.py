"""`gankit inspect`: look at data before training, read by the same options as training reads it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any

from gankit.cli.options import option
from gankit.cli.train import SETTINGS, parameter
from gankit.errors import ConfigError
from gankit.settings.text import parse_assignments
from gankit.text import from_home

READING = {
    name: setting
    for name, setting in SETTINGS.items()
    if setting.key.startswith("data.") and name != "labels_per_class"
}
"""The options of `train` that say how data is read, by argument."""


def _inspect(
    data: Annotated[
        str, option("a data set's name, a folder of images or of IDX files, or a file of them")
    ],
    /,
    *,
    set_: Annotated[
        list[str] | None, option("a setting of the data: data.key=value; may be repeated", "--set")
    ] = None,
    most: Annotated[
        int | None, option("examples of each split to look at; unless given, 100,000 or fewer")
    ] = None,
    seed: Annotated[int, option("draws the examples that are shown or looked at")] = 0,
    out: Annotated[
        Path | None,
        option(
            "the folder of inspect.html and sheet.png; the default is inspect-DATA", "--out", "-o"
        ),
    ] = None,
    json: Annotated[bool, option("print all that was found as JSON")] = False,
    **settings: Any,
) -> None:
    """Look at data before training: examples, classes, sizes, duplicates, broken files, values."""
    from gankit.inspection.inspect import check_outside, default_folder
    from gankit.inspection.inspect import inspect as look
    from gankit.inspection.page import PAGE, write_page
    from gankit.settings.config import Config, override

    changes = {READING[name].key: value for name, value in settings.items() if value is not None}
    changes |= parse_assignments(set_ or [])
    for key in changes:
        if not key.startswith("data.") or key == "data.source":
            raise ConfigError(f"--set {key} does not say how data is read: leave it out")
    config = override(Config(), {"data.source": data, **changes})
    folder = default_folder(data) if out is None else from_home(out)
    check_outside(folder, data)
    found = look(config, most=most, seed=seed)
    print(found.to_json() if json else found)  # before the page, which may find no place
    write_page(found, folder)
    print(folder / PAGE, file=sys.stderr if json else sys.stdout)


def _command() -> Callable[..., None]:
    """Return the function of `gankit inspect`, with an option for each setting in READING."""

    def inspect(*named: str, **given: Any) -> None:
        _inspect(*named, **given)

    plain = signature(_inspect, eval_str=True)
    parameters = [p for p in plain.parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
    parameters[1:1] = [parameter(name, setting) for name, setting in READING.items()]
    inspect.__doc__ = _inspect.__doc__
    inspect.__signature__ = plain.replace(parameters=parameters)  # type: ignore[attr-defined]
    return inspect


inspect = _command()
