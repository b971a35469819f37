"""Downloads of the standard data sets: checked, written aside, then put in place."""

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

TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Source:
    """Where a data set comes from: a folder's URL, and the MD5 of each file in it."""

    url: str
    files: Mapping[str, str]


def cache_folder() -> Path:
    """Where downloads are kept: $GANKIT_CACHE, else ~/.cache/gankit.

    Raises DataError where it lies in a home folder that is not known.
    """
    given = os.environ.get("GANKIT_CACHE") or "~/.cache/gankit"
    try:
        return Path(given).expanduser()
    except RuntimeError:
        raise DataError(
            f"the cache folder '{given}' is in no known home folder: set GANKIT_CACHE to a folder"
        ) from None


def fetch_missing(source: Source, folder: Path) -> None:
    """Download what the folder lacks; a file that lies there unzipped is as good.

    One that lies there and is damaged is named: it may be another's, so it is not replaced.

    Raises:
        DataError: no network, no room, or not the file that was published.
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
    """Raises DataError where a file is not the one that was published."""
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
    """Of a file, as its publisher gives it: no matter of security."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
