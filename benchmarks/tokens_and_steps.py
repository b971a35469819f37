"""Tokens a second of `seqgan`, and environment steps a second of `gail`, beside what else there is.

    python benchmarks/tokens_and_steps.py --rounds 5 --out speeds.jsonl
    python benchmarks/tokens_and_steps.py --only tokens

Tokens: a policy step on sequences of the oracle, from drawing them to the gradient of G: 64
sequences of 20 tokens, roll-outs after each token judged by D. Beside it stands the same in plain
PyTorch as tutorials write it (`TutorialSeqGAN`): each roll-out says the sequence again from its
beginning. Both have the same sizes; a token counts once, however many roll-outs pay for it.

Steps: PPO on the pendulum, from playing 8 episodes of 200 moments to ten passes over these, with a
policy and a value function of two layers of 100. Beside it stands stable-baselines3's PPO with the
same sizes, passes and batches, if it is installed.

One thread. The contenders take turns in every round, and a ratio is taken within each round. Times
are the process's own CPU time, which other programs on the machine disturb less than the clock. A
line of JSON is written for each pair.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import gankit
from gankit.data import load_configured
from gankit.nn.text_cnn import TextCNN
from telling import machine, spread

BATCH, LENGTH, SYMBOLS = 64, 20, 200
EMBEDDING = HIDDEN = 32
EPISODES, MOMENTS = 8, 200
Round = Callable[[], object]


class TutorialSeqGAN:
    """SeqGAN's policy step, written as tutorials write it."""

    def __init__(self, rollouts: int) -> None:
        self.rollouts = rollouts
        self.embed = nn.Embedding(SYMBOLS + 1, EMBEDDING)
        self.cell = nn.LSTMCell(EMBEDDING, HIDDEN)
        self.head = nn.Linear(HIDDEN, SYMBOLS)
        self.discriminator = TextCNN(SYMBOLS, LENGTH, EMBEDDING, (1, 2, 3, 4), 32, 0.25)
        players = nn.ModuleList([self.embed, self.cell, self.head])
        self.optimizer = torch.optim.Adam(players.parameters(), 5e-3, (0.9, 0.999))

    def say(self, given: Tensor) -> Tensor:
        """Return whole sequences that begin with the tokens [N, t] given."""
        hidden = cell = torch.zeros(BATCH, HIDDEN)
        token = torch.full((BATCH,), SYMBOLS)
        said = []
        for place in range(LENGTH):
            hidden, cell = self.cell(self.embed(token), (hidden, cell))
            if place < given.shape[1]:
                token = given[:, place]
            else:
                token = torch.multinomial(self.head(hidden).softmax(1), 1)[:, 0]
            said.append(token)
        return torch.stack(said, 1)

    @torch.no_grad()
    def rewards(self, tokens: Tensor) -> Tensor:
        """Return D's mean belief in ways to go on after each token, [N, T]."""
        self.discriminator.eval()
        paid = torch.zeros(BATCH, LENGTH)
        for _ in range(self.rollouts):
            for place in range(1, LENGTH):
                whole = self.say(tokens[:, :place])
                paid[:, place - 1] += self.discriminator(whole).sigmoid() / self.rollouts
        paid[:, -1] = self.discriminator(tokens).sigmoid()
        return paid

    def step(self) -> None:
        """Move G once."""
        with torch.no_grad():
            tokens = self.say(torch.zeros(BATCH, 0, dtype=torch.long))
        paid = self.rewards(tokens)
        hidden = cell = torch.zeros(BATCH, HIDDEN)
        token, loss = torch.full((BATCH,), SYMBOLS), torch.zeros(())
        for place in range(LENGTH):
            hidden, cell = self.cell(self.embed(token), (hidden, cell))
            token = tokens[:, place]
            chances = F.log_softmax(self.head(hidden), 1)
            loss = loss - (paid[:, place] * chances.gather(1, token[:, None])[:, 0]).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


class PolicyTurn:
    """As much of a trainer's step as moves G alone."""

    def __init__(self, trainer: gankit.Trainer) -> None:
        self.optimizer = trainer.state.players["generator"].optimizer
        self.draw = trainer._draw

    def descend(self, player: str, terms: Any) -> float:
        self.optimizer.zero_grad()
        terms.loss.backward()
        self.optimizer.step()
        return 0.0


def opened(family: str, source: str, **changes: object) -> gankit.Trainer:
    """Return the trainer of a family's recipe for some data, with some settings changed."""
    settings = {"runtime.device": "cpu", "runtime.threads": 1, **changes}
    config = gankit.override(gankit.configure(family, source), settings)
    data = load_configured(config.data)
    return gankit.Trainer(gankit.build_game(config, data), data)


def tokens(rollouts: int) -> tuple[Round, Round, int]:
    """Return a policy step of gankit, one of the tutorial's, and the tokens of each."""
    trainer = opened("seqgan", "oracle", **{"network.rollouts": rollouts, "training.steps": 1})
    game, turn = trainer.game, PolicyTurn(trainer)
    return lambda: game.improve(turn), TutorialSeqGAN(rollouts).step, BATCH * LENGTH


def steps() -> tuple[Round, Round | None, int]:
    """Return PPO of gankit, that of stable-baselines3 if it is there, and the moments of each."""
    changes = {"network.epochs": 10, "network.episodes": EPISODES, "network.part": 256}
    trainer = opened("gail", "expert:Pendulum-v1", **changes, **{"training.batch": EPISODES})
    game, turn = trainer.game, PolicyTurn(trainer)

    def ours() -> None:
        played = game.play_out(trainer._draw(0).latent)
        paid = torch.rand(len(played.episodes.moments))
        game._improve(turn, played, paid)

    return ours, baselines(), EPISODES * MOMENTS


def baselines() -> Round | None:
    """Return a round of stable-baselines3's PPO; None if the package is not installed."""
    if find_spec("stable_baselines3") is None:
        return None
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env

    layers = {"pi": [100, 100], "vf": [100, 100]}
    model = PPO(
        "MlpPolicy",
        make_vec_env("Pendulum-v1", EPISODES, seed=0),
        n_steps=MOMENTS,
        batch_size=-(EPISODES * MOMENTS // -6),  # six a pass, as gankit cuts them
        n_epochs=10,
        gamma=0.995,
        gae_lambda=0.97,
        device="cpu",
        policy_kwargs={"net_arch": layers},
    )

    return lambda: model.learn(EPISODES * MOMENTS, reset_num_timesteps=False)


def seconds_of(play: Round, at_least: float) -> float:
    """Return the CPU seconds of a round, by as many as take `at_least` seconds."""
    count, began = 0, time.process_time()
    while count == 0 or time.process_time() - began < at_least:
        play()
        count += 1
    return (time.process_time() - began) / count


def compared(ours: Round, theirs: Round | None, count: int, rounds: int, least: float) -> dict:
    """Return what both do a second, and the ratio: median, least and greatest over rounds."""
    contenders = [ours] if theirs is None else [ours, theirs]
    for play in contenders:
        play()  # what is made at the first call
    found = [[count / seconds_of(play, least) for play in contenders] for _ in range(rounds)]
    line: dict[str, Any] = {"gankit_per_s": round(statistics.median(each[0] for each in found))}
    if theirs is not None:
        line["other_per_s"] = round(statistics.median(each[1] for each in found))
        line["ratio"] = spread([a / b for a, b in found], 2)
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--least", type=float, default=1.0, help="seconds of a contender's turn")
    parser.add_argument("--rollouts", default="4,16", help="comma-separated")
    parser.add_argument("--only", choices=["tokens", "steps"])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    np.random.seed(0)
    pairs: dict[str, Callable[[], tuple[Round, Round | None, int]]] = {
        f"tokens, {n} roll-outs": partial(tokens, int(n)) for n in given.rollouts.split(",")
    }
    pairs["steps of PPO"] = steps
    for name, made in pairs.items():
        if given.only and not name.startswith(given.only):
            continue
        line = {
            "benchmark": "tokens_and_steps",
            "what": name,
            **compared(*made(), given.rounds, given.least),
            "rounds": given.rounds,
            **machine(threads=1),
        }
        print(json.dumps(line), flush=True)
        if given.out is not None:
            with given.out.open("a") as file:
                file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
