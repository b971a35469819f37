"""Groups of runs of equal settings but the seed: each score's mean, and its interval over runs.

The interval of a single run's score is over draws of samples from one generator. Whether one set of
settings is better than another shows only over runs from several seeds.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from math import isfinite
from pathlib import Path
from statistics import fmean

from gankit.errors import ConfigError
from gankit.metrics.intervals import over_runs
from gankit.pages.compare import (
    Comparison,
    aligned,
    clearly_best,
    notes,
    read_runs,
    score_text,
)
from gankit.pages.run_summary import Facts, number, verdict
from gankit.scores.measures import ANY, METRICS
from gankit.scores.score import Better, Report, Score
from gankit.settings.config import may_change
from gankit.settings.schema import flatten
from gankit.settings.text import seeds_text, typed
from gankit.text import shown
from gankit.trained.artifact import load

MOST_GROUPS, MOST_GROUPED = 12, 500
SHORT = 3
"""The most settings that stand in a group's name."""


@dataclass(frozen=True)
class Group:
    """Runs of equal settings but the seed.

    Attributes:
        name: what tells it from the other groups.
        settings: every setting that changes what is trained, but the seed, by key.
        members: the name of each run, and its content, by seed.
    """

    name: str
    settings: Mapping[str, str]
    members: Sequence[tuple[str, Facts]]

    @property
    def seeds(self) -> str:
        """The seeds of its runs: `0-2,7`."""
        return seeds_text([run.record.config.training.seed for _, run in self.members])


@dataclass(frozen=True)
class GroupScore:
    """One score of a group's runs, all of them measured alike: at one step, by one protocol.

    Attributes:
        group: the group's name.
        apart: how these runs were measured, if others of the group were measured otherwise.
        network, metric, label, better: as in a run's own report.
        values: each run's score, by its name.
        mean: their mean.
        interval: the interval that holds the mean over all seeds with 95 % confidence; None for
            one run, and if a score is not finite.
    """

    group: str
    apart: str
    network: str
    metric: str
    label: str
    better: Better
    values: Mapping[str, float]
    mean: float
    interval: tuple[float, float] | None

    @property
    def count(self) -> str:
        """How many runs it is over: `3 runs`, or `1 run, no interval`."""
        runs = "1 run" if len(self.values) == 1 else f"{len(self.values)} runs"
        return runs if self.interval else f"{runs}, no interval"

    def as_score(self) -> Score:
        """Return mean and interval as the score that pages write."""
        return Score(self.metric, self.label, self.mean, self.better, self.interval)


@dataclass(frozen=True)
class Grouped:
    """Runs in groups of equal settings but the seed.

    Attributes:
        seen: all of the runs, without their generators.
        groups: the groups, in the order of their first runs.
    """

    seen: Comparison
    groups: Sequence[Group]

    def firsts(self) -> Comparison:
        """Return the first run of each group beside those of the others, for pictures and curves.

        Raises RunError if one of them has no generator yet.
        """
        runs = [group.members[0][1] for group in self.groups]
        gans = [load(run.folder) for run in runs]
        names = [group.name for group in self.groups]
        return Comparison(names, runs, gans, self.seen.protocols_differ)


def compare_groups(folders: Sequence[Path], *, allow_differences: bool = False) -> Grouped:
    """Read runs, and put those of equal settings but the seed into one group.

    Args:
        folders: run directories; a folder of runs stands for all runs directly in it.
        allow_differences: whether scores of different protocols may stand in one table. Even then
            no mean is over scores of different protocols, or of different steps.

    Raises:
        ConfigError: there are too few or too many runs or groups, one is given twice, two runs have
            the same settings and the same seed, they make different kinds of samples, or their
            protocols differ.
        RunError: a run is missing or damaged.
    """
    names, runs, differ = read_runs(
        unfolded(folders), 1, MOST_GROUPED, allow_differences=allow_differences
    )
    by_settings: dict[tuple[tuple[str, str], ...], list[tuple[str, Facts]]] = {}
    for name, run in zip(names, runs, strict=True):
        key = tuple(settings_but_seed(run).items())
        by_settings.setdefault(key, []).append((name, run))
    if len(by_settings) > MOST_GROUPS:
        raise ConfigError(
            f"the runs have {len(by_settings)} different settings: name runs of {MOST_GROUPS} at "
            "most"
        )
    groups = [_group(dict(key), members) for key, members in by_settings.items()]
    return Grouped(Comparison(names, runs, (), differ), _named(groups))


def unfolded(folders: Sequence[Path]) -> list[Path]:
    """Return the run directories, with those in a folder in place of a folder that is no run."""
    found: list[Path] = []
    for folder in folders:
        is_run = (folder / "run.json").exists()
        inside = [] if is_run else [path.parent for path in folder.glob("*/run.json")]
        found += sorted(inside, key=lambda path: (len(path.name), path.name)) or [folder]
    return found


def settings_but_seed(run: Facts) -> dict[str, str]:
    """Return every setting that changes what is trained, but the seed, as it is typed.

    The data is told by its fingerprint, and the budget by the number of steps that it became.
    """
    record = run.record
    settings = {
        key: typed(value)
        for key, value in flatten(record.config).items()
        if key not in ("training.seed", "data.source") and not may_change(key)
    }
    settings["data"] = f"{record.data['name']} ({record.data['fingerprint'][:8]})"
    settings["training.steps"] = typed(record.plan.steps)
    if record.networks:
        settings["networks"] = ", ".join(record.networks)
    if record.init_from is not None:
        settings["init_from"] = f"{record.init_from.path} ({record.init_from.digest[:8]})"
    return settings


def _group(settings: Mapping[str, str], members: Sequence[tuple[str, Facts]]) -> Group:
    """Return a group without a name. Raises ConfigError if two of its runs have one seed."""
    by_seed = sorted(members, key=lambda member: member[1].record.config.training.seed)
    for (name, run), (other, another) in pairwise(by_seed):
        if run.record.config.training.seed == another.record.config.training.seed:
            raise ConfigError(
                f"'{name}' and '{other}' have the same settings and the same seed, so they are no "
                "two chances: name one of them"
            )
    return Group("", settings, by_seed)


def _named(groups: Sequence[Group]) -> list[Group]:
    """Name each group by the settings that differ; if these are many, by its first run."""
    differing = [key for key, _ in group_differences(groups)]

    def name(group: Group) -> str:
        if len(groups) == 1:
            return f"{group.settings['family']} on {group.members[0][1].record.data['name']}"
        if len(differing) > SHORT:
            return group.members[0][0]
        return ", ".join(f"{key}={group.settings.get(key, '-')}" for key in differing)

    return [replace(group, name=name(group)) for group in groups]


def group_differences(groups: Sequence[Group]) -> list[tuple[str, list[str]]]:
    """Return each setting that is not the same in all groups, and its value in each."""
    keys = dict.fromkeys(key for group in groups for key in group.settings)
    rows = [(key, [group.settings.get(key, "-") for group in groups]) for key in keys]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def group_scores(seen: Grouped) -> list[GroupScore]:
    """Return every score of every group, those of one label next to each other."""
    found = [score for group in seen.groups for score in _scores(group)]
    labels = list(dict.fromkeys((score.network, score.label) for score in found))
    return sorted(found, key=lambda score: labels.index((score.network, score.label)))


def _scores(group: Group) -> Iterator[GroupScore]:
    """Yield the scores of one group; scores that were measured otherwise are never mixed."""
    networks = dict.fromkeys(n for _, run in group.members for n in run.newest_reports())
    for network in networks:
        alike = _measured_alike(group, network)
        first = next(iter(alike[0].values()))
        for reports in alike:
            apart = _how(first, next(iter(reports.values()))) if len(alike) > 1 else ""
            labels = dict.fromkeys(s.label for report in reports.values() for s in report.scores)
            for label in labels:
                yield _over_runs(group.name, apart, network, label, reports)


def _measured_alike(group: Group, network: str) -> list[dict[str, Report]]:
    """Return the newest reports in one network, by run, in parts that were measured alike."""
    parts: list[dict[str, Report]] = []
    for name, run in group.members:
        report = run.newest_reports().get(network)
        if report is None:
            continue
        for part in parts:
            other = next(iter(part.values()))
            if (other.step, other.protocol) == (report.step, report.protocol):
                part[name] = report
                break
        else:
            parts.append({name: report})
    return parts


def _how(first: Report, report: Report) -> str:
    """Return how a report was measured, beside the first one of its group: `step 3, seed 7`."""
    now, then = asdict(report.protocol), asdict(first.protocol)
    fields = (f"{key} {shown(value)}" for key, value in now.items() if value != then[key])
    return ", ".join([f"step {report.step:,}", *fields])


def _over_runs(
    group: str, apart: str, network: str, label: str, reports: Mapping[str, Report]
) -> GroupScore:
    """Return one score over the runs whose reports have it."""
    found = {
        name: score
        for name, report in reports.items()
        for score in report.scores
        if score.label == label
    }
    values = {name: score.value for name, score in found.items()}
    one = next(iter(found.values()))
    mean, interval = fmean(values.values()), None
    if len(values) > 1 and isfinite(mean):
        low, high = METRICS[one.metric].limits if one.metric in METRICS else ANY
        limits = low, high if one.most is None else one.most
        mean, *ends = over_runs(list(values.values()), within=limits)
        interval = ends[0], ends[1]
    return GroupScore(group, apart, network, one.metric, label, one.better, values, mean, interval)


# What is shown


def group_rows(seen: Grouped) -> list[list[str]]:
    """Return a row for each group: its name, runs, seeds, steps, and the doctor's verdicts."""
    return [
        [
            group.name,
            str(len(group.members)),
            group.seeds,
            _steps(group),
            ", ".join(
                f"{count} {said}"
                for said, count in Counter(verdict(run) for _, run in group.members).items()
            ),
        ]
        for group in seen.groups
    ]


GROUP_HEAD = ("settings", "runs", "seeds", "steps", "doctor")


def _steps(group: Group) -> str:
    """Return `4,000`, or `3,100 to 4,000 of 4,000` if a run is not finished."""
    steps = [run.step for _, run in group.members]
    planned = group.members[0][1].record.plan.steps
    if min(steps) == planned:
        return f"{planned:,}"
    reached = f"{min(steps):,}" if min(steps) == max(steps) else f"{min(steps):,} to {max(steps):,}"
    return f"{reached} of {planned:,}"


SCORE_HEAD = ("score", "settings", "over", "mean (95 % of such means)", "each run")


def score_rows(seen: Grouped) -> list[tuple[list[str], bool]]:
    """Return a row for each score of each group, and whether it is clearly the best of its label.

    It is if its interval over runs lies apart from those of all other groups.
    """
    found = group_scores(seen)
    rows = []
    for score in found:
        label = (score.network, score.label)
        beside = [other for other in found if (other.network, other.label) == label]
        alike = not (seen.seen.protocols_differ or any(other.apart for other in beside))
        best = clearly_best([other.as_score() for other in beside]) if alike else None
        cells = [
            f"{score.label}, {score.better} is better",
            f"{score.group}; {score.apart}" if score.apart else score.group,
            score.count,
            score_text(score.as_score()),
            "  ".join(map(number, score.values.values())),
        ]
        rows.append((cells, best is not None and beside[best] is score))
    return rows


def group_notes(seen: Grouped) -> list[str]:
    """Return what a reader of the means must know, besides what `notes` says of the runs."""
    said = [
        f"{score.label}: {score.group} was measured in more than one way, which are not mixed."
        for score in group_scores(seen)
        if score.apart
    ]
    return [*dict.fromkeys(said), *notes(seen.seen)]


def groups_as_text(seen: Grouped) -> str:
    """Return the groups for a terminal.

    `*` marks a mean that is better than every other, with their intervals over runs apart.
    """
    tables = [[list(GROUP_HEAD), *group_rows(seen)]]
    scores = [[*cells[:3], cells[3] + " *" * best, cells[4]] for cells, best in score_rows(seen)]
    if scores:
        rows = [list(SCORE_HEAD), *scores]
        named = len(seen.groups) > 1 or len({cells[1] for cells in scores}) > 1
        tables.append(rows if named else [[first, *rest] for first, _, *rest in rows])
    if differing := group_differences(seen.groups):
        names = [group.name for group in seen.groups]
        tables.append([["settings that differ", *names], *([k, *v] for k, v in differing)])
    parts = [aligned(table) for table in tables]
    parts.append([f"note: {line}" for line in group_notes(seen)])
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def groups_as_json(seen: Grouped) -> str:
    """Return the groups as JSON: their runs, their scores, and the settings that differ."""
    scores = group_scores(seen)
    differing = dict(group_differences(seen.groups))
    groups = [
        {
            "name": group.name,
            "settings": {key: group.settings.get(key) for key in differing},
            "runs": [
                {
                    "name": name,
                    "path": str(run.folder),
                    "seed": run.record.config.training.seed,
                    "step": run.step,
                    "doctor": verdict(run),
                }
                for name, run in group.members
            ],
            "scores": [
                {**asdict(score), "runs": len(score.values)}
                for score in scores
                if score.group == group.name
            ],
        }
        for group in seen.groups
    ]
    return json.dumps({"groups": groups, "notes": group_notes(seen)}, indent=2)
