"""A GAN is an actor-critic method in a world without states: the same gradients, number by number.

    python examples/actor_critic.py

After Pfau & Vinyals 2016, arXiv 1610.01945, section 3. The world: at each step the actor sets an
image (a point, here); a fair coin decides whether the critic is shown that one or a real one; the
reward is 1 if it was real. There is no state, and the actor does not see the coin. Three things
make this game a GAN:

1. the critic estimates the expected reward by cross-entropy, where a Bellman residual is usual:
   that is D's loss, and the critic's value is D(x);
2. the actor is blind: nothing of a step in which the real one was shown flows into it;
3. the actor climbs the critic's value through the action (a deterministic policy gradient), in
   the scale of log D or of -log(1 - D).

Prints the largest difference of each player's gradient between gankit's game and this world.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

import gankit
from gankit.families import FAMILIES, Task
from gankit.game_types import Batch, Latent
from gankit.settings.config import override


def build(loss: str) -> object:
    """gankit's game on points of the plane, in double precision."""
    torch.manual_seed(0)
    config = override(gankit.configure("gan", "toy:ring8"), {"objective.loss": loss})
    game = FAMILIES["gan"](config, Task((2,)))
    game.generator.double()
    game.discriminator.double()
    return game


def gradients(loss: torch.Tensor, network: torch.nn.Module) -> torch.Tensor:
    """dloss/dweights of a network, as one vector."""
    found = torch.autograd.grad(loss, list(network.parameters()), retain_graph=True)
    return torch.cat([g.flatten() for g in found])


def as_a_world(game, actions, real, scale):  # type: ignore[no-untyped-def]
    """(the critic's gradient, the actor's) in the stateless decision process.

    The expectation over the coin is taken exactly: each action meets heads and tails once.
    """
    critic, actor = game.discriminator, game.generator
    shown = torch.cat([real, actions.detach()])  # tails: the real one; heads: the actor's
    reward = torch.cat([torch.ones(len(real)), torch.zeros(len(actions))]).double()
    estimate = critic(shown, None)  # the value of what is shown, as a logit
    critic_loss = 2 * F.binary_cross_entropy_with_logits(estimate, reward)  # two sides of a coin
    value = critic(actions, None)  # heads alone: on tails the actor gets no gradient
    return gradients(critic_loss, critic), gradients(-scale(value).mean(), actor)


def main() -> None:
    scales = {
        "non_saturating": lambda logit: F.logsigmoid(logit),  # log D
        "minimax": lambda logit: -F.logsigmoid(-logit),  # -log(1 - D)
    }
    for loss, scale in scales.items():
        game = build(loss)
        noise = torch.randn(64, game.config.latent.size, dtype=torch.float64)
        real = torch.randn(64, 2, dtype=torch.float64)
        batch = Batch(real, None, Latent(noise), torch.zeros(64))
        actions = game.generate(batch.latent)

        d_loss = game.discriminator_terms(batch, actions.detach()).loss
        g_loss = game.generator_terms(batch, actions).loss
        as_a_game = gradients(d_loss, game.discriminator), gradients(g_loss, game.generator)
        world = as_a_world(game, actions, real, scale)
        for player, a, b in zip(("D, the critic", "G, the actor"), as_a_game, world, strict=True):
            print(f"{loss:<15} {player:<14} |gradient| {a.norm():.6f}, "
                  f"largest difference {(a - b).abs().max():.1e}")  # fmt: skip


if __name__ == "__main__":
    main()
