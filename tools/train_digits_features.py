"""Train the feature network `digits`, and write its weights into the package.

    python tools/train_digits_features.py FOLDER_WITH_IDX_FILES [--epochs 8]
    python tools/train_digits_features.py FOLDER_OF_FASHION_MNIST --to fashion.pt2

FOLDER holds MNIST: the network learns its 60,000 training images, moved by up to two pixels and
turned by up to 10 degrees, and is measured on its 10,000 test images, which choose nothing. One
seed and one thread decide everything; the weights are kept as float16, and measured as kept.
Writes src/gankit/features/digits.safetensors; the test accuracy is in its header and printed. With
`--to`, the same network learns any other 28 x 28 images in ten classes, and goes into a file for
`gankit evaluate --features`.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.data import Dataset, load_dataset
from gankit.features.digits_network import CLASSES, DigitsNetwork
from gankit.storage import read_tensors, write_tensors

TARGET = Path(__file__).parent.parent / "src" / "gankit" / "features" / "digits.safetensors"
BATCH, SEED, RATE = 128, 0, 2e-3


def tensors(dataset: Dataset) -> tuple[Tensor, Tensor]:
    """Images in [0, 1], float32 [N, 1, 28, 28], and labels int64 [N]."""
    images = torch.from_numpy(dataset.read(np.arange(len(dataset)))).float() / 255
    return images, torch.from_numpy(dataset.labels)


def moved(images: Tensor, rng: torch.Generator) -> Tensor:
    """Each image turned by up to 10 degrees and moved by up to 2 pixels."""
    n = len(images)
    angle = (torch.rand(n, generator=rng) * 2 - 1) * math.radians(10)
    shift = (torch.rand(n, 2, generator=rng) * 2 - 1) * (2 * 2 / 28)
    rows = [angle.cos(), -angle.sin(), shift[:, 0], angle.sin(), angle.cos(), shift[:, 1]]
    grid = F.affine_grid(torch.stack(rows, 1).view(n, 2, 3), list(images.shape), False)
    return F.grid_sample(images, grid, align_corners=False)


def train(images: Tensor, labels: Tensor, epochs: int) -> DigitsNetwork:
    torch.manual_seed(SEED)
    rng = torch.Generator().manual_seed(SEED)
    network = DigitsNetwork()
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-3)
    steps = epochs * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    began = time.monotonic()
    for epoch in range(epochs):
        order = torch.randperm(len(images), generator=rng)
        total = 0.0
        for chosen in order[: len(order) // BATCH * BATCH].view(-1, BATCH):
            _, logits = network(moved(images[chosen], rng))
            loss = F.cross_entropy(logits, labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(
            f"epoch {epoch + 1}: loss {total / (len(images) // BATCH):.4f},"
            f" {time.monotonic() - began:.0f} s"
        )
    return network.eval()


def accuracy(network: DigitsNetwork, images: Tensor, labels: Tensor) -> float:
    with torch.inference_mode():
        named = torch.cat([network(part)[1].argmax(1) for part in images.split(1000)])
    return float((named == labels).double().mean())


def kept(network: DigitsNetwork) -> dict[str, Tensor]:
    """The weights as they are stored: float16."""
    state = network.state_dict()
    return {k: v.half() if v.is_floating_point() else v for k, v in state.items()}


class Features(nn.Module):
    """The features of a network alone."""

    def __init__(self, network: DigitsNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.network(images)[0]
        return features


def export(network: DigitsNetwork, to: Path) -> None:
    """Write the features as an exported program, for any number of images."""
    many = {"images": {0: torch.export.Dim("batch")}}
    images = torch.zeros(2, 1, 28, 28)
    torch.export.save(torch.export.export(Features(network), (images,), dynamic_shapes=many), to)


def main(folder: str, epochs: int, to: Path | None) -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    learned, measured = load_dataset(folder), load_dataset(folder, split="test")
    assert to is not None or learned.class_names == measured.class_names == CLASSES
    weights = kept(train(*tensors(learned), epochs))
    network = DigitsNetwork()
    network.load_state_dict({k: v.float() for k, v in weights.items()})
    score = accuracy(network.eval(), *tensors(measured))
    print(f"test accuracy {score:.4f} on {len(measured):,} images")
    if to is not None:
        export(network, to)
        return
    header = {
        "trained_on": f"MNIST, {len(learned):,} images",
        "test_accuracy": score,
        "test_images": len(measured),
        "epochs": epochs,
        "seed": SEED,
    }
    write_tensors(TARGET, "feature network", weights, header)
    _, stored = read_tensors(TARGET, "feature network")
    print(f"{TARGET}, digest {stored['digest']} ({TARGET.stat().st_size / 1e6:.2f} MB)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--to", type=Path, help="a .pt2 file, in place of the package's weights")
    arguments = parser.parse_args()
    main(arguments.folder, arguments.epochs, arguments.to)
