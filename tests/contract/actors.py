"""Two families from outside whose fakes carry no gradient: words, and moves in an environment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

import gankit
from gankit.data import DATASETS, ArrayDataset
from gankit.data.dataset import array_fingerprint
from gankit.game_types import Latent, Moves, Terms

LENGTH, SYMBOLS = 6, ("a", "b", "c", "d")


@DATASETS.register("alphabet", "abcdab from any letter on")
def alphabet(options):
    starts = np.random.default_rng(0).integers(len(SYMBOLS), size=512)
    words = (starts[:, None] + np.arange(LENGTH)) % len(SYMBOLS)
    words = words.astype(np.int64)
    return ArrayDataset("alphabet", words, array_fingerprint(words), symbols=SYMBOLS)


@DATASETS.register("walks", "an expert that walks towards 0: (place, move) at each moment")
def walks(options):
    place = np.random.default_rng(0).uniform(-1, 1, 512)
    moments = []
    for _ in range(LENGTH):
        move = -0.5 * place
        moments.append(np.stack([place, move], 1))
        place = place + move
    walked = np.stack(moments, 1).astype(np.float32)
    return ArrayDataset("walks", walked, array_fingerprint(walked))


@dataclass(frozen=True, kw_only=True)
class Options:
    width: int = 32


class Actor(nn.Module):
    """[N, inputs] -> [N, outputs]: what to do next."""

    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, width), nn.Tanh(), nn.Linear(width, outputs))

    def forward(self, seen, labels=None):
        return self.layers(seen)


class Critic(Actor):
    """Whole numbers become one-hot first."""

    def forward(self, examples, labels=None):
        if not examples.is_floating_point():
            weight = self.layers[0].weight
            examples = nn.functional.one_hot(examples, len(SYMBOLS)).to(weight.dtype)
        return self.layers(examples.flatten(1))[:, 0]


class Acting(gankit.Game):
    """G is paid what D believes of its fakes (REINFORCE, with the batch's mean as baseline)."""

    Options = Options
    alternating_only = "an actor's fakes carry no gradient"

    def latent(self, count, labels, rng):
        """All chance is in the latent, so that a sample is a function of it alone."""
        latent = super().latent(count, labels, rng)
        chances = torch.from_numpy(rng.random((count, LENGTH), np.float32))
        return Latent(torch.cat([latent.noise, chances], 1), latent.labels)

    def own_update(self):
        return self.act_and_judge

    def act_and_judge(self, turn):
        batch = turn.draw(0)
        with torch.no_grad():
            fake = self.generate(batch.latent)
        d_terms = self.discriminator_terms(batch, fake)
        d_terms = d_terms.with_terms(turn.besides(batch, fake))
        grad_d = turn.descend("discriminator", d_terms)
        with torch.no_grad():
            paid = self.logits(fake, None).sigmoid()
        said = self.log_probability(batch.latent, fake)
        g_terms = Terms({"policy": -((paid - paid.mean()) * said).mean()}, {"paid": paid.mean()})
        return Moves(
            d_terms, g_terms, {"grad_d": grad_d, "grad_g": turn.descend("generator", g_terms)}
        )


@gankit.register_family("words", "an actor that says one letter after the other")
class Words(Acting):
    kinds = ("tokens",)

    def build_generator(self):
        self.latent_size = self.config.latent.size + LENGTH
        inputs = self.config.latent.size + len(SYMBOLS)
        return Actor(inputs, self.options.width, len(SYMBOLS))

    def build_discriminator(self):
        return Critic(LENGTH * len(SYMBOLS), self.options.width, 1)

    def generate(self, latent):
        noise, chances = self._parts(latent)
        word, last = [], noise.new_zeros(len(noise), len(SYMBOLS))
        for moment in range(LENGTH):
            reached = self.generator(torch.cat([noise, last], 1)).softmax(1).cumsum(1)
            chosen = (reached < chances[:, moment, None]).sum(1).clamp_max(len(SYMBOLS) - 1)
            word.append(chosen)
            last = nn.functional.one_hot(chosen, len(SYMBOLS)).to(noise.dtype)
        return torch.stack(word, 1)

    def log_probability(self, latent, word):
        noise, _ = self._parts(latent)
        letters = nn.functional.one_hot(word, len(SYMBOLS)).to(noise.dtype)
        before = torch.cat([torch.zeros_like(letters[:, :1]), letters[:, :-1]], 1)
        seen = torch.cat([noise[:, None].expand(-1, LENGTH, -1), before], 2)
        said = self.generator(seen.flatten(0, 1)).log_softmax(1).view_as(letters)
        return (said * letters).sum((1, 2))

    def _parts(self, latent):
        return latent.noise[:, :-LENGTH], latent.noise[:, -LENGTH:]


@gankit.register_family("walker", "an actor that moves in a world that it does not see through")
class Walker(Acting):
    kinds = ("trajectories",)
    SPREAD = 0.1

    def build_generator(self):
        self.latent_size = self.config.latent.size + LENGTH
        return Actor(1, self.options.width, 1)

    def build_discriminator(self):
        return Critic(LENGTH * 2, self.options.width, 1)

    def generate(self, latent):
        """Played out in the environment, which adds a move to a place and has no gradient."""
        place, moments = latent.noise[:, 0].clamp(-1, 1), []
        chances = latent.noise[:, -LENGTH:].clamp(1e-4, 1 - 1e-4)
        for moment in range(LENGTH):
            wanted = self.generator(place[:, None])[:, 0].detach()
            move = wanted + self.SPREAD * torch.special.ndtri(chances[:, moment])
            moments.append(torch.stack([place, move], 1))
            place = place + move
        return torch.stack(moments, 1)

    def log_probability(self, latent, walked):
        place, move = walked.unbind(2)
        wanted = self.generator(place.reshape(-1, 1)).view_as(move)
        return -((move - wanted) / self.SPREAD).square().sum(1) / 2
