"""The page of a published generator: what it is, what it learned from, its scores, how to load it.

It says only what is known. The licence is what its owner says; nothing is assumed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Protocol

from gankit.errors import ConfigError
from gankit.text import shown, visible
from gankit.version import __version__

if TYPE_CHECKING:
    from gankit.trained.gan import GAN

SHEET = "samples.png"
LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}")
MOST_CLASSES = 50


class Measured(Protocol):
    """One score, as `gankit.evaluate` reports it."""

    @property
    def label(self) -> str: ...

    @property
    def value(self) -> float: ...

    @property
    def interval(self) -> tuple[float, float] | None: ...

    @property
    def floor(self) -> float | None: ...

    @property
    def better(self) -> str: ...


class Scores(Protocol):
    """Scores with what they depend on; `gankit.evaluate` returns them."""

    @property
    def scores(self) -> Sequence[Measured]: ...

    def protocol_line(self) -> str: ...

    def intervals_hold(self) -> str: ...


def check_license(license: str) -> str:
    """Return a licence's identifier in lower case. Raises ConfigError if it cannot be one."""
    name = license.strip().lower()
    if not LICENSE.fullmatch(name):
        raise ConfigError(
            f"license must be an identifier such as apache-2.0, cc-by-4.0 or other, got "
            f"{shown(license)}: only you can say under what terms others may use the generator and "
            "what it learned from your data",
            "license",
        )
    return name


def card(
    gan: GAN, name: str, license: str, *, data: str = "", scores: Sequence[Scores] = (), sheet: bool
) -> str:
    """Return the page in Markdown, with the header that the Hub reads.

    Args:
        gan: the generator.
        name: `user/name`, under which it is published.
        license: the identifier of the licence.
        data: what it was trained on; empty: the name of the data in its configuration. Of a path
            only the last part is said.
        scores: reports of `gankit.evaluate`.
        sheet: whether a picture of samples lies beside the page.
    """
    head = ["---", f"license: {license}", "library_name: gankit", *_tags(gan), "---", ""]
    parts = [
        *head,
        f"# {name.rpartition('/')[2]}",
        "",
        *([f"![Samples, seed 0, not chosen]({SHEET})", ""] if sheet else []),
        *_what(gan, data),
        "",
        "## Use",
        "",
        "```python",
        "import gankit  # pip install 'gankit[hub]'",
        "",
        f'it = gankit.load("hf://{name}")',
        f"samples = it.sample({_asked(gan)})",
        "```",
        "",
        *_scores(scores),
    ]
    return "\n".join(parts)


def _tags(gan: GAN) -> Iterator[str]:
    if gan.kind == "images":
        yield "pipeline_tag: unconditional-image-generation"
    family = _plain(gan.config.family)
    yield f'tags: [gankit, generative-adversarial-network, "{family}"]'


def _asked(gan: GAN) -> str:
    if gan.condition:
        return f"64, labels=[0.0] * {gan.condition}, seed=0"
    if gan.class_names:
        return f"64, labels={gan.class_names[0]!r}, seed=0"
    return "64, seed=0"


def _what(gan: GAN, data: str) -> Iterator[str]:
    shape = " x ".join(map(str, gan.shape))
    source = data or PurePath(gan.config.data.source or "").name or "not recorded"
    yield f"- family: {_plain(gan.config.family)} (`gankit cite {_plain(gan.config.family)}`)"
    yield f"- makes: {gan.kind} of {shape}" + (" (channels first)" if gan.kind == "images" else "")
    if gan.class_names:
        names = [_plain(name) for name in gan.class_names[:MOST_CLASSES]]
        more = ", ..." if len(gan.class_names) > MOST_CLASSES else ""
        yield f"- classes: {', '.join(names)}{more}"
    if gan.condition:
        yield f"- asked by: a vector of {gan.condition} numbers"
    yield f"- trained on: {_plain(source)}, {gan.step:,} steps"
    yield f"- written by: gankit {__version__}"


def _scores(reports: Sequence[Scores]) -> Iterator[str]:
    yield "## Scores"
    yield ""
    if not reports:
        yield "None were measured."
        yield ""
    for report in reports:
        yield "| score | value | 95 % interval | real examples | better |"
        yield "|---|---|---|---|---|"
        for score in report.scores:
            interval = "" if score.interval is None else "{:.4g} to {:.4g}".format(*score.interval)
            floor = "" if score.floor is None else f"{score.floor:.4g}"
            cells = (score.label, f"{score.value:.4g}", interval, floor, score.better)
            yield f"| {' | '.join(map(_plain, cells))} |"
        yield ""
        yield _plain(f"{report.protocol_line()}. {report.intervals_hold()}".strip())
        yield ""


def _plain(text: str) -> str:
    """Return text that Markdown, HTML and YAML take as it is: it may come from anybody's file."""
    one_line = " ".join(visible(text).split())[:300]
    return re.sub(r"([\\`*_{}\[\]<>#|&])", lambda found: f"&#{ord(found[0])};", one_line)
