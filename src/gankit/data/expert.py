"""Episodes of an expert, which are learned moment by moment."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.data.arrays import read_member
from gankit.data.dataset import ArrayDataset, array_fingerprint
from gankit.data.read_options import ReadOptions
from gankit.data.values import as_float32
from gankit.errors import DataError, GankitError
from gankit.text import reason
from gankit.worlds.experts import make_expert
from gankit.worlds.play import world_of
from gankit.worlds.world import World

NEEDED = ("environment", "observations", "actions")
PERHAPS = ("returns", "next_observations", "ends")


class ExpertDataset(ArrayDataset):
    """What an expert saw and did: trajectories of one moment, float32 [1, O + moves].

    If transitions are asked for, a moment goes on with what was seen next and with whether the
    episode ended by itself there, 0 or 1: float32 [1, O + moves + O + 1].

    An example is a moment and not an episode, because a discriminator judges one move at a time,
    episodes are of different lengths, and one episode may be all that is known.

    Attributes:
        world: the environment.
        returns: what the environment paid for each episode, float64 [E]; None if not known.
    """

    def __init__(
        self,
        name: str,
        world: World,
        moments: NDArray[np.float32],
        returns: NDArray[np.float64] | None,
    ) -> None:
        """Hold the moments of an expert, float32 [M, world.numbers], or its transitions."""
        fingerprint = array_fingerprint(moments, np.frombuffer(world.name.encode(), np.uint8))
        super().__init__(name, moments[:, None], fingerprint, notes=_notes(world, returns))
        self.world, self.returns = world, returns


def _notes(world: World, returns: NDArray[np.float64] | None) -> tuple[str, ...]:
    if returns is None:
        return (f"moments of {world.name}; their returns are not known",)
    several = f"{len(returns):,} episodes" if len(returns) > 1 else "1 episode"
    return (f"{several} of {world.name}, returns {returns.mean():.4g} on average",)


def holds_episodes(path: Path) -> bool:
    """Return whether a file is an .npz archive of episodes."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "environment.npy" in archive.namelist()
    except Exception:  # damage of any kind; who reads the file will say so
        return False


def read_episodes(name: str, path: Path, options: ReadOptions) -> ExpertDataset:
    """Read the episodes of a file that `gankit expert` or `Episodes.save` wrote, or a user's own.

    It holds `environment` (a name of gymnasium's), `observations` [M, O], `actions`, whole numbers
    [M] or numbers [M, A], and perhaps `returns` [E], of whole episodes. Transitions need
    `next_observations` [M, O], and `ends` [M], true where an episode ended by itself; it is false
    everywhere if it is not there.

    Raises DataError if it holds something else, or not what is asked for, and ConfigError or
    MissingExtraError if the environment cannot be made.
    """
    check_options(name, options)
    arrays = _read_file(name, path)
    environment = arrays["environment"]
    if environment.dtype.kind != "U" or environment.size != 1:
        raise DataError(f"environment in '{name}' must be a name, such as CartPole-v1")
    world = world_of(str(environment.reshape(())))
    seen = _seen(name, world, "observations", arrays["observations"])
    done = _actions(name, world, arrays["actions"], len(seen))
    columns = [seen, world.written(done)]
    if options.transitions:
        columns += _following(name, world, arrays, len(seen))
    returns = arrays.get("returns")
    if returns is not None:
        returns = _numbers(name, "returns", returns, 1).astype(np.float64)
    return ExpertDataset(name, world, np.concatenate(columns, 1), returns)


def expert_dataset(
    environment: str, episodes: int, every: int, options: ReadOptions
) -> ExpertDataset:
    """Let an expert play, and return each `every`-th moment; the test split is of later seeds.

    Raises what `make_expert` raises, and DataError if a size is asked for.
    """
    name = f"expert:{environment}"
    check_options(name, options, split=True)
    seed = 0 if options.split == "train" else episodes
    played = make_expert(environment, episodes, seed=seed, every=every)
    moments = played.transitions if options.transitions else played.moments
    return ExpertDataset(name, played.world, moments, played.returns)


def check_options(name: str, options: ReadOptions, split: bool = False) -> None:
    """Raise DataError if an option is for pictures, or asks for a test split that is not there."""
    if options.size is not None or options.channels != "auto":
        raise DataError(f"data '{name}' is episodes, not images: leave size and channels out")
    if options.split == "test" and not split:
        raise DataError(f"data '{name}' is episodes, which have no test split")


def _read_file(name: str, path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file of episodes. Raises DataError."""
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            arrays = {
                key: read_member(f"array '{key}' in {name!r}", archive, info, size)
                for info in archive.infolist()
                if (key := info.filename.removesuffix(".npy")) in (*NEEDED, *PERHAPS)
            }
    except GankitError:
        raise
    except MemoryError:
        raise DataError(f"data {name!r} does not fit into memory: save fewer episodes") from None
    except Exception as error:  # damage can fail anywhere inside zipfile and numpy
        raise DataError(f"data {name!r} holds no episodes: {reason(error)}") from None
    missing = [key for key in NEEDED if key not in arrays]
    if missing:
        raise DataError(f"data '{name}' is episodes without {' and '.join(missing)}")
    return arrays


def _seen(name: str, world: World, what: str, given: NDArray[Any]) -> NDArray[np.float32]:
    """Return observations of an environment, float32 [M, O]. Raises DataError."""
    seen = _numbers(name, what, given, 2)
    if seen.shape[1] != world.observations:
        raise DataError(
            f"{what} in '{name}' are {seen.shape[1]} numbers each; {world.name} shows "
            f"{world.observations}: is the environment another one?"
        )
    return seen


def _following(
    name: str, world: World, arrays: dict[str, NDArray[Any]], count: int
) -> list[NDArray[np.float32]]:
    """Return what was seen after each of `count` moments, and where episodes ended, [count, 1].

    Raises DataError if the file does not say.
    """
    if "next_observations" not in arrays:
        raise DataError(
            f"data '{name}' does not say what was seen after each move: write it anew by "
            f"gankit.make_expert('{world.name}').save(FILE), or add an array next_observations "
            f"[{count}, {world.observations}]"
        )
    following = _seen(name, world, "next_observations", arrays["next_observations"])
    ends = arrays.get("ends", np.zeros(count, bool))
    if len(following) != count or ends.dtype != bool or ends.shape != (count,):
        raise DataError(
            f"next_observations and ends in '{name}' must be numbers [{count}, "
            f"{world.observations}] and true or false [{count}]; they are "
            f"{list(following.shape)} and {ends.dtype} {list(ends.shape)}"
        )
    return [following, ends[:, None].astype(np.float32)]


def _numbers(name: str, what: str, given: NDArray[Any], axes: int) -> NDArray[np.float32]:
    """Return finite numbers as float32. Raises DataError."""
    if given.dtype.kind not in "iuf" or given.ndim != axes or 0 in given.shape:
        raise DataError(
            f"{what} in '{name}' must be numbers {'[M, O]' if axes == 2 else '[E]'}, got "
            f"{given.dtype} {list(given.shape)}"
        )
    return as_float32(f"{what} in '{name}'", given)


def _actions(name: str, world: World, given: NDArray[Any], count: int) -> NDArray[Any]:
    """Return the actions of an environment, one for each of `count` moments. Raises DataError."""
    if world.discrete:
        wanted = f"whole numbers 0 to {world.choices - 1}, [{count}]"
        if given.dtype.kind in "iu" and given.shape == (count,):
            if given.min() >= 0 and given.max() < world.choices:
                return given.astype(np.int64)
            wanted += f", got {given.min()} to {given.max()}"
    else:
        limits = ", ".join(
            f"{a:.4g} to {b:.4g}" for a, b in zip(world.low, world.high, strict=True)
        )
        wanted = f"numbers [{count}, {world.moves}] within {limits}"
        if given.dtype.kind in "iuf" and given.shape == (count, world.moves):
            done = as_float32(f"actions in '{name}'", given)
            low, high = world.limits
            if (done >= low).all() and (done <= high).all():
                return done
            wanted += f", got {done.min():.4g} to {done.max():.4g}"
    raise DataError(
        f"actions in '{name}' must be {wanted}; they are {given.dtype} {list(given.shape)}"
    )
