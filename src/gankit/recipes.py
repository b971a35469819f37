"""Recipes by name, and the settings that several of them share.

A recipe is a function without arguments that returns a complete Config: a default job, or a
published result. Each is defined in the file of its family (families/), which registers it here.
`choose_recipe.configure` picks the one that fits what the user named; flags change it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gankit.registry import Registry
from gankit.settings.config import (
    Config,
    DataConfig,
    LatentConfig,
    ObjectiveConfig,
    OptimizerConfig,
    TrainingConfig,
)

RECIPES: Registry[Callable[[], Config]] = Registry("recipe")


def adam(lr: float, beta1: float = 0.5, beta2: float = 0.999, **more: object) -> OptimizerConfig:
    """Return the settings of Adam; `more` are other fields of OptimizerConfig."""
    return OptimizerConfig(lr=lr, beta1=beta1, beta2=beta2, **more)  # type: ignore[arg-type]


def for_photographs(config: Config, network: object) -> Config:
    """Return a family's settings for photographs, with these networks, for 10 minutes on a CPU.

    Relativistic pairs, R1 and R2, and small batches: several families whose recipes for digits drew
    lattices on photographs left these with it within some hundred steps (results/README.md).
    """
    optimizer = adam(1e-3, 0.5, 0.99, schedule="linear", decay_from=0.4)
    return replace(
        config,
        network=network,
        objective=ObjectiveConfig(
            loss="relativistic", penalty="r1+r2", penalty_weight=0.1, penalty_interval=16
        ),
        generator_optimizer=optimizer,
        discriminator_optimizer=optimizer,
        training=TrainingConfig(minutes=10, batch=16, ema=0.998),
    )


def paper_sgd(
    decay_rate: float, lr: float = 0.1, max_norm: float = 0.0, schedule_steps: int = 125_000
) -> OptimizerConfig:
    """Return the first GANs' optimiser: SGD with momentum .5 to .7 and an exponential decay.

    The rate is divided by `decay_rate` at each step, down to 1e-6. The momentum grows for
    `schedule_steps` steps, which are 250 epochs of the authors' 50,000 images of MNIST; their code
    raises it from epoch to epoch. Neither depends on the budget. Both players have the same, as in
    algorithm 1. The authors' code halves D's loss, which for SGD means half the rate: `--lr-d 0.05`
    where this is .1.
    """
    return OptimizerConfig(
        name="sgd",
        lr=lr,
        max_norm=max_norm,
        momentum=0.5,
        momentum_end=0.7,
        schedule="exponential",
        schedule_steps=schedule_steps,
        decay_rate=decay_rate,
        lr_floor=1e-6,
    )


def toy(family: str, network: object) -> Config:
    """Return the settings with which a family trains on points.

    A high rate that falls to 0 makes G steep between the modes and then exact within them. R1
    alone leaves D its slope on the way between two modes; R2 would flatten it.
    """
    optimizer = adam(1e-2, 0.0, 0.99, schedule="linear", decay_from=0.2)
    return Config(
        family=family,
        data=DataConfig(source="toy:ring8"),
        network=network,
        latent=LatentConfig(size=4),
        objective=ObjectiveConfig(
            loss="relativistic", penalty="r1", penalty_weight=0.02, penalty_interval=4
        ),
        generator_optimizer=optimizer,
        discriminator_optimizer=optimizer,
        training=TrainingConfig(steps=4000, batch=128, ema=0.995),
    )
