"""The command line: one thin function per command. Nothing heavy is imported before it is used."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TextIO

from cyclopts import App, Parameter

from gankit import __version__
from gankit.errors import ConfigError, GankitError, Interrupted, SilentError
from gankit.text import in_shell, visible

app = App(
    name="gankit",
    help="Generative adversarial networks that people can really use.",
    version=f"gankit {__version__}",
    help_format="plaintext",
    default_parameter=Parameter(negative=()),
    suppress_keyboard_interrupt=False,  # said in `main`
)
app.register_install_completion_command()

#: The named options of `train`, and the setting that each one is.
SETTINGS = {
    "minutes": "training.minutes",
    "steps": "training.steps",
    "images": "training.images",
    "seed": "training.seed",
    "batch": "training.batch",
    "ema": "training.ema",
    "size": "data.size",
    "fit": "data.fit",
    "channels": "data.channels",
    "labels_per_class": "data.labels_per_class",
    "codes": "network.codes",
    "z_dim": "latent.size",
    "prior": "latent.prior",
    "loss": "objective.loss",
    "penalty": "objective.penalty",
    "penalty_weight": "objective.penalty_weight",
    "augment": "stabilise.augment",
    "k": "objective.k",
    "update": "objective.update",
    "lr_d": "discriminator.lr",
    "lr_g": "generator.lr",
    "device": "runtime.device",
    "devices": "runtime.devices",
    "precision": "runtime.precision",
    "threads": "runtime.threads",
    "sample_every": "output.sample_every",
    "checkpoint_every": "output.checkpoint_every",
    "keep": "output.keep",
    "tensorboard": "output.tensorboard",
    "evaluate_every": "output.evaluate_every",
}


def option(text: str, *names: str) -> Parameter:
    """A command-line option's help, and its names where the argument's own will not do."""
    return Parameter(help=text, name=list(names) or None)


@app.command
def train(
    family: Annotated[str | None, option("see `gankit list`; the default is cgan")] = None,
    data: Annotated[
        str | None, option("a data set's name, a folder of images or of IDX files, or an .npz file")
    ] = None,
    /,
    *,
    minutes: Annotated[
        float | None, option("budget: about this long, as a number of steps")
    ] = None,
    steps: Annotated[int | None, option("budget: this many generator steps")] = None,
    images: Annotated[int | None, option("budget: this many real images shown")] = None,
    out: Annotated[
        Path | None, option("run directory; the default is runs/FAMILY-DATA", "--out", "-o")
    ] = None,
    seed: Annotated[int | None, option("everything random follows from it")] = None,
    recipe: Annotated[str | None, option("start from this recipe's settings")] = None,
    config: Annotated[Path | None, option("then take settings from this TOML file")] = None,
    size: Annotated[str | None, option("height and width in pixels: 64, or 48x64")] = None,
    fit: Annotated[
        Literal["crop", "stretch"] | None, option("how other shapes are made to fit")
    ] = None,
    channels: Annotated[
        Literal["auto", "grey", "rgb"] | None, option("auto: grey where the images are")
    ] = None,
    batch: Annotated[int | None, option("examples a step, over all processes")] = None,
    labels_per_class: Annotated[
        int | None, option("how many labels a family that learns from few may see")
    ] = None,
    codes: Annotated[
        str | None, option("infogan's: categories of each code, or c: '10,c,c'")
    ] = None,
    z_dim: Annotated[int | None, option("size of the latent noise")] = None,
    prior: Annotated[
        Literal["normal", "uniform", "uniform01", "uniform_unit"] | None,
        option("of the noise: N(0, 1), U(-1, 1), U(0, 1), or U(-v, v) with v^2 = 3"),
    ] = None,
    loss: Annotated[str | None, option("see `gankit list`")] = None,
    penalty: Annotated[
        str | None, option("on the discriminator; several are joined by +: r1+r2")
    ] = None,
    penalty_weight: Annotated[float | None, option("what the penalty is multiplied by")] = None,
    augment: Annotated[
        str | None, option("of what D sees, joined by +: colour+translation+cutout")
    ] = None,
    k: Annotated[int | None, option("discriminator steps for each generator step")] = None,
    update: Annotated[
        Literal["auto", "simultaneous", "alternating"] | None,
        option("who moves when; auto: at once where that is exact"),
    ] = None,
    ema: Annotated[float | None, option("decay of the averaged generator; 0: no average")] = None,
    lr_d: Annotated[float | None, option("learning rate of the discriminator")] = None,
    lr_g: Annotated[float | None, option("learning rate of the generator")] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda", "mps"] | None, option("where to compute")
    ] = None,
    devices: Annotated[int | None, option("how many processes, one for each device")] = None,
    precision: Annotated[
        Literal["32", "64", "bf16"] | None, option("bits of a number; bf16 is mixed")
    ] = None,
    threads: Annotated[
        int | None, option("CPU threads; measured at the start unless given")
    ] = None,
    sample_every: Annotated[int | None, option("steps between pictures; 0: at the end")] = None,
    checkpoint_every: Annotated[
        int | None, option("steps between checkpoints; 0: at the end")
    ] = None,
    keep: Annotated[int | None, option("how many checkpoints to keep")] = None,
    tensorboard: Annotated[bool | None, option("write TensorBoard events too")] = None,
    evaluate_every: Annotated[
        int | None, option("steps between scores, measured in the background; 0: never")
    ] = None,
    set_: Annotated[
        list[str] | None, option("any setting: section.key=value; may be repeated", "--set")
    ] = None,
    dry_run: Annotated[bool, option("say what would run, and write nothing")] = False,
) -> None:
    """Train a GAN. The same command again resumes; a larger budget extends."""
    typed = locals()  # first, while it holds the arguments alone
    given = {key: typed[name] for name, key in SETTINGS.items() if typed[name] is not None}
    from gankit.config import override, parse_assignments, read_toml
    from gankit.recipes import configure

    _exclusive_budget(minutes, steps, images)
    settings = configure(family, data, recipe)
    if config is not None:
        settings = override(settings, read_toml(config))
    settings = override(settings, given)
    settings = override(settings, parse_assignments(set_ or []))
    if dry_run:
        from gankit.training.rehearsal import rehearse

        print(rehearse(settings))
        return
    folder = (out or _default_folder(settings.family, settings.data.source)).expanduser()
    _report(folder, _fit(settings, folder))


@app.command
def sample(
    run: Annotated[Path, option("a run directory, or its model.safetensors")],
    /,
    *,
    n: Annotated[int, option("how many", "-n", "--count")] = 64,
    label: Annotated[
        str | None,
        option("the class, by name or number; x.npy: a vector, or one for each; default: all"),
    ] = None,
    seed: Annotated[int, option("the same seed gives the same samples")] = 0,
    out: Annotated[
        Path | None,
        option("x.png: a grid; x.npz: arrays; a folder: PNG files", "--out", "-o"),
    ] = None,
) -> None:
    """Draw samples from a trained run: a picture, an .npz archive, or a folder of PNG files."""
    from gankit.artifact import load
    from gankit.export_samples import read_label, write_samples

    target = (out or Path("samples.png")).expanduser()
    write_samples(load(run), n, read_label(label), seed, target)
    print(target)


@app.command
def sweep(
    run: Annotated[Path, option("a run directory, or its model.safetensors")],
    /,
    *,
    code: Annotated[int | None, option("number of an infogan's code, from 1")] = None,
    dimension: Annotated[
        int | None, option("a dimension of the noise, from 0, in place of a code")
    ] = None,
    span: Annotated[float, option("a number goes from minus this to this")] = 2.0,
    rows: Annotated[int, option("how many latents")] = 10,
    steps: Annotated[int, option("how many values of a number")] = 10,
    seed: Annotated[int, option("the same seed gives the same latents")] = 0,
    out: Annotated[Path | None, option("x.png: a grid; x.gif: a film", "--out", "-o")] = None,
) -> None:
    """Show what one input of a generator does, all others held."""
    from gankit.artifact import load
    from gankit.explore import sweep as sweep_images
    from gankit.explore import write_sweep

    target = (out or Path("sweep.png")).expanduser()
    if code is not None and dimension is not None:
        raise ConfigError("--code and --dimension are both given: sweep one")
    for name, value in (("--rows", rows), ("--steps", steps)):
        if not 1 <= value <= 100:
            raise ConfigError(f"{name} must be in 1 to 100, got {value}")
    images = sweep_images(
        load(run), code=code, dimension=dimension, span=span, rows=rows, steps=steps, seed=seed
    )
    write_sweep(images, target)
    print(target)


@app.command
def classify(
    run: Annotated[Path, option("a run directory of ssgan or infogan")],
    data: Annotated[str, option("a data set's name, a folder of images, or of IDX files")],
    /,
    *,
    split: Annotated[Literal["train", "test"], option("where the data has both")] = "test",
    out: Annotated[
        Path | None, option("write index, class and chance of each image here", "--out", "-o")
    ] = None,
) -> None:
    """Name the class of images by a run's discriminator; score it where labels are there."""
    from gankit.artifact import load
    from gankit.classify import classify_data

    print(classify_data(load(run), data, split, out))


@app.command
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
        Literal["train", "test"] | None, option("of the real data; test where there is one")
    ] = None,
    n: Annotated[int | None, option("samples in a draw; the default is 10,000", "-n")] = None,
    draws: Annotated[int, option("independent draws: the interval is over them")] = 5,
    seed: Annotated[int, option("of the samples")] = 0,
    metrics: Annotated[str | None, option("names joined by commas; the default is all")] = None,
    device: Annotated[Literal["cpu", "cuda", "mps"], option("where to compute")] = "cpu",
    json: Annotated[bool, option("print the report as JSON, and nothing else")] = False,
) -> None:
    """Measure a run against real data: each score with its interval, floor and protocol."""
    from gankit.evaluation.evaluate import evaluate as measure
    from gankit.evaluation.evaluate import keep
    from gankit.evaluation.show import print_report, watch_on_stderr

    report = measure(
        run, features=features, data=data, split=split, n=n, draws=draws, seed=seed,
        metrics=metrics.split(",") if metrics else (), device=device, watch=watch_on_stderr(),
    )  # fmt: skip
    if json:
        print(report.to_json())
    else:
        print_report(report)
    keep(run, report)


@app.command
def report(
    run: Annotated[Path, option("a run directory")],
    /,
) -> None:
    """Write RUN/report.html again: samples, curves, scores, verdict, settings on one page."""
    from gankit.evaluation.report import write_run_report

    print(write_run_report(run.expanduser()))


@app.command
def compare(
    *runs: Annotated[Path, option("run directories, two or more")],
    seed: Annotated[int, option("of the latents, the same for every run")] = 0,
    rows: Annotated[int, option("of each grid of samples")] = 6,
    allow_differences: Annotated[
        bool, option("show scores of different protocols too, and say so")
    ] = False,
    out: Annotated[Path, option("the page", "--out", "-o")] = Path("compare.html"),
) -> None:
    """Runs side by side: samples from the same latents, curves, scores, speed, settings."""
    from gankit.evaluation.compare import as_text
    from gankit.evaluation.compare import compare as compare_runs
    from gankit.evaluation.compare_page import write_comparison

    folders = [folder.expanduser() for folder in runs]
    comparison = compare_runs(folders, allow_differences=allow_differences)
    write_comparison(comparison, out.expanduser(), seed=seed, rows=rows)
    print(as_text(comparison))
    print(out)


@app.command
def doctor(
    run: Annotated[Path, option("a run directory, finished or not")],
    /,
    *,
    data: Annotated[str | None, option("where the run's data is now, if it was moved")] = None,
    json: Annotated[bool, option("print what is written to RUN/doctor.json")] = False,
) -> None:
    """What is wrong with a run, since when, what it means and what to change."""
    from gankit.evaluation.doctor import diagnose
    from gankit.evaluation.report import write_run_report
    from gankit.evaluation.verdicts import write_diagnosis

    diagnosis = diagnose(run, data)
    write_diagnosis(run, diagnosis)
    write_run_report(run)
    print(diagnosis.to_json() if json else diagnosis)


@app.command
def probe(
    run: Annotated[Path, option("a run directory")],
    /,
    data: Annotated[
        str | None,
        option("labelled images: a name, a folder, or an .npz file; default: the run's data"),
    ] = None,
    *,
    test: Annotated[
        str | None, option("images to test on, where the data has no test split")
    ] = None,
    labels_per_class: Annotated[str, option("budgets of labels, comma-separated")] = "10,100",
    draws: Annotated[int, option("class-balanced choices of that many labels")] = 5,
    classifier: Annotated[
        Literal["svm", "logistic", "both"], option("linear, with an L2 penalty")
    ] = "svm",
    baselines: Annotated[
        bool,
        Parameter(
            help="an untrained D, k-means, pixels; generated samples where classes are asked for",
            negative="--no-baselines",
        ),
    ] = True,
    centroids: Annotated[int, option("of the k-means features")] = 800,
    seed: Annotated[int, option("of the draws, of k-means and of the samples")] = 0,
    test_limit: Annotated[int | None, option("so many test images; default: all")] = None,
    json: Annotated[bool, option("all of it as JSON, in place of the table")] = False,
    out: Annotated[Path | None, option("write the table here as x.csv", "--out", "-o")] = None,
) -> None:
    """What the discriminator learned: linear classifiers of its features, from few labels."""
    from gankit.config import parse_numbers
    from gankit.evaluation.probe import probe as probe_one

    found = probe_one(
        run,
        data,
        test=test,
        labels_per_class=parse_numbers(labels_per_class, "--labels-per-class: such as 10,100"),
        draws=draws,
        classifiers=("svm", "logistic") if classifier == "both" else (classifier,),
        baselines=baselines,
        centroids=centroids,
        seed=seed,
        test_limit=test_limit,
        say=lambda line: print(line, file=sys.stderr),
    )
    if out is not None:
        found.write(out.expanduser())
    print(found.to_json() if json else found.table())


@app.command
def reproduce(
    name: Annotated[str, option("see `gankit list`")],
    /,
    *,
    seeds: Annotated[str, option("comma-separated")] = "0",
    data: Annotated[str | None, option("a data set or folder in place of its own")] = None,
    minutes: Annotated[float | None, option("a smaller budget")] = None,
    steps: Annotated[int | None, option("a smaller budget")] = None,
    threads: Annotated[int | None, option("CPU threads")] = None,
    runs: Annotated[Path, option("where the runs go")] = Path("runs/reproduce"),
    out: Annotated[Path, option("folder of the tables", "--out", "-o")] = Path("results"),
) -> None:
    """A published result again: train its recipe, measure by its protocol, add to its table."""
    from gankit.config import SEEDS_WANTED, parse_numbers
    from gankit.reproduce import reproduce as reproduce_one

    _exclusive_budget(minutes, steps, None)
    given = {"training.minutes": minutes, "training.steps": steps, "runtime.threads": threads}
    changes = {key: value for key, value in given.items() if value is not None}
    for seed in parse_numbers(seeds, SEEDS_WANTED):
        line = reproduce_one(name, seed=seed, runs=runs, results=out, data=data, changes=changes)
        print("  ".join(f"{key}={value}" for key, value in line.items()))
    print(out / f"{name}.csv")


@app.command(name="list")
def list_() -> None:
    """Families, data sets, recipes, losses, metrics and more, each with one line."""
    from gankit.data import DATASETS
    from gankit.evaluation.features import FEATURES
    from gankit.evaluation.measures import METRICS
    from gankit.families import FAMILIES
    from gankit.parts.augment import AUGMENTATIONS
    from gankit.parts.losses import LOSSES
    from gankit.parts.penalties import PENALTIES
    from gankit.recipes import RECIPES
    from gankit.reproduce import REPRODUCTIONS

    registries: dict[str, Any] = {
        "families": FAMILIES,
        "data sets (or any folder of images, or of IDX files)": DATASETS,
        "recipes": RECIPES,
        "losses": LOSSES,
        "penalties": PENALTIES,
        "augmentations": AUGMENTATIONS,
        "reproductions": REPRODUCTIONS,
        "feature networks (or any .onnx or .pt2 file)": FEATURES,
        "metrics": METRICS,
    }
    for title, registry in registries.items():
        print(f"{title}:")
        for name, summary in registry.summaries().items():
            print(f"  {name:<19} {summary}")


def main() -> None:
    """The `gankit` command. A user's error is one line on stderr and exit code 2."""
    # Threads that wait by spinning for long make a step take many times as long when something
    # else wants the cores. Read once, when torch is loaded.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal cannot show is no failure
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            app(sys.argv[1:])
        finally:
            sys.stdout.flush()  # here, where a full disk can still be said
    except SilentError:
        sys.exit(2)
    except GankitError as error:
        _end(2, str(error))
    except Interrupted as asked:
        _end(128 + asked.number, str(asked))
    except KeyboardInterrupt:
        _end(130, "interrupted")
    except BrokenPipeError:  # `gankit list | head`: who reads has seen enough
        _silence(sys.stdout)
        sys.exit(0)
    except OSError as error:
        _silence(sys.stdout)
        where = "" if error.filename is None else f": '{error.filename}'"
        _end(2, f"the system refused: {error.strerror or error}{where}")
    except MemoryError:
        _end(
            2,
            "there is not enough memory: ask for fewer samples, a smaller --batch or network",
        )


def _end(code: int, why: str) -> NoReturn:
    """Say why on stderr, where it can be said, and leave."""
    with suppress(OSError):
        sys.stderr.write(f"gankit: {visible(why)}\n")
        sys.stderr.flush()
    sys.exit(code)


def _silence(stream: TextIO) -> None:
    """Drop what a stream still holds: at the interpreter's end it would fail a second time."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _exclusive_budget(minutes: object, steps: object, images: object) -> None:
    given = {"--minutes": minutes, "--steps": steps, "--images": images}
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise ConfigError(f"{' and '.join(named)} are both budgets: give one")


def _default_folder(family: str, source: str) -> Path:
    from gankit.data import source_name

    name = source_name(source).replace(":", "-")
    return Path("runs") / f"{family}-{name or 'data'}"


def _fit(settings: Any, folder: Path) -> Any:
    from gankit.training.loop import fit

    return fit(settings, folder)


def _report(folder: Path, outcome: Any) -> None:
    """The last lines of `train`: how it ended, and where things are."""
    if outcome.writes:
        try:
            print("\n".join([_ending(outcome), *_places(folder, outcome)]), flush=True)
        except OSError:
            if outcome.signal is None:  # else the terminal is gone, and that is why it stopped
                raise
            _silence(sys.stdout)
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
    again = f"  gankit sample {in_shell(folder)} -n 64{asked} -o samples.png"
    return [*(f"  {path}" for path in paths if path.exists()), again]
