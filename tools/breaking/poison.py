"""Numbers that are not finite, put wherever a run keeps or makes numbers.

What is right: none of them ever reaches a file that is used afterwards. The run goes back, further
if need be, or ends with one line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tools.breaking.hooks import WriteDown, watched
from tools.breaking.processes import Result
from tools.breaking.rewrite import rewrite
from tools.breaking.runs import (
    NARROW,
    OFTEN,
    STEPS,
    Bench,
    Case,
    complete,
    differences,
    expect,
    one_line,
    started_again,
)

import gankit
from gankit.storage import read_tensors

VALUES = (math.nan, math.inf)
LAST = STEPS - 1
ALWAYS = tuple(range(STEPS))
RATES = (
    *("train", "gan", "toy:ring8", "--steps", "1", *NARROW, *OFTEN),
    *("--lr-g", "1e39"),
)


@dataclass(frozen=True)
class Poison:
    """In a process: `target` gets `value` around these steps, each as often as it is taken.

    Attributes:
        target: 'term', 'gradient NAME' of a parameter, or a tensor's name in a checkpoint.
        after: put there after the step rather than before it.
        once: only the first time that a step is taken.
    """

    target: str
    value: float
    steps: tuple[int, ...]
    after: bool = False
    once: bool = True
    done: list[int] = field(default_factory=list)

    def __str__(self) -> str:
        when = "after" if self.after else "before"
        where = "every step" if self.steps == ALWAYS else f"step {self.steps[0]}"
        return f"{self.value} in {self.target} {when} {where}{'' if self.once else ', always'}"

    def __call__(self) -> None:
        """For `prepare`: from now on."""
        from gankit.training.session import Session

        take_step = Session.step

        def poisoned(session: Any) -> Any:
            step = session.state.step
            meant = step in self.steps and not (self.once and step in self.done)
            meant = meant and session.run.checkpoints.exists()  # not while it is measured
            if meant:
                self.done.append(step)
            if meant and not self.after:
                undo = self.put(session.state)
                try:
                    return take_step(session)
                finally:
                    undo()
            moves = take_step(session)
            if meant:
                self.put(session.state)
            return moves

        Session.step = poisoned  # type: ignore[method-assign]

    def put(self, state: Any) -> Any:
        """Do it; what undoes it, where it is not a number that is kept."""
        if self.target == "term":
            return self.put_term(state.game)
        if self.target.startswith("gradient "):
            player, _, name = self.target.removeprefix("gradient ").partition("/")
            weight = dict(state.players[player].network.named_parameters())[name]
            return weight.register_hook(lambda gradient: gradient * self.value).remove
        from gankit.training.checkpoint import capture

        tensors = capture(state)[0]
        if self.target in tensors:  # moments come with the first step
            with torch.no_grad():
                tensors[self.target].view(-1)[-1:] = self.value
        return lambda: None

    def put_term(self, game: Any) -> Any:
        """Both players' terms from D's logits come out spoilt."""
        names = ("discriminator_adversarial", "generator_adversarial")
        for name in names:
            setattr(game, name, partial(self.spoilt, getattr(type(game), name), game))
        return lambda: [vars(game).pop(name, None) for name in names]

    def spoilt(self, terms_of: Any, game: Any, *given: Any) -> Any:
        terms = terms_of(game, *given)
        for name in terms.minimised:
            terms.minimised[name] = terms.minimised[name] * self.value
        return terms


def cases(bench: Bench) -> Iterator[Case]:
    """In memory, then in files."""
    state, _ = read_tensors(newest(bench.whole().run), "checkpoint")
    floating = [name for name, tensor in state.items() if tensor.is_floating_point()]
    weights = [n for n in floating if n.startswith(("generator/", "discriminator/"))]
    targets = ["term", *(f"gradient {name}" for name in weights), *floating]
    for value in VALUES:
        for target in targets:
            for steps in ((0,), (3,), (LAST,)):
                yield in_memory(Poison(target, value, steps))
            kept = target in floating
            if kept:
                yield in_memory(Poison(target, value, (LAST,), after=True))
            yield in_memory(Poison(target, value, ALWAYS, after=kept, once=False))
    yield Case("a rate of 1e39", learning_too_fast)
    for base in (bench.unfinished(), bench.whole().run):
        words = "unfinished" if base == bench.unfinished() else "finished"
        for value in VALUES:
            for name in floating:
                what = f"{words}: {value} in {name} of the newest checkpoint"
                yield Case(what, partial(in_files, base, name, value, False, what))
            for name in (weights[0], weights[-1], floating[0], floating[-1]):
                what = f"{words}: {value} in {name} of every checkpoint"
                yield Case(what, partial(in_files, base, name, value, True, what))
        yield Case(f"{words}: NaN in the model", partial(in_model, base))


def in_memory(poison: Poison) -> Case:
    return Case(str(poison), partial(poisoned_run, poison))


def poisoned_run(poison: Poison, bench: Bench, folder: Path) -> None:
    """A run that meets it ends well or with one line; so does the same command again."""
    run = folder / "run"
    first = bench.train(run, poison)
    one_line(first, str(poison))
    expect_finite(run, f"{poison}: exit {first.code}", first)
    if not poison.once:
        expect(first.code == 2 or poison.after, f"{poison}: it gives up", first)
    again = bench.train(run)
    expect(again.code == 0, f"{poison}: without it, the same command ends well", again)
    expect(newest(run).name == f"step-{STEPS:08d}.safetensors", f"{poison}: all steps are taken")
    expect_finite(run, f"{poison}: then", again)


def learning_too_fast(bench: Bench, folder: Path) -> None:
    """A learning rate that no number survives."""
    run = folder / "run"
    result = bench.train(run, command=RATES)
    one_line(result, "a rate of 1e39")
    expect_finite(run, "a rate of 1e39", result)


def in_files(
    base: Path, name: str, value: float, every: bool, what: str, bench: Bench, folder: Path
) -> None:
    """A checkpoint whose digest is right and whose numbers are not."""
    run, seen = bench.copy(base, folder), WriteDown(folder / "operations")
    for path in sorted(run.glob("checkpoints/step-*")) if every else [newest(run)]:
        spoil(path, "checkpoint", name, value)
    result = bench.train(run, watched(run, seen))
    one_line(result, what)
    expect(not started_again(seen.read()), f"{what}: it begins again at step 0", lost=True)
    if result.code == 0:
        different = differences(run, bench.whole())
        expect(not different, f"{what}: exit 0, but {'; '.join(different)}", result)
    else:
        expect_model(run, what, result)


def in_model(base: Path, bench: Bench, folder: Path) -> None:
    """A model whose digest is right and whose weights are not: refused, and made again."""
    run = bench.copy(base, folder)
    model = run / "model.safetensors"
    spoil(model, "artifact", next(iter(read_tensors(model, "artifact")[0])), math.nan)
    shown = bench.gankit("sample", run, "-n", "2", "-o", "x.npz", inside=folder)
    one_line(shown, "sampling of a model that is not finite", codes=(2,))
    complete(bench, run, "a model that is not finite")


def spoil(path: Path, kind: str, name: str, value: float) -> None:
    tensors, _ = read_tensors(path, kind)
    tensors[name].view(-1)[-1:] = value
    rewrite(path, kind, tensors)


def expect_finite(run: Path, what: str, result: Result) -> None:
    """Every checkpoint and the model hold finite numbers alone."""
    for path in run.glob("checkpoints/step-*"):
        broken = not_finite(path, "checkpoint")
        expect(not broken, f"{what}: {path.name} is not finite in {broken}", result, lost=True)
    expect_model(run, what, result)


def expect_model(run: Path, what: str, result: Result) -> None:
    model = run / "model.safetensors"
    if model.exists():
        broken = not_finite(model, "artifact")
        expect(not broken, f"{what}: the model is not finite in {broken}", result, lost=True)
        gankit.load(model)


def not_finite(path: Path, kind: str) -> list[str]:
    tensors, _ = read_tensors(path, kind)
    return [n for n, t in tensors.items() if t.is_floating_point() and not t.isfinite().all()]


def newest(run: Path) -> Path:
    return max(run.glob("checkpoints/step-*"))
