"""What the names of sub-folders say: splits, classes, or pictures and their masks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from gankit.data.read_options import Split
from gankit.errors import DataError

SPLITS: Mapping[str, Split] = {
    "train": "train", "training": "train", "trainval": "train", "trn": "train",
    "test": "test", "testing": "test", "tst": "test",
    "holdout": "test", "heldout": "test", "eval": "test", "evaluation": "test",
    "val": "test", "valid": "test", "validation": "test", "validate": "test", "dev": "test",
}  # fmt: skip
"""The names of splits. If there are several test splits, the first in this order is taken."""

_AROUND = r"(?:data|dataset|set|split|images?|imgs?|pictures?|photos?|seg)*"
_WORDS = "|".join(sorted(SPLITS, key=len, reverse=True))
_SPLIT = re.compile(rf"{_AROUND}({_WORDS}){_AROUND}")
_WITHIN = re.compile(rf"(?<![a-z])({_WORDS})(?![a-z])")
_NUMBERED = re.compile(rf"(?:k?fold|{_WORDS})[\W_]*\d+")
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


def _splits_by_rest(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the folders by what their names say besides a split, and then by their split.

    `mnist_train` and `mnist_test` say `mnist_` besides; a number in front is left out.
    """
    found: dict[str, dict[str, str]] = {}
    for name in by_nature(names):
        plain = re.sub(r"^\d+", "", _YEAR.sub("", name.lower()))
        if (word := _WITHIN.search(plain)) is not None:
            rest = f"{plain[: word.start()]}*{plain[word.end() :]}"
            found.setdefault(rest, {}).setdefault(word[1], name)
    return found


def split_within(name: str) -> tuple[str | None, str]:
    """Return the key in `SPLITS` of the word in a name, or None, and what else the name says.

    `church_outdoor_val` is of `val`, and says `church_outdoor_*` besides.
    """
    by_split = next(iter(_splits_by_rest([name]).items()), (name, {None: name}))
    return next(iter(by_split[1])), by_split[0]


def _kinds(folders: Iterable[str]) -> int:
    """Return 2 if there are keys of `SPLITS` for training and for testing, else 1 or 0."""
    return len({SPLITS[key] for key in folders})


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
    all folders are splits and few pictures are loose. Two folders whose names differ only in the
    split are splits too: `mnist_train` and `mnist_test`. If everything lies in one folder that is
    no split, or in one beside folders of masks (`masks_of`), the search goes on inside it.

    Args:
        paths: the paths of the pictures, relative to a folder, with `/` between the parts.

    Raises:
        DataError: the folders are splits of two domains, such as `trainA` and `trainB`, or parts
            of one set, such as `fold1` and `fold2`.
    """
    paths, prefix = list(paths), ""
    made: dict[str, int] = {}
    while True:
        held = Counter(_top(path, prefix) for path in paths if path.startswith(prefix))
        _refuse_domains(held, prefix)
        found = _splits(held, prefix)
        if found is not None:
            return replace(found, others={**found.others, **made})
        _refuse_parts(held, prefix)
        if (masks := masks_of(held)) is not None:
            made |= {prefix + name: held[name] for name in masks[1]}
            prefix += f"{masks[0]}/"
        elif len(held) == 1 and "" not in held:
            prefix += f"{next(iter(held))}/"
        else:
            return None


def splits_within(paths: Iterable[str]) -> list[Splits]:
    """Find the splits in each sub-folder, such as `cat/train` and `cat/test`.

    Each must hold a train split, and some a test split.

    Returns:
        One for each sub-folder, the first of which has a test split; none if that is not how these
        pictures are sorted.
    """
    by_folder: dict[str, Counter[str]] = {}
    for path in paths:
        top, inner, _ = path.partition("/")
        if not inner:
            return []
        by_folder.setdefault(top, Counter())[_top(path, f"{top}/")] += 1
    found = [_splits(held, f"{top}/") for top, held in by_folder.items()]
    each = [splits for splits in found if splits is not None and splits.only is None]
    each.sort(key=lambda splits: splits.of("test") is None)
    fits = len(each) == len(found) > 1 and each[0].of("test") is not None
    return each if fits else []


def _top(path: str, prefix: str) -> str:
    """Return the folder below `prefix` that a picture lies in; empty if it is loose there."""
    return path[len(prefix) :].rpartition("/")[0].partition("/")[0]


def _splits(held: Mapping[str, int], prefix: str) -> Splits | None:
    folders: dict[str, str] = {}
    for name in by_nature(held):
        key = split_of(name)
        if key is not None:
            folders.setdefault(key, name)
    by_rest = [*_splits_by_rest(held).values()]
    if _kinds(folders) < 2 and len(by_rest) == 1 and _kinds(by_rest[0]) == 2:
        folders = by_rest[0]
    named = set(folders.values())
    others = {name: count for name, count in held.items() if name not in named}
    nothing_else = not any(others.keys() - {""}) and others.get("", 0) <= FEW * sum(held.values())
    if not (_kinds(folders) == 2 or (folders and nothing_else)):
        return None
    trained = any(SPLITS[key] == "train" for key in folders)
    only = None if trained else f"{prefix}{next(iter(folders.values()))}"
    return Splits({key: prefix + name for key, name in folders.items()}, others, only)


def _refuse_domains(held: Collection[str], prefix: str) -> None:
    domains = by_nature(name for name in held if _DOMAIN.fullmatch(name))
    if len({name[-1].lower() for name in domains}) > 1:
        raise DataError(
            f"the folders {', '.join(domains)} are splits of two domains and no classes: give one "
            f"of them, such as {prefix + domains[0]!r}"
        )


def _refuse_parts(held: Collection[str], prefix: str) -> None:
    """Raise DataError for parts: `fold1`, `fold2`, or `cat_train`, `cat_test`, `dog_train`."""
    names = [name for name in by_nature(held) if name]
    by_rest = _splits_by_rest(names).values()
    numbered = all(_NUMBERED.fullmatch(name.lower()) for name in names)
    mixed = sum(map(len, by_rest)) == len(names) and any(_kinds(each) == 2 for each in by_rest)
    if len(names) > 1 and (numbered or mixed):
        raise DataError(
            f"the folders {name_some(names)} are parts of one set and no classes: put them into "
            f"folders 'train' and 'test', or give one of them, such as {prefix + names[0]!r}"
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
