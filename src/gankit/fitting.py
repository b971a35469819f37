"""`fit`: train as a configuration says, into a run directory."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from gankit.arguments import typed_arguments
from gankit.choose_recipe import earlier_recipes
from gankit.data import Dataset, decided, load_configured
from gankit.doctor.while_training import Watch
from gankit.errors import ConfigError, GankitError, TrainingError
from gankit.game import Game
from gankit.own_networks import Networks
from gankit.pages.report import ReportPage
from gankit.run import Record, Run, describe
from gankit.run_data import as_begun, load_begun
from gankit.scores.while_training import Evaluations
from gankit.settings.config import Config, DataConfig, differences, override
from gankit.settings.schema import flatten
from gankit.settings.text import typed
from gankit.text import from_home
from gankit.training.briefing import brief
from gankit.training.budget import given_steps
from gankit.training.callbacks import Callback
from gankit.training.devices import start_runtime
from gankit.training.display import Display
from gankit.training.initial import check_start, find_start
from gankit.training.log import Log
from gankit.training.loop import Outcome, keeping_what_was_reached, play
from gankit.training.optimizers import check_length
from gankit.training.preview import Pictures, Preview
from gankit.training.processes import check_processes, check_world, is_first
from gankit.training.sentences import Sentences
from gankit.training.session import Session, open_session
from gankit.training.state import build_game
from gankit.training.stop_signals import StopSignals
from gankit.training.tensorboard import TensorBoard
from gankit.training.trackers import Tracker, Trackers
from gankit.training.trackio import Trackio
from gankit.training.trainer import check_count
from gankit.training.unreadable import Unreadable
from gankit.training.update import choose_update, why_one_process


@typed_arguments()
def fit(
    config: Config,
    folder: str | Path,
    *,
    dataset: object = None,
    networks: tuple[nn.Module, nn.Module] | None = None,
    init_from: str | Path | None = None,
    callbacks: Sequence[Callback] = (),
    reasons: Sequence[str] = (),
    quiet: bool = False,
) -> Outcome:
    """Train as `config` says, into a run directory; if a run has begun in it, go on with it.

    >>> import gankit
    >>> config = gankit.override(gankit.configure("gan", "toy:ring8"), {"training.steps": 2})
    >>> outcome = gankit.fit(config, "runs/ring")
    >>> outcome.step, outcome.finished
    (2, True)

    Args:
        config: a complete configuration (`gankit.configure` makes one).
        folder: the run directory, created if it is missing.
        dataset: the data to learn: a Dataset, or anything that `gankit.Dataset.of` accepts, such as
            (images, labels), all of which is trained on; None: the data that `config.data` names.
            A begun run goes on only with data of the same fingerprint.
        networks: your own (G, D) to use in place of the family's. They are copied; the trained
            ones come back from `gankit.load(folder, networks=(G, D))`. G(z) returns [N, *shape],
            in [-1, 1] for images, and D(x) returns logits [N] or [N, 1]; a conditional family
            passes labels as well.
        init_from: the run directory or artifact file of a trained run. A new run begins with its
            weights as far as they fit (docs/init_from.md); a begun run goes on from its own.
        callbacks: your callbacks, called after gankit's own (`gankit.Callback`).
        reasons: lines that say why it is trained like this (`gankit.choose`). They are shown at the
            start and on the page, and are in run.json; a begun run keeps its own if none are given.
        quiet: whether to print nothing. On a terminal there is still a bar, which goes at the end.

    Returns:
        how far the run is, and what stopped it if it is not finished.

    Raises:
        GankitError: one of its subclasses, for everything that a user can mend.
    """
    try:
        with (
            StopSignals() as signals,
            opened(
                config, folder, dataset, networks, callbacks, init_from, reasons, quiet
            ) as session,
            keeping_what_was_reached(session),
        ):
            return play(session, signals)
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        raise TrainingError(
            "out of memory: lower training.batch, data.size or the networks' widths; what was "
            "reached is kept",
            *("training.batch", "data.size"),
        ) from None


OUT_OF_MEMORY = ("DefaultCPUAllocator", "out of memory", "ALLOC_FAILED")
"""What torch's allocators and CUDA's libraries say without an error of their own kind."""


def _is_out_of_memory(error: MemoryError | RuntimeError) -> bool:
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(
        said in str(error) for said in OUT_OF_MEMORY
    )


@contextmanager
def opened(
    config: Config,
    folder: str | Path,
    dataset: object = None,
    networks: tuple[nn.Module, nn.Module] | None = None,
    callbacks: Sequence[Callback] = (),
    init_from: str | Path | None = None,
    reasons: Sequence[str] = (),
    quiet: bool = False,
) -> Iterator[Session]:
    """Check everything, start the runtime, and begin or resume the run.

    Whatever cannot work is refused before a process is started or a file is written.
    """
    started = time.monotonic()
    if not isinstance(config, Config):
        raise ConfigError(
            f"config is {type(config).__name__}, not a configuration: gankit.configure makes one",
            "config",
        )
    run = Run(from_home(folder))
    if init_from is not None:
        check_start(run, init_from)
    record = run.record()
    with Display(quiet=not is_first(), wordless=quiet).busy("reading the data"):
        if dataset is not None:
            dataset = Dataset.of(dataset)
            config = replace(config, data=_given(config.data, dataset, record))
        elif record is None:
            dataset = load_configured(config.data)
            config = replace(config, data=decided(config.data, dataset))
        else:
            config = replace(config, data=as_begun(config.data, record))
            dataset = load_begun(config.data, record)
    told: list[str] = []
    if record is not None:  # its owner checks again; here a refusal leaves no file behind
        dataset.number_classes(record.task.class_names, record.task.condition)
        own = () if networks is None else ("G", "D")
        config, told = _as_the_recipe_was(config, record.config)
        run.check_resumable(record, config, describe(dataset), own, init_from, dataset=dataset)
        reasons = reasons or record.reasons
    with _telling_of(dataset):
        check_count(config, dataset, config.training.batch)
        check_world(config.runtime, config.training.batch, config.training.accumulate)
        game = build_game(config, dataset, networks)
        choose_update(game)
        if (steps := given_steps(config, len(dataset))) is not None:
            check_length(config, steps)
    start = find_start(game, run, init_from)
    check_processes(config.runtime, why_one_process(game))
    runtime = start_runtime(config.runtime)
    with Display(quiet=runtime.rank != 0, wordless=quiet) as display:
        for line in (*brief(dataset, game), *reasons, *told, *(start.lines if start else ())):
            display.say(line)
        usual = usual_callbacks(
            game, dataset, run, display, networks=networks, writes=runtime.rank == 0
        )
        with open_session(
            game,
            dataset,
            run,
            runtime=runtime,
            display=display,
            callbacks=[*usual, *callbacks],
            start=start,
            started=started,
            reasons=reasons,
        ) as session:
            yield session


def _given(data: DataConfig, dataset: Dataset, record: Record | None) -> DataConfig:
    """Return the settings of data that a program hands over, all of which is trained on.

    It may be what `data` reads, less the part that is held out: the settings then say so, and later
    commands find that part. A begun run keeps what it recorded.
    """
    if dataset.pixels.alpha:
        data = replace(data, channels="rgba")
    if record is not None:
        begun = record.config.data
        return replace(data, source=dataset.whence, holdout=begun.holdout, values=begun.values)
    if dataset.held_out and dataset.source == data.source:
        return decided(data, dataset)
    return replace(data, source=dataset.whence, holdout=0.0)


def _as_the_recipe_was(config: Config, began: Config) -> tuple[Config, list[str]]:
    """Return the configuration with what its recipe was in an earlier version, and a line for that.

    It stays as it is unless a run began just so: then the same command goes on with that run.
    """
    but = ("data.source",)  # the fingerprint says whether it is the same data
    if differences(began, config, but):
        before, asked = flatten(began), flatten(config)
        for changes in earlier_recipes(config.family):
            # What the user has set as it is in the run is not the recipe's.
            apart = {k: v for k, v in changes.items() if asked[k] != before.get(k)}
            earlier = override(config, apart)
            if not differences(began, earlier, but):
                former = ", ".join(f"{key} = {typed(value)}" for key, value in apart.items())
                return earlier, [f"it goes on with the recipe of its first start: {former}"]
    return config, []


@contextmanager
def _telling_of(dataset: Dataset) -> Iterator[None]:
    """Say what is known of the data before a refusal, which may follow from it."""
    try:
        yield
    except GankitError:
        for line in brief(dataset):
            Display().say(line)
        raise


def usual_callbacks(
    game: Game,
    dataset: Dataset,
    run: Run,
    display: Display,
    *,
    networks: Networks | None = None,
    writes: bool = True,
) -> list[Callback]:
    """Return gankit's own callbacks for a run: log, lost files, pictures, scores, doctor and page.

    The configuration decides which of them there are. The page is last, because it shows what the
    others wrote. The doctor draws samples of your own `networks` if it is given them. Raises
    GankitError if something that is asked for is not installed.
    """
    output = game.config.output
    unreadable = Unreadable(dataset.unreadable)  # before the preview, which reads some examples
    preview = Preview(game, dataset) if game.task.is_drawn else None
    tracker = trackers_of(game.config, run) if writes else Trackers()
    usual: list[Callback] = [Log(tracker), unreadable]
    if preview is not None:
        usual.append(Pictures(preview, tracker))
    if game.task.kind == "tokens":
        usual.append(Sentences(game, dataset))
    usual.append(Evaluations(run, output, display.say))
    if output.doctor:
        usual.append(Watch(preview, dataset, networks))
    return [*usual, ReportPage()]


def trackers_of(config: Config, run: Run) -> Trackers:
    """Return the trackers that the settings ask for. Raises GankitError if one is missing."""
    chosen: list[Tracker] = []
    if config.output.tensorboard:
        chosen.append(TensorBoard(run.folder))
    if config.output.trackio:
        name = run.folder.resolve().name
        chosen.append(Trackio(name, config, goes_on=run.metrics_path.is_file()))
    return Trackers(chosen)
