"""`gankit cite`: gankit itself, and the papers behind a family or behind everything in a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from gankit.bibliography import Paper, entry
from gankit.errors import ConfigError, RunError
from gankit.families import FAMILIES
from gankit.losses import LOSSES, SMOOTHING
from gankit.penalties import PENALTIES
from gankit.registry import did_you_mean, joined_names
from gankit.run import Run
from gankit.scores.measures import METRICS
from gankit.scores.score import read_reports
from gankit.settings.config import Config
from gankit.stabilisers.augment import AUGMENTATIONS
from gankit.stabilisers.order import asked_for
from gankit.text import from_home, shown, visible
from gankit.training.optimizers import OptimisticAdam
from gankit.version import __version__

Cited = tuple[str, tuple[Paper, ...]]
"""What is cited, in words, and its papers."""


def cite(what: str | Path | None = None) -> str:
    """Return entries for BibTeX: gankit's own, then those of the papers that stand behind `what`.

    A comment above each entry says what it is cited for.

    Args:
        what: a run directory: its family, loss, penalties, stabilisers and measured scores; or the
            name of a family; None: gankit alone.

    Raises:
        ConfigError: it is neither a family nor a folder.
        RunError: the folder holds no run, or a damaged one.
    """
    cited: Iterable[Cited] = ()
    if what is not None:
        cited = _of_family(str(what)) if _is_family(what) else _of_run(from_home(what))
    return "\n\n".join([_gankit(), *_entries(cited)])


def _gankit() -> str:
    """Return gankit's own entry; CITATION.cff says the same."""
    fields = {
        "title": "{gankit}",
        "author": "{The gankit authors}",
        "version": __version__,
        "note": "A Python toolkit for generative adversarial networks",
    }
    return f"% gankit\n{entry('misc', 'gankit', fields)}"


def _is_family(what: str | Path) -> bool:
    """Return whether this names a family. Raises ConfigError if it is no folder either."""
    if from_home(what).is_dir() and what not in FAMILIES:
        return False
    try:
        FAMILIES[str(what)]
    except ConfigError:
        raise ConfigError(
            f"{shown(str(what))} is neither a family nor the folder of a run: see `gankit list`."
            f"{did_you_mean(str(what), FAMILIES.names())}"
        ) from None
    return True


def _of_family(name: str) -> Iterator[Cited]:
    yield f"family {name}", FAMILIES[name].papers


def _of_run(folder: Path) -> Iterator[Cited]:
    run = Run(folder)
    record = run.record() if run.record_path.exists() else None
    if record is None:
        raise RunError(f"'{folder}' holds no run: give the folder of a run, or a family")
    config = record.config
    yield from _of_family(config.family)
    yield from _of_objective(config)
    yield from _of_stabilisers(config)
    rules = {config.generator_optimizer.name, config.discriminator_optimizer.name}
    if "optimistic_adam" in rules:
        yield "optimiser optimistic_adam", OptimisticAdam.papers
    measured = {score.metric for report in read_reports(folder) for score in report.scores}
    for name in METRICS.names():
        if name in measured:
            yield f"metric {name}", METRICS.papers(name)


def _of_objective(config: Config) -> Iterator[Cited]:
    objective = config.objective
    yield f"loss {objective.loss}", LOSSES.papers(objective.loss)
    if objective.real_target < 1:
        yield "one-sided label smoothing", SMOOTHING
    for name in _named(objective.penalty):
        yield f"penalty {name}", PENALTIES.papers(name)


def _of_stabilisers(config: Config) -> Iterator[Cited]:
    for stabiliser in asked_for(config):
        yield f"stabiliser {type(stabiliser).__name__}", stabiliser.papers
    for name in _named(config.stabilise.augment):
        yield f"augmentation {name}", AUGMENTATIONS.papers(name)


def _named(joined: str) -> list[str]:
    """Return the names in a setting such as `r1+r2`; an empty list for `none`."""
    return [name for name in joined_names(joined) if name != "none"]


def _entries(cited: Iterable[Cited]) -> Iterator[str]:
    """Yield each paper's entry once, below what it is cited for; then what names no paper."""
    reasons: dict[Paper, list[str]] = {}
    without = []
    for what, papers in cited:
        for paper in papers:
            reasons.setdefault(paper, []).append(what)
        if not papers:
            without.append(what)
    for paper, found in reasons.items():
        yield visible(f"% {', '.join(found)}\n{paper.bibtex()}")
    if without:
        yield visible(f"% without a paper: {', '.join(without)}")
