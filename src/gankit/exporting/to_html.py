"""One HTML file that runs a generator in the browser, with everything inside."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import Any

from gankit.errors import ConfigError
from gankit.exploring.columns import spread
from gankit.exploring.directions import factorise
from gankit.exporting.draws import draws_of, first_blocks
from gankit.exporting.to_onnx import OnnxFile, to_onnx
from gankit.exporting.views import View, view_of
from gankit.pages.html import STYLE, Html, element, folded
from gankit.randomness import Purpose
from gankit.trained.drawing import BLOCK
from gankit.trained.gan import GAN
from gankit.version import __version__

HERE = files("gankit.exporting")
STORED = 4
"""How many seeds' first samples the page holds, if it cannot draw a run's latents itself."""
DIRECTIONS = 5
"""How many directions without labels have a slider."""


def page_of(gan: GAN, *, half: bool = False) -> tuple[bytes, OnnxFile]:
    """Return the page of a run that makes images, as a file in UTF-8, and its generator.

    `half`: whether weights are stored in half precision. Raises RunError if a network cannot be
    exported, or differs too much; MissingExtraError if what writes it is not installed.
    """
    onnx = to_onnx(gan, half=half, mixtures=True)
    return to_html(gan, onnx, view_of(gan, half=half)), onnx


def to_html(gan: GAN, onnx: OnnxFile, view: View | None = None) -> bytes:
    """Return the page around networks that are written already.

    `onnx` is the generator, with mixtures of labels if it admits them; `view` is D, for families
    that show something of it.
    """
    draws = draws_of(gan.game)
    latents = b"" if draws else first_blocks(gan.game, STORED).astype("<f4").tobytes()
    facts = onnx.facts | {
        "noise_size": gan.config.latent.size,
        "codes": [
            {"categories": code.categories, "from": code.where.start, "to": code.where.stop}
            for code in gan.game.codes
        ],
        "draws": draws and [{"kind": draw.kind, "size": draw.size} for draw in draws],
        "stored": 0 if draws else STORED,
        "block": BLOCK,
        "purpose": int(Purpose.SAMPLES),
        "spread": spread(gan),
        "directions": _directions(gan),
        "view": view
        and {
            "answer": view.answer,
            "names": view.names,
            "there": view.content is not None,
        },
        "path": _path(gan),
    }
    script = (HERE / "explorer" / "explorer.js").read_text(encoding="utf-8")
    body = element(
        "body",
        element("main", Html((HERE / "explorer" / "explorer.html").read_text(encoding="utf-8"))),
        element("footer", *_foot()),
        _block("about", Html(_json(facts)), "application/json"),
        _block("model", _base64(onnx.content)),
        _block("discriminator", _base64((view and view.content) or b"")),
        _block("latents", _base64(latents)),
        _block("runtime-script", _base64(_runtime("ort.wasm.bundle.min.mjs.gz"))),
        _block("runtime-wasm", _base64(_runtime("ort-wasm-simd-threaded.wasm.gz"))),
        element("script", Html(script), type="module"),
    )
    page = element("html", _head(f"{gan.config.family}: a generator", script), body, lang="en")
    return f"<!doctype html>\n{page}\n".encode()


def _directions(gan: GAN) -> list[dict[str, Any]]:
    """Return the directions that the first layer stretches most, of the noise alone.

    There are none if no layer is a linear map of the noise, as in a user's own network.
    """
    noise = gan.config.latent.size
    try:
        found = factorise(gan, min(DIRECTIONS, noise))
    except ConfigError:
        return []
    return [
        {"strength": float(strength), "vector": [round(float(x), 6) for x in vector[:noise]]}
        for vector, strength in zip(found.vectors, found.strengths, strict=True)
    ]


def _head(title: str, script: str) -> Html:
    style = STYLE + (HERE / "explorer" / "explorer.css").read_text(encoding="utf-8")
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(script)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Html(style)),
    )


def _policy(script: str) -> str:
    """Return the content policy: this script and the runtime in the page, and no address at all."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        "default-src 'none'; img-src data: blob:; media-src blob:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}' 'wasm-unsafe-eval' blob:"
    )


def _foot() -> tuple[str, ...]:
    licence = (HERE / "runtime" / "LICENSE-onnxruntime-web.txt").read_text(encoding="utf-8")
    return (
        f"Written by gankit {__version__}. The page runs the network with onnxruntime-web.",
        folded("Licence of onnxruntime-web", element("pre", licence, tabindex=0)),
    )


def _runtime(name: str) -> bytes:
    return (HERE / "runtime" / name).read_bytes()


def _block(name: str, content: Html, kind: str = "text/plain") -> Html:
    """Return data for the script, which the browser does not run."""
    return element("script", content, id=name, type=kind)


def _base64(content: bytes) -> Html:
    return Html(base64.b64encode(content).decode())


def _json(facts: dict[str, Any]) -> str:
    """Return JSON that no text in it can end early."""
    return json.dumps(facts).replace("<", "\\u003c")


def _path(gan: GAN) -> str:
    """Return the run as the page's commands name it: by its own name if its path is absolute.

    A page is given away, and folders of a machine are no one else's business.
    """
    if gan.path is None:
        return "RUN"
    return gan.path.parent.name if gan.path.is_absolute() else gan.path.parent.as_posix()
