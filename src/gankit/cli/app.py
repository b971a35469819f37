"""The command line: one thin function per command.

Nothing heavy is imported before it is used. The commands are in inspect.py, train.py, race.py,
use.py and study.py.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any, Literal, NoReturn, get_args

from cyclopts import App, Parameter

from gankit.cli.expert import expert
from gankit.cli.export import explore, export
from gankit.cli.family_flags import Own, own_flags
from gankit.cli.hub import pull, push
from gankit.cli.imports import import_all, split_imports
from gankit.cli.inspect import inspect
from gankit.cli.latent import latent, sweep
from gankit.cli.options import option, refuse_empty_paths, typed_as
from gankit.cli.race import race
from gankit.cli.serve import serve
from gankit.cli.streams import silence
from gankit.cli.study import cite, compare, doctor, evaluate, probe, report, reproduce, watch
from gankit.cli.train import by_argument, command, train
from gankit.cli.use import classify, sample
from gankit.errors import ConfigError, GankitError, Interrupted, SilentError
from gankit.settings.reference import FLAGS, Setting, every_setting
from gankit.text import visible
from gankit.version import __version__


def _new_app() -> App:
    return App(
        name="gankit",
        help=(
            "Generative adversarial networks that people can really use.\n\n"
            "With `--import my_family.py` every command knows what that Python file (or module) "
            "registers; it may be repeated."
        ),
        version=f"gankit {__version__}",
        help_format="plaintext",
        default_parameter=Parameter(negative=()),
        config=refuse_empty_paths,
        suppress_keyboard_interrupt=False,  # `main` handles it
    )


app = _new_app()
app.register_install_completion_command()
for _command in (
    expert, inspect, train, race, sample, sweep, classify, explore, export, serve, push, pull,
    evaluate, report, watch, compare, doctor, probe, reproduce, cite,
):  # fmt: skip
    app.command(_command)
app.command(latent)


@app.command(name="list")
def list_(
    what: Annotated[Literal["settings"] | None, option("settings, in place of names")] = None,
    /,
    *,
    family: Annotated[str | None, option("with `settings`: add this family's own")] = None,
) -> None:
    """List families, data sets, recipes, losses, metrics and more, a line each; or settings."""
    if what == "settings":
        _list_settings(family)
    elif family is None:
        _list_names()
    else:
        raise ConfigError("--family is for `gankit list settings`")


def _list_settings(family: str | None) -> None:
    """Print every setting: its key, default, flag, meaning, type and limits."""
    options = None
    if family is not None:
        from gankit.families import FAMILIES

        options = FAMILIES[family].Options()
    print("\n".join(map(str, every_setting(options))))
    print(
        "\nA recipe has defaults of its own: `gankit train FAMILY DATA --dry-run --verbose` shows "
        "them."
    )


def _list_names() -> None:
    """Print everything that is registered by name."""
    from gankit.data import DATASETS
    from gankit.families import FAMILIES
    from gankit.features.named import FEATURES
    from gankit.losses import LOSSES
    from gankit.penalties import PENALTIES
    from gankit.recipes import RECIPES
    from gankit.registry import load_plugins
    from gankit.reproduce.papers import REPRODUCTIONS
    from gankit.scores.measures import METRICS
    from gankit.stabilisers.augment import AUGMENTATIONS
    from gankit.stabilisers.base import PLUGIN_STABILISERS
    from gankit.worlds.experts import EXPERTS

    problems = load_plugins()
    registries: dict[str, Any] = {
        "families": FAMILIES,
        "data sets (or any folder of images, or of IDX files)": DATASETS,
        "experts, for `gankit expert`": EXPERTS,
        "recipes": RECIPES,
        "losses": LOSSES,
        "penalties": PENALTIES,
        "augmentations": AUGMENTATIONS,
        "stabilisers from outside (gankit's are settings: `gankit list settings`)": (
            PLUGIN_STABILISERS
        ),
        "reproductions": REPRODUCTIONS,
        "feature networks (or any .onnx or .pt2 file)": FEATURES,
        "metrics": METRICS,
    }
    for title, registry in registries.items():
        if not registry.names():
            continue
        print(f"{title}:")
        for name, summary in registry.summaries().items():
            print(f"  {name:<19} {summary}")
    for problem in problems:
        print(visible(problem), file=sys.stderr)


def family_of(arguments: Sequence[str]) -> Own | None:
    """Return the family that a `train` command names, with its own options.

    None if the command is another one, or has no need of a family's options.
    """
    if arguments[:1] != ["train"]:
        return None
    known = app["train"].assemble_argument_collection(
        default_parameter=app.default_parameter, parse_docstring=False
    )
    options = {name: bool not in get_args(a.hint) for a in known for name in a.names}
    return own_flags(arguments[1:], options)


def app_with(own: Own | None) -> App:
    """Return `app`, or if a family is given, an app whose `train` has its own options too."""
    if own is None:
        return app
    with_own = _new_app()
    settings = by_argument(own.settings.values())
    with_own.command(command(settings, f"Options of {own.family}"))
    return with_own


def main() -> None:
    """Run the `gankit` command. A user's error is a message on stderr and exit code 2."""
    # Threads that spin for long while they wait make a step many times slower when something else
    # wants the cores. The variable is read once, when torch is loaded.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    for stream in (sys.stdout, sys.stderr):  # do not fail for a name that the terminal cannot show
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    own: Own | None = None
    arguments: list[str] = []
    try:
        try:
            imports, arguments = split_imports(sys.argv[1:])
            import_all(imports)
            own = family_of(arguments)
            app_with(own)(arguments)
        finally:
            sys.stdout.flush()  # here, so that a full disk can still be reported
    except SilentError:
        sys.exit(2)
    except GankitError as error:
        _end(2, _with_options(error, arguments, own))
    except Interrupted as asked:
        _end(128 + asked.number, str(asked))
    except KeyboardInterrupt:
        _end(130, "interrupted")
    except BrokenPipeError:  # `gankit list | head`: the reader has seen enough
        silence(sys.stdout)
        sys.exit(0)
    except OSError as error:
        silence(sys.stdout)
        where = "" if error.filename is None else f": '{error.filename}'"
        _end(2, f"the system refused: {error.strerror or error}{where}")
    except MemoryError:
        _end(
            2,
            "there is not enough memory: ask for fewer samples, a smaller --batch or network",
        )


def _with_options(error: GankitError, arguments: Sequence[str], own: Own | None) -> str:
    """Return the text of an error, its first line followed by the options that it is about."""
    first, *more = str(error).split("\n")
    flags: Mapping[str, Setting] = FLAGS if own is None else {**FLAGS, **own.settings}
    command = app_with(own).parse_commands(arguments)[1][-1]
    options = typed_as(command, error.about, flags) if error.about else []
    return "\n".join([f"{first} ({', '.join(options)})" if options else first, *more])


def _end(code: int, why: str) -> NoReturn:
    """Write the reason to stderr, if that still works, and exit with this code."""
    with suppress(OSError):
        sys.stderr.write(f"gankit: {visible(why)}\n")
        sys.stderr.flush()
    sys.exit(code)
