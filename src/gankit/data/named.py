"""The named data sets, which `load_dataset` knows without a path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import resources
from pathlib import Path

import numpy as np

from gankit.data import grammar, oracle, toys
from gankit.data.dataset import ArrayDataset, Dataset, array_fingerprint
from gankit.data.expert import expert_dataset
from gankit.data.fetch import Source, cache_folder, fetch_missing
from gankit.data.idx import images_dataset, read_idx_folder
from gankit.data.read_options import ReadOptions
from gankit.data.texts import read_text
from gankit.errors import DataError
from gankit.randomness import Purpose, rng
from gankit.registry import Registry

DATASETS: Registry[Callable[[ReadOptions], Dataset]] = Registry("data set")

MNIST = Source(
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    {
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    },
)
FASHION_MNIST = Source(
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    },
)
FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


@DATASETS.register("digits", "10,000 handwritten digits of MNIST, 28 x 28, 10 classes; built in")
def digits(options: ReadOptions) -> Dataset:
    """Return 1,000 images of each class for training, or 200 of each for testing."""
    file = resources.files("gankit.data") / "digits" / "digits.npz"
    with file.open("rb") as opened, np.load(opened) as arrays:
        images, labels = arrays[f"{options.split}_images"], arrays[f"{options.split}_labels"]
    return images_dataset("digits", images, labels, options)


@DATASETS.register("stacked_digits", "three digits as red, green and blue: 1,000 modes; built in")
def stacked_digits(options: ReadOptions) -> Dataset:
    """Return 25,600 colour images of three random digits (Metz et al. 2016, arXiv 1611.02163)."""
    if options.channels in ("grey", "rgba"):
        raise DataError(
            f"data 'stacked_digits' is colour: leave data.channels = {options.channels} out",
            "data.channels",
        )
    grey = digits(replace(options, channels="auto"))
    random = rng(0, Purpose.TOY, 0 if options.split == "train" else 1)
    chosen = random.integers(len(grey), size=(toys.COUNT, 3))
    stacked = np.concatenate([grey.read(chosen[:, i]) for i in range(3)], 1)
    return ArrayDataset("stacked_digits", stacked, array_fingerprint(stacked))


@DATASETS.register("mnist", "60,000 handwritten digits, 28 x 28, 10 classes; downloaded once")
def mnist(options: ReadOptions) -> Dataset:
    """Return all of MNIST (LeCun and Cortes): 60,000 images for training, or 10,000 for testing."""
    folder = cache_folder() / "mnist"
    fetch_missing(MNIST, folder)
    return read_idx_folder("mnist", folder, options)


@DATASETS.register("fashion_mnist", "60,000 clothes, 28 x 28, 10 classes; downloaded once")
def fashion_mnist(options: ReadOptions) -> Dataset:
    """Return Fashion-MNIST (Xiao et al. 2017, arXiv 1708.07747): 60,000 or 10,000 images."""
    folder = cache_folder() / "fashion_mnist"
    fetch_missing(FASHION_MNIST, folder)
    dataset = read_idx_folder("fashion_mnist", folder, options)
    dataset.class_names = FASHION_CLASSES
    return dataset


DATASETS.register("toy:ring8", "points of 8 Gaussians on a circle of radius 2, sigma 0.02")(
    partial(toys.mixture, "toy:ring8")
)
DATASETS.register("toy:grid25", "points of 25 Gaussians on a 5 x 5 grid, sigma 0.05")(
    partial(toys.mixture, "toy:grid25")
)
DATASETS.register("toy:spiral", "points along a spiral of two turns, no labels")(toys.spiral)
DATASETS.register("toy:gaussian1d", "numbers of one normal distribution: the theory's picture")(
    toys.gaussian
)
DATASETS.register("sentences", "4,500 sentences of a small grammar of 46 words; built in")(
    grammar.sentences
)
DATASETS.register("sonnets", "2,154 lines of Shakespeare's sonnets, a word a token; built in")(
    partial(read_text, "sonnets", Path(__file__).parent / "sonnets")
)
DATASETS.register("oracle", "sequences of numbers by a frozen LSTM, whose likelihood is known")(
    oracle.sequences
)
for _environment, _episodes, _every, _summary in (
    ("CartPole-v1", 1, 20, "each 20th moment of an episode of an expert"),
    ("Pendulum-v1", 4, 1, "four episodes of an expert"),
    ("Acrobot-v1", 1, 1, "an episode of an expert"),
    ("MountainCarContinuous-v0", 1, 1, "an episode of an expert"),
):
    DATASETS.register(f"expert:{_environment}", _summary)(
        partial(expert_dataset, _environment, _episodes, _every)
    )
