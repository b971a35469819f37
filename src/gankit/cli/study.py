"""Commands that study runs: evaluate, report, watch, compare, cite, doctor, probe, reproduce."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from gankit.cli.options import option
from gankit.cli.train import exclusive_budget
from gankit.errors import RunError
from gankit.text import from_home, visible


def evaluate(
    run: Annotated[Path, option("a run directory, or its model.safetensors")],
    /,
    *,
    features: Annotated[
        str | None, option("feature network: see `gankit list`, or a .onnx or .pt2 file")
    ] = None,
    data: Annotated[
        str | None, option("where the run's data is now, or other real data in its place")
    ] = None,
    split: Annotated[
        Literal["train", "test"] | None, option("of the real data; test if there is one")
    ] = None,
    n: Annotated[
        int | None, option("samples in a draw; the default is 10,000, of text 500", "-n")
    ] = None,
    draws: Annotated[int, option("independent draws: the interval is over them")] = 5,
    seed: Annotated[int, option("of the samples")] = 0,
    metrics: Annotated[str | None, option("names joined by commas; the default is all")] = None,
    device: Annotated[Literal["cpu", "cuda", "mps"], option("where to compute")] = "cpu",
    json: Annotated[bool, option("print the report as JSON, and nothing else")] = False,
) -> None:
    """Measure a run against real data: each score with its interval, floor and protocol."""
    from gankit.cli.show import print_report, watch_on_stderr
    from gankit.pages.report import keep
    from gankit.scores.evaluate import evaluate as measure

    report = measure(
        run, features=features, data=data, split=split, n=n, draws=draws, seed=seed,
        metrics=metrics.split(",") if metrics else (), device=device, watch=watch_on_stderr(),
    )  # fmt: skip
    if json:
        print(report.to_json())
    else:
        print_report(report)
    with kept_if_possible("scores"):
        keep(run, report)


@contextmanager
def kept_if_possible(what: str) -> Iterator[None]:
    """Say that what was shown cannot be kept, in a run that may only be read for example."""
    try:
        yield
    except RunError as error:
        print(f"gankit: the {what} cannot be kept: {visible(str(error))}", file=sys.stderr)


def report(
    run: Annotated[Path, option("a run directory")],
    /,
) -> None:
    """Write RUN/report.html again: samples, curves, scores, verdict, settings on one page."""
    from gankit.pages.report import write_run_report

    print(write_run_report(from_home(run)))


def watch(
    *runs: Annotated[
        Path, option("run directories, or folders of runs; they may train, or be finished")
    ],
    port: Annotated[int, option("of this machine; 0: any that is free")] = 0,
    no_browser: Annotated[bool, option("print the address alone, and open nothing")] = False,
) -> None:
    """Show runs while they train, side by side, from this machine; a button stops one."""
    from gankit.watching.watch import watch as show

    show([from_home(folder) for folder in runs], port=port, browser=not no_browser)


def compare(
    *runs: Annotated[
        Path, option("run directories, two or more; with --group also folders of runs")
    ],
    group: Annotated[
        bool,
        option(
            "runs of equal settings but the seed are one: mean, interval over runs, their number"
        ),
    ] = False,
    seed: Annotated[int, option("of the latents, the same for every run")] = 0,
    rows: Annotated[int, option("of each grid of samples")] = 6,
    allow_differences: Annotated[
        bool, option("show scores of different protocols too, and say so")
    ] = False,
    json: Annotated[bool, option("print the comparison as JSON, and nothing else")] = False,
    out: Annotated[Path, option("the page", "--out", "-o")] = Path("compare.html"),
) -> None:
    """Show runs side by side: samples from the same latents, curves, scores, speed, settings."""
    from gankit.pages.compare import as_json, as_text
    from gankit.pages.compare import compare as compare_runs
    from gankit.pages.compare_groups import compare_groups, groups_as_json, groups_as_text
    from gankit.pages.compare_page import write_comparison, write_groups

    folders, target = [from_home(folder) for folder in runs], from_home(out)
    if group:
        grouped = compare_groups(folders, allow_differences=allow_differences)
        write_groups(grouped, target, seed=seed, rows=rows)
        said = groups_as_json(grouped) if json else groups_as_text(grouped)
    else:
        seen = compare_runs(folders, allow_differences=allow_differences)
        write_comparison(seen, target, seed=seed, rows=rows)
        said = as_json(seen) if json else as_text(seen)
    print(said)
    if not json:
        print(out)


def cite(
    what: Annotated[
        str | None, option("a run directory, or a family; default: gankit alone")
    ] = None,
    /,
) -> None:
    """Print entries for BibTeX: of gankit, and of the papers behind a family or a run."""
    from gankit.citing import cite as cite_papers

    print(cite_papers(what))


def doctor(
    run: Annotated[Path, option("a run directory, finished or not")],
    /,
    *,
    data: Annotated[str | None, option("where the run's data is now, if it was moved")] = None,
    json: Annotated[bool, option("print what is written to RUN/doctor.json")] = False,
) -> None:
    """Say what is wrong with a run, since when, what it means and what to change."""
    from gankit.doctor.diagnose import diagnose
    from gankit.doctor.diagnosis import write_diagnosis
    from gankit.pages.report import write_run_report

    diagnosis = diagnose(run, data)
    print(diagnosis.to_json() if json else diagnosis)
    with kept_if_possible("diagnosis"):
        write_diagnosis(run, diagnosis)
        write_run_report(run)


def probe(
    run: Annotated[Path, option("a run directory")],
    /,
    data: Annotated[
        str | None,
        option("labelled images: a name, a folder, or an .npz file; default: the run's data"),
    ] = None,
    *,
    test: Annotated[str | None, option("images to test on, if the data has no test split")] = None,
    labels_per_class: Annotated[str, option("budgets of labels, comma-separated")] = "10,100",
    draws: Annotated[int, option("class-balanced choices of that many labels")] = 5,
    classifier: Annotated[
        Literal["svm", "logistic", "both"], option("linear, with an L2 penalty")
    ] = "svm",
    baselines: Annotated[
        bool,
        Parameter(
            help="an untrained D, k-means, pixels; generated samples if classes are asked for",
            negative="--no-baselines",
        ),
    ] = True,
    centroids: Annotated[int, option("of the k-means features")] = 800,
    kmeans_layers: Annotated[
        int, option("above 1: k-means of so many layers besides; Coates and Ng used 3")
    ] = 1,
    seed: Annotated[int, option("of the draws, of k-means and of the samples")] = 0,
    test_limit: Annotated[int | None, option("so many test images; default: all")] = None,
    json: Annotated[bool, option("all of it as JSON, in place of the table")] = False,
    out: Annotated[Path | None, option("write the table here as x.csv", "--out", "-o")] = None,
) -> None:
    """Measure what the discriminator learned: linear classifiers of its features, few labels."""
    from gankit.probe.probe import probe as probe_one
    from gankit.settings.text import parse_numbers

    found = probe_one(
        run,
        data,
        test=test,
        labels_per_class=parse_numbers(labels_per_class, "labels_per_class"),
        draws=draws,
        classifiers=("svm", "logistic") if classifier == "both" else (classifier,),
        baselines=baselines,
        centroids=centroids,
        kmeans_layers=kmeans_layers,
        seed=seed,
        test_limit=test_limit,
        say=lambda line: print(line, file=sys.stderr),
    )
    if out is not None:
        found.write(from_home(out))
    print(found.to_json() if json else found.table())


def reproduce(
    name: Annotated[str, option("see `gankit list`")],
    /,
    *,
    seeds: Annotated[str, option("0,1,2 or 0-4")] = "0",
    data: Annotated[str | None, option("a data set or folder in place of its own")] = None,
    minutes: Annotated[float | None, option("a smaller budget")] = None,
    steps: Annotated[int | None, option("a smaller budget")] = None,
    threads: Annotated[int | None, option("CPU threads")] = None,
    set_: Annotated[
        list[str] | None, option("any setting: section.key=value; may be repeated", "--set")
    ] = None,
    runs: Annotated[Path, option("where the runs go")] = Path("runs/reproduce"),
    out: Annotated[Path, option("folder of the tables", "--out", "-o")] = Path("results"),
) -> None:
    """Reproduce a published result: train its recipe, measure it, add a line to its table."""
    from gankit.reproduce.reproduce import StoppedError
    from gankit.reproduce.reproduce import reproduce as reproduce_one
    from gankit.settings.text import parse_assignments, parse_seeds

    exclusive_budget(minutes=minutes, steps=steps)
    given = {"training.minutes": minutes, "training.steps": steps, "runtime.threads": threads}
    budget = {key: value for key, value in given.items() if value is not None}
    changes = {**budget, **parse_assignments(set_ or [])}
    for seed in parse_seeds(seeds):
        try:
            line = reproduce_one(
                name, seed=seed, runs=runs, results=out, data=data, changes=changes
            )
        except StoppedError as stopped:
            if stopped.signal is None:
                raise
            print(f"gankit: {stopped}", file=sys.stderr)
            sys.exit(128 + stopped.signal)
        print("  ".join(f"{key}={value}" for key, value in line.items()))
    print(out / f"{name}.csv")
