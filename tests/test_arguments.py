"""Arguments of public functions: of the types that they declare, with nothing masked, or refused
in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

import gankit
from gankit.arguments import refuse_masked, typed_arguments
from gankit.errors import ConfigError, DataError, GankitError
from gankit.exploring.inversion import invert
from gankit.game_types import Task
from tests.trained.made import made

WRONG = [
    None, 3, 2.5, True, -1, 10**30, float("nan"), "4", "", b"x", "a\0b", np.zeros(3), object(), [],
    {}, [3], (1, 2),
]  # fmt: skip
IMAGES = np.zeros((2, 28, 28), np.uint8)


@typed_arguments()
def declared(
    *,
    n: int = 0,
    x: float = 0.0,
    name: str | None = None,
    path: str | Path = "x",
    on: bool = False,
    names: Sequence[str] = (),
    numbers: Iterable[int] = (),
    settings: Mapping[str, Any] | None = None,
    pair: int | tuple[int, int] = 0,
    say: Callable[[str], None] = print,
    form: Literal["np", "pt"] | None = None,
    game: Task | None = None,
    array: np.typing.NDArray[Any] | None = None,
) -> None:
    """Take arguments of every kind that is checked."""


@pytest.mark.parametrize(
    ("name", "suits", "others", "wanted"),
    [
        ("n", [3, -1, np.int64(4), np.array(4), torch.tensor(4)],
         [True, 2.5, 3.0, "4", None, np.bool_(True), np.array(True), [3], np.zeros(3)],
         "a whole number"),
        ("x", [3, 2.5, np.float32(1), np.array(1.0), torch.tensor(1.0)],
         [False, "4", None, [2.5], 1j], "a number"),
        ("name", [None, "", "x"], [3, b"x", ["x"]], "a text or None"),
        ("path", ["x", Path("x")], [None, 3, b"x"], "a text or a path"),
        ("on", [True, np.bool_(False)], [1, None, "yes"], "True or False"),
        ("names", [(), ["a"], ("a", "b")], ["ab", [3], 3, None, np.array(["a"]), {"a": 1}],
         "a list with a text for each item"),
        ("numbers", [range(3), [1], np.arange(3), iter([1])], ["12", 3, ["1"], [True]],
         "a list with a whole number for each item"),
        ("settings", [None, {"a": 1}], [["a"], "a=1", 3], "a dict or None"),
        ("pair", [3, (3, 4), [3, 4]], [(1, 2, 3), "34", None],
         "a whole number or (a whole number, a whole number)"),
        ("say", [print, lambda line: None], [None, "print", 3], "a function"),
        ("form", [None, "np", "no such form, which the function says"], [3, ["np"], np.zeros(3)],
         "one of np, pt or None"),
        ("game", [None, Task((2,))], ["gan", 3], "a gankit.Task or None"),
        ("array", [None, 3, "x", [1], np.zeros(3)], [], ""),
    ],
)  # fmt: skip
def test_what_suits_a_declared_type(name, suits, others, wanted):
    for value in suits:
        declared(**{name: value})
    for value in others:
        with pytest.raises(ConfigError) as error:
            declared(**{name: value})
        assert str(error.value).startswith(f"{name} must be {wanted}, got "), value
        assert error.value.about == (name,)


def test_a_wrong_call_is_pythons_to_say():
    with pytest.raises(TypeError, match="unexpected keyword argument 'm'"):
        declared(m=3)


def tried(function, **usual):
    """Give each argument in turn whatever it should not be; yield what is no line of gankit's."""
    for name in usual:
        for value in WRONG:
            if name == "n" and value is WRONG[5]:
                continue  # so many samples are a matter of memory
            try:
                function(**{**usual, name: value})
            except Exception as error:
                if not isinstance(error, GankitError) or "\n" in str(error):
                    yield f"{name}={value!r}: {error!r}"


@pytest.fixture
def ring(small):
    return made(small("gan", "toy:ring8"), (2,))


def test_functions_take_nonsense_as_gankits_errors(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = gankit.override(gankit.configure("gan", "toy:ring8"), {"training.steps": 1})
    points = np.random.default_rng(0).normal(size=(30, 2))
    calls = [
        (gankit.load, {"path": "nowhere", "device": "cpu"}),
        (gankit.configure, {"family": "gan", "source": "toy:ring8", "recipe": None,
                            "settings": None}),
        (gankit.choose, {"source": "toy:ring8", "settings": None}),
        (gankit.override, {"config": config, "changes": {}}),
        (gankit.Config, {"family": "gan", "data": config.data, "training": config.training}),
        (gankit.load_dataset, {"source": "toy:ring8", "size": None, "fit": "crop", "crop": None,
                               "channels": "auto", "split": "train", "memory_gb": 1.0,
                               "values": "own", "holdout": 0.0, "tables": True, "text": None,
                               "train_size": None, "transitions": False}),
        (gankit.Dataset.of, {"given": IMAGES, "labels": [0, 1], "class_names": ["a", "b"],
                             "name": "x", "channels": "auto"}),
        (gankit.evaluate, {"run": points, "against": points, "metrics": ["precision"],
                           "features": None, "split": None, "n": None, "draws": 1, "seed": 0,
                           "device": "cpu"}),
        (gankit.fit, {"config": config, "folder": 3, "callbacks": (), "reasons": ()}),
        (gankit.fit_seeds, {"config": config, "folder": 3, "seeds": [0]}),
        (gankit.race, {"config": config, "folder": 3, "minutes": 1.0, "trials": 1, "seed": 0}),
        (gankit.inspect, {"data": "nowhere", "folder": None, "most": None, "seed": 0}),
        (gankit.export, {"run": "nowhere", "target": "x.html", "to": None, "seed": 0}),
        (gankit.make_expert, {"environment": "none", "episodes": 1, "seed": 0, "every": 1}),
        (gankit.sliders, {"gan": None, "dimensions": 3}),
    ]  # fmt: skip
    bad = [f"{f.__name__}: {said}" for f, usual in calls for said in tried(f, **usual)]
    assert not bad, "\n".join(bad)


def test_methods_take_nonsense_as_gankits_errors(ring, small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    digits = made(small("cgan", "digits"), (1, 28, 28), tuple("0123456789"))
    latents = ring.latents(2)
    drawn = {"n": 2, "labels": None, "seed": 0}
    calls = [
        *((method, drawn) for gan in (ring, digits) for method in (gan.latents, gan.as_stored)),
        *((gan.sample, {**drawn, "output": None}) for gan in (ring, digits)),
        (lambda **given: [*ring.blocks(**given)], drawn),
        (digits.labels_for, {"n": 2, "labels": None}),
        (ring.adopt, {"latents": latents, "labels": None}),
        (ring.__call__, {"latents": latents, "labels": None}),
        (digits.classify, {"images": IMAGES}),
        (digits.features, {"images": IMAGES, "labels": 0, "layers": None}),
        (ring.act, {"observations": [0.0], "seed": None}),
        (ring.play, {"n": 1, "seed": 0, "latents": None}),
        (ring.text, {"row": [0]}),
        (lambda value: setattr(ring, "temperature", value), {"value": 1.0}),
        (gankit.Latents, {"noise": [[1.0]], "labels": None, "family": "", "digest": ""}),
        (gankit.Latents.load, {"path": "nowhere"}),
        (latents.save, {"path": 3}),
    ]
    bad = [f"{f}: {said}" for f, usual in calls for said in tried(f, **usual)]
    assert not bad, "\n".join(bad)


def test_moments_are_kept_by_a_whole_number():
    pytest.importorskip("gymnasium")
    episodes = gankit.make_expert("CartPole-v1", every=50)
    assert not [*tried(episodes.thinned, every=1)]


def test_the_lines_that_people_meet(ring, tmp_path):
    with pytest.raises(ConfigError, match=r"^path must be a text or a path, got 3$"):
        gankit.load(3)
    with pytest.raises(ConfigError, match=r"^n must be a whole number or None, got '4'$"):
        ring.sample("4")
    with pytest.raises(ConfigError, match=r"^n must be a whole number or None, got True$"):
        ring.sample(True)
    with pytest.raises(ConfigError, match=r"Config, got 'gan': gankit.configure makes one$"):
        gankit.fit("gan", tmp_path)
    with pytest.raises(ConfigError, match=r"^a path is empty: give that of a file or a folder$"):
        gankit.fit(ring.config, "")
    with pytest.raises(DataError, match=r"^source must be a text or a path, got None$"):
        gankit.load_dataset(None)
    with pytest.raises(ConfigError, match="device 'gpu' is unknown: give cpu, cuda or mps"):
        gankit.load(tmp_path, "gpu")
    with pytest.raises(ConfigError, match="split is train or test, got 'val'"):
        gankit.evaluate(ring, split="val")
    with pytest.raises(ConfigError, match="data must be a section of settings, DataConfig, got 3"):
        gankit.Config(data=3)
    with pytest.raises(ConfigError, match="network must be the family's options, got 3"):
        gankit.Config(network=3)
    with pytest.raises(ConfigError, match="n must be at least 1, got -1"):
        ring.labels_for(-1)


def masked(array, some=True):
    """The array with a mask, in which something is masked or nothing."""
    mask = np.zeros(np.shape(array), bool)
    mask.flat[0] = some
    return np.ma.MaskedArray(array, mask)


class Items:
    """A torch data set of masked images, or of masked labels."""

    def __init__(self, images, labels):
        self.items = list(zip(images, labels, strict=True))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, number):
        return self.items[number]


@pytest.mark.parametrize("some", [True, False])
def test_what_is_masked_is_refused(ring, small, some):
    """numpy drops a mask, and then trains on what lies under it."""
    digits = made(small("cgan", "digits"), (1, 28, 28), tuple("0123456789"))
    points, labels = np.zeros((30, 2), np.float32), np.array([0, 1] * 15)
    points[:, 0] = np.arange(30)
    images, latents = masked(IMAGES, some), ring.latents(2)
    calls = [
        lambda: gankit.Dataset.of(images),
        lambda: gankit.Dataset.of(masked(points, some)),
        lambda: gankit.Dataset.of(points, masked(labels, some)),
        lambda: gankit.Dataset.of((points, masked(labels, some))),
        lambda: gankit.Dataset.of([*images]),
        lambda: gankit.Dataset.of(Items(images, [0, 1])),
        lambda: gankit.Dataset.of(Items(IMAGES, [masked(np.array(1), some)] * 2)),
        lambda: gankit.evaluate(masked(points, some), against=points, metrics=["precision"]),
        lambda: gankit.evaluate(points, against=masked(points, some), metrics=["precision"]),
        lambda: gankit.metrics.frechet_distance(masked(points, some), points),
        lambda: digits.features(images, 0, layers=["last"]),
        lambda: digits.features(IMAGES, masked(np.array([0, 1]), some), layers=["last"]),
        lambda: invert(digits, images, pool=2, starts=1, steps=0),
        lambda: digits.sample(2, masked(np.array([0, 1]), some)),
        lambda: ring(masked(latents.noise, some)),
        lambda: gankit.Latents(masked(latents.noise, some)),
        lambda: gankit.Latents(latents.noise, masked(np.array([0, 1]), some)),
    ]
    for call in calls:
        if not some:
            call()
            continue
        with pytest.raises(GankitError, match=r"1 of [\d,]+ values are masked, and a mask is not"):
            call()


def test_classify_refuses_masked_images(small):
    judge = made(small("ssgan", "digits"), (1, 28, 28), tuple("0123456789"))
    judge.classify(masked(IMAGES, some=False))
    with pytest.raises(ConfigError, match="images: 1 of 1,568 values are masked"):
        judge.classify(masked(IMAGES))


def test_a_masked_value_in_a_list(small):
    refuse_masked("x", [1, np.zeros(3), np.ma.MaskedArray([1.0])])
    with pytest.raises(DataError, match="x: 1 of 1 values are masked"):
        refuse_masked("x", [1, np.ma.masked], DataError)
