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
    """Where downloads are kept: $GANKIT_CACHE, else ~/.cache/gankit."""
    return Path(os.environ.get("GANKIT_CACHE") or "~/.cache/gankit").expanduser()


def fetch_missing(source: Source, folder: Path) -> None:
    """Download what the folder lacks; a file that lies there unzipped is as good.

    Raises:
        DataError: no network, no room, or not the file that was published.
    """
    for name, md5 in source.files.items():
        if not (folder / name).exists() and not (folder / name.removesuffix(".gz")).exists():
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
        with aside.open("rb") as file:
            found = hashlib.file_digest(file, "md5").hexdigest()
        if found != md5:
            raise DataError(
                f"{url} is not the published file (MD5 {found}, expected {md5}):"
                f" try again later, or put the right file into {target.parent}"
            )
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
