"""The commands of `gankit latent` that search: neighbours, invert, forget, best."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from gankit.cli.latent_options import (
    From,
    Label,
    Picture,
    Run,
    Saved,
    Seed,
    check_number,
    exemplars_at,
    keep_latents,
    load_run,
    picture_path,
    say,
)
from gankit.cli.options import option
from gankit.errors import ConfigError
from gankit.text import from_home

if TYPE_CHECKING:
    from gankit.exploring.covering import Covering
    from gankit.exploring.filtering import Best


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

    path = picture_path(target, "neighbours.png", film=False)
    check_number(n, "-n", 1)
    gan = load_run(run)
    network = None if features is None else load_network(features)
    latents = exemplars_at(gan, start, labels, "start", seed, n)
    found = find_neighbours(gan, latents, say=say, data=data, features=network, path=from_home(run))
    nearest = [visible(measure.pictures, gan.pixels.alpha) for measure in found]
    rows = [pictures_of(gan, latents), *nearest]
    names = ["samples", *(f"by {measure.measure}" for measure in found)]
    write_picture(laid_out(np.stack(rows), names), path)
    print("\n".join(measure.describe() for measure in found))
    print(path)


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
    from gankit.trained.export import read_label

    path = picture_path(target, "invert.png", film=False)
    check_number(n, "-n", 1)
    gan, asked = load_run(run, save_latents), read_label(labels)
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
    keep_latents(found.latents, save_latents)


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
    from gankit.trained.export import read_label

    path = picture_path(target, "forget.png", film=False)
    check_number(n, "-n", 1)
    if (box is None) == (masks is None):
        raise ConfigError("mark the object on samples, by --box or by --masks")
    gan, asked = load_run(run), read_label(labels)
    check_images(gan)
    marks = read_boxes(gan, box or []) if masks is None else read_masks(gan, from_home(masks))
    maps = learn_maps(gan, marks, asked, seed=seed, most=most)
    new = gan.latents(n, asked, (seed + 1) % 2**64)
    rows = [pictures_of(gan, new), forgotten(gan, new, maps)]
    write_picture(laid_out(np.stack(rows), ["before", "after"]), path)
    print(maps.describe())
    print(path)


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
    from gankit.exploring.covering import AMONG, cover
    from gankit.exploring.filtering import PROPOSALS
    from gankit.exploring.filtering import best as chosen
    from gankit.features.named import load_network
    from gankit.trained.export import read_label, write_samples

    other = {"--among": among, "--features": features} if by == "d" else {"--proposals": proposals}
    if unfit := [name for name, value in other.items() if value is not None]:
        raise ConfigError(f"{' and '.join(unfit)} have no meaning with --by {by}: leave them out")
    path, gan = from_home(target or Path("best.png")), load_run(run, save_latents)
    found: Best | Covering
    if by == "d":
        found = chosen(
            gan, n, path=from_home(run), say=say, labels=read_label(labels), seed=seed,
            proposals=PROPOSALS if proposals is None else proposals, data=data,
        )  # fmt: skip
    else:
        found = cover(
            gan, n, path=from_home(run), say=say, labels=read_label(labels), seed=seed,
            among=AMONG if among is None else among, data=data,
            features=None if features is None else load_network(features),
        )  # fmt: skip
    write_samples(gan, n, None, seed, path, found.latents)
    print(found.describe())
    print(path)
    keep_latents(found.latents, save_latents)
