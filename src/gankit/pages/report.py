"""report.html: one run on one page that can be read offline."""

from __future__ import annotations

import io
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from gankit.errors import GankitError
from gankit.families import FAMILIES
from gankit.pages.chart import Curve, chart
from gankit.pages.glossary import about_scores, meanings
from gankit.pages.html import (
    Html,
    bars,
    code,
    data_uri,
    element,
    facts,
    folded,
    note,
    page,
    section,
    table,
    warning,
)
from gankit.pages.repeat import changes_from_default, command, default, exactly
from gankit.pages.run_summary import (
    Facts,
    interval,
    minutes,
    number,
    protocol_line,
    rate,
    read_facts,
    terms_of_losses,
    verdict,
)
from gankit.pictures import layout, read_picture, tell_visible
from gankit.run import Run
from gankit.scores.score import Report, nearest_path, write_report
from gankit.settings.config import override
from gankit.settings.schema import flatten
from gankit.settings.text import settings_toml, typed
from gankit.storage import write_atomically
from gankit.stored import StoredError, read_text
from gankit.text import from_home, in_shell, visible
from gankit.training.briefing import MOST_LINES, shorten
from gankit.training.callbacks import Callback
from gankit.training.session import Session
from gankit.version import __version__

MOST_FRAMES = 16
MOST_CLASSES = 12
"""The most classes whose counts are shown without being asked for."""
MOST_LETTERS = 40
"""The most letters of the longest name, times the columns, that fit over a picture on a phone."""
LARGEST_PNG = 150_000
"""The most bytes of a PNG in a page; a larger one becomes a JPEG of at most `FRAME_SIDE` pixels
on a side."""
FRAME_SIDE = 1200


class ReportPage(Callback):
    """Writes report.html at a run's end. If that fails, a line says why, and the run goes on."""

    def on_end(self, trainer: Session) -> None:
        try:
            write_run_report(trainer.run.folder)
        except GankitError as problem:
            trainer.display.say(f"no report.html: {problem}")


def write_run_report(folder: str | Path) -> Path:
    """Write `folder`/report.html from what is in the run directory, and return its path.

    Raises RunError if the run is missing or damaged, or the page cannot be written.
    """
    seen = read_facts(from_home(folder))
    config = seen.record.config
    content = page(
        f"{config.family} on {config.data.source}",
        _head(seen),
        *map(warning, seen.unread),
        section("Samples over time", _film(seen)),
        section("The data", *_data(seen)),
        section("Curves", curves(seen)),
        section("Scores", *_scores(seen)),
        section("The doctor", *doctor(seen)),
        section("Settings", *_settings(seen)),
        section("How to repeat it", *_repetition(seen)),
        foot=f"Written by gankit {__version__} on Python {platform.python_version()}, torch "
        f"{version('torch')}, {platform.system()} {platform.machine()}. This page loads nothing.",
    )
    run = Run(folder)
    with run.writing("the report"):
        write_atomically(run.report_path, content)
    return run.report_path


def picture_uri(path: Path) -> str:
    """Return a PNG file as a data URI; a large one as a smaller JPEG. Raises OSError."""
    picture, content = read_picture(path), path.read_bytes()
    if len(content) <= LARGEST_PNG:
        return data_uri(content, "image/png")
    buffer = io.BytesIO()
    smaller = picture.convert("RGB")
    smaller.thumbnail((FRAME_SIDE, FRAME_SIDE))
    smaller.save(buffer, "JPEG", quality=88)
    return data_uri(buffer.getvalue(), "image/jpeg")


def _head(seen: Facts) -> Html:
    config, plan = seen.record.config, seen.record.plan
    shown = seen.step * config.training.batch * config.objective.k
    pairs = [
        ("Steps", f"{seen.step:,} of {plan.steps:,}"),
        ("Time in steps", minutes(seen.seconds)),
        ("Speed, median", rate(seen.speed)),
        ("Real examples shown", f"{shown:,}"),
    ]
    for report in seen.newest_reports().values():
        pairs += [(score.label, number(score.value)) for score in report.scores[:1]]
    pairs.append(("Doctor", health(seen)))
    lede = f"The run {seen.folder.resolve().name}: what it drew, how the game went, how good it is."
    title = f"{config.family} on {config.data.source}"
    return element("header", element("h1", title), element("p", lede, class_="lede"), facts(pairs))


def health(seen: Facts) -> str:
    """Return the doctor's verdict: `healthy`, `sick`, `warning, 2 signs` or what `verdict` says."""
    if seen.diagnosis is None:
        return verdict(seen)
    signs = len(seen.diagnosis.signs)
    return seen.diagnosis.health + (f", {signs} signs" if signs > 1 else "")


def _film(seen: Facts) -> Html:
    """Return pictures, or lines of text, in a row, of which the page's script makes a film."""
    kept = seen.pictures or seen.texts
    if not kept:
        return note("No picture was kept.")
    last = len(kept) - 1
    chosen = np.unique(np.linspace(0, last, min(last + 1, MOST_FRAMES)).round().astype(int))
    names, text = columns_of(seen), not seen.pictures
    frames = [_said(kept[i]) if text else _frame(kept[i], names) for i in chosen]
    slider = element(
        "input", type="range", min=0, max=len(frames) - 1, value=0, aria_label="step of the run"
    )
    play = element("button", "Play", type="button")
    film = element(
        "div",
        element("div", *frames, class_="frames"),
        element("div", play, slider, class_="controls"),
        note(
            f"{len(frames)} of {last + 1} {'texts' if text else 'pictures'} of the averaged "
            "generator, always from the same latents",
            ", each class under its name." if names else ".",
            how_shown(seen),
        ),
        class_="film",
    )
    real = Run(seen.folder).real_path
    beside = [_real(real, names)] if real.is_file() else []
    if text and Run(seen.folder).real_texts_path.is_file():
        told = element("figcaption", "real examples")
        lines = _lines(Run(seen.folder).real_texts_path)
        beside = [element("figure", lines, told, class_="real")]
    return element("div", film, *beside, class_="side wider")


def how_shown(seen: Facts) -> str:
    """Return a sentence on how images of many channels, or with opacity, are shown."""
    task = seen.record.task
    told = tell_visible(task.shape[0], task.pixels.alpha) if task.is_images else ""
    return f" {told}" if told else ""


def columns_of(seen: Facts) -> tuple[str, ...]:
    """Return the classes that have columns of their own in a picture, if any have."""
    task, family = seen.record.task, FAMILIES[seen.record.config.family]
    apart = task.is_images and family.conditional and layout(task.classes)[1] > 1
    return task.class_names if apart else ()


def _frame(path: Path, columns: Sequence[str]) -> Html:
    step = f"step {int(path.stem):,}"
    image = _image(path, f"samples at {step}")
    return element("figure", *over(columns), image, element("figcaption", step), data_step=step)


def _said(path: Path) -> Html:
    """Return the texts of a step as a frame of the film."""
    step = f"step {int(path.stem):,}"
    return element("figure", _lines(path), element("figcaption", step), data_step=step)


def _lines(path: Path) -> Html:
    """Return the lines of a text file as a list."""
    try:
        texts = read_text(path).split("\n")[:-1]
    except StoredError as problem:
        return note(f"This text cannot be read: {problem}")
    return element("ul", *(element("li", visible(text) or "(nothing)") for text in texts))


def _real(path: Path, columns: Sequence[str]) -> Html:
    """Return the picture of real examples, laid out as the samples are."""
    told = element("figcaption", "real examples")
    return element("figure", *over(columns), _image(path, "real examples"), told, class_="real")


def _image(path: Path, told: str) -> Html:
    try:
        width, height = read_picture(path).size
        return element("img", src=picture_uri(path), alt=told, width=width, height=height)
    except OSError as problem:
        return note(f"This picture cannot be read: {problem}")


def over(columns: Sequence[str]) -> list[Html]:
    """Return the names to stand over a picture, each as wide as any other, if there are names.

    They are turned upright if they would not fit side by side on a phone.
    """
    if not columns:
        return []
    turned = max(map(len, columns)) * len(columns) > MOST_LETTERS
    names = (element("li", element("span", name), title=name) for name in columns)
    across = f"grid-template-columns: repeat({len(columns)}, 1fr)"
    return [element("ol", *names, class_="names turned" if turned else "names", style=across)]


def _data(seen: Facts) -> Iterable[Html]:
    """Yield what the start said of the data, and its classes with counts."""
    briefing = seen.record.briefing
    if briefing is None:
        yield note("This run was begun by a version of gankit that did not record what it read.")
        return
    yield from (element("p", line) for line in (*shorten(briefing.lines), *seen.record.reasons))
    if len(briefing.lines) > MOST_LINES:
        rest = briefing.lines[MOST_LINES - 1 :]
        yield folded("The other lines", *(element("p", line) for line in rest))
    names = seen.record.task.class_names
    if len(names) == len(briefing.class_counts) and names:
        counts = bars(list(zip(names, briefing.class_counts, strict=True)))
        yield counts if len(names) <= MOST_CLASSES else folded(f"All {len(names)} classes", counts)


LOSSES, BELIEFS = "Losses", "D's belief that an example is real"
RATES, SPEED, GRADIENTS = "Learning rates", "Images a second", "Norms of the gradients"
REMARKS = {
    LOSSES: "What each player minimises, the sum of its terms. It is no score: it depends on the "
    "other player.",
    BELIEFS: "The mean chance that D gives real and generated examples of being real; both are "
    "near 0.5 if it cannot tell them apart.",
    RATES: "How far each player moves in a step, before its optimiser scales that.",
    SPEED: "How many real examples training takes in a second.",
    GRADIENTS: "How steep each player's loss is; steady is good, sudden growth is not.",
}
"""What the charts show of which all runs have the same, by title."""


def curves(seen: Facts) -> Html:
    """Return charts of the losses, their terms, D's beliefs, and everything else that is logged."""
    if not seen.log:
        return note("Nothing is logged yet.")
    keys = seen.logged()
    charts = [(LOSSES, {"D": "d", "G": "g"})]
    for player in "dg":
        terms = {key[2:]: key for key in terms_of_losses(keys) if key.startswith(player)}
        if len(terms) > 1:
            charts.append((f"Terms of {player.upper()}'s loss", terms))
    if "d_real" in keys:
        charts.append((BELIEFS, {"D(real)": "d_real", "D(fake)": "d_fake"}))
    charts += [
        (RATES, {"D": "lr_d", "G": "lr_g"}),
        (SPEED, {"images/s": "images_per_second"}),
    ]
    if "grad_d" in keys:
        charts.append((GRADIENTS, {"D": "grad_d", "G": "grad_g"}))
    drawn = {key for _, lines in charts for key in lines.values()} | set(terms_of_losses(keys))
    others: dict[str, dict[str, str]] = {}  # all of `samples/...` share one chart
    for key in keys:
        if key not in drawn:
            group, _, name = key.rpartition("/")
            others.setdefault(group or key, {})[name] = key
    charts += others.items()
    return element(
        "div",
        *(
            chart(
                title,
                [Curve(name, *seen.curve(key)) for name, key in lines.items()],
                REMARKS.get(title) or meanings(lines),
            )
            for title, lines in charts
        ),
        class_="charts",
    )


def _scores(seen: Facts) -> Iterable[Html]:
    if not seen.reports:
        yield note("Not measured: ", element("code", f"gankit evaluate {in_shell(seen.folder)}"))
        return
    for report in seen.newest_reports().values():
        yield score_table(report)
        yield about_scores((score.metric, score.label) for score in report.scores)
        yield element("p", report.in_words())
        yield note(
            f"{report.intervals_hold()} Real against real is the same measure of real examples "
            "against other real ones, at the same counts."
        )
        yield from map(note, report.notes())
        yield note(protocol_line(report))
        yield from _nearest(seen, report)
    yield _scores_over_steps(seen.reports)


def _nearest(seen: Facts, report: Report) -> Iterable[Html]:
    """Yield the picture of samples above their nearest training examples, if there is one."""
    path = nearest_path(seen.folder, report)
    if not path.is_file():
        return
    try:
        image = element("img", src=picture_uri(path), alt="samples and nearest training examples")
    except OSError as problem:
        yield note(f"The picture of nearest training examples cannot be read: {problem}")
        return
    said = (
        "Above: of the first 250 samples, those that lie nearest to a training example. Below "
        "each: that example."
    )
    yield element("figure", image, element("figcaption", said))


def score_table(report: Report) -> Html:
    """Return a table of every score of one report with its interval and floor."""
    rows = [
        [
            score.label,
            number(score.value),
            interval(score),
            "" if score.interval is None else score.holds,
            "not known" if score.floor is None else number(score.floor),
            score.better,
        ]
        for score in report.scores
    ]
    head = ["", "score", "95 % interval", "it holds", "real against real", "better"]
    return table(head, rows, numbers=True)


def _scores_over_steps(reports: Iterable[Report]) -> Html:
    """Return a chart for each score that was measured at several steps by one protocol."""
    by_protocol: dict[str, list[Report]] = {}
    for report in reports:
        by_protocol.setdefault(repr(report.protocol), []).append(report)
    charts = []
    for group in by_protocol.values():
        for label in dict.fromkeys(score.label for report in group for score in report.scores):
            points = [(r.step, s) for r in group for s in r.scores if s.label == label]
            if len(points) > 1:
                steps, scores = zip(*points, strict=True)
                ends = [score.interval or (score.value, score.value) for score in scores]
                low, high = zip(*ends, strict=True)
                curves = [Curve(label, steps, [score.value for score in scores], low, high)]
                floors = [(s, score.floor) for s, score in points if score.floor is not None]
                if floors:
                    curves.append(Curve("real against real", *zip(*floors, strict=True)))
                charts.append(chart(f"{label}, {scores[0].better} is better", curves))
    return element("div", *charts, class_="charts")


def doctor(seen: Facts) -> Iterable[Html]:
    """Yield the doctor's last findings on the run, and the step at which it looked."""
    diagnosis = seen.diagnosis
    if diagnosis is None:
        why = verdict(seen).capitalize()
        yield note(f"{why}: ", element("code", f"gankit doctor {in_shell(seen.folder)}"))
        return
    count = len(diagnosis.looked_for)
    found = len(diagnosis.signs) or "none"
    yield element(
        "p", f"Looked at step {diagnosis.step:,} for {count} signs of sickness: {found} found."
    )
    for said in diagnosis.verdicts:
        yield element(
            "div",
            element("h3", said.title),
            element("p", said.seen),
            element("p", said.means),
            *([code(said.remedy)] if said.remedy else []),
            class_=f"verdict {said.severity.replace(' ', '-')}",
        )
    unseen = [[sign, reason] for sign, reason in diagnosis.unseen.items()]
    if unseen:
        yield folded(f"Not looked for: {len(unseen)}", table(["", "because"], unseen))


def _settings(seen: Facts) -> Iterable[Html]:
    config, data, plan = seen.record.config, seen.record.data, seen.record.plan
    task = seen.record.task
    changed, every = changes_from_default(config, task), flatten(config)
    usual = f"gankit train {config.family} {in_shell(config.data.source)}"
    if changed:
        yield note("Other than in ", element("code", usual), ":")
        usually = default(config, task)
        rows = [[key, typed(value), typed(usually[key])] for key, value in changed.items()]
        yield table(["", "here", "there"], rows)
    else:
        yield note("All as in ", element("code", usual), ".")
    yield folded(
        f"All {len(every)} settings", table(["", ""], [[k, typed(v)] for k, v in every.items()])
    )
    names = data["class_names"]
    classes = f"{len(names)}: {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}"
    measured, begun = plan.seconds_per_step, seen.record.init_from
    about_data = table(
        ["", ""],
        [
            ["name", data["name"]],
            ["examples", f"{data['count']:,}"],
            ["shape", " x ".join(map(str, data["shape"]))],
            ["classes", classes if names else "none"],
            ["fingerprint", data["fingerprint"]],
        ],
    )
    about_plan = table(
        ["", ""],
        [
            ["steps", f"{plan.steps:,}"],
            ["CPU threads", str(plan.threads)],
            ["a step, as measured", "not needed" if measured is None else f"{measured:.3g} s"],
            ["begun with", f"gankit {seen.gankit}"],
            *([["first weights", begun.describe()]] if begun else []),
        ],
    )
    yield element(
        "div",
        element("div", element("h3", "Data"), about_data),
        element("div", element("h3", "Plan"), about_plan),
        class_="side",
    )


def _repetition(seen: Facts) -> Iterable[Html]:
    config = seen.record.config
    toml = settings_toml(config)
    link = element(
        "a",
        "settings.toml",
        href=data_uri(toml.encode(errors="replace"), "text/plain"),
        download="settings.toml",
    )
    plan, origin = seen.record.plan, seen.record.init_from
    begun = "" if origin is None else f"--init-from {in_shell(origin.path)} "
    yield element("p", "With every setting from a file, ", link, ":")
    yield code(
        f"gankit train {config.family} --config settings.toml --steps {plan.steps} "
        f"--threads {plan.threads} {begun}--out runs/again"
    )
    yield element("p", "Or by what differs from the default settings:")
    yield code(
        f"{command(override(config, exactly(plan)), seen.record.task, origin)} --out runs/again"
    )
    yield note(
        "With this number of steps and of threads, the same data, versions and machine, the "
        "weights are the same to the bit."
    )
    yield folded("settings.toml", code(toml))


def keep(run: str | Path, report: Report) -> Path | None:
    """Write a report into its run directory and onto the run's page, and return its path.

    None, and nothing is written, if `run` is a bare artifact. Raises RunError if it cannot be
    written.
    """
    folder = from_home(run)
    if not folder.is_dir():
        return None
    with Run(folder).writing("the scores"):
        path = write_report(folder, report)
    write_run_report(folder)
    return path
