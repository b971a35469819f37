"""`gankit latent`: what can be done with the latents of a trained run, a command for each."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App

from gankit.cli.options import option
from gankit.cli.use import read_latents
from gankit.errors import ConfigError
from gankit.text import from_home, visible

if TYPE_CHECKING:
    from gankit.exploring.sheets import Sheet
    from gankit.trained.gan import GAN
    from gankit.trained.labelling import Labels
    from gankit.trained.latents import Latents

Run = Annotated[Path, option("a run directory, or its model.safetensors")]
Label = Annotated[
    str | None, option("the class of all of them, by name or number; x.npy: a vector", "--label")
]
Seed = Annotated[int, option("the same seed gives the same latents")]
Steps = Annotated[int, option("how many values, 2 to 100")]
Rows = Annotated[int, option("how many latents, 1 to 100")]
From = Annotated[
    str | None,
    option("the latents to start from: SEED:NUMBER or x.npz, joined by commas", "--from"),
]
Saved = Annotated[Path | None, option("keep the latents here, as x.npz")]
Shown = Annotated[
    Path | None, option("x.png: a grid; x.gif, x.webp or x.mp4: a film", "--out", "-o")
]
Picture = Annotated[Path | None, option("the picture, x.png", "--out", "-o")]
POINTED = "SEED:NUMBER, SEED:FIRST-LAST or x.npz, joined by commas"

latent = App(
    name="latent",
    help=(
        "Walk, add, search and filter the latents of a trained run: interpolate, sweep, "
        "arithmetic, turn, truncate, directions, neighbours, invert, forget, best.\n\n"
        "A latent is pointed at by a seed and the number of its sample, as 0:17 (the samples of "
        "`gankit sample RUN --seed 0`, counted from 0 along the rows), or lies in a file x.npz."
    ),
    help_format="plaintext",
)


@latent.command
def interpolate(
    run: Run,
    /,
    *,
    between: Annotated[str | None, option(f"{POINTED}; default: 5 samples of the seed")] = None,
    labels: Annotated[
        str | None,
        option("one class for all; or classes joined by commas, to go between these", "--label"),
    ] = None,
    code: Annotated[int | None, option("go through the values of this code, from 1")] = None,
    way: Annotated[
        Literal["auto", "linear", "spherical"], option("the line or the arc; auto: by the prior")
    ] = "auto",
    steps: Annotated[int, option("latents on the way from one to the next, 2 to 100")] = 10,
    seed: Seed = 0,
    save_latents: Saved = None,
    target: Shown = None,
) -> None:
    """Go from one latent to the next: a row for each leg, or a film that runs in a circle."""
    from gankit.exploring.paths import along_code, along_labels
    from gankit.exploring.paths import interpolate as ways

    path = _target(target, "interpolate.png")
    _check(steps, "--steps", 2)
    gan = _load(run, save_latents)
    classes = [] if labels is None else labels.split(",")
    several = len(classes) > 1
    keys = _exemplars(gan, between, None if several else labels, "between", seed,
                      1 if several or code is not None else 5)  # fmt: skip
    if several:
        keys = along_labels(gan, keys, classes)
    elif code is not None:
        _single(keys, "a code", "between")
        keys = along_code(gan, keys, code)
    loop = path.suffix != ".png"
    _finish(gan, ways(gan, keys, steps, way=way, loop=loop), path, save_latents)


def sweep(
    run: Run,
    /,
    *,
    code: Annotated[
        int | None, option("number of a code, from 1; of families that have some")
    ] = None,
    dimension: Annotated[
        int | Literal["all"] | None,
        option("a dimension of the noise, from 0, in place of a code; all: a row for each"),
    ] = None,
    span: Annotated[
        float | None,
        option("how far from the middle a number goes; the default is the range of its prior"),
    ] = None,
    start: Annotated[
        str | None,
        option(f"what is held: zero (the mean of the prior), or {POINTED}", "--from"),
    ] = None,
    labels: Label = None,
    rows: Annotated[int | None, option("how many latents of the seed; default: 10")] = None,
    steps: Annotated[int, option("how many values of a number")] = 10,
    seed: Seed = 0,
    save_latents: Saved = None,
    target: Shown = None,
) -> None:
    """Show what one input of a generator does, or each in turn, all others held."""
    from gankit.exploring.columns import middle
    from gankit.exploring.sweeps import sweep as swept

    path = _target(target, "sweep.png")
    if code is not None and dimension is not None:
        raise ConfigError("--code and --dimension are both given: sweep one")
    if rows is not None and (start is not None or dimension == "all"):
        raise ConfigError("--rows is for samples of a seed, and one dimension: leave it out")
    _check(1 if rows is None else rows, "--rows", 1)
    _check(steps, "--steps", 1)
    gan = _load(run, save_latents)
    zero = start == "zero"
    usual = 1 if zero or dimension == "all" else rows or 10
    held = _exemplars(gan, None if zero else start, labels, "start", seed, usual)
    held = middle(gan, held) if zero else held
    _finish(
        gan,
        swept(gan, held, code=code, dimension=dimension, span=span, steps=steps),
        path,
        save_latents,
    )


latent.command(sweep)


@latent.command
def arithmetic(
    run: Run,
    /,
    *,
    of: Annotated[str, option(f"exemplars whose mean is taken: {POINTED}")],
    minus: Annotated[str | None, option("exemplars whose mean is subtracted")] = None,
    plus: Annotated[str | None, option("exemplars whose mean is added")] = None,
    without: Annotated[
        str | None, option("in place of --minus: the name of a class, of which some are found")
    ] = None,
    with_: Annotated[
        str | None, option("in place of --plus: the name of a class", "--with")
    ] = None,
    exemplars: Annotated[int, option("how many of each class are found, 1 to 100")] = 8,
    features: Annotated[
        str | None,
        option("a feature network that names classes; default: the run's labels, D or digits"),
    ] = None,
    labels: Label = None,
    around: Annotated[float, option("how far the 8 neighbours lie from the answer")] = 0.25,
    seed: Annotated[int, option("of the neighbours, and of what is found by a class")] = 0,
    save_latents: Saved = None,
    target: Picture = None,
) -> None:
    """Add and subtract means of exemplars; the answer stands in the middle of 8 neighbours."""
    from gankit.exploring.columns import check_images
    from gankit.exploring.exemplars import exemplars_of
    from gankit.exploring.sheets import write_picture
    from gankit.exploring.vectors import arithmetic as added
    from gankit.exploring.vectors import arithmetic_picture
    from gankit.features.named import load_network

    for text, name, flags in ((minus, without, "--minus or --without"),
                              (plus, with_, "--plus or --with")):  # fmt: skip
        if (text is None) == (name is None):
            raise ConfigError(f"give {flags}, one of the two")
    path, gan = _target(target, "arithmetic.png", film=False), _load(run, save_latents)
    check_images(gan)
    network = None if features is None else load_network(features)

    def term(text: str | None, name: str | None, about: str, about_class: str) -> Latents:
        if name is None:
            return _exemplars(gan, text, labels, about, seed)
        found, said = exemplars_of(
            gan, name, exemplars, seed=seed, classifier=network, about=about_class
        )
        print(f"{name}: {said}")
        return found

    terms = [_exemplars(gan, of, labels, "of", seed)]
    terms += [term(minus, without, "minus", "without"), term(plus, with_, "plus", "with_")]
    answer = added(gan, terms[0], terms[1], terms[2], around=around, seed=seed)
    write_picture(arithmetic_picture(gan, terms, answer), path)
    print(path)
    _save(answer, save_latents)


@latent.command
def turn(
    run: Run,
    /,
    *,
    origin: Annotated[str, option(f"exemplars that look one way: {POINTED}", "--from")],
    goal: Annotated[str, option("exemplars that look the other way", "--to")],
    labels: Label = None,
    reach: Annotated[float, option("how far to go along the vector, to either side")] = 1.0,
    rows: Rows = 6,
    steps: Steps = 9,
    seed: Annotated[int, option("of the latents that are turned")] = 1,
    save_latents: Saved = None,
    target: Shown = None,
) -> None:
    """Turn samples along the vector from the mean of some exemplars to the mean of others."""
    from gankit.exploring.vectors import turn as turned

    path = _target(target, "turn.png")
    _check(rows, "--rows", 1)
    _check(steps, "--steps", 2)
    gan = _load(run, save_latents)
    typed = {"origin": origin, "goal": goal}
    ends = [_exemplars(gan, text, labels, name, seed) for name, text in typed.items()]
    starts = _exemplars(gan, None, labels, "origin", seed, rows)
    _finish(gan, turned(gan, ends[0], ends[1], starts, steps, reach=reach), path, save_latents)


@latent.command
def truncate(
    run: Run,
    /,
    *,
    psi: Annotated[str, option("0, the mean, to 1, as they are; several joined by commas")] = (
        "1,0.8,0.6,0.4,0.2,0"
    ),
    start: From = None,
    labels: Label = None,
    rows: Rows = 8,
    seed: Seed = 0,
    save_latents: Saved = None,
    target: Shown = None,
) -> None:
    """Move latents towards the mean of their prior; codes of categories and labels are held."""
    from gankit.exploring.sheets import Sheet
    from gankit.exploring.truncation import truncate as truncated
    from gankit.trained.latents import join

    path = _target(target, "truncate.png")
    _check(rows, "--rows", 1)
    shares, gan = _numbers(psi, "psi"), _load(run, save_latents)
    starts = _exemplars(gan, start, labels, "start", seed, rows)
    moved = [truncated(gan, starts, share) for share in shares]
    rows_of = [moved[k][i] for i in range(len(starts)) for k in range(len(shares))]
    _finish(gan, Sheet(join(rows_of), len(shares)), path, save_latents)


@latent.command
def directions(
    run: Run,
    /,
    *,
    method: Annotated[
        Literal["factorise", "pca"],
        option("of the first layer's weights; or of a later layer's outputs"),
    ] = "factorise",
    count: Annotated[int, option("how many directions, the strongest first")] = 8,
    layer: Annotated[int, option("with pca: the layer with weights, from 1")] = 2,
    start: From = None,
    labels: Label = None,
    reach: Annotated[
        float, option("how far to go to either side, in standard deviations of the noise")
    ] = 3.0,
    steps: Steps = 9,
    seed: Seed = 0,
    save_latents: Saved = None,
    target: Shown = None,
) -> None:
    """Find directions that change much, without labels or training, and show each as a row."""
    from gankit.exploring.columns import spread
    from gankit.exploring.directions import factorise, principal
    from gankit.exploring.vectors import walk

    path = _target(target, "directions.png")
    _check(steps, "--steps", 2)
    gan = _load(run, save_latents)
    starts = _exemplars(gan, start, labels, "start", seed, 1)
    _single(starts, "each direction", "start")
    if method == "factorise":
        found = factorise(gan, count)
    else:
        found = principal(gan, count, like=starts, layer=layer, seed=seed)
    names = tuple(f"{i} ({strength:.3g})" for i, strength in enumerate(found.strengths, 1))
    far = reach * spread(gan)
    _finish(gan, walk(gan, starts, found.vectors, steps, reach=far, names=names), path,
            save_latents)  # fmt: skip


@latent.command
def neighbours(
    run: Run,
    /,
    *,
    start: From = None,
    labels: Label = None,
    n: Annotated[int, option("how many samples of the seed, 1 to 100", "-n")] = 12,
    features: Annotated[
        str | None, option("feature network: see `gankit list`; default: as in evaluate")
    ] = None,
    data: Annotated[str | None, option("where the run's data is now, or other data")] = None,
    seed: Seed = 0,
    target: Picture = None,
) -> None:
    """Show samples above their nearest training examples: is one of them a copy?"""
    import numpy as np

    from gankit.exploring.neighbours import find_neighbours
    from gankit.exploring.sheets import laid_out, pictures_of, write_picture
    from gankit.features.named import load_network
    from gankit.pictures import visible

    path = _target(target, "neighbours.png", film=False)
    _check(n, "-n", 1)
    gan = _load(run)
    network = None if features is None else load_network(features)
    latents = _exemplars(gan, start, labels, "start", seed, n)
    found = find_neighbours(
        gan, latents, say=_say, data=data, features=network, path=from_home(run)
    )
    nearest = [visible(measure.pictures, gan.pixels.alpha) for measure in found]
    rows = [pictures_of(gan, latents), *nearest]
    names = ["samples", *(f"by {measure.measure}" for measure in found)]
    write_picture(laid_out(np.stack(rows), names), path)
    print("\n".join(measure.describe() for measure in found))
    print(path)


@latent.command
def invert(
    run: Run,
    images: Annotated[str, option("a data set's name, a folder or an .npz of images, or one file")],
    /,
    *,
    n: Annotated[int, option("the first so many of the images, 1 to 100", "-n")] = 8,
    split: Annotated[
        Literal["train", "test"] | None, option("of the images; default: test if there is one")
    ] = None,
    labels: Annotated[
        str | None, option("the class of the images; default: every class is tried", "--label")
    ] = None,
    features: Annotated[
        str | None,
        option("compare these features too; none: pixels alone; default: digits, for digits"),
    ] = None,
    starts: Annotated[int, option("starts for each image")] = 4,
    pool: Annotated[int, option("samples among which the starts are chosen")] = 1000,
    steps: Annotated[int, option("steps from each start")] = 300,
    seed: Annotated[int, option("of the starts")] = 0,
    save_latents: Saved = None,
    target: Picture = None,
) -> None:
    """Find latents of given images, and show what they make beside the nearest sample."""
    import numpy as np

    from gankit.exploring.inversion import invert as inverted
    from gankit.exploring.inversion import read_images, usual_network
    from gankit.exploring.sheets import laid_out, pictures_of, write_picture
    from gankit.features.named import load_network
    from gankit.pictures import visible

    path = _target(target, "invert.png", film=False)
    _check(n, "-n", 1)
    gan, asked = _load(run, save_latents), _label(labels)
    given = read_images(gan, images, split, n)
    network = usual_network(gan) if features is None else None
    if features not in (None, "none"):
        network = load_network(str(features))
    found = inverted(gan, given, labels=asked, features=network, pool=pool, starts=starts,
                     steps=steps, seed=seed)  # fmt: skip
    made = [pictures_of(gan, some) for some in (found.latents, found.nearest)]
    rows = [visible(given, gan.pixels.alpha), *made]
    write_picture(laid_out(np.stack(rows), ["given", "found", "nearest sample"]), path)
    print(found.describe())
    print(path)
    _save(found.latents, save_latents)


@latent.command
def forget(
    run: Run,
    /,
    *,
    box: Annotated[
        list[str] | None,
        option("mark the object: NUMBER:x0,y0,x1,y1, in pixels of that sample; repeat it"),
    ] = None,
    masks: Annotated[
        Path | None,
        option("or a folder of pictures, 17.png, that are light where sample 17 shows it"),
    ] = None,
    labels: Label = None,
    most: Annotated[
        int | None,
        option("drop at most so many feature maps; default: all that speak for the object"),
    ] = None,
    n: Annotated[int, option("how many new samples are shown, 1 to 100", "-n")] = 12,
    seed: Annotated[int, option("of the samples that are marked")] = 0,
    target: Picture = None,
) -> None:
    """Make the generator forget what is marked: samples before and after, as in the DCGAN paper."""
    import numpy as np

    from gankit.exploring.columns import check_images
    from gankit.exploring.forgetting import forget as forgotten
    from gankit.exploring.forgetting import learn_maps, read_boxes, read_masks
    from gankit.exploring.sheets import laid_out, pictures_of, write_picture

    path = _target(target, "forget.png", film=False)
    _check(n, "-n", 1)
    if (box is None) == (masks is None):
        raise ConfigError("mark the object on samples, by --box or by --masks")
    gan, asked = _load(run), _label(labels)
    check_images(gan)
    marks = read_boxes(gan, box or []) if masks is None else read_masks(gan, from_home(masks))
    maps = learn_maps(gan, marks, asked, seed=seed, most=most)
    new = gan.latents(n, asked, (seed + 1) % 2**64)
    rows = [pictures_of(gan, new), forgotten(gan, new, maps)]
    write_picture(laid_out(np.stack(rows), ["before", "after"]), path)
    print(maps.describe())
    print(path)


@latent.command
def best(
    run: Annotated[Path, option("a run directory: its checkpoint holds D")],
    /,
    *,
    by: Annotated[
        Literal["d", "coverage"],
        option("chains that D's answers lead; or samples that cover the real examples best"),
    ] = "d",
    n: Annotated[int, option("how many samples", "-n")] = 64,
    labels: Label = None,
    proposals: Annotated[int | None, option("by d: the length of each chain; default: 200")] = None,
    among: Annotated[
        int | None, option("by coverage: choose among so many samples; default: 1,000")
    ] = None,
    features: Annotated[
        str | None,
        option("by coverage: feature network: see `gankit list`; default: as in evaluate"),
    ] = None,
    data: Annotated[
        str | None, option("real examples to compare with; default: the run's own")
    ] = None,
    seed: Seed = 0,
    save_latents: Saved = None,
    target: Annotated[
        Path | None, option("x.png, x.npz or a folder, as of `gankit sample`", "--out", "-o")
    ] = None,
) -> None:
    """Choose samples: those that D takes for real, or those that cover the real examples."""
    from gankit.exploring.covering import AMONG, Covering, cover
    from gankit.exploring.filtering import PROPOSALS, Best
    from gankit.exploring.filtering import best as chosen
    from gankit.features.named import load_network
    from gankit.trained.export import write_samples

    other = {"--among": among, "--features": features} if by == "d" else {"--proposals": proposals}
    if unfit := [name for name, value in other.items() if value is not None]:
        raise ConfigError(f"{' and '.join(unfit)} have no meaning with --by {by}: leave them out")
    path, gan = from_home(target or Path("best.png")), _load(run, save_latents)
    found: Best | Covering
    if by == "d":
        found = chosen(
            gan, n, path=from_home(run), say=_say, labels=_label(labels), seed=seed,
            proposals=PROPOSALS if proposals is None else proposals, data=data,
        )  # fmt: skip
    else:
        found = cover(
            gan, n, path=from_home(run), say=_say, labels=_label(labels), seed=seed,
            among=AMONG if among is None else among, data=data,
            features=None if features is None else load_network(features),
        )  # fmt: skip
    write_samples(gan, n, None, seed, path, found.latents)
    print(found.describe())
    print(path)
    _save(found.latents, save_latents)


def _load(run: Path, save_latents: Path | None = None) -> GAN:
    """Load a run, after a look at where its latents shall be kept."""
    from gankit.trained.artifact import load
    from gankit.trained.latents import check_name

    if save_latents is not None:
        check_name(save_latents)
    return load(run)


def _label(typed: str | None) -> Labels:
    from gankit.trained.export import read_label

    return read_label(typed)


def _exemplars(
    gan: GAN, text: str | None, label: str | None, about: str, seed: int, usual: int = 1
) -> Latents:
    """Return the latents that a text points at; without one the first `usual` of the seed."""
    from gankit.exploring.exemplars import read_exemplars

    asked = _label(label)
    if text is None:
        return gan.latents(usual, asked, seed)
    return read_exemplars(gan, text, asked, about, read=lambda path: read_latents(gan, path))


def _target(out: Path | None, usual: str, *, film: bool = True) -> Path:
    """Return where to write. Raises ConfigError, before any work, if that is no picture."""
    from gankit.exploring.sheets import check_picture, check_target

    target = from_home(out or Path(usual))
    (check_target if film else check_picture)(target)
    return target


def _finish(gan: GAN, sheet: Sheet, target: Path, save_latents: Path | None) -> None:
    from gankit.exploring.sheets import write_sheet

    write_sheet(gan, sheet, target)
    print(target)
    _save(sheet.latents, save_latents)


def _save(latents: Latents, path: Path | None) -> None:
    if path is not None:
        latents.save(path)
        print(path)


def _check(value: int, name: str, least: int) -> None:
    if not least <= value <= 100:
        raise ConfigError(f"{name} must be in {least} to 100, got {value}")


def _single(latents: Latents, what: str, about: str) -> None:
    if len(latents) != 1:
        raise ConfigError(f"{what} is shown from one latent, got {len(latents)}", about)


def _numbers(text: str, name: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(
            f"{name} must be numbers joined by commas, got {visible(text)}", name
        ) from None


def _say(line: str) -> None:
    print(visible(line), file=sys.stderr)
