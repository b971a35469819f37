"""A run is read all the time, by other processes, while it trains and checkpoints at every step.

What is right: from the first model on each reader always reads a whole one, never an older one
than before, and the run comes to what it does undisturbed.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tools.breaking.processes import command
from tools.breaking.runs import NARROW, Bench, Case, differences, expect, one_line

import gankit

READERS: dict[str, tuple[str, ...]] = {
    "sample": ("-n", "4", "-o"),
    "report": (),
    "doctor": (),
    "evaluate": ("-n", "64", "--draws", "1"),
}
STEPS = 150
OFTEN = (
    *("train", "gan", "toy:ring8", "--steps", str(STEPS), *NARROW),
    *("--checkpoint-every", "1", "--sample-every", "10", "--set", "output.log_every=10"),
)


def cases(bench: Bench) -> Iterator[Case]:
    """Each reader beside one that only loads, and all of them together."""
    for readers in (*([name] for name in READERS), [*READERS]):
        name = f"{' and '.join(readers)} while it trains"
        yield Case(name, partial(read_while_it_trains, readers))


def read_while_it_trains(readers: list[str], bench: Bench, folder: Path) -> None:
    """Start the readers, then the run; stop them after it."""
    run, over, what = folder / "run", folder / "over", f"{' and '.join(readers)} while it trains"
    children = [bench.forks.start(partial(load_on, str(run), str(over)), (), folder)]
    for name in readers:
        children.append(bench.forks.start(partial(read_on, name, str(run), str(over)), (), folder))
    trained = bench.train(run, command=OFTEN)
    over.touch()
    for child in children:
        result = child.wait()
        expect(result.code == 0 and "Traceback" not in result.text, f"{what}: each reads", result)
    one_line(trained, what, codes=(0,))
    different = differences(run, bench.whole(OFTEN), besides=("report",))
    expect(not different, f"{what}: the run: {'; '.join(different)}", lost=True)


def load_on(run: str, over: str) -> None:
    """A job: load the model again and again; its step never falls."""
    step = -1
    while not Path(over).exists():
        try:
            model = gankit.load(run)
        except gankit.GankitError as problem:
            if step >= 0:
                sys.exit(f"after step {step} was loaded: {problem}")
            time.sleep(0.001)
            continue
        if model.step < step:
            sys.exit(f"step {model.step} is loaded after step {step}")
        step = model.step
        model.sample(2)


def read_on(name: str, run: str, over: str) -> None:
    """A job: a reading command again and again; once there is a model, it always ends well."""
    options = [*READERS[name], *([f"{over}.{name}.npz"] if name == "sample" else [])]
    while not Path(over).exists():
        there = (Path(run) / "model.safetensors").exists()
        try:
            command(name, run, *options)
        except SystemExit as stop:
            if there and stop.code:
                sys.exit(f"`{name}` ended with {stop.code}")
        except BaseException:
            traceback.print_exc()
            raise
