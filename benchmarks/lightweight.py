"""Train lightweight-gan, the package's own classes at its defaults, on a CPU; keep samples.

    python benchmarks/lightweight.py IMAGES.npz 60,180 SAMPLES FOLDER

IMAGES.npz holds `images`, uint8 [N, S, S, 3]. After each of the seconds of training (CPU time)
FOLDER/SECONDS.npz gets `images` and `steps`. To install it:

    pip install --no-deps lightweight-gan einops adabelief-pytorch tabulate colorama kornia \
        kornia-rs tqdm retry py decorator

The package demands CUDA when it is imported and torchvision for its loader of files. Both demands
are met by stand-ins, since the images come from memory here; its mathematics is untouched.
"""

from __future__ import annotations

import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

BATCH, ACCUMULATED = 10, 4  # its defaults


def on_cpu() -> Any:
    """Import the package so that it computes on a CPU."""
    vision, transforms = (types.ModuleType(f"torchvision{end}") for end in ("", ".transforms"))
    vision.transforms = transforms  # type: ignore[attr-defined]
    sys.modules |= {"torchvision": vision, "torchvision.transforms": transforms}
    torch.Tensor.cuda = nn.Module.cuda = lambda self, *_, **__: self  # type: ignore[assignment]
    available, torch.cuda.is_available = torch.cuda.is_available, lambda: True
    from lightweight_gan import lightweight_gan as package

    torch.cuda.is_available = available
    assert package.__file__ is not None
    source = Path(package.__file__).read_text(encoding="utf-8")
    source = source.replace("torch.device(f'cuda:{self.rank}')", "torch.device('cpu')")
    source = source.replace("assert torch.cuda.is_available()", "assert True")
    exec(compile(source, package.__file__, "exec"), package.__dict__)
    return package


def batches(images: Tensor) -> Iterator[Tensor]:
    while True:
        for chosen in torch.randperm(len(images)).split(BATCH):
            if len(chosen) == BATCH:
                yield images[chosen].float() / 255


def build(package: Any, images: Tensor) -> Any:
    """Return its trainer, with augmentation as its command line advises for so many images."""
    trainer = package.Trainer(
        name="peer",
        base_dir=".",
        image_size=images.shape[-1],
        batch_size=BATCH,
        gradient_accumulate_every=ACCUMULATED,
        attn_res_layers=[32],
        num_workers=0,
        save_every=10**9,
        evaluate_every=10**9,
        use_aim=False,
        aug_prob=min(0.5, (1e5 - len(images)) * 3e-6),
        aug_types=["translation", "cutout"],
    )
    trainer.loader = batches(images)
    trainer.evaluate = trainer.save = lambda *_, **__: None
    return trainer


def sample(trainer: Any, count: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    generator = trainer.GAN.G.eval()
    blocks = []
    with torch.inference_mode():
        for start in range(0, count, 20):
            latents = torch.randn(min(20, count - start), trainer.GAN.latent_dim)
            blocks.append((generator(latents).clamp(0, 1) * 255).round().byte())
    generator.train()
    return torch.cat(blocks).permute(0, 2, 3, 1).contiguous().numpy()


def main() -> None:
    source, seconds, count, folder = sys.argv[1:]
    torch.set_num_threads(1)
    torch.manual_seed(0)
    images = torch.from_numpy(np.load(source)["images"]).permute(0, 3, 1, 2).contiguous()
    trainer = build(on_cpu(), images)
    spent = 0.0
    for limit in map(float, seconds.split(",")):
        while spent < limit:
            began = time.process_time()
            trainer.train()
            spent += time.process_time() - began
        made = sample(trainer, int(count))
        np.savez(Path(folder) / f"{limit}.npz", images=made, steps=trainer.steps)


if __name__ == "__main__":
    main()
