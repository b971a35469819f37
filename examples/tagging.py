"""Tagging images by generated word vectors, as in section 4.2 of the conditional GAN's paper.

    python examples/tagging.py [--steps 4000]

The paper's data (MIR Flickr, an ImageNet network's features, a skip-gram model) cannot be
shipped, so the embedded digits stand in: an image's tags are words that are true of its digit
("odd", "prime", "round", ...), its features are 60 principal components of its pixels, and a
word's vector comes from the words' co-occurrence. The experiment is the paper's: the word vector
is generated, the feature vector is the condition, and tags are chosen from 100 samples an image,
the nearest words of each, the most common of those. It is smaller: 5 nearest words and 5 tags for
20 and 10, a fifth of the units, no dropout, and Adam with averaged weights for SGD (recipe
`cgan-tagging-paper` has the paper's).

Prints precision and recall of the first tags over test images that were not trained on, beside
those of the words that are most common over all images.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import gankit
from gankit.settings.config import override

WORDS = {  # of which digits each is true
    "zero": {0}, "one": {1}, "two": {2}, "three": {3}, "four": {4}, "five": {5}, "six": {6},
    "seven": {7}, "eight": {8}, "nine": {9}, "odd": {1, 3, 5, 7, 9}, "even": {0, 2, 4, 6, 8},
    "prime": {2, 3, 5, 7}, "square": {0, 1, 4, 9}, "round": {0, 3, 6, 8, 9},
    "straight": {1, 4, 7}, "looped": {0, 6, 8, 9}, "small": {0, 1, 2, 3, 4},
    "large": {5, 6, 7, 8, 9},
}  # fmt: skip
FEATURES, SIZE, TAGS = 60, 12, 5


def word_vectors(truth: np.ndarray) -> np.ndarray:
    """[W, SIZE] from co-occurrence: the leading directions of the words' covariance."""
    centred = truth - truth.mean(0)
    _, strength, directions = np.linalg.svd(centred, full_matrices=False)
    vectors = (strength[:, None] * directions)[:SIZE].T
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def score(chosen: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """(precision, recall) of tags [N, T] against truth [N, W]."""
    hits = np.take_along_axis(truth, chosen, 1).sum(1)
    return float((hits / chosen.shape[1]).mean()), float((hits / truth.sum(1)).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--images", type=int, default=300, help="test images to tag")
    arguments = parser.parse_args()

    names = list(WORDS)
    true_of = np.array([[digit in WORDS[name] for name in names] for digit in range(10)], float)
    splits = [gankit.load_dataset("digits", split=split) for split in ("train", "test")]
    pixels = [d.read(np.arange(len(d))).reshape(len(d), -1) / 255 for d in splits]
    mean = pixels[0].mean(0)
    _, _, directions = np.linalg.svd(pixels[0] - mean, full_matrices=False)
    features = [((p - mean) @ directions[:FEATURES].T).astype(np.float32) for p in pixels]
    scale = features[0].std()
    features = [f / scale for f in features]
    truth = [true_of[d.labels] for d in splits]
    vectors = word_vectors(truth[0])

    # One example for each (image, true word): the word's vector, given the image's features.
    image, word = np.nonzero(truth[0])
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "tags.npz"
        np.savez(data, points=vectors[word], conditions=features[0][image])
        optimizer = {"name": "adam", "lr": 5e-4, "schedule": "linear"}
        settings = {
            f"{p}_optimizer.{k}": v
            for p in ("generator", "discriminator")
            for k, v in optimizer.items()
        }
        config = override(
            gankit.configure(source=str(data), recipe="cgan-tagging-paper"),
            settings | {
                "training.steps": arguments.steps, "training.ema": 0.99,
                "network.generator_branches": "100,400",
                "network.discriminator_branches": "100,240",
                "network.discriminator_hidden": "200", "network.dropout": "0,0",
            },
        )  # fmt: skip
        gankit.fit(config, Path(folder) / "run")
        gan = gankit.load(Path(folder) / "run")

    test = np.random.default_rng(0).permutation(len(features[1]))[: arguments.images]
    chosen = np.stack(
        [
            choose_tags(gan.sample(100, labels=features[1][i], seed=int(i)), vectors, TAGS, TAGS)
            for i in test
        ]
    )
    common = np.tile(np.argsort(-truth[0].mean(0))[:TAGS], (len(test), 1))
    for i in range(5):
        tags = ", ".join(names[word] for word in chosen[i])
        print(f"a {splits[1].labels[test[i]]}: {tags}")
    for name, tags in (("generated", chosen), ("most common words", common)):
        precision, recall = score(tags, truth[1][test])
        print(f"{name}: precision {precision:.3f}, recall {recall:.3f} of {TAGS} tags")


def choose_tags(
    samples: NDArray[np.floating], words: NDArray[np.floating], nearest: int = 20, common: int = 10
) -> NDArray[np.int64]:
    """The tags of one image: which words its samples point to most often.

    Args:
        samples: [S, D], word vectors generated for the image (the paper draws 100).
        words: [W, D], the vectors of the vocabulary.
        nearest: how many words each sample votes for, by cosine.
        common: how many tags; ties go to the word that is nearer on average.

    Returns:
        int64 [common], indices into `words`, the most voted first.
    """
    unit = [
        v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (samples, words)
    ]
    cosine = unit[0].astype(np.float64) @ unit[1].astype(np.float64).T
    nearest = min(nearest, len(words))
    chosen = np.argpartition(-cosine, nearest - 1, axis=1)[:, :nearest]
    votes = np.bincount(chosen.ravel(), minlength=len(words))
    return np.lexsort((-cosine.mean(0), -votes))[:common].astype(np.int64)


if __name__ == "__main__":
    main()
