"""What an inspection found: readable as text, as JSON and by attribute."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from gankit.data.layout import name_some
from gankit.inspection.repeats import ALIKE
from gankit.inspection.scan import Example, Numbers
from gankit.text import visible

NAMED = 3
"""How many of a kind the text names; the page and JSON name more."""


@dataclass(frozen=True)
class Repeat:
    """Examples that are the same, or two that are nearly so.

    Attributes:
        examples: two or more.
        likeness: the correlation of their small copies; 1 if all their values are equal.
    """

    examples: tuple[Example, ...]
    likeness: float = 1.0

    @property
    def across(self) -> bool:
        """Whether examples to train on stand among those to test on."""
        return len({example.split for example in self.examples}) > 1

    @property
    def disagrees(self) -> bool:
        """Whether they are of different classes."""
        return len({example.label for example in self.examples}) > 1

    def __str__(self) -> str:
        shown, more = self.examples[:NAMED], len(self.examples) - NAMED
        return " = ".join(map(str, shown)) + (f" and {more:,} more" if more > 0 else "")


@dataclass(frozen=True)
class Part:
    """One split: how many examples it has, how many were looked at, how many each class has.

    A test split whose classes are not those of the training split has names of its own.
    """

    name: str
    count: int
    looked_at: int
    class_names: tuple[str, ...] = ()
    class_counts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Row:
    """One line of the sheet: a class with some of its examples, as `Dataset.read` returns them."""

    name: str
    examples: NDArray[Any]


@dataclass(frozen=True)
class Inspection:
    """What is known of a data set before it is trained on; as text, a screenful.

    Attributes:
        name: the data set.
        kind: `images`, `points`, `tokens` or `trajectories`.
        shape: the shape of one example, as networks take it.
        alpha: whether the last channel of images is opacity.
        lines: what a training would say as it starts, in full.
        class_names: the names of the classes; empty if there are none.
        parts: the splits, for training first.
        sizes: how many files have each (height, width) before they are resized.
        numbers: the range of the values that are trained on.
        seed: the seed by which examples were chosen.
        sheet: examples to look at, a row for each class.
        exact: groups of examples whose values are equal.
        near: pairs of images that are nearly equal (`gankit.inspection.repeats.ALIKE`).
        broken: why a file cannot be read, by its path.
        no_test: why there is no test split; None if there is one.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    lines: tuple[str, ...]
    class_names: tuple[str, ...]
    parts: tuple[Part, ...]
    sizes: Mapping[tuple[int, int], int]
    numbers: Numbers
    seed: int
    sheet: tuple[Row, ...]
    exact: tuple[Repeat, ...] = ()
    near: tuple[Repeat, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)
    no_test: str | None = None
    alpha: bool = False

    @property
    def across(self) -> tuple[Repeat, ...]:
        """The repeats that stand in both splits, exact ones first."""
        return tuple(repeat for repeat in (*self.exact, *self.near) if repeat.across)

    @property
    def equal_across(self) -> int:
        """How many of the exact ones stand in both splits."""
        return sum(repeat.across for repeat in self.exact)

    @property
    def sampled(self) -> bool:
        """Whether only some of the examples were looked at."""
        return any(part.looked_at < part.count for part in self.parts)

    @property
    def unknown(self) -> tuple[str, ...]:
        """The classes of the test split that the training split has not."""
        every = (name for part in self.parts for name in part.class_names)
        return tuple(dict.fromkeys(name for name in every if name not in self.class_names))

    def __str__(self) -> str:
        return visible("\n".join([*self.lines, *self._findings()]))

    def _findings(self) -> Iterator[str]:
        yield self.tell_parts()
        if self.unknown:
            yield f"classes of the test split alone: {name_some(self.unknown)}"
        if self.sizes:
            yield f"sizes of {sum(self.sizes.values()):,} training files: {self.tell_sizes()}"
        yield f"values: {self.tell_values()}"
        yield f"exact duplicates: {tell_repeats(self.exact)}"
        if self.kind == "images":
            yield f"near duplicates: {tell_repeats(self.near)}"
        if len(self.parts) > 1:
            equal = f", {self.equal_across:,} of them equal" if self.across else ""
            yield f"of these in both splits{equal}: {tell_repeats(self.across)}"
        if mixed := [r for r in (*self.exact, *self.near) if r.disagrees]:
            yield f"alike, but of different classes: {tell_repeats(mixed)}"
        if self.broken:
            told = name_some((f"{path} ({why})" for path, why in self.broken.items()), NAMED)
            yield f"cannot be read: {len(self.broken):,}: {told}"

    def tell_parts(self) -> str:
        """Return `splits: train 10,000, test 2,000`, and how many of them were looked at."""
        told = ", ".join(f"{part.name} {part.count:,}" for part in self.parts)
        if self.no_test is not None:
            told += f"; no test split ({self.no_test})"
        if not self.sampled:
            return f"splits: {told}; every example was looked at"
        looked = " and ".join(f"{p.looked_at:,} of {p.name}" for p in self.parts)
        return f"splits: {told}; looked at {looked}, drawn with seed {self.seed}"

    def tell_sizes(self) -> str:
        """Return `375 x 500 (120), ... and 7 more`, height first, the most frequent first."""
        some = name_some((f"{h} x {w} ({n:,})" for (h, w), n in self.sizes.items()), 5)
        return f"{some}, height first"

    def tell_values(self) -> str:
        """Return the range of the values that are trained on, in words."""
        found = self.numbers
        if self.kind == "tokens":
            used = sum(count > 0 for count in found.counts)
            return f"{used:,} of {len(found.names):,} symbols occur"
        each = zip(found.names, found.low, found.high, found.mean, strict=True)
        ends = [f"{low:.4g} to {high:.4g}, {mean:.4g} on average" for _, low, high, mean in each]
        if self.kind == "images":
            return f"{ends[0]} (0 is black, 255 white)"
        more = f"; and {len(ends) - NAMED:,} more" if len(ends) > NAMED else ""
        told = (f"{name}: {end}" for name, end in zip(found.names, ends, strict=True))
        return "; ".join(list(told)[:NAMED]) + more

    def to_json(self) -> str:
        """Return all of it as JSON, except the pictures of the sheet."""
        return json.dumps(
            {
                "name": self.name,
                "kind": self.kind,
                "shape": self.shape,
                "lines": self.lines,
                "class_names": self.class_names,
                "splits": [vars(part) for part in self.parts],
                "no_test": self.no_test,
                "seed": self.seed,
                "sizes": [[h, w, count] for (h, w), count in self.sizes.items()],
                "values": vars(self.numbers),
                "exact": [_stored(repeat) for repeat in self.exact],
                "near": [_stored(repeat) for repeat in self.near],
                "broken": dict(self.broken),
            },
            indent=2,
        )


def tell_repeats(repeats: Sequence[Repeat]) -> str:
    """Return `none found`, or how many there are with the first few."""
    if not repeats:
        return "none found"
    more = f"; and {len(repeats) - NAMED:,} more" if len(repeats) > NAMED else ""
    # `name_some` replaces what cannot be printed, such as a line break in a file's name.
    return f"{len(repeats):,}: {'; '.join(name_some([str(r)]) for r in repeats[:NAMED])}{more}"


def _stored(repeat: Repeat) -> dict[str, Any]:
    return {
        "likeness": round(repeat.likeness, 4),
        "across": repeat.across,
        "disagrees": repeat.disagrees,
        "examples": [vars(example) for example in repeat.examples],
    }


WHAT_IS_NEAR = (
    f"Two images are near duplicates if small copies of them correlate by {ALIKE:g} or more: one "
    "is the other saved again, or made lighter or darker. Simple drawings can be so by chance."
)
