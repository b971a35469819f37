"""Make a generator forget an object, as in section 6.3.2 of the DCGAN paper (arXiv 1511.06434).

A person marks the object on some samples. A logistic regression of the second-highest layer's
activations tells marked places from others, and the feature maps that speak for the object are
dropped: they are 0 everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from gankit.errors import ConfigError, DataError
from gankit.exploring.directions import watched
from gankit.exploring.sheets import check_count, pictures_of
from gankit.pictures import Pixels, read_picture
from gankit.randomness import Purpose, rng
from gankit.storage import list_folder
from gankit.text import from_home, shown
from gankit.trained.drawing import BLOCK
from gankit.trained.gan import GAN
from gankit.trained.labelling import Labels
from gankit.trained.latents import Latents

MOST_NUMBERED = 10_000
"""How many samples of a seed can be marked by their number."""
FOLDS = 5
"""The most parts of the marked samples, of which each is judged by what the others taught."""
_BOX = re.compile(r"([0-9]{1,5}):([0-9]{1,5}),([0-9]{1,5}),([0-9]{1,5}),([0-9]{1,5})")

Marks = Mapping[int, NDArray[np.bool_]]
"""By the number of a sample, which of its pixels are marked: bool [H, W]."""


@dataclass(frozen=True, eq=False)
class Maps:
    """How the feature maps of a generator speak for an object.

    Attributes:
        weights: float64 [C], of each map in the logistic regression, per standard deviation.
        dropped: bool [C], which maps are dropped.
        marked: how many places of the maps are marked; as many others were compared with them.
        samples: on how many samples.
        right: the share of places that the regression tells right on samples that it was not fitted
            to, of which half are marked; None if only one sample is marked.
    """

    weights: NDArray[np.float64]
    dropped: NDArray[np.bool_]
    marked: int
    samples: int
    right: float | None

    def describe(self) -> str:
        """Return what was learnt, and what is dropped, in two lines."""
        known = "one sample is marked, so nothing says whether it holds for others"
        if self.right is not None:
            known = f"right at {self.right:.0%} of places on samples it was not fitted to (50% is "
            known += "chance)"
        return (
            f"{self.marked:,} marked places on {self.samples:,} samples against as many others: "
            f"{known}\n{int(self.dropped.sum()):,} of {len(self.dropped):,} feature maps dropped, "
            "those that speak most for what is marked"
        )


def read_boxes(gan: GAN, texts: Sequence[str]) -> Marks:
    """Return the pixels in boxes that were typed, `N:x0,y0,x1,y1`; several may be of one sample.

    N is the number of the sample; x goes to the right and y down from 0, x1 and y1 are left out.
    Raises ConfigError if a text is none, or if a box holds no pixel or reaches out of the image.
    """
    height, width = gan.shape[1:]
    marks: dict[int, NDArray[np.bool_]] = {}
    for text in texts:
        match = _BOX.fullmatch(text.replace(" ", ""))
        if match is None:
            raise ConfigError(f"a box is typed as N:x0,y0,x1,y1, got {shown(text)}", "box")
        number, x0, y0, x1, y1 = map(int, match.groups())
        if not (x0 < x1 <= width and y0 < y1 <= height):
            raise ConfigError(
                f"box {text} holds no pixel, or reaches out of the image, which is {width} wide "
                f"and {height} high",
                "box",
            )
        mask = marks.setdefault(number, np.zeros((height, width), bool))
        mask[y0:y1, x0:x1] = True
    return marks


def read_masks(gan: GAN, folder: str | Path) -> Marks:
    """Return the light pixels of pictures of the run's size, each named after its sample, `17.png`.

    Raises DataError if there is none, if one cannot be read, or if one has another size.
    """
    folder, marks = from_home(folder), {}
    for path in list_folder(folder):
        if path.suffix != ".png" or not path.stem.isdecimal():
            continue
        try:
            mask = np.asarray(read_picture(path).convert("L")) >= 128
        except OSError as error:
            raise DataError(f"'{path}' cannot be read: {error}") from None
        if mask.shape != gan.shape[1:]:
            got, wanted = ("x".join(map(str, s)) for s in (mask.shape, gan.shape[1:]))
            raise DataError(f"'{path}' is {got} (height first), and the run's images are {wanted}")
        marks[int(path.stem)] = mask
    if not marks:
        raise DataError(f"'{folder}' holds no mask: name each after its sample, as 17.png")
    return marks


def learn_maps(
    gan: GAN,
    marks: Marks,
    labels: Labels = None,
    *,
    seed: int = 0,
    most: int | None = None,
) -> Maps:
    """Find the feature maps of the second-highest layer that speak for what is marked.

    Marked places are told from as many places of the same samples that are not, chosen at random.

    Args:
        gan: the trained run; it makes images, by a last layer that sees feature maps.
        marks: what is marked, by the numbers of the seed's samples.
        labels: the label of all samples, as in `GAN.sample`.
        seed: of the samples.
        most: drop at most so many maps, those of the largest weights; None: all whose weight is
            positive, as in the paper.

    Raises ConfigError if nothing is marked or everything is, if a number is too large, or if the
    generator has no such layer.
    """
    if not marks or max(marks) >= MOST_NUMBERED:
        raise ConfigError(
            f"mark the object on samples numbered 0 to {MOST_NUMBERED - 1:,}, on one or more", "box"
        )
    if most is not None and most < 1:
        raise ConfigError(f"at least one map must be dropped, got {most}", "most")
    numbers = np.array(sorted(marks))
    latents = gan.latents(int(numbers[-1]) + 1, labels, seed)[numbers]
    maps = _activations(gan, latents)
    places = _places(np.stack([marks[i] for i in numbers]), maps.shape[2:])
    chosen = np.flatnonzero(places)
    others = np.flatnonzero(~places)
    if not len(chosen) or not len(others):
        raise ConfigError("mark some places of the samples, and leave some others out", "box")
    others = rng(seed, Purpose.EVALUATION, 0, 4).permutation(others)[: len(chosen)]
    both = np.concatenate([chosen, others])
    rows = maps.transpose(0, 2, 3, 1).reshape(-1, maps.shape[1])[both].astype(np.float64)
    rows = (rows - rows.mean(0)) / np.maximum(rows.std(0), 1e-12)
    weights, right = _regress(rows, np.isin(both, chosen), both // places[0].size)
    dropped = weights > 0
    if most is not None:
        dropped &= weights >= np.sort(weights)[-min(most, len(weights))]
    return Maps(weights, dropped, len(chosen), len(numbers), right)


def forget(gan: GAN, latents: Latents, maps: Maps) -> Pixels:
    """Return samples without the dropped maps, as they are looked at: uint8 [N, H, W(, 3)].

    Raises ConfigError if there are too many to look at, or if the maps are of another run.
    """
    check_count(gan, len(latents))
    last = _last_layer(gan)[0]
    kept = torch.from_numpy(~maps.dropped)

    def drop(_layer: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        if given[0].shape[1] != len(kept):
            raise ConfigError("these feature maps are of another run")
        return (given[0] * kept.to(given[0])[:, None, None], *given[1:])

    handle = last.register_forward_pre_hook(drop)
    try:
        return pictures_of(gan, latents)
    finally:
        handle.remove()


def _last_layer(gan: GAN, latents: Latents | None = None) -> tuple[nn.Module, Tensor]:
    """Return the layer with weights that makes the image, and what it was given."""
    if latents is None:
        condition = np.zeros(gan.condition, np.float32) if gan.condition else None
        latents = gan.latents(1, condition)
    with torch.inference_mode(), watched(gan.generator) as calls:
        gan(latents)
    layer, given, _ = calls[-1]
    if gan.kind != "images" or given.ndim != 4:
        raise ConfigError(
            "the last layer of this generator sees no feature maps: only generators of "
            "convolutions can forget"
        )
    return layer, given


def _activations(gan: GAN, latents: Latents) -> NDArray[np.float32]:
    """Return what the last layer is given for these latents: [N, C, h, w]."""
    parts = range(0, len(latents), BLOCK)
    found = [_last_layer(gan, latents[i : i + BLOCK])[1].float().cpu().numpy() for i in parts]
    return np.concatenate(found)


def _places(masks: NDArray[np.bool_], size: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which places of feature maps are marked, at least half, or most of all: [N, h, w]."""
    shares = interpolate(torch.from_numpy(masks)[:, None].double(), size, mode="area")[:, 0].numpy()
    most = shares.max((1, 2), keepdims=True)
    return np.asarray((shares >= np.minimum(0.5, most)) & (shares > 0))


def _regress(
    rows: NDArray[np.float64], marked: NDArray[np.bool_], samples: NDArray[np.int64]
) -> tuple[NDArray[np.float64], float | None]:
    """Return the weights of a logistic regression, and the share it tells right of other samples.

    Args:
        rows: [P, C], the standardised activations of each place.
        marked: [P], whether it is marked.
        samples: [P], on which sample it is.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold

    def right(seen: NDArray[np.int64], held: NDArray[np.int64]) -> NDArray[np.bool_]:
        if len(set(marked[seen])) == 1:  # nothing but marked places, or none
            return np.asarray(marked[held] == marked[seen][0])
        fitted = LogisticRegression(max_iter=1000).fit(rows[seen], marked[seen])
        return np.asarray(fitted.predict(rows[held]) == marked[held])

    weights = LogisticRegression(max_iter=1000).fit(rows, marked).coef_[0]
    parts = len(set(samples))
    if parts == 1:
        return weights, None
    folds = GroupKFold(min(FOLDS, parts)).split(rows, marked, samples)
    return weights, float(np.concatenate([right(*fold) for fold in folds]).mean())
