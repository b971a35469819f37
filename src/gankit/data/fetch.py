"""Downloads of the standard data sets: written to a temporary file, checked, then put in place."""

from __future__ import annotations

import hashlib
import os
import shutil
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from gankit.errors import DataError
from gankit.text import from_home

TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Source:
    """Where a data set comes from.

    Attributes:
        url: the URL of a folder, with `/` at its end.
        files: the MD5 of each file in that folder, by its name.
    """

    url: str
    files: Mapping[str, str]


def cache_folder() -> Path:
    """Return the folder where downloads are kept: $GANKIT_CACHE, else ~/.cache/gankit.

    Raises DataError if that path begins in a home folder that cannot be determined.
    """
    given = os.environ.get("GANKIT_CACHE") or "~/.cache/gankit"
    folder = from_home(given)
    if str(folder).startswith("~"):  # there is no such user, or this one has no home
        raise DataError(
            f"the cache folder '{given}' is in no known home folder: set GANKIT_CACHE to a folder"
        )
    return folder


def fetch_missing(source: Source, folder: Path) -> None:
    """Download the files that the folder lacks. An unzipped file counts as present.

    A file that is there but damaged is named in the error and not replaced: it may belong to
    another program.

    Raises:
        DataError: there is no network or no room, or a file is not the one that was published.
    """
    for name, md5 in source.files.items():
        if (folder / name).exists():
            _check(folder / name, md5)
        elif not (folder / name.removesuffix(".gz")).exists():
            try:
                _fetch(source.url + name, folder / name, md5)
            except (OSError, HTTPException) as error:
                reason = getattr(error, "reason", None) or error
                raise DataError(
                    f"cannot download {source.url + name} ({reason}): put"
                    f" {', '.join(source.files)} into {folder}, or give a folder that"
                    " holds them in place of the name"
                ) from None


def _fetch(url: str, target: Path, md5: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as reply, aside.open("wb") as out:
            shutil.copyfileobj(reply, out)
        if (found := _md5(aside)) != md5:
            raise DataError(
                f"{url} is not the published file (MD5 {found}, expected {md5}):"
                f" try again later, or put the right file into {target.parent}"
            )
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def _check(path: Path, md5: str) -> None:
    """Raise DataError if a file is not the one that was published, or cannot be read."""
    try:
        found = _md5(path)
    except OSError as error:
        raise DataError(f"'{path}' cannot be read: {error.strerror or error}") from None
    if found != md5:
        raise DataError(
            f"'{path}' is not the published file (MD5 {found}, expected {md5}): remove it, and it "
            "is downloaded again"
        )


def _md5(path: Path) -> str:
    """Return a file's MD5, which is what its publisher gives. It only finds damage."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
