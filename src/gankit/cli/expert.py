"""The command that writes an expert's episodes, for families that learn to act."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from gankit.cli.options import option


def expert(
    environment: Annotated[str, option("CartPole-v1, Pendulum-v1 and more: see `gankit list`")],
    /,
    *,
    episodes: Annotated[int, option("how many")] = 1,
    seed: Annotated[int, option("of the first episode; the next ones have the next seeds")] = 0,
    every: Annotated[int, option("keep each so-many-th moment of an episode")] = 1,
    out: Annotated[Path, option("the file, x.npz", "--out", "-o")] = Path("expert.npz"),
) -> None:
    """Let the expert of an environment play, and write what it saw and did: data to train on."""
    from gankit.worlds.episodes import check_name
    from gankit.worlds.experts import make_expert

    check_name(out)
    played = make_expert(environment, episodes, seed=seed, every=every)
    several = f"{len(played):,} episode{'s' * (len(played) > 1)}"
    mean = played.returns.mean()
    print(f"{several}, {len(played.actions):,} moments, returns {mean:.4g} on average")
    print(played.save(out))
