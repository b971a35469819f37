"""Find latents of given images: what a generator can make of a picture that it did not draw.

A generator can only make what it has learned to make, so the result is near to the image, at best.
The error is shown beside that of the nearest of many samples, which costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gankit.arguments import typed_arguments
from gankit.data import as_pictures, as_planes, planes_of
from gankit.data.images import decode
from gankit.data.opening import UnreadableError, quiet_decoding
from gankit.data.pixels import to_network
from gankit.data.read_options import Split
from gankit.data.walk import is_picture
from gankit.errors import ConfigError, DataError
from gankit.exploring.columns import check_images, limits, movable, spread
from gankit.features.digits_network import CLASSES
from gankit.features.named import Digits
from gankit.features.network import FeatureNetwork
from gankit.game_types import Latent
from gankit.randomness import Purpose, rng
from gankit.text import from_home, reason
from gankit.trained.drawing import BLOCK
from gankit.trained.gan import GAN
from gankit.trained.labelling import Labels
from gankit.trained.latents import Latents, join
from gankit.trained.reading import read_for
from gankit.training.optimizers import Adam

POOL, STARTS, STEPS = 1000, 4, 300
"""By default: samples among which the starts are chosen, starts of each image, steps of Adam."""
RATE = 0.05
"""The first rate of Adam, in standard deviations of the noise; it falls to 0 along a cosine."""
AT_ONCE = 64
"""How many latents are moved together, which decides how much memory is needed."""
OUTLYING = 2.2
"""Normal noise of z numbers is kept within sqrt(z) + 2.2 of the middle, which holds all of the
prior but one latent in a thousand."""


@dataclass(frozen=True, eq=False)
class Inversion:
    """The latents found for N images.

    Attributes:
        latents: the latents found.
        errors: float64 [N], the root mean square difference between the image and what is made of
            its latent, in levels of 0..255.
        nearest: the latents of the sample nearest to each image, among `pool`.
        nearest_errors: float64 [N], the same error of that sample.
        pool: how many samples there were.
    """

    latents: Latents
    errors: NDArray[np.float64]
    nearest: Latents
    nearest_errors: NDArray[np.float64]
    pool: int

    def describe(self) -> str:
        """Return the errors in words: one line, and another one if some images were not found."""
        lines = [
            f"{len(self.errors)} images: error {np.median(self.errors):.1f} of 255 (median), that "
            f"of the nearest of {self.pool:,} samples {np.median(self.nearest_errors):.1f}"
        ]
        failed = np.flatnonzero(self.errors > 0.9 * self.nearest_errors)
        if len(failed):
            numbers = ", ".join(map(str, failed[:12])) + ", ..." * (len(failed) > 12)
            lines.append(f"not found, hardly nearer than that sample: {numbers}")
        return "\n".join(lines)


def usual_network(gan: GAN) -> FeatureNetwork | None:
    """Return the features that images of a run are compared in: of digits; else None."""
    task = gan.game.task
    if task.shape == (1, 28, 28) and task.class_names == CLASSES:
        return Digits(str(next(gan.generator.parameters()).device))
    return None


def read_images(gan: GAN, source: str, split: Split | None, most: int) -> NDArray[np.uint8]:
    """Read the first images of a source at the run's size: [N, H, W] or [N, H, W, C].

    Args:
        gan: the trained run; it makes images.
        source: a data set's name, a folder, a pattern, an .npz of arrays, or a single picture.
        split: of the images; None: `test` if there is one.
        most: the most images that are read.

    Raises DataError if they cannot be read, ConfigError if the run makes no images.
    """
    check_images(gan)
    data = gan.config.data
    path = from_home(source)
    if path.is_file() and is_picture(source.lower()):
        with quiet_decoding():
            try:
                one = decode(
                    path, (gan.shape[0], gan.shape[1], gan.shape[2]), data.fit, data.values
                )
            except UnreadableError as error:
                raise DataError(f"'{source}' cannot be read: {reason(error)}") from None
        return as_pictures(one[None])
    dataset = read_for(gan, source, split)
    return as_pictures(dataset.read(np.arange(min(most, len(dataset)))))


@typed_arguments()
def invert(
    gan: GAN,
    images: NDArray[np.uint8],
    *,
    labels: Labels = None,
    features: FeatureNetwork | None = None,
    weight: float = 0.2,
    pool: int = POOL,
    starts: int = STARTS,
    steps: int = STEPS,
    seed: int = 0,
) -> Inversion:
    """Find a latent for each image, by Adam from several starts.

    The starts are the samples nearest to the image among `pool`; they bring their one-hot codes
    and, unless labels are given, their class, which are held. What is minimised is the mean square
    difference of pixels, and that of features, each as a share of what it is among the samples of
    the pool. Noise stays where the prior puts it. The best start is kept, and is never worse than
    the nearest sample.

    Args:
        gan: the trained run; it makes images.
        images: uint8 [N, H, W], [N, H, W, C] or [N, C, H, W], of the run's own size.
        labels: labels of the images, as in `GAN.sample`; None: every class is tried.
        features: the network whose features are compared besides pixels; None: pixels alone. It has
            to be one that torch can differentiate, and not one in a file.
        weight: of the features, beside 1 for the pixels.
        pool: how many samples the starts are chosen from.
        starts: how many starts each image has.
        steps: how many steps of Adam each start takes.
        seed: of the pool.

    Raises ConfigError if the images are of another size, a number is out of range, the labels do
    not suit the run, or the features cannot be differentiated.
    """
    check_images(gan)
    planes = planes_of(images, gan.shape)
    if planes.dtype != np.uint8:
        raise ConfigError(f"images must be uint8, got {planes.dtype}", "images")
    if not 1 <= starts <= pool or steps < 0:
        raise ConfigError(
            f"starts must be in 1 to pool, steps at least 0: got {starts}, {pool} and {steps}"
        )
    asked = None if labels is None else gan.labels_for(len(images), labels)
    search = _Search(gan, features, weight, steps)
    found = []
    for group in _groups(asked, len(images)):
        drawn = _pool(gan, pool, None if asked is None else asked[group[:1]], seed)
        found += list(search.of_group(planes, group, drawn, starts))
    found.sort(key=lambda one: one[0])
    errors, nearest_errors = (np.array([one[i] for one in found]) for i in (2, 4))
    return Inversion(
        join([one[1] for one in found]), errors, join([one[3] for one in found]), nearest_errors,
        pool,
    )  # fmt: skip


Found = tuple[int, Latents, float, Latents, float]
"""An image's number; its latent and error; the nearest sample's latent and error."""


def _groups(asked: NDArray[np.generic] | None, count: int) -> list[NDArray[np.int64]]:
    """Return the numbers of the images of each label, so that each label has one pool."""
    if asked is None:
        return [np.arange(count)]
    _, which = np.unique(asked, axis=0, return_inverse=True)
    return [np.flatnonzero(which.reshape(-1) == i) for i in range(which.max() + 1)]


def _pool(gan: GAN, count: int, label: NDArray[np.generic] | None, seed: int) -> Latents:
    """Draw latents that `gan.latents` never draws, so that a sample is not found by being in it."""
    if not 0 <= seed < 2**64:
        raise ConfigError(f"seed must be in [0, 2^64), got {seed}", "seed")
    every = gan.labels_for(count) if label is None else label.repeat(count, 0)
    noise = [
        gan.game.latent(BLOCK, None, rng(seed, Purpose.EVALUATION, block, 2)).noise
        for block in range(-(-count // BLOCK))
    ]
    return gan.adopt(Latents(torch.cat(noise)[:count].numpy(), every))


class _Search:
    """The search for the latents of images, by one generator and one measure."""

    def __init__(
        self, gan: GAN, features: FeatureNetwork | None, weight: float, steps: int
    ) -> None:
        self.gan, self.features, self.weight, self.steps = gan, features, weight, steps
        first = next(gan.generator.parameters())
        self.device, self.dtype = first.device, first.dtype
        self.moves = torch.from_numpy(movable(gan)).to(self.device)
        low, high = (torch.from_numpy(end).to(self.device) for end in limits(gan))
        self.low = torch.where(self.moves, low, -torch.inf)
        self.high = torch.where(self.moves, high, torch.inf)

    def of_group(
        self, planes: NDArray[np.uint8], group: NDArray[np.int64], pool: Latents, starts: int
    ) -> list[Found]:
        """Find the latents of the images of one label."""
        target = to_network(
            np.ascontiguousarray(planes[group]), (0.0, 1.0), self.device, self.dtype
        )
        seen = self._seen(target)
        samples = self.gan.as_stored(latents=pool)
        shown = to_network(
            np.ascontiguousarray(as_planes(samples)), (0.0, 1.0), self.device, self.dtype
        )
        apart = torch.cdist(target.flatten(1), shown.flatten(1))
        order = apart.argsort(1)[:, :starts].cpu().numpy()
        scales = (apart.square().mean() / target[0].numel(), self._scale(seen, shown))
        found: list[Found] = []
        together = max(1, AT_ONCE // starts)
        for begin in range(0, len(group), together):
            part = slice(begin, begin + together)
            moved = self._descend(target[part], seen, part, pool[order[part].reshape(-1)], scales)
            for i, number in enumerate(group[part]):
                own = moved[i * starts : (i + 1) * starts]
                tried = join([own, pool[order[begin + i, :1]]])
                errors = _errors(self.gan.as_stored(latents=tried), planes[number])
                best = int(errors.argmin())
                found.append(
                    (int(number), tried[best], float(errors[best]), tried[-1], float(errors[-1]))
                )
        return found

    def _seen(self, pictures: Tensor) -> Tensor | None:
        """Return the features of pictures [N, C, H, W] in [0, 1]; None if pixels are all."""
        if self.features is None:
            return None
        found: Tensor = self.features.forward(self.features.fit(pictures))[0]
        return found

    def _scale(self, seen: Tensor | None, shown: Tensor) -> Tensor:
        """Return the mean square difference of features between images and samples."""
        if seen is None:
            return torch.ones(())
        with torch.no_grad():
            others = self._seen(shown[:BLOCK])
        assert others is not None
        return torch.cdist(seen, others).square().mean().clamp_min(1e-12)

    def _descend(
        self,
        target: Tensor,
        seen: Tensor | None,
        part: slice,
        begin: Latents,
        scales: tuple[Tensor, Tensor],
    ) -> Latents:
        """Return the latents after all steps; `begin` holds the starts of the first image, ..."""
        given = begin.to_latent().to(self.device, self.dtype)
        starts = len(begin) // len(target)
        wanted = target.repeat_interleave(starts, 0)
        known = None if seen is None else seen[part].repeat_interleave(starts, 0)
        noise = given.noise.clone().requires_grad_()
        rate = RATE * spread(self.gan)
        adam = Adam([noise], lr=rate, betas=(0.9, 0.99))
        fall = torch.optim.lr_scheduler.CosineAnnealingLR(adam, max(1, self.steps))
        for _ in range(self.steps):
            adam.zero_grad()
            loss = self._loss(Latent(noise, given.labels), wanted, known, scales)
            loss.backward()  # type: ignore[no-untyped-call]
            assert noise.grad is not None
            noise.grad *= self.moves
            adam.step()
            fall.step()
            self._keep_inside(noise)
        return replace(begin, noise=noise.detach().float().cpu().numpy())

    def _loss(
        self,
        latent: Latent,
        wanted: Tensor,
        known: Tensor | None,
        scales: tuple[Tensor, Tensor],
    ) -> Tensor:
        low, high = self.gan.game.value_range or (0.0, 1.0)
        made = (self.gan.generate(latent) - low) / (high - low)
        loss: Tensor = (made - wanted).square().flatten(1).mean(1) / scales[0]
        found = self._seen(made.clamp(0, 1))
        if found is not None and known is not None:
            if not found.requires_grad:
                raise ConfigError(
                    "features in a file cannot be differentiated: choose others, by name",
                    "features",
                )
            loss = loss + self.weight * (found - known).square().sum(1) / scales[1]
        return loss.sum()

    @torch.no_grad()
    def _keep_inside(self, noise: Tensor) -> None:
        """Bring noise back to where its prior puts it."""
        noise.copy_(torch.minimum(torch.maximum(noise, self.low), self.high))
        size = self.gan.config.latent.size
        if self.gan.config.latent.prior == "normal":
            length = noise[:, :size].norm(dim=1, keepdim=True)
            noise[:, :size] *= (size**0.5 + OUTLYING) / length.clamp_min(size**0.5 + OUTLYING)


def _errors(samples: NDArray[np.uint8], plane: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the root mean square difference of samples from one image [C, H, W], in levels."""
    apart = as_planes(samples).astype(np.float64) - plane
    error: NDArray[np.float64] = np.sqrt(np.square(apart).reshape(len(samples), -1).mean(1))
    return error
