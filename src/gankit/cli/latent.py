"""`gankit latent`: what can be done with the latents of a trained run, a command for each.

The commands that go from latents to others are here; those that search are in latent_searches.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App

from gankit.cli.latent_options import (
    POINTED,
    From,
    Label,
    Picture,
    Rows,
    Run,
    Saved,
    Seed,
    Shown,
    Steps,
    check_number,
    check_single,
    exemplars_at,
    finish,
    keep_latents,
    load_run,
    picture_path,
    read_numbers,
)
from gankit.cli.latent_searches import best, forget, invert, neighbours
from gankit.cli.options import option
from gankit.errors import ConfigError

if TYPE_CHECKING:
    from gankit.trained.latents import Latents


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
for search in (neighbours, invert, forget, best):
    latent.command(search)


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

    path = picture_path(target, "interpolate.png")
    check_number(steps, "--steps", 2)
    gan = load_run(run, save_latents)
    classes = [] if labels is None else labels.split(",")
    several = len(classes) > 1
    keys = exemplars_at(gan, between, None if several else labels, "between", seed,
                        1 if several or code is not None else 5)  # fmt: skip
    if several:
        keys = along_labels(gan, keys, classes)
    elif code is not None:
        check_single(keys, "a code", "between")
        keys = along_code(gan, keys, code)
    loop = path.suffix != ".png"
    finish(gan, ways(gan, keys, steps, way=way, loop=loop), path, save_latents)


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

    path = picture_path(target, "sweep.png")
    if code is not None and dimension is not None:
        raise ConfigError("--code and --dimension are both given: sweep one")
    if rows is not None and (start is not None or dimension == "all"):
        raise ConfigError("--rows is for samples of a seed, and one dimension: leave it out")
    check_number(1 if rows is None else rows, "--rows", 1)
    check_number(steps, "--steps", 1)
    gan = load_run(run, save_latents)
    zero = start == "zero"
    usual = 1 if zero or dimension == "all" else rows or 10
    held = exemplars_at(gan, None if zero else start, labels, "start", seed, usual)
    held = middle(gan, held) if zero else held
    finish(
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
    path, gan = picture_path(target, "arithmetic.png", film=False), load_run(run, save_latents)
    check_images(gan)
    network = None if features is None else load_network(features)

    def term(text: str | None, name: str | None, about: str, about_class: str) -> Latents:
        if name is None:
            return exemplars_at(gan, text, labels, about, seed)
        found, said = exemplars_of(
            gan, name, exemplars, seed=seed, classifier=network, about=about_class
        )
        print(f"{name}: {said}")
        return found

    terms = [exemplars_at(gan, of, labels, "of", seed)]
    terms += [term(minus, without, "minus", "without"), term(plus, with_, "plus", "with_")]
    answer = added(gan, terms[0], terms[1], terms[2], around=around, seed=seed)
    write_picture(arithmetic_picture(gan, terms, answer), path)
    print(path)
    keep_latents(answer, save_latents)


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

    path = picture_path(target, "turn.png")
    check_number(rows, "--rows", 1)
    check_number(steps, "--steps", 2)
    gan = load_run(run, save_latents)
    typed = {"origin": origin, "goal": goal}
    ends = [exemplars_at(gan, text, labels, name, seed) for name, text in typed.items()]
    starts = exemplars_at(gan, None, labels, "origin", seed, rows)
    finish(gan, turned(gan, ends[0], ends[1], starts, steps, reach=reach), path, save_latents)


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

    path = picture_path(target, "truncate.png")
    check_number(rows, "--rows", 1)
    shares, gan = read_numbers(psi, "psi"), load_run(run, save_latents)
    starts = exemplars_at(gan, start, labels, "start", seed, rows)
    moved = [truncated(gan, starts, share) for share in shares]
    rows_of = [moved[k][i] for i in range(len(starts)) for k in range(len(shares))]
    finish(gan, Sheet(join(rows_of), len(shares)), path, save_latents)


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

    path = picture_path(target, "directions.png")
    check_number(steps, "--steps", 2)
    gan = load_run(run, save_latents)
    starts = exemplars_at(gan, start, labels, "start", seed, 1)
    check_single(starts, "each direction", "start")
    if method == "factorise":
        found = factorise(gan, count)
    else:
        found = principal(gan, count, like=starts, layer=layer, seed=seed)
    names = tuple(f"{i} ({strength:.3g})" for i, strength in enumerate(found.strengths, 1))
    far = reach * spread(gan)
    finish(gan, walk(gan, starts, found.vectors, steps, reach=far, names=names), path,
            save_latents)  # fmt: skip
