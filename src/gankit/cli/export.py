"""Commands that take a trained generator out of gankit: export, explore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from gankit.cli.options import option

ENDINGS = {"onnx": ".onnx", "html": ".html", "gif": ".gif", "torch": ""}


def export(
    run: Annotated[Path, option("a run directory, or its model.safetensors")],
    /,
    *,
    to: Annotated[
        Literal["onnx", "torch", "html", "gif"] | None,
        option(
            "onnx: a file for onnxruntime; torch: a folder of plain PyTorch; html: a page that "
            "runs the generator; gif: a film; default: by the ending of --out"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        option("the file, or folder for torch; default: named after the run", "--out", "-o"),
    ] = None,
    uint8: Annotated[bool, option("onnx: images as uint8 [N, H, W, C]")] = False,
    half: Annotated[bool, option("onnx, html: weights in half precision")] = False,
    label: Annotated[
        str | None, option("gif: the class, by name or number; default: all in turn")
    ] = None,
    seed: Annotated[int, option("gif: the same seed gives the same film")] = 0,
) -> None:
    """Write a trained generator for others: ONNX, plain PyTorch, a page that runs it, a film."""
    from gankit.exporting.export import export as write
    from gankit.trained.export import read_label

    if out is None:
        named = run.parent if run.suffix == ".safetensors" else run
        out = Path((named.resolve().name or "generator") + ENDINGS[to or "onnx"])
        to = to or "onnx"
    print(write(run, out, to, uint8=uint8, half=half, labels=read_label(label), seed=seed))


def explore(
    run: Annotated[Path, option("a run directory, or its model.safetensors")],
    /,
    *,
    port: Annotated[int, option("of this machine; 0: any that is free")] = 0,
    no_browser: Annotated[bool, option("print the address alone, and open nothing")] = False,
) -> None:
    """Show the page of `export --to html` from this machine, until Ctrl-C."""
    from gankit.exporting.explore import explore as show

    show(run, port=port, browser=not no_browser)
