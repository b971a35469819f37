"""A trained GAN, which draws samples and classifies images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args, overload

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from gankit.data import as_pictures, as_planes
from gankit.data.pixels import to_network, to_numbers, to_pixels
from gankit.errors import ConfigError
from gankit.families import Game
from gankit.game import families_that
from gankit.game_types import Latent
from gankit.nn.layers import mixed_labels
from gankit.randomness import Purpose, rng
from gankit.text import shown
from gankit.trained.discriminator import last_discriminator, layers_of, recorded
from gankit.trained.export import as_image
from gankit.trained.latents import Latents
from gankit.worlds.episodes import Episodes, join_episodes
from gankit.worlds.world import World

if TYPE_CHECKING:
    from PIL.Image import Image

    from gankit.trained.card import Scores

BLOCK = 250
"""The number of samples drawn at a time. `seed` depends on it: each block has its own draw."""

PASS = 16
"""The number of samples that a CPU generates at a time. Many more are no faster for each."""

Labels = int | str | Sequence[int] | Sequence[str] | Sequence[float] | NDArray[Any] | None

Output = Literal["np", "pt", "pil", "text"]


class GAN:
    """A trained generator, ready to sample; `gankit.load` makes one.

    >>> import gankit
    >>> config = gankit.configure("gan", "toy:ring8")
    >>> _ = gankit.fit(gankit.override(config, {"training.steps": 2}), "runs/ring")
    >>> gan = gankit.load("runs/ring")
    >>> gan
    <gankit.GAN gan 2 after 2 steps>
    >>> points = gan.sample(64, seed=0)
    >>> points.shape, str(points.dtype)
    ((64, 2), 'float32')

    Attributes:
        config: the complete configuration of its run.
        kind: the kind of samples: `images`, `points`, `tokens` or `trajectories`.
        shape: the shape of one example: (channels, height, width) of an image, (dimensions,) of a
            point, (length,) of tokens, (moments, dimensions) of a trajectory.
        symbols: what tokens stand for, by their number.
        pixels: what images are: the range and the type of their numbers, and whether their last
            channel is opacity (`gankit.data.values.PixelFormat`).
        class_names: the names of the classes, by label; empty if the run knows no classes.
        condition: the size of the vector that samples are asked for by in place of a class, else 0.
        step: the number of training steps that it has taken.
        path: the artifact that it was loaded from; None if it was made from a game.
        digest: the digest of that artifact; empty if it was made from a game.
    """

    def __init__(self, game: Game, step: int, path: Path | None = None, digest: str = "") -> None:
        self._game = game
        self._discriminator: nn.Module | None = None
        self.config = game.config
        self.kind, self.shape, self.symbols = game.task.kind, game.task.shape, game.task.symbols
        self.pixels = game.task.pixels
        self.class_names = game.task.class_names if game.conditional else ()
        self.condition = game.task.condition if game.conditional else 0
        self.step = step
        self.path = path
        self.digest = digest

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.shape))
        return f"<gankit.GAN {self.config.family} {shape} after {self.step:,} steps>"

    def _repr_png_(self) -> bytes | None:
        """Return a sheet of samples, for notebooks; None for what has no picture."""
        from gankit.trained.showing import sheet_png

        return sheet_png(self)

    def _repr_html_(self) -> str:
        """Return what it is, and a sheet of samples, for notebooks."""
        from gankit.trained.showing import as_html

        return as_html(self)

    def push_to_hub(
        self,
        name: str,
        *,
        license: str,
        data: str = "",
        scores: Sequence[Scores] = (),
        private: bool = False,
    ) -> str:
        """Publish it on the Hugging Face Hub; needs `pip install 'gankit[hub]'`.

            gan.push_to_hub("user/name", license="cc-by-4.0", scores=[gankit.evaluate(gan)])

        The artifact is uploaded, with a page (what it is, its data, scores with their protocol, the
        line that loads it) and a picture of samples. The artifact holds the run's configuration,
        with the name or path of its data.

        Args:
            name: `user/name`; made if it is not there.
            license: the identifier of the licence, such as `apache-2.0` or `other`. It is yours to
                choose, and the data's own licence may bind you.
            data: what it was trained on, in words; empty: the data's name in the configuration.
            scores: reports of `gankit.evaluate`.
            private: whether only you can see it, if it is made.

        Returns:
            the address that `gankit.load` takes: `hf://user/name`.

        Raises:
            ConfigError: the name or the licence cannot be one, or the GAN is in no file.
            MissingExtraError: huggingface_hub is not installed.
            RunError: the Hub cannot be reached, or refuses.
        """
        from gankit.trained.hub import publish

        return publish(self, name, license=license, data=data, scores=scores, private=private)

    @property
    def game(self) -> Game:
        """The game that was played, with the averaged generator."""
        return self._game

    @property
    def generator(self) -> nn.Module:
        """The averaged generator, in eval mode.

        It is called as (noise [N, game.latent_size], labels [N] or None); `game.latent` draws both.
        `torch.export` and `torch.onnx.export` take it, with a batch of any size:

            torch.onnx.export(gan.generator, (noise,), "g.onnx", dynamic_shapes=({0: "n"},))
        """
        return self._game.generator

    @overload
    def sample(
        self,
        n: int | None = None,
        labels: Labels = None,
        seed: int = 0,
        *,
        latents: Latents | None = None,
        output: None = None,
    ) -> Any: ...

    @overload
    def sample(
        self,
        n: int | None = None,
        labels: Labels = None,
        seed: int = 0,
        *,
        latents: Latents | None = None,
        output: Literal["np"],
    ) -> NDArray[Any]: ...

    @overload
    def sample(
        self,
        n: int | None = None,
        labels: Labels = None,
        seed: int = 0,
        *,
        latents: Latents | None = None,
        output: Literal["text"],
    ) -> list[str]: ...

    @overload
    def sample(
        self,
        n: int | None = None,
        labels: Labels = None,
        seed: int = 0,
        *,
        latents: Latents | None = None,
        output: Literal["pt"],
    ) -> Tensor: ...

    @overload
    def sample(
        self,
        n: int | None = None,
        labels: Labels = None,
        seed: int = 0,
        *,
        latents: Latents | None = None,
        output: Literal["pil"],
    ) -> list[Image]: ...

    def sample(
        self,
        n: int | None = None,
        labels: Labels = None,
        seed: int = 0,
        *,
        latents: Latents | None = None,
        output: Output | None = None,
    ) -> NDArray[Any] | Tensor | list[Image] | list[str]:
        """Draw `n` samples, or those of given latents.

            images = gan.sample(64, labels=7, seed=0)

        Args:
            n: the number of samples, at least 1; leave it out if latents are given.
            labels: for a conditional run, one class for all or one for each: the name of a class,
                or, if the numbers given are no names, its number from 0. So 2 and "2" are
                the class "2" if there is one, else the third. None takes every class in turn. For a
                run that was trained with vectors, one vector for all, [C], or one for each, [n, C].
            seed: in [0, 2^64). Sample i of a seed is the same to the bit whatever `n` is, on one
                machine and with the same number of threads. It is not used if latents are given.
            latents: the latents of the samples, as `latents` draws them, or changed. They bring
                their labels, unless labels are given too.
            output: "np": images [n, H, W] (grey) or [n, H, W, C], uint8 in 0..255, or in the range
                and of the type of the data that the run was trained on (`pixels`), with colours
                that are not multiplied by their opacity; float32 [n, D] for points and [n, T, D]
                for trajectories (of a run that acts: whole episodes, what is seen and then done at
                each moment, NaN after the end); int64 [n, T] for tokens. "pt": the same as a
                tensor on the CPU, but images [n, C, H, W]. "pil": a list of n Pillow images of 8
                bits, or of 16 if the data was grey of whole numbers up to 65,535; for images of 1
                or 3 channels, or with opacity.

        Raises:
            ConfigError: a label is unknown, or given to an unconditional run; a number is out of
                range; the output is unknown, or for images only; or the latents are not of this
                family and size.
        """
        if output is None:
            output = "text" if self.kind == "tokens" else "np"
        if output not in get_args(Output):
            raise ConfigError(f"output is 'np', 'pt', 'pil' or 'text', got {output!r}")
        given = self._given(n, labels, seed, latents)
        if output == "text":
            if self.kind != "tokens":
                raise ConfigError(f"{self.kind} are no text: choose output 'np' or 'pt'")
            return [self.text(row) for fake in self._made(given[1]) for row in fake.tolist()]
        if output == "pil":
            self.check_pictures("choose output 'np' or 'pt'")
            return [
                as_image(picture, self.pixels)
                for fake in self._made(given[1])
                for picture in self._as_numbers(fake)
            ]
        samples = _joined(given[0], map(self._as_numbers, self._made(given[1])))
        if output == "np":
            return samples
        planes = as_planes(samples) if self.kind == "images" else samples
        return torch.from_numpy(np.ascontiguousarray(planes))

    def as_stored(
        self,
        n: int | None = None,
        labels: Labels = None,
        seed: int = 0,
        *,
        latents: Latents | None = None,
    ) -> NDArray[Any]:
        """Return the samples of `sample` as a data set holds its examples (`blocks`).

        Raises ConfigError as `sample` does.
        """
        count, drawn = self._given(n, labels, seed, latents)
        return _joined(count, map(self._as_stored, self._made(drawn)))

    @property
    def temperature(self) -> float:
        """What the logits of tokens are divided by when they are chosen; 1: as trained.

        Below 1 a generator of text says better and fewer things, above 1 worse and more of them.
        Setting it raises ConfigError for a generator that chooses no tokens, or a number that is
        not positive.
        """
        return float(getattr(self.generator, "temperature", 1.0))

    @temperature.setter
    def temperature(self, value: float) -> None:
        if not hasattr(self.generator, "temperature"):
            raise ConfigError(f"a run of family '{self.config.family}' has no temperature")
        if not 0 < value < float("inf"):
            raise ConfigError(f"a temperature is a number above 0, got {shown(value)}")
        self.generator.temperature = float(value)  # type: ignore[assignment]

    def text(self, row: Iterable[int]) -> str:
        """Return a sequence of tokens, by their numbers, as the text that it stands for."""
        return self._game.task.text(row)

    def check_pictures(self, instead: str) -> None:
        """Raise ConfigError unless each sample is a picture that a file can hold."""
        if self.kind != "images":
            raise ConfigError(f"{self.kind} are no pictures: {instead}")
        if self.shape[0] not in (1, 3) and not self.pixels.alpha:
            raise ConfigError(f"images of {self.shape[0]} channels are no pictures: {instead}")

    def act(self, observations: ArrayLike, *, seed: int | None = None) -> NDArray[Any]:
        """Choose what to do, if the run learned to act: it is then a policy.

            action = policy.act(observation)
            observation, reward, *_ = environment.step(action)

        Args:
            observations: what is seen, numbers [O], or [N, O] at N places at once.
            seed: None: the likeliest action; else one that is drawn, with this seed, 0 to 2^64.

        Returns:
            an action as the environment takes it: a whole number, or float32 [A]; of N
            observations int64 [N] or float32 [N, A].

        Raises ConfigError if the run does not act, or if the observations are of another size or
        are not finite numbers.
        """
        world = self._acting()
        try:
            seen = np.asarray(observations, np.float32)
        except (TypeError, ValueError):
            raise ConfigError(f"observations must be numbers, got {shown(observations)}") from None
        if seen.ndim not in (1, 2) or seen.shape[-1] != world.observations or not seen.size:
            raise ConfigError(
                f"observations of {list(seen.shape)} given; {world.name} shows "
                f"[{world.observations}], or [N, {world.observations}] at once"
            )
        if not np.isfinite(seen).all():
            raise ConfigError("observations must be finite numbers")
        chances = None if seed is None else rng(_checked(seed), Purpose.MOVES)
        done = self._game.act(torch.from_numpy(np.atleast_2d(seen)), chances)
        return done if seen.ndim == 2 else done[0]

    def play(
        self,
        n: int | None = None,
        seed: int = 0,
        *,
        latents: Latents | None = None,
        likeliest: bool = False,
    ) -> Episodes:
        """Play episodes, if the run learned to act.

        Args:
            n, seed, latents: which episodes, as in `sample`.
            likeliest: take the likeliest action at each moment; otherwise actions are drawn, as in
                `sample`.

        Raises ConfigError if the run does not act, or as `sample` does; MissingExtraError if the
        environment is not installed.
        """
        self._acting()
        rows = rows_of_a_pass(next(self.generator.parameters()).device)
        return join_episodes(
            self._game.play(part.padded(rows), likeliest)[: len(part)]
            for block in self._given(n, None, seed, latents)[1]
            for part in passes(block)
        )

    def _acting(self) -> World:
        """Return the environment. Raises ConfigError if the run does not act."""
        world = self._game.task.world
        if not self._game.acts or world is None:
            raise ConfigError(
                f"a run of family '{self.config.family}' makes {self.kind} and does not act: train "
                f"{families_that(lambda f: f.acts)}"
            )
        return world

    def latents(self, n: int, labels: Labels = None, seed: int = 0) -> Latents:
        """Draw the latents that `sample` makes its samples of, to the bit.

            latents = gan.latents(64, seed=0)
            images = gan.sample(latents=latents)  # gan.sample(64, seed=0)

        The arguments and the errors are those of `sample`.
        """
        drawn = list(self._drawn(n, labels, seed))
        noise = torch.cat([part.noise for part in drawn]).numpy()
        every = [part.labels for part in drawn if part.labels is not None]
        known = torch.cat(every).numpy() if every else None
        return Latents(noise, known, self.config.family, self.digest)

    def adopt(self, latents: Latents, labels: Labels = None) -> Latents:
        """Return latents as this run takes them: checked, and each with a label if it knows labels.

        Args:
            latents: of this family and size.
            labels: the labels to give them, as in `sample`; None: their own, or else every class
                in turn.

        Raises ConfigError if they do not suit the run.
        """
        family, size = self.config.family, self._game.latent_size
        if latents.family not in ("", family) or latents.noise.shape[1] != size:
            whose = f" of family '{latents.family}'" if latents.family else ""
            raise ConfigError(
                f"latents{whose} of {latents.noise.shape[1]} numbers given: this run is of family "
                f"'{family}' and takes {size}"
            )
        known = latents.labels if labels is None else None
        if known is None:
            known = self.labels_for(len(latents), labels)
        else:
            self._check_labels(known)
        return Latents(latents.noise, known, family, self.digest)

    def __call__(self, latents: Latents | Tensor | NDArray[Any], labels: Labels = None) -> Tensor:
        """Generate from latents of your own, in one pass.

            z = torch.randn(16, gan.game.latent_size, requires_grad=True)
            images = gan(z)  # differentiable by z

        Args:
            latents: float [N, game.latent_size], N at least 1; `gan.latents` draws latents as the
                generator was trained with.
            labels: labels for N samples, as in `sample`. `Latents` bring their own.

        Returns:
            [N, C, H, W] in the value range, -1 to 1, with colours multiplied by their opacity if
            there is any; or [N, *shape]. It is on the generator's device.
            It has a gradient if `latents` requires one.

        Raises:
            ConfigError: the latents have another shape or are not floating-point numbers, or the
                labels do not suit the run.
        """
        if isinstance(latents, Latents):
            asked = self.adopt(latents, labels).to_latent()
        else:
            noise = torch.as_tensor(latents)
            size = self._game.latent_size
            if noise.ndim != 2 or noise.shape[1] != size or not len(noise):
                raise ConfigError(f"latents must be [N, {size}], got {list(noise.shape)}")
            if not noise.is_floating_point():
                raise ConfigError(f"latents must be floating-point numbers, got {noise.dtype}")
            every = self.labels_for(len(noise), labels)
            asked = Latent(noise, None if every is None else torch.from_numpy(every))
        weight = next(self.generator.parameters())
        with torch.set_grad_enabled(asked.noise.requires_grad):
            return self.generate(asked.to(weight.device, weight.dtype))

    def generate(self, latent: Latent) -> Tensor:
        """Return the generator's samples [N, *shape] in the value range, with their gradient.

        Besides the labels that the game takes, `latent.labels` may be the share of every class,
        float [N, K]: what the generator makes of a class is then the mean over the classes. Raises
        ConfigError if the generator, a user's own, has no layer by which that can be done.
        """
        shares = latent.labels
        if shares is None or not (self.class_names and shares.is_floating_point()):
            return self._game.generate(latent)
        with mixed_labels(self.generator, shares) as mixed:
            if not mixed:
                raise ConfigError(
                    "this generator takes classes in a way of its own: give it one class for each "
                    "sample, and no mixture"
                )
            return self._game.generate(replace(latent, labels=shares.argmax(1)))

    def blocks(
        self,
        n: int | None = None,
        labels: Labels = None,
        seed: int = 0,
        *,
        latents: Latents | None = None,
    ) -> Iterator[NDArray[Any]]:
        """Yield the samples of `sample` as a data set holds them, in blocks of at most `BLOCK`.

        So memory stays small. Images are uint8 whatever their numbers are, and colours are
        multiplied by their opacity. Raises ConfigError as `sample` does.
        """
        yield from map(self._as_stored, self._made(self._given(n, labels, seed, latents)[1]))

    def number_blocks(
        self,
        n: int | None = None,
        labels: Labels = None,
        seed: int = 0,
        *,
        latents: Latents | None = None,
    ) -> Iterator[NDArray[Any]]:
        """Yield the samples of `sample`, with output "np", in blocks of at most `BLOCK`.

        Raises ConfigError as `sample` does.
        """
        yield from map(self._as_numbers, self._made(self._given(n, labels, seed, latents)[1]))

    def _as_stored(self, fake: Tensor) -> NDArray[Any]:
        return to_pixels(fake, self._game.value_range)

    def _as_numbers(self, fake: Tensor) -> NDArray[Any]:
        return to_numbers(fake, self._game.value_range, self.pixels)

    def _given(
        self, n: int | None, labels: Labels, seed: int, latents: Latents | None
    ) -> tuple[int, Iterator[Latent]]:
        """Return the number of samples, and their latents in blocks of at most `BLOCK`."""
        if latents is None and n is not None:
            return n, self._drawn(n, labels, seed)
        if latents is None or n is not None:
            raise ConfigError("give n, the number of samples, or latents, and not both", "n")
        whole = self.adopt(latents, labels).to_latent()
        count = len(latents)
        return count, (whole[start : start + BLOCK] for start in range(0, count, BLOCK))

    def _made(self, latents: Iterator[Latent]) -> Iterator[Tensor]:
        """Yield the generator's output for each block of latents."""
        weight = next(self.generator.parameters())
        for latent in latents:
            with torch.inference_mode():
                fake = generate(self, latent.to(weight.device, weight.dtype))
            yield fake

    def _drawn(self, n: int, labels: Labels, seed: int) -> Iterator[Latent]:
        """Yield the latents of a seed's first `n` samples in blocks of at most `BLOCK`."""
        if n < 1:
            raise ConfigError(f"n must be at least 1, got {n}", "n")
        every = self.labels_for(n, labels)
        for block, start in enumerate(range(0, n, BLOCK)):
            count = min(BLOCK, n - start)
            part = None if every is None else torch.from_numpy(every[start : start + count])
            yield draw_block(self._game, block, part, count, seed)

    def _check_labels(self, labels: NDArray[Any]) -> None:
        """Raise ConfigError if the labels of some latents do not suit the run."""
        classes, size = len(self.class_names), self.condition
        if labels.ndim == 1 and classes and 0 <= labels.min() <= labels.max() < classes:
            return
        if labels.ndim == 2 and labels.shape[1] == (size or classes):
            return
        wanted = f"vectors of {size} numbers" if size else f"classes 0 to {classes - 1}"
        raise ConfigError(
            f"the latents' labels, {labels.dtype} {list(labels.shape)}, do not suit this run: it "
            f"takes {wanted if size or classes else 'none'}"
        )

    def classify(self, images: NDArray[Any]) -> NDArray[np.float64]:
        """Return the discriminator's probability of each class, float64 [n, K].

        Args:
            images: [n, H, W] (grey) or [n, H, W, C], of the run's own size; uint8 in 0..255, or
                numbers in the range of the data that the run was trained on, as `sample` returns.

        Raises ConfigError if the family's discriminator names no classes, or the size differs.
        """
        if not self._game.judges:
            return self.judge(images)
        return self.judge(as_pictures(self.pixels.to_stored(as_planes(np.asarray(images)))))

    def judge(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return what `classify` does, of images uint8 as a data set holds them."""
        if not self._game.judges:
            raise ConfigError(
                f"a run of family '{self.config.family}' names no classes: train "
                f"{families_that(lambda f: f.judges)}"
            )
        weight = next(self.generator.parameters())
        with torch.inference_mode():
            chances = [
                self._game.judge(scaled).double().cpu().numpy()
                for scaled in self._scaled(as_planes(images), weight)
            ]
        return np.concatenate(chances)

    def _scaled(self, planes: NDArray[np.uint8], weight: Tensor) -> Iterator[Tensor]:
        """Yield images uint8 [n, C, H, W] as networks take them, of the device and type of
        `weight`, in blocks of at most `BLOCK`. Raises ConfigError if they have another shape."""
        if planes.shape[1:] != self.shape:
            got, wanted = ("x".join(map(str, s)) for s in (planes.shape[1:], self.shape))
            raise ConfigError(f"images of {got} given (channels first); the run knows {wanted}")
        for start in range(0, len(planes), BLOCK):
            block = np.ascontiguousarray(planes[start : start + BLOCK])
            yield to_network(block, self._game.value_range, weight.device, weight.dtype)

    def features(
        self, images: NDArray[Any], labels: Labels = None, layers: Sequence[str] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Return what the discriminator's layers make of images, by the names of the layers.

            maps = gan.features(images)
            maps["trunk.0.2"].shape, maps["last"].shape  # (n, 32, 14, 14), (n, 128)

        The discriminator is the last one, not an average; it is in eval mode, so that an image's
        features do not depend on the others. Unless the artifact holds it, it is read from the
        newest checkpoint of the run.

        Args:
            images: as in `classify`.
            labels: for a conditional run, what the images are judged as: one class or vector for
                all or one for each, as in `sample`.
            layers: the names of the layers; None: every activation, and `last`, the features that
                the last layer is given. `print(gan.discriminator)` shows all.

        Returns:
            float32 [n, ...] for each layer.

        Raises:
            ConfigError: the run makes no images, theirs is another size, a layer is unknown, or
                labels are missing or do not suit the run.
            RunError: no checkpoint of the run is there.
        """
        if self.kind != "images":
            raise ConfigError(f"this run knows {self.kind}, not images")
        if (self.class_names or self.condition) and labels is None:
            raise ConfigError(
                "this discriminator judges an image as one of a class: give labels", "labels"
            )
        planes = self.pixels.to_stored(as_planes(np.asarray(images)))
        asked = self.labels_for(len(planes), labels)
        every = None if asked is None else torch.from_numpy(asked)
        network = self.discriminator
        weight = next(network.parameters())
        parts: dict[str, list[NDArray[np.float32]]] = {}
        with torch.inference_mode(), recorded(layers_of(network, layers)) as found:
            for number, scaled in enumerate(self._scaled(planes, weight)):
                given = None if every is None else every[number * BLOCK :][: len(scaled)]
                network(scaled, None if given is None else given.to(weight.device))
                for name, made in found.items():  # a reference batch comes first
                    parts.setdefault(name, []).append(made[-len(scaled) :].float().cpu().numpy())
        return {name: np.concatenate(blocks) for name, blocks in parts.items()}

    @property
    def discriminator(self) -> nn.Module:
        """The last discriminator, in eval mode; see `features`. Raises RunError as it does."""
        if self._discriminator is None:
            self._discriminator = last_discriminator(self._game, self.path)
        return self._discriminator

    @property
    def judged_names(self) -> tuple[str, ...]:
        """The names of the columns of `classify`."""
        return self._game.judged_names

    def labels_for(self, n: int, labels: Labels = None) -> NDArray[Any] | None:
        """Return the label of each of `n` samples, given `labels` as in `sample`.

        int64 [n]; float32 [n, C] for a run that was trained with vectors; None for an unconditional
        run. Without `labels`, sample i is of class i modulo the number of classes. Raises
        ConfigError if the labels do not suit the run.
        """
        if self.condition:
            return self._vectors(n, labels)
        if not self.class_names:
            if labels is not None:
                raise ConfigError(
                    f"labels {labels!r} asked of an unconditional run ('{self.config.family}'): "
                    f"leave labels out, or train {families_that(lambda f: f.conditional)}",
                    "labels",
                )
            return None
        if labels is None:
            return np.arange(n, dtype=np.int64) % len(self.class_names)
        if isinstance(labels, (int, str, np.integer)):
            return np.full(n, self._places([labels])[0], np.int64)
        if len(labels) != n:
            raise ConfigError(
                f"{len(labels)} labels given for {n} samples: give one, or one each", "labels"
            )
        return self._places(labels)

    def _vectors(self, n: int, given: Labels) -> NDArray[np.float32]:
        """Return vectors float32 [n, C], given one for all of `n` samples or one for each."""
        wanted = f"an array [{self.condition}], or [{n}, {self.condition}]"
        if given is None:
            raise ConfigError(f"this run is asked by a vector: give labels, {wanted}", "labels")
        try:
            vectors = np.asarray(given, np.float32)
            return np.array(np.broadcast_to(vectors, (n, self.condition)))
        except (ValueError, TypeError):
            shape = np.shape(given)
            raise ConfigError(
                f"labels of shape {shape} given; needed is {wanted}", "labels"
            ) from None

    def _places(self, labels: Iterable[Any]) -> NDArray[np.int64]:
        """Where each class stands, int64: by its name, or by its number if that is no name."""
        asked = [str(label) for label in labels]
        names = {name: place for place, name in enumerate(self.class_names)}
        if any(name not in names for name in asked if name.isdecimal()):
            by_number = {str(place): place for place in range(len(names))}
            names = {n: p for n, p in names.items() if not n.isdecimal()} | by_number
        for name in asked:
            if name not in names:
                raise self._unknown(name)
        return np.array([names[name] for name in asked], np.int64)

    def _unknown(self, label: str) -> ConfigError:
        names = self.class_names
        some = f"{', '.join(names[:12])}{', ...' if len(names) > 12 else ''}"
        return ConfigError(
            f"label {shown(label)} is outside the {len(names)} classes: {some}, or 0 to "
            f"{len(names) - 1} if no class is called so",
            "labels",
        )


def _joined(n: int, blocks: Iterator[NDArray[Any]]) -> NDArray[Any]:
    """Return blocks of `n` samples in one array."""
    first = next(blocks)
    out = np.empty((n, *first.shape[1:]), first.dtype)
    out[: len(first)] = first
    done = len(first)
    for block in blocks:
        out[done : done + len(block)] = block
        done += len(block)
    return out


def draw_block(game: Game, block: int, labels: Tensor | None, count: int, seed: int) -> Latent:
    """Return the first `count` latents of block number `block` in a seed's endless samples.

    Raises ConfigError if the seed is out of range.
    """
    random = rng(_checked(seed), Purpose.SAMPLES, block)
    padded = None
    if labels is not None:
        missing = labels.new_zeros(BLOCK - len(labels), *labels.shape[1:])
        padded = torch.cat([labels, missing])
    return game.latent(BLOCK, padded, random)[:count]


def _checked(seed: int) -> int:
    if not 0 <= seed < 2**64:
        raise ConfigError(f"seed must be in [0, 2^64), got {seed}", "seed")
    return seed


class Generates(Protocol):
    """A game, or a GAN."""

    def generate(self, latent: Latent) -> Tensor: ...


def generate(source: Generates, latent: Latent) -> Tensor:
    """Return the samples of latents, made in passes of the same number of rows each.

    Matrix products of other sizes may add in another order. As the size never changes, a sample is
    the same to the bit, however many others are made and whichever they are.
    """
    rows = rows_of_a_pass(latent.noise.device)
    parts = passes(latent)
    return torch.cat([source.generate(part.padded(rows))[: len(part)] for part in parts])


def passes(latent: Latent) -> list[Latent]:
    """Return the latents of each pass that `generate` makes."""
    rows = rows_of_a_pass(latent.noise.device)
    return [latent[start : start + rows] for start in range(0, len(latent), rows)]


def rows_of_a_pass(device: torch.device) -> int:
    """Return how many samples a device generates at a time."""
    return PASS if device.type == "cpu" else BLOCK
