"""What the names of sub-folders say: splits, classes, or pictures and their masks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from gankit.data.images import Split
from gankit.errors import DataError

SPLITS: Mapping[str, Split] = {
    "train": "train", "training": "train",
    "test": "test", "testing": "test",
    "holdout": "test", "heldout": "test", "eval": "test", "evaluation": "test",
    "val": "test", "valid": "test", "validation": "test", "validate": "test", "dev": "test",
}  # fmt: skip
"""The names of splits. If there are several test splits, the first in this order is taken."""

_AROUND = r"(?:data|dataset|set|split|images?|imgs?|pictures?|photos?|seg)*"
_SPLIT = re.compile(rf"{_AROUND}({'|'.join(sorted(SPLITS, key=len, reverse=True))}){_AROUND}")
_YEAR = re.compile(r"(19|20)\d\d$")
_DOMAIN = re.compile(r"(train|test|val)[-_ ]?[ab]", re.IGNORECASE)

PICTURES = frozenset(
    ("image", "images", "img", "imgs", "jpegimages", "photo", "photos", "picture", "pictures",
     "input", "inputs", "rgb", "raw", "frames", "original", "originals", "source", "leftimg8bit")
)  # fmt: skip
MADE_OF_THEM = frozenset(
    ("mask", "masks", "label", "labels", "annotation", "annotations", "annot", "segmentation",
     "segmentations", "segmentationclass", "segmentationobject", "seg", "segs", "segmentationmasks",
     "gt", "gts", "groundtruth", "groundtruths", "target", "targets", "trimap", "trimaps", "depth",
     "depths", "edge", "edges", "output", "outputs", "gtfine", "labelids", "matte", "alpha")
)  # fmt: skip
"""The names of folders that hold a picture, such as a mask, for each one in a folder of
`PICTURES`."""


def split_of(name: str) -> str | None:
    """Return the key in `SPLITS` that a folder's name stands for, or None.

    `Training_Set` stands for `training`.
    """
    plain = re.sub(r"[\W_]+", "", _YEAR.sub("", name.lower()))
    found = _SPLIT.fullmatch(plain)
    return found[1] if found else None


def natural_key(name: str) -> tuple[list[tuple[int, str]], str]:
    """Return a key that sorts 2 before 10, digits before letters, and letters by their code."""
    parts = re.split(r"([0-9]+)", name)  # text and digits in turn; int() would limit the digits
    shown = [part.lstrip("0") if i % 2 else part for i, part in enumerate(parts)]
    return [(len(part) if i % 2 else 0, part) for i, part in enumerate(shown)], name


def by_nature(names: Iterable[str]) -> list[str]:
    """Return the names in natural order: 1, 2, 10."""
    return sorted(names, key=natural_key)


FEW = 0.05
"""The largest share of loose pictures beside sub-folders that is taken for an oversight."""


@dataclass(frozen=True)
class Splits:
    """The folders of a data set's splits.

    Attributes:
        folders: the folders by their key in `SPLITS`, each relative to the folder searched.
        others: how many pictures lie beside them, by folder; `""` counts the loose ones.
        only: the folder to train on if there are only test splits; None if there is a train split.
    """

    folders: Mapping[str, str]
    others: Mapping[str, int]
    only: str | None = None

    def of(self, split: Split) -> str | None:
        """Return the sub-folder of a split, or None if there is none."""
        keys = (key for key, kind in SPLITS.items() if kind == split)
        found = next((self.folders[key] for key in keys if key in self.folders), None)
        return self.only if found is None and split == "train" else found


def find_splits(paths: Iterable[str]) -> Splits | None:
    """Find the splits among the sub-folders of these pictures; None if they are not splits.

    They are splits if there is a train split and a test split, whatever lies beside them, or if
    all folders are splits and few pictures are loose. If everything lies in one folder that is no
    split, the search goes on inside it.

    Args:
        paths: the paths of the pictures, relative to a folder, with `/` between the parts.

    Raises:
        DataError: the folders are splits of two domains, such as `trainA` and `trainB`.
    """
    paths, prefix = list(paths), ""
    while True:
        held = Counter(_top(path, prefix) for path in paths)
        _refuse_domains(held, prefix)
        found = _splits(held, prefix)
        if found is not None or len(held) != 1 or "" in held:
            return found
        prefix += f"{next(iter(held))}/"


def _top(path: str, prefix: str) -> str:
    """Return the folder below `prefix` that a picture lies in; empty if it is loose there."""
    return path[len(prefix) :].rpartition("/")[0].partition("/")[0]


def _splits(held: Mapping[str, int], prefix: str) -> Splits | None:
    folders: dict[str, str] = {}
    for name in by_nature(held):
        key = split_of(name)
        if key is not None:
            folders.setdefault(key, name)
    named = set(folders.values())
    others = {name: count for name, count in held.items() if name not in named}
    kinds = {SPLITS[key] for key in folders}
    nothing_else = not any(others.keys() - {""}) and others.get("", 0) <= FEW * sum(held.values())
    if not (len(kinds) == 2 or (folders and nothing_else)):
        return None
    only = f"{prefix}{next(iter(folders.values()))}" if "train" not in kinds else None
    return Splits({key: prefix + name for key, name in folders.items()}, others, only)


def _refuse_domains(held: Collection[str], prefix: str) -> None:
    domains = by_nature(name for name in held if _DOMAIN.fullmatch(name))
    if len({name[-1].lower() for name in domains}) > 1:
        raise DataError(
            f"the folders {', '.join(domains)} are splits of two domains and no classes: give one "
            f"of them, such as {prefix + domains[0]!r}"
        )


def masks_of(names: Collection[str]) -> tuple[str, list[str]] | None:
    """Return (the folder of pictures, the folders that hold a mask or the like for each of them).

    None unless the names of all folders say so.
    """
    plain = {name: re.sub(r"[\W_]+", "", name.lower()) for name in names}
    pictures = [name for name, word in plain.items() if word in PICTURES]
    made = [name for name, word in plain.items() if word in MADE_OF_THEM]
    if len(pictures) == 1 and made and len(made) + 1 == len(plain):
        return pictures[0], made
    return None


def name_some(names: Iterable[str], most: int = 5) -> str:
    """Return the first names on one line, and how many more there are."""
    # A file name may hold line breaks, and bytes that no terminal can print.
    shown = ["".join(c if c.isprintable() else "?" for c in name) for name in names]
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more
