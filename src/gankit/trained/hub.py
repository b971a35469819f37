"""Publish a generator on the Hugging Face Hub, and fetch one, over huggingface_hub.

An address is `hf://user/name`, or `hf://user/name@revision`. What is fetched is checked like any
file: `gankit.load` runs no code, and verifies digest, shapes and numbers.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gankit.errors import ConfigError, GankitError, MissingExtraError, RunError
from gankit.storage import read_file, write_atomically
from gankit.text import reason, shown
from gankit.trained.card import SHEET, Scores, card, check_license

if TYPE_CHECKING:
    from gankit.trained.gan import GAN

FILE = "model.safetensors"
LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"
_SCHEME = re.compile(r"hf:/{1,2}")  # a Path has only one slash
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_NAME = re.compile(rf"{_PART}/{_PART}")


def on_hub(path: str | os.PathLike[str]) -> str | None:
    """Return what follows `hf://` in an address; None if the path is one of this machine."""
    text = os.fspath(path)
    found = _SCHEME.match(text)
    return None if found is None else text[found.end() :]


def fetch(name: str) -> Path:
    """Download the artifact of `user/name` or `user/name@revision`, unless it is in the cache.

    Returns its path there. Raises ConfigError if that is no name, MissingExtraError without
    huggingface_hub, RunError if there is no such artifact or it cannot be fetched.
    """
    repository, _, revision = name.partition("@")
    check_name(repository)
    _check_there()
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    version = revision or None
    with _told(repository):
        kept = isinstance(try_to_load_from_cache(repository, FILE, revision=version), str)
        if not kept:
            print(f"gankit: fetching '{repository}' from the Hub", file=sys.stderr)
        # The client by itself would try for 24 seconds to reach what it cannot reach.
        offline = not _is_reached(repository, version, kept)
        return Path(hf_hub_download(repository, FILE, revision=version, local_files_only=offline))


def _is_reached(repository: str, version: str | None, kept: bool) -> bool:
    """Return whether the Hub answers for a file, asked once; False only if the file is `kept`.

    Raises RunError if it cannot be reached, and what the client raises if it refuses.
    """
    from huggingface_hub import errors, get_hf_file_metadata, hf_hub_url

    try:
        get_hf_file_metadata(hf_hub_url(repository, FILE, revision=version))
    except Exception as error:  # the client lets errors of its HTTP library through
        if kept:
            return False
        if isinstance(error, errors.HfHubHTTPError):
            raise
        why = reason(error.__cause__ or error)
        raise RunError(
            f"'{repository}' cannot be reached, and is not in the cache: {why}"
        ) from None
    return True


def publish(
    gan: GAN,
    name: str,
    *,
    license: str,
    data: str = "",
    scores: Sequence[Scores] = (),
    private: bool = False,
) -> str:
    """Upload a generator's artifact with its page and a picture of samples; return the address.

    The repository is made if there is none; files of the same names in it get a new version. For
    the arguments and errors see `GAN.push_to_hub`.
    """
    files = to_upload(gan, name, license=license, data=data, scores=scores)
    _check_there()
    from huggingface_hub import CommitOperationAdd, HfApi

    with _told(name):
        api = HfApi()
        api.create_repo(name, private=private, exist_ok=True)
        added = [CommitOperationAdd(file, content) for file, content in files.items()]
        api.create_commit(name, added, commit_message=f"gankit: {gan.step:,} steps")
    return f"hf://{name}"


def to_upload(
    gan: GAN, name: str, *, license: str, data: str = "", scores: Sequence[Scores] = ()
) -> dict[str, bytes]:
    """Return what `publish` uploads: the content of each file, by its name."""
    check_name(name)
    license = check_license(license)
    if gan.path is None:
        raise ConfigError("this GAN is in no file: train it into a folder, and load it from there")
    files = {FILE: read_file(gan.path, "artifact")}
    picture = gan._repr_png_()
    page = card(gan, name, license, data=data, scores=scores, sheet=picture is not None)
    if picture is not None:
        files[SHEET] = picture
    return {**files, "README.md": page.encode()}


def keep(gan: GAN, folder: Path) -> Path:
    """Put a fetched generator's artifact into a folder of its own; return its path there.

    Raises RunError if another artifact is there already, or it cannot be written.
    """
    assert gan.path is not None
    content, target = read_file(gan.path, "artifact"), folder / FILE
    if target.exists():
        if read_file(target, "artifact") != content:
            raise RunError(f"'{target}' is another model: choose another folder", "folder")
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(target, content)
    except OSError as error:
        raise RunError(f"'{target}' cannot be written: {error.strerror}", "folder") from None
    return target


def check_name(name: str) -> None:
    """Raise ConfigError if a repository cannot have this name."""
    if not _NAME.fullmatch(name):
        raise ConfigError(f"a name on the Hub is user/name, got {shown(name)}", "name")


def _check_there() -> None:
    try:
        import huggingface_hub  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtraError("hf:// (the Hugging Face Hub)", "hub") from None


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn what the client raises into one line."""
    from huggingface_hub import errors

    try:
        yield
    except GankitError:
        raise
    except errors.HFValidationError as error:
        raise ConfigError(f"{name} cannot be on the Hub: {reason(error)}", "name") from None
    except errors.GatedRepoError:
        raise RunError(f"'{name}' is gated: accept its terms on its page, then {LOG_IN}") from None
    except errors.RepositoryNotFoundError:
        raise RunError(f"there is no '{name}' on the Hub that you may use: {LOG_IN}") from None
    except errors.RevisionNotFoundError:
        raise RunError(f"'{name}' has no such revision") from None
    except errors.LocalEntryNotFoundError as error:
        why = reason(error.__cause__ or error)
        raise RunError(f"'{name}' cannot be reached, and is not in the cache: {why}") from None
    except errors.EntryNotFoundError:
        raise RunError(f"'{name}' holds no {FILE}: it is no model of gankit") from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        advice = f": {LOG_IN} as somebody who may write there" if status in (401, 403) else ""
        raise RunError(f"the Hub refused '{name}' ({status}{advice}): {reason(error)}") from None
    except Exception as error:  # the client lets errors of its HTTP library through
        why = reason(error.__cause__ or error)
        raise RunError(f"'{name}' on the Hub: {why}") from None
