"""A trained GAN, which draws samples and classifies images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from gankit.arguments import typed_arguments
from gankit.data import as_pictures, planes_of
from gankit.errors import ConfigError
from gankit.families import Game
from gankit.game_types import Latent
from gankit.text import shown
from gankit.trained import drawing, generating, judging, labelling, policy
from gankit.trained.discriminator import last_discriminator
from gankit.trained.generating import Output
from gankit.trained.labelling import Labels
from gankit.trained.latents import Latents
from gankit.worlds.episodes import Episodes

if TYPE_CHECKING:
    from PIL.Image import Image

    from gankit.trained.card import Scores


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

    @typed_arguments()
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

    # fmt: off
    @overload
    def sample(
        self, n: int | None = None, labels: Labels = None, seed: int = 0, *,
        latents: Latents | None = None, output: None = None,
    ) -> Any: ...

    @overload
    def sample(
        self, n: int | None = None, labels: Labels = None, seed: int = 0, *,
        latents: Latents | None = None, output: Literal["np"],
    ) -> NDArray[Any]: ...

    @overload
    def sample(
        self, n: int | None = None, labels: Labels = None, seed: int = 0, *,
        latents: Latents | None = None, output: Literal["text"],
    ) -> list[str]: ...

    @overload
    def sample(
        self, n: int | None = None, labels: Labels = None, seed: int = 0, *,
        latents: Latents | None = None, output: Literal["pt"],
    ) -> Tensor: ...

    @overload
    def sample(
        self, n: int | None = None, labels: Labels = None, seed: int = 0, *,
        latents: Latents | None = None, output: Literal["pil"],
    ) -> list[Image]: ...
    # fmt: on

    @typed_arguments()
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
        form = generating.check_output(self, output)
        count, asked = drawing.asked_for(self, n, labels, seed, latents)
        return generating.given_as(self, count, asked, form)

    @typed_arguments()
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
        count, asked = drawing.asked_for(self, n, labels, seed, latents)
        return generating.joined(count, generating.stored(self, asked))

    @property
    def temperature(self) -> float:
        """What the logits of tokens are divided by when they are chosen; 1: as trained.

        Below 1 a generator of text says better and fewer things, above 1 worse and more of them.
        Setting it raises ConfigError for a generator that chooses no tokens, or a number that is
        not positive.
        """
        return float(getattr(self.generator, "temperature", 1.0))

    @temperature.setter
    @typed_arguments()
    def temperature(self, value: float) -> None:
        if not hasattr(self.generator, "temperature"):
            raise ConfigError(f"a run of family '{self.config.family}' has no temperature")
        if not 0 < value < float("inf"):
            raise ConfigError(f"a temperature is a number above 0, got {shown(value)}")
        self.generator.temperature = float(value)  # type: ignore[assignment]

    @typed_arguments()
    def text(self, row: Iterable[int]) -> str:
        """Return a sequence of tokens, by their numbers, as the text that it stands for.

        Raises ConfigError if a number is that of no symbol.
        """
        row = list(row)
        if not all(0 <= number < len(self.symbols) for number in row):
            raise ConfigError(
                f"this run knows {len(self.symbols):,} symbols, by their numbers from 0: got "
                f"{shown(row)}",
                "row",
            )
        return self._game.task.text(row)

    @typed_arguments()
    def check_pictures(self, instead: str) -> None:
        """Raise ConfigError unless each sample is a picture that a file can hold."""
        if self.kind != "images":
            raise ConfigError(f"{self.kind} are no pictures: {instead}")
        if self.shape[0] not in (1, 3) and not self.pixels.alpha:
            raise ConfigError(f"images of {self.shape[0]} channels are no pictures: {instead}")

    @typed_arguments()
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
        return policy.act(self, observations, seed)

    @typed_arguments()
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
        return policy.play(self, n, seed, latents, likeliest)

    @typed_arguments()
    def latents(self, n: int, labels: Labels = None, seed: int = 0) -> Latents:
        """Draw the latents that `sample` makes its samples of, to the bit.

            latents = gan.latents(64, seed=0)
            images = gan.sample(latents=latents)  # gan.sample(64, seed=0)

        The arguments and the errors are those of `sample`.
        """
        drawn = list(drawing.draw(self, n, labels, seed))
        noise = torch.cat([part.noise for part in drawn]).numpy()
        every = [part.labels for part in drawn if part.labels is not None]
        known = torch.cat(every).numpy() if every else None
        return Latents(noise, known, self.config.family, self.digest)

    @typed_arguments()
    def adopt(self, latents: Latents, labels: Labels = None) -> Latents:
        """Return latents as this run takes them: checked, and each with a label if it knows labels.

        Args:
            latents: of this family and size.
            labels: the labels to give them, as in `sample`; None: their own, or else every class
                in turn.

        Raises ConfigError if they do not suit the run.
        """
        return drawing.adopt(self, latents, labels)

    @typed_arguments()
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
            try:
                noise = torch.as_tensor(latents)
            except Exception:  # torch raises errors of several kinds
                raise ConfigError(f"latents must be numbers, got {shown(latents)}") from None
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
        return generating.generate_mixed(self, latent)

    @typed_arguments()
    def blocks(
        self,
        n: int | None = None,
        labels: Labels = None,
        seed: int = 0,
        *,
        latents: Latents | None = None,
    ) -> Iterator[NDArray[Any]]:
        """Yield the samples of `sample` as a data set holds them, in blocks of at most 250.

        So memory stays small. Images are uint8 whatever their numbers are, and colours are
        multiplied by their opacity. Raises ConfigError as `sample` does.
        """
        _, asked = drawing.asked_for(self, n, labels, seed, latents)
        yield from generating.stored(self, asked)

    @typed_arguments()
    def number_blocks(
        self,
        n: int | None = None,
        labels: Labels = None,
        seed: int = 0,
        *,
        latents: Latents | None = None,
    ) -> Iterator[NDArray[Any]]:
        """Yield the samples of `sample`, with output "np", in blocks of at most 250.

        Raises ConfigError as `sample` does.
        """
        _, asked = drawing.asked_for(self, n, labels, seed, latents)
        yield from generating.numbers(self, asked)

    @typed_arguments()
    def classify(self, images: NDArray[Any]) -> NDArray[np.float64]:
        """Return the discriminator's probability of each class, float64 [n, K].

        Args:
            images: [n, H, W] (grey), [n, H, W, C] or [n, C, H, W], of the run's own size; uint8 in
                0..255, or numbers in the range of the data that the run was trained on, as `sample`
                returns.

        Raises ConfigError if the family's discriminator names no classes, or the size differs.
        """
        if not self._game.judges:
            return self.judge(images)
        return self.judge(as_pictures(self.pixels.to_stored(planes_of(images, self.shape))))

    def judge(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return what `classify` does, of images uint8 as a data set holds them."""
        return judging.judge(self, images)

    @typed_arguments()
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
        return judging.features(self, images, labels, layers)

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

    @typed_arguments()
    def labels_for(self, n: int, labels: Labels = None) -> NDArray[Any] | None:
        """Return the label of each of `n` samples, given `labels` as in `sample`.

        int64 [n]; float32 [n, C] for a run that was trained with vectors; None for an unconditional
        run. Without `labels`, sample i is of class i modulo the number of classes. Raises
        ConfigError for n under 1, or labels that do not suit the run.
        """
        return labelling.labels_for(self, n, labels)
