"""Families of words and of moves, from outside (actors.py): nothing that they make is an image, and
nothing of the loop, the files or the commands is theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tools.breaking.processes import installed_in, python

HERE = Path(__file__).parent
STORY = """
import sys, json
import numpy as np
import gankit, gankit.cli, actors
from gankit.storage import read_tensors
from gankit.training.checkpoint import checkpoints

family, data, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])

def config(steps):
    settings = {"training.steps": steps, "training.batch": 64, "output.log_every": 5,
                "runtime.threads": 1, "generator_optimizer.lr": 5e-3, "latent.size": 2,
                "discriminator_optimizer.lr": 5e-3, "training.ema": 0.9, "runtime.device": "cpu"}
    return gankit.override(gankit.configure(family, data), settings)

def newest(run):
    return read_tensors(sorted((run / "checkpoints").glob("*.safetensors"))[-1], "checkpoint")[0]

from pathlib import Path
gankit.fit(config(20), "whole"); gankit.fit(config(7), "parts"); gankit.fit(config(20), "parts")
a, b = newest(Path("whole")), newest(Path("parts"))
same = a.keys() == b.keys() and all((a[k] == b[k]).all() for k in a)
gankit.fit(config(steps), "long")
gan = gankit.load("long")
first, again = (gan.sample(n, seed=1, output="np") for n in (600, 30))
np.savez("said.npz", samples=first, untrained=gankit.load("whole").sample(600, seed=1, output="np"))

def command(*words):
    sys.argv = ["gankit", *words]
    try: gankit.cli.main()
    except SystemExit as stop: return stop.code or 0
    return 0

codes = {words[0] + words[-1]: command(*words) for words in (
    ("sample", "long", "-n", "9", "-o", "nine.npz"), ("sample", "long", "-o", "nine.txt"),
    ("doctor", "long"),
    ("report", "long"), ("sample", "long", "-o", "nine.png"), ("sample", "long", "-o", "folder"),
    ("evaluate", "long"), ("train", "gan", data, "--steps", "1", "--out", "gan"),
    ("compare", "whole", "long", "-o", "both.html"))}
near = bool(np.abs(first[:30] - again).max() < 1e-5)
print(json.dumps({"same": same, "slice": near, "codes": codes, "kind": gan.kind,
                  "symbols": gan.symbols, "repr": repr(gan)}))
"""


@pytest.fixture
def tell(forks, tmp_path) -> Callable[..., tuple[dict, str]]:
    """The story of a family in a process that knows it: what it says at its end, and stderr."""

    def run(*words: object) -> tuple[dict, str]:
        (tmp_path / "story.py").write_text(STORY)
        call = partial(python, tmp_path / "story.py", *map(str, words))
        done = forks.start(call, (partial(installed_in, HERE),), tmp_path).wait()
        assert done.code == 0, done.err
        return json.loads(done.out.splitlines()[-1]), done.err

    return run


CODES = {
    "samplenine.npz": 0, "samplenine.txt": 2, "doctorlong": 0, "reportlong": 0, "comparing": 0,
    "comparinglong": 0, "samplenine.png": 2, "samplefolder": 2, "evaluatelong": 2, "traingan": 2,
    "compareboth.html": 0,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.learning
def test_words_are_learned_by_a_policy_gradient(tell, tmp_path):
    told, err = tell("words", "alphabet", 600)
    assert told["same"], "a resumed run is the undisturbed one"
    assert told["slice"]
    assert (told["kind"], told["symbols"]) == ("tokens", ["a", "b", "c", "d"])
    codes = {**CODES, "samplenine.txt": 0, "evaluatelong": 0}
    assert {k: codes[k] for k in told["codes"]} == told["codes"], err
    assert "tokens are no pictures: choose target name.npz, or name.txt (--out)" in err
    lines = (tmp_path / "nine.txt").read_text().splitlines()
    assert len(lines) == 64
    assert all(len(line.split()) == 6 for line in lines), "letters with spaces between"
    assert re.search("makes images or points; these are tokens: train .*'words'", err)
    with np.load(tmp_path / "nine.npz") as kept:
        assert kept["tokens"].shape == (9, 6)
        assert kept["tokens"].dtype == np.int64
    with np.load(tmp_path / "said.npz") as said:
        follows = {k: float(((w[:, :-1] + 1) % 4 == w[:, 1:]).mean()) for k, w in said.items()}
    # Four seeds: 1.0 each. Guessing letters is right in a quarter.
    assert follows["samples"] > 0.7, follows


@pytest.mark.slow
@pytest.mark.learning
def test_moves_are_learned_in_an_environment(tell, tmp_path):
    told, err = tell("walker", "walks", 600)
    assert told["same"]
    assert told["slice"]
    assert (told["kind"], told["symbols"]) == ("trajectories", [])
    assert {k: CODES[k] for k in told["codes"]} == told["codes"], err
    assert "trajectories are no pictures" in err
    with np.load(tmp_path / "said.npz") as said:
        away = {k: float(np.abs(w[:, -1, 0]).mean()) for k, w in said.items()}
    # Four seeds: .087 to .091, of which the policy's own spread is .08.
    assert away["samples"] < away["untrained"] / 2, away
