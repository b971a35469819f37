"""Commands that publish a trained run on the Hugging Face Hub, and fetch one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from gankit.cli.options import option
from gankit.errors import ConfigError
from gankit.text import visible


def push(
    run: Annotated[Path, option("a run directory, or its model.safetensors")],
    name: Annotated[str, option("user/name; made if it is not there")],
    /,
    *,
    license: Annotated[
        str | None, option("needed: under what terms others may use it, such as cc-by-4.0")
    ] = None,
    data: Annotated[str, option("what it was trained on; default: the data's name")] = "",
    private: Annotated[bool, option("let only yourself see it, if it is made")] = False,
    dry_run: Annotated[bool, option("print the page and the files, upload nothing")] = False,
) -> None:
    """Publish a trained run on the Hugging Face Hub, with its scores and the line that loads it."""
    from dataclasses import replace

    from gankit.scores.score import read_reports
    from gankit.trained.artifact import load
    from gankit.trained.hub import publish, to_upload

    if license is None:
        raise ConfigError(
            "say under what terms others may use it: --license cc-by-4.0, apache-2.0, other, ..."
        )
    gan = load(run)
    assert gan.path is not None
    found = [one for one in read_reports(gan.path.parent) if one.step == gan.step]
    scores = [replace(one, run="") for one in found]  # no path of this machine
    if not dry_run:
        print(publish(gan, name, license=license, data=data, scores=scores, private=private))
        return
    files = to_upload(gan, name, license=license, data=data, scores=scores)
    print(files["README.md"].decode())
    for file, content in files.items():
        print(f"{len(content):>12,} bytes  {file}")
    print(f"the artifact names its data as {visible(repr(gan.config.data.source))}")


def pull(
    name: Annotated[str, option("user/name, or user/name@revision")],
    /,
    *,
    out: Annotated[Path | None, option("the folder; default: runs/name", "--out", "-o")] = None,
) -> None:
    """Fetch a trained generator from the Hugging Face Hub into a folder, and check it."""
    from gankit.text import from_home
    from gankit.trained.artifact import load
    from gankit.trained.hub import keep, on_hub

    asked = on_hub(name) or name
    gan = load(f"hf://{asked}")
    last = asked.partition("@")[0].rpartition("/")[2]
    print(keep(gan, from_home(out or Path("runs") / last)))
