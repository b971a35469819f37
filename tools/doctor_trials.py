"""Runs made sick on purpose and healthy ones, and what the doctor says of each.

    python tools/doctor_trials.py --seeds 0          # thresholds are chosen on these
    python tools/doctor_trials.py --seeds 1 --split test --out results/doctor.csv

One thread; images of 16 x 16, sentences and moves; each run takes 5 to 20 s of a core. A run that
is there already is only examined again, and its line replaced; other lines of the table stay. The
table is of seeds on which no threshold was chosen. `found` is what the doctor says at the end,
`on_the_way` what it would have said of the log alone after any of its lines. Prints the confusion
table.
"""

from __future__ import annotations

import argparse
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gankit.choose_recipe import configure
from gankit.data import load_dataset
from gankit.doctor.case import Case
from gankit.doctor.diagnose import diagnose
from gankit.doctor.diagnosis import write_diagnosis
from gankit.doctor.signs import look_for
from gankit.errors import TrainingError
from gankit.families import FAMILIES
from gankit.fitting import fit
from gankit.run import Run
from gankit.settings.config import Config, override
from table_lines import read_lines, write_lines

PLAIN: dict[str, Any] = {
    "network.activation": "maxout",
    "network.dropout": "0.2,0.5",
    "latent.size": 100,
    "objective.loss": "non_saturating",
    "objective.penalty": "none",
    "objective.penalty_weight": 1.0,
    "objective.penalty_interval": 1,
    "training.ema": 0.999,
    **{
        f"{player}.{name}": value
        for player in ("generator", "discriminator")
        for name, value in (
            ("beta1", 0.5), ("beta2", 0.999), ("schedule", "constant"), ("decay_from", 0.0)
        )
    },
}  # fmt: skip
"""The first GAN with Adam: nothing keeps it from the sicknesses that are wanted here."""
NARROW: dict[str, dict[str, Any]] = {
    "gan": {
        "network.generator_hidden": "256,256",
        "network.discriminator_hidden": "64,64",
        "training.batch": 32,
        "generator_optimizer.lr": 1e-3,
        "discriminator_optimizer.lr": 1e-3,
        **PLAIN,
    },
    "dcgan": {
        "network.generator_width": 12,
        "network.discriminator_width": 12,
        "network.init": None,
        "training.batch": 32,
    },
    "cgan": {"network.generator_width": 12, "network.discriminator_width": 12},
    "modern": {"network.generator_width": 8, "network.discriminator_width": 8},
    "infogan": {
        "network.generator_width": 12,
        "network.discriminator_width": 12,
        "network.units": 128,
        "network.posterior_units": 64,
        "network.init": None,
        "objective.penalty": "r1",
        "stabilise.joint_batch": True,
        "training.batch": 32,
    },
    "began": {
        "network.width": 8,
        "network.gamma": 1.0,
        "network.lambda_k": 0.01,
        "generator_optimizer.lr": 1e-3,
        "discriminator_optimizer.lr": 1e-3,
    },
    "ssgan": {
        "network.generator_hidden": "256,256",
        "network.discriminator_hidden": "256,128,128",
        "training.batch": 32,
    },
    "seqgan": {
        "network.hidden": 32,
        "network.rollouts": 2,
        "network.pretrain_steps": 400,
        "network.pretrain_d_steps": 20,
    },
    "gail": {"network.episodes": 4},
}
"""What makes a family's recipe for images quick enough, and able to learn while it is narrow:
higher rates, another start (0.02 is that of wide layers), a penalty, another balance."""
RECIPE = {"dcgan": "dcgan-paper", "infogan": "infogan-mnist-paper", "ssgan": "ssgan-mnist-paper"}
"""Where it is not the family's default for images."""
SIDE = 16
"""Of the images, in pixels."""
STEPS = {
    "gan": 3000, "dcgan": 800, "cgan": 800, "modern": 600, "infogan": 1200, "began": 2000,
    "ssgan": 1200, "toy": 4000, "seqgan": 600, "gail": 40,
}  # fmt: skip
"""After which a healthy run has learned most of what it will."""
WILD = {"collapse", "within-class collapse", "repeats", "saturation", "D too strong"}
WILD |= {"D too weak", "D worse than guessing", "oscillation", "G's gradient vanishes"}
WILD |= {"not finite", "low coverage", "labels ignored", "missing classes"}
"""What a learning rate that is far too high may show."""


@dataclass(frozen=True)
class Trial:
    """A run, and the signs of which at least one should be found; none for a healthy one."""

    name: str
    family: str
    data: str
    done: str
    expected: frozenset[str] = frozenset()
    changes: dict[str, Any] = field(default_factory=dict)


def settled(family: str, data: str) -> Config:
    """The family's recipe, as all its trials have it."""
    toy = data.startswith("toy:")
    settings = {
        **({} if toy else NARROW[family]),
        **({"data.size": SIDE} if data.endswith("digits") else {}),
        "training.steps": STEPS["toy" if toy else family],
        "runtime.threads": 1,
        "runtime.device": "cpu",
        "output.sample_every": 0,
        "output.log_every": 1 if FAMILIES[family].acts else 20,
    }
    return override(configure(family, data, RECIPE.get(family)), settings)


def rates(family: str, data: str, times: float, *players: str) -> dict[str, Any]:
    config = settled(family, data)
    return {
        f"{player}_optimizer.lr": times * getattr(config, f"{player}_optimizer").lr
        for player in players
    }


def sick() -> list[Trial]:
    """Each sickness in at least two families."""
    both = ("generator", "discriminator")

    def fast(family: str, data: str, *players: str) -> Trial:
        who = " and ".join(p[0].upper() for p in players)
        changes = rates(family, data, 100, *players)
        name = f"{family}-{data.replace(':', '-')}-fast-{who.replace(' and ', '')}"
        return Trial(name, family, data, f"learning rate of {who} x 100", frozenset(WILD), changes)

    def frozen(family: str, data: str) -> Trial:
        name = f"{family}-{data.replace(':', '-')}-frozen"
        changes = {"generator_optimizer.lr": 0.0}
        return Trial(name, family, data, "learning rate of G 0", frozenset({"G frozen"}), changes)

    weak = frozenset({"D too weak", "low coverage", "collapse"})
    hidden, width = {"network.discriminator_hidden": "1"}, {"network.discriminator_width": 1}
    copied, lopsided = frozenset({"memorisation", "D too strong"}), frozenset({"few of a class"})
    few = {"training.batch": 16, "training.steps": 3000}
    strong = frozenset({"D too strong", "G's gradient vanishes"})
    minimax = {"objective.loss": "minimax", "objective.k": 5}
    perceptron = {**minimax, "network.dropout": "0,0", "discriminator_optimizer.lr": 2e-3}
    return [
        fast("gan", "digits", "discriminator"),
        fast("gan", "toy:ring8", *both),
        fast("dcgan", "digits", "generator"),
        fast("cgan", "digits", *both),
        fast("modern", "digits", "discriminator"),
        frozen("gan", "toy:ring8"),
        frozen("dcgan", "digits"),
        frozen("cgan", "digits"),
        Trial("gan-blind", "gan", "digits", "D of one hidden unit", weak, hidden),
        Trial("gan-toy-blind", "gan", "toy:ring8", "D of one hidden unit", weak, hidden),
        Trial("dcgan-blind", "dcgan", "digits", "D of width 1", weak, width),
        Trial("dcgan-twenty", "dcgan", "twenty.npz", "20 training images", copied, few),
        Trial("gan-twenty", "gan", "twenty.npz", "20 training images", copied, few),
        Trial("dcgan-one", "dcgan", "one.npz", "one class of ten, but for 20 images", lopsided),
        Trial("cgan-one", "cgan", "one.npz", "one class of ten, but for 20 images", lopsided),
        Trial("gan-minimax", "gan", "digits", "minimax, k = 5, a quick D", strong, perceptron),
        Trial("dcgan-minimax", "dcgan", "digits", "minimax, k = 5", strong, minimax),
        Trial(
            "infogan-dead", "infogan", "digits", "lambda 0", frozenset({"dead codes"}),
            {"network.code_weights": "0"},
        ),
        Trial(
            "began-stuck", "began", "digits", "gamma 0.05", frozenset({"k stuck"}),
            {"network.gamma": 0.05},
        ),
        *sick_of_words_and_moves(),
    ]  # fmt: skip


def sick_of_words_and_moves() -> list[Trial]:
    """A D that is sure of everything, a G or a policy that chooses nothing any more."""
    words, moves = ("seqgan", "sentences"), ("gail", "expert:CartPole-v1")
    sure = frozenset({"reward saturated"})
    few = frozenset({"entropy of the policy gone", "repeated sentences", "not finite"})
    strong = {**rates(*words, 30, "discriminator"), "objective.k": 3}
    unlearned = {"network.pretrain_steps": 20, "network.pretrain_d_steps": 200}
    blind = {**rates(*words, 10, "generator"), "network.learn_from": "constant"}
    blind["training.steps"] = 800  # it takes 60 steps of the game until it shows
    wild = {**rates(*moves, 100, "generator"), "network.clip": 0.9}
    return [
        Trial("seqgan-strong", *words, "a D learned on a G that was not", sure, strong | unlearned),
        Trial("seqgan-blind", *words, "constant reward, learning rate of G x 10", few, blind),
        Trial(
            "gail-strong", *moves, "learning rate of D x 10, of G / 100, k = 20", sure,
            {
                **rates(*moves, 10, "discriminator"),
                **rates(*moves, 0.01, "generator"),
                "objective.k": 20,
            },
        ),
        Trial(
            "gail-wild", *moves, "learning rate of G x 100, clip 0.9",
            frozenset({"entropy gone", "not finite"}), wild,
        ),
    ]  # fmt: skip


def healthy() -> list[Trial]:
    """Default recipes, some with other losses or data."""
    held = {"objective.loss": "hinge", "objective.penalty": "r1"}
    many = {"network.episodes": 24, "network.epochs": 2}
    return [
        Trial("gan-toy", "gan", "toy:ring8", "the recipe"),
        Trial("cgan-toy", "cgan", "toy:ring8", "the recipe"),
        Trial("gan-grid", "gan", "toy:grid25", "the recipe"),
        Trial("gan", "gan", "digits", "the recipe, narrow"),
        Trial("dcgan", "dcgan", "digits", "the recipe, narrow"),
        Trial("dcgan-hinge", "dcgan", "digits", "the recipe, narrow, hinge, R1", changes=held),
        Trial("dcgan-stacked", "dcgan", "stacked_digits", "the recipe, narrow"),
        Trial("cgan", "cgan", "digits", "the recipe, narrow"),
        Trial("modern", "modern", "digits", "the recipe, narrow"),
        Trial("infogan", "infogan", "digits", "the recipe, narrow"),
        Trial("began", "began", "digits", "the recipe, narrow"),
        Trial("ssgan", "ssgan", "digits", "the recipe, narrow"),
        Trial("seqgan", "seqgan", "sentences", "the recipe, narrow"),
        Trial("gail", "gail", "expert:CartPole-v1", "the recipe, 4 episodes a step"),
        Trial(
            "gail-many", "gail", "expert:CartPole-v1", "24 episodes beside 25 moments", changes=many
        ),
    ]


def play(trial: Trial, seed: int, runs: Path, split: str) -> dict[str, Any]:
    """Train it, unless it is there; ask the doctor; one line of the table."""
    data = str(runs / trial.data) if trial.data.endswith(".npz") else trial.data
    config = override(settled(trial.family, data), {"training.seed": seed, **trial.changes})
    folder = runs / f"{trial.name}-{seed}"
    with suppress(TrainingError):  # a run that gave up is examined like any other
        fit(config, folder)
    diagnosis = diagnose(folder)
    write_diagnosis(folder, diagnosis)
    found = [verdict.sign for verdict in diagnosis.verdicts]
    right = bool(trial.expected & set(found)) if trial.expected else not found
    return {
        "run": trial.name,
        "seed": seed,
        "split": split,
        "made": "sick" if trial.expected else "healthy",
        "family": trial.family,
        "data": trial.data,
        "what": trial.done,
        "expected": "any of many" if trial.expected == WILD else "; ".join(sorted(trial.expected)),
        "found": "; ".join(found),
        "on_the_way": "; ".join(told_on_the_way(Run(folder))),
        "right": "right" if right else "wrong",
        "steps": diagnosis.step,
    }


def told_on_the_way(run: Run) -> list[str]:
    """Return the sick signs that the log shows after any of its lines, in the order of telling."""
    record, lines, events = run.record(), run.metrics(), run.events()
    assert record is not None
    told: dict[str, None] = {}
    for count, line in enumerate(lines, start=1):
        step = int(line["step"])
        happened = [event for event in events if event["step"] <= step]
        verdicts = look_for(Case(record, lines[:count], happened, reached=step)).verdicts
        told |= dict.fromkeys(v.sign for v in verdicts if v.severity == "sick")
    return list(told)


def write_data(runs: Path) -> None:
    """Two small sets: 20 digits, and ones with 20 digits of the other classes."""
    runs.mkdir(parents=True, exist_ok=True)
    digits = load_dataset("digits", size=SIDE)
    assert digits.labels is not None
    of_class = [np.flatnonzero(digits.labels == c) for c in range(10)]
    twenty = np.concatenate([indices[:2] for indices in of_class])
    others = np.concatenate([i[:2] for c, i in enumerate(of_class) if c != 3])
    for name, chosen in (("twenty", twenty), ("one", np.concatenate([of_class[3], others]))):
        images = digits.read(chosen)[:, 0]
        np.savez(runs / f"{name}.npz", images=images, labels=digits.labels[chosen])


def keep(table: Path, line: dict[str, Any]) -> None:
    """Put a line into a table, in the place of the one of the same run and seed if there is one."""
    lines = read_lines(table)
    runs = [(other["run"], other["seed"]) for other in lines]
    run = (line["run"], str(line["seed"]))
    place = runs.index(run) if run in runs else len(lines)
    write_lines(table, [*lines[:place], line, *lines[place + 1 :]])


def confusion(lines: list[dict[str, Any]]) -> str:
    """How many runs of each kind had a verdict, and how many the right one."""
    heads = f"{'made':<8} {'runs':>4} {'a verdict':>9} {'none':>4} {'as expected':>11}"
    said = [f"{heads} {'on the way':>10}"]
    for made in ("sick", "healthy"):
        of = [line for line in lines if line["made"] == made]
        alarms, right = sum(bool(x["found"]) for x in of), sum(x["right"] == "right" for x in of)
        early = sum(bool(x["on_the_way"]) for x in of)
        counts = f"{len(of):>4} {alarms:>9} {len(of) - alarms:>4} {right:>11} {early:>10}"
        said.append(f"{made:<8} {counts}")
    return "\n".join(said)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="0", help="comma-separated")
    parser.add_argument("--only", default="", help="trials whose name has this in it")
    parser.add_argument("--split", default="calibration", choices=["calibration", "test"])
    parser.add_argument("--runs", type=Path, default=Path("runs/doctor"))
    parser.add_argument("--out", type=Path, default=None)
    given = parser.parse_args()
    torch.set_num_threads(1)
    write_data(given.runs)
    lines = []
    for seed in map(int, given.seeds.split(",")):
        for trial in (*sick(), *healthy()):
            if given.only not in trial.name:
                continue
            lines.append(play(trial, seed, given.runs, given.split))
            print(*(f"{k}={v}" for k, v in lines[-1].items()), sep="  ", flush=True)
            if given.out is not None:
                keep(given.out, lines[-1])
    print(confusion(lines))


if __name__ == "__main__":
    main()
