"""Compare runs side by side: their settings, speeds, and scores of the same protocol."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gankit.errors import ConfigError
from gankit.pages.run_summary import Facts, interval, minutes, number, rate, read_facts, verdict
from gankit.scores.score import Score
from gankit.settings.schema import flatten
from gankit.settings.text import typed
from gankit.text import from_home, in_shell
from gankit.trained.artifact import load
from gankit.trained.gan import GAN

MOST_RUNS = 12


@dataclass(frozen=True)
class Comparison:
    """Several runs to compare.

    Attributes:
        names: the name of each run: the end of its path that tells it from the others.
        runs, gans: the content of each run's directory, and its generator.
        protocols_differ: one line for each difference between the protocols of scores that stand
            in one row; empty if all those scores compare.
    """

    names: Sequence[str]
    runs: Sequence[Facts]
    gans: Sequence[GAN]
    protocols_differ: Sequence[str]

    def networks(self) -> list[str]:
        """Return the feature networks in which any run was measured."""
        return list(dict.fromkeys(name for run in self.runs for name in run.newest_reports()))


def compare(folders: Sequence[str | Path], *, allow_differences: bool = False) -> Comparison:
    """Read runs that are to be compared.

    Args:
        folders: two run directories or more.
        allow_differences: whether scores of different protocols may stand in one row.

    Raises:
        ConfigError: there are too few or too many runs, one is given twice, they make different
            kinds of samples, or their protocols differ.
        RunError: a run is missing, damaged, or has no generator yet.
    """
    places = [from_home(folder) for folder in folders]
    names, runs, differ = read_runs(places, 2, MOST_RUNS, allow_differences=allow_differences)
    return Comparison(names, runs, [load(place) for place in places], differ)


def read_runs(
    folders: Sequence[Path], least: int, most: int, *, allow_differences: bool
) -> tuple[list[str], list[Facts], list[str]]:
    """Read `least` to `most` runs that may stand in one table.

    Returns their names, their content, and a line for each difference between protocols of scores.
    Raises what `compare` raises.
    """
    if not least <= len(folders) <= most:
        raise ConfigError(f"{len(folders)} given: name {least} to {most} runs, each once")
    places = [folder.resolve() for folder in folders]
    for folder, place in zip(folders, places, strict=True):
        if places.count(place) > 1:
            raise ConfigError(f"'{folder}' is given twice: name each run once")
    runs = [read_facts(folder) for folder in folders]
    kinds = {run.record.task.kind: run.folder for run in runs}
    if len(kinds) > 1:
        said = " and ".join(f"'{folder}' makes {kind}" for kind, folder in kinds.items())
        raise ConfigError(f"{said}: there is nothing to compare them in")
    names = _names(folders)
    differ = [
        line
        for network in dict.fromkeys(name for run in runs for name in run.newest_reports())
        for line in _differences(network, names, runs)
    ]
    if differ and not allow_differences:
        lines = "\n  ".join(differ)
        raise ConfigError(
            "these scores do not compare, their protocols differ; measure the runs alike, or set "
            f"allow_differences\n  {lines}",
            "allow_differences",
        )
    return names, runs, differ


def _names(folders: Sequence[Path]) -> list[str]:
    """Return the shortest ends of the paths that are all different."""
    paths = [folder.resolve() for folder in folders]
    deepest = max(len(path.parts) for path in paths)
    for depth in range(1, deepest):
        names = ["/".join(path.parts[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def _differences(network: str, names: Sequence[str], runs: Sequence[Facts]) -> list[str]:
    """Return how protocols of the newest reports in one network differ from the first run's."""
    found = [
        (name, reports[network])
        for name, run in zip(names, runs, strict=True)
        if network in (reports := run.newest_reports())
    ]
    first_name, first = found[0]
    return [
        f"{network}: {first_name} and {name}: {line}"
        for name, report in found[1:]
        for line in first.protocol.differences(report.protocol)
    ]


# The parts of a comparison


def settings_that_differ(runs: Sequence[Facts]) -> list[tuple[str, list[str]]]:
    """Return each setting that is not the same in all runs, and its value in each."""
    flat = [flatten(run.record.config) for run in runs]
    rows = []
    for key in dict.fromkeys(key for settings in flat for key in settings):
        values = [typed(settings[key]) if key in settings else "-" for settings in flat]
        if len(set(values)) > 1:
            rows.append((key, values))
    return rows


def summary(seen: Comparison) -> list[tuple[str, list[str]]]:
    """Return rows that say what each run is, how far and fast it went, and how healthy it is."""
    rows: list[tuple[str, list[str]]] = []

    def add(name: str, values: Sequence[str]) -> None:
        rows.append((name, list(values)))

    runs = seen.runs
    add("family", [run.record.config.family for run in runs])
    add("data", [run.record.data["name"] for run in runs])
    add("steps", [f"{run.step:,} of {run.record.plan.steps:,}" for run in runs])
    add("time in steps", [minutes(run.seconds) for run in runs])
    add("speed, median", [rate(run.speed) for run in runs])
    add("CPU threads", [str(run.record.plan.threads) for run in runs])
    add("doctor", [verdict(run) for run in runs])
    return rows


def scores(seen: Comparison, network: str) -> list[tuple[str, list[Score | None]]]:
    """Return every score in one network, by label, for each run; None if it was not measured."""
    reports = [run.newest_reports().get(network) for run in seen.runs]
    found = [
        {} if report is None else {score.label: score for score in report.scores}
        for report in reports
    ]
    labels = dict.fromkeys(label for by_label in found for label in by_label)
    return [(label, [by_label.get(label) for by_label in found]) for label in labels]


def clearly_best(row: Sequence[Score | None]) -> int | None:
    """Return the index of the score that is better than every other, by separate intervals.

    None if there is no such score, if a score has no interval, or if there are fewer than two.
    """
    known = [(i, score) for i, score in enumerate(row) if score is not None]
    if len(known) < 2 or any(score.interval is None for _, score in known):
        return None
    sign = -1 if known[0][1].better == "lower" else 1
    i, best = max(known, key=lambda pair: sign * pair[1].value)
    worst_of_best = min(sign * end for end in best.interval or ())
    others = [max(sign * end for end in s.interval or ()) for j, s in known if j != i]
    return i if worst_of_best > max(others) else None


def notes(seen: Comparison) -> list[str]:
    """Return what a reader of the numbers must know: other data, missing scores, and so on."""
    said = []
    if len({run.record.data["fingerprint"] for run in seen.runs}) > 1:
        said.append("The runs learned from different data.")
    if len({run.record.plan.threads for run in seen.runs}) > 1:
        said.append("Speeds were measured with different numbers of threads.")
    for network in seen.networks():
        for run in seen.runs:
            report = run.newest_reports().get(network)
            if report is None:
                folder, again = in_shell(run.folder), f"gankit evaluate {in_shell(run.folder)}"
                if run.record.task.is_images:  # points have no network to choose
                    again = f"gankit evaluate {folder} --features {in_shell(network)}"
                said.append(f"No scores in '{network}': {again}")
            elif report.step != run.step:
                said.append(f"{run.folder} was measured at step {report.step:,}, not at its last.")
    if not seen.networks():
        said += [f"No scores: gankit evaluate {in_shell(run.folder)}" for run in seen.runs]
    said += [line for run in seen.runs for line in run.unread]
    if seen.protocols_differ:
        said.append("PROTOCOLS DIFFER, so these scores do not compare:")
        said += [f"  {line}" for line in seen.protocols_differ]
    return said


def score_text(score: Score | None) -> str:
    """Return a text such as `12.3 (11.9 to 12.7)`; `-` if the score was not measured."""
    if score is None:
        return "-"
    return number(score.value) + ("" if score.interval is None else f" ({interval(score)})")


def as_text(seen: Comparison) -> str:
    """Return the comparison for a terminal, without pictures and curves.

    `*` marks a score that is better than every other, with their intervals apart.
    """
    rows = [["", *seen.names], *([name, *values] for name, values in summary(seen))]
    for network in seen.networks():
        for label, row in scores(seen, network):
            best = clearly_best(row) if not seen.protocols_differ else None
            cells = [score_text(score) + " *" * (i == best) for i, score in enumerate(row)]
            rows.append([f"{label}, {_better(row)} is better", *cells])
    differing = settings_that_differ(seen.runs)
    rows += [[""] * len(rows[0]), ["settings that differ", *[""] * len(seen.runs)]]
    rows += [[name, *values] for name, values in differing] or [["none", *[""] * len(seen.runs)]]
    return "\n".join([*aligned(rows), *(f"note: {line}" for line in notes(seen))])


def as_json(seen: Comparison) -> str:
    """Return the comparison as JSON: each run with its scores, the settings that differ, notes."""
    runs = [
        {
            "name": name,
            "path": str(run.folder),
            "seed": run.record.config.training.seed,
            "step": run.step,
            "doctor": verdict(run),
            "scores": {
                network: [asdict(score) for score in report.scores]
                for network, report in run.newest_reports().items()
            },
        }
        for name, run in zip(seen.names, seen.runs, strict=True)
    ]
    differing = {
        key: dict(zip(seen.names, values, strict=True))
        for key, values in settings_that_differ(seen.runs)
    }
    return json.dumps({"runs": runs, "settings": differing, "notes": notes(seen)}, indent=2)


def _better(row: Sequence[Score | None]) -> str:
    return next(score.better for score in row if score is not None)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of cells as lines, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
