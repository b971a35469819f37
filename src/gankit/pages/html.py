"""Build pages that stand alone: one HTML file with its style, script and pictures inside.

Text is escaped wherever it is put in, and characters that are invisible or change the direction of
writing are shown as their codes; only `Html`, which `element` makes, is taken as it is. A page
loads nothing and runs nothing but its own script, and its content policy makes the browser hold it
to that.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape

from gankit.text import visible

VOID = {"img", "input", "meta", "path", "polyline", "polygon", "line", "circle"}
"""Elements without content; those of SVG are closed by `/>`."""


class Html(str):
    """Markup in which all text is already escaped."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: object) -> Html:
    """Return `<tag name="value">children</tag>`; strings are escaped, Html is not.

    Underscores in an attribute's name become hyphens, except a last one, which is dropped
    (`class_`). An attribute that is True has no value; one that is None or False is left out.
    """
    given = "".join(
        f" {name.removesuffix('_').replace('_', '-')}"
        + ("" if value is True else f'="{escape(visible(str(value)))}"')
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    if tag in VOID:
        return Html(f"<{tag}{given}>" if tag in ("img", "input", "meta") else f"<{tag}{given}/>")
    return Html(f"<{tag}{given}>{join(*children)}</{tag}>")


def join(*children: str) -> Html:
    """Return the children one after another, as markup."""
    return Html("".join(c if isinstance(c, Html) else escape(visible(c)) for c in children))


def data_uri(content: bytes, kind: str) -> str:
    """Return a file's content as an address: `data:image/png;base64,...`."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = False, caption: str = ""
) -> Html:
    """Return a table whose first column names the rows; `numbers` aligns the others to the right.

    It scrolls within its own box if the window is narrow.
    """
    titles = element("tr", *(element("th", text, scope="col") for text in head))
    body = [
        element("tr", element("th", first, scope="row"), *(element("td", cell) for cell in cells))
        for first, *cells in rows
    ]
    parts = [element("caption", caption)] if caption else []
    parts += [element("thead", titles)] if any(head) else []
    parts += [element("tbody", *body)]
    return element(
        "div", element("table", *parts, class_="numbers" if numbers else None), class_="wide"
    )


def facts(pairs: Iterable[tuple[str, str]]) -> Html:
    """Return a list of names and values, side by side."""
    return element(
        "dl",
        *(element("div", element("dt", name), element("dd", value)) for name, value in pairs),
        class_="facts",
    )


def bars(rows: Sequence[tuple[str, int]], head: Sequence[str] = ("", "count")) -> Html:
    """Return a table of counts, each with a bar as long as its share of the largest."""
    most = max((count for _, count in rows), default=1) or 1
    body = [
        element(
            "tr",
            element("th", name, scope="row"),
            element("td", f"{count:,}", class_="count"),
            element(
                "td",
                element("span", style=f"width: {100 * count / most:.1f}%"),
                class_="bar",
                aria_hidden="true",
            ),
        )
        for name, count in rows
    ]
    titles = element("tr", *(element("th", text, scope="col") for text in head), element("td"))
    parts = [element("thead", titles), element("tbody", *body)]
    return element("div", element("table", *parts, class_="bars"), class_="wide")


def section(title: str, *content: str) -> Html:
    """Return a part of the page under its own title."""
    return element("section", element("h2", title), *content)


def folded(title: str, *content: str) -> Html:
    """Return content that is folded away until the reader opens it."""
    return element("details", element("summary", title), *content)


def code(text: str) -> Html:
    """Return text to be copied, such as a command or a file."""
    return element("pre", element("code", text), tabindex=0)


def note(*text: str) -> Html:
    """Return a line in small print."""
    return element("p", *text, class_="note")


def warning(*text: str) -> Html:
    """Return a line that the reader must see."""
    return element("p", *text, class_="mind", role="note")


def page(title: str, *body: str, foot: str, style: str = "", live: str | None = None) -> bytes:
    """Return the whole page as a file in UTF-8.

    Args:
        title: of the window.
        body: the content.
        foot: the last line.
        style: rules to add to the page's own.
        live: the script of a page that its own server keeps up to date, in place of the one that
            plays films; such a page may ask its server, and nobody else.
    """
    script = SCRIPT if live is None else live
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element(
            "meta",
            http_equiv="Content-Security-Policy",
            content=policy(script, asks=live is not None),
        ),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Html(STYLE + style)),
    )
    content = element(
        "body",
        element("main", *body),
        element("footer", foot),
        element("script", Html(script)),
    )
    text = "<!doctype html>\n" + element("html", head, content, lang="en") + "\n"
    return text.encode()


STYLE = """
:root {
  --paper: #fff; --ink: #1d2126; --soft: #626b76; --line: #e3e6ea; --tint: #f5f6f8;
  --warn: #8a4b00; --warn-tint: #fff4e0; --bad: #a3221b; --bad-tint: #fdecea;
  --c0: #2166ac; --c1: #c2570c; --c2: #2a7f4f; --c3: #8e3b94; --c4: #8a6d00; --c5: #5b6570;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --ink: #e4e7ea; --soft: #98a2ad; --line: #2b3138; --tint: #1c2025;
    --warn: #f1b765; --warn-tint: #2e2413; --bad: #f2918a; --bad-tint: #331a19;
    --c0: #6fb1f0; --c1: #f0955a; --c2: #6cc994; --c3: #cf8fd6; --c4: #d8b848; --c5: #a5afba;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  -webkit-text-size-adjust: 100%;
}
main, footer { max-width: 68rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding: 2.75rem 0 .25rem; }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -.015em; margin: 0 0 .3rem; }
h1, h2, h3, dd { overflow-wrap: anywhere; }
h2 {
  font-size: 1.15rem; margin: 3rem 0 1rem; padding-top: 1rem; border-top: 1px solid var(--line);
}
h3 { font-size: 1rem; margin: 1.6rem 0 .5rem; }
p { margin: .6rem 0; max-width: 46rem; }
a { color: var(--c0); }
.lede, .note, footer { color: var(--soft); }
.note { font-size: .9rem; }
.mind, .verdict { padding: .6rem .9rem; border-radius: 6px; max-width: none; }
.mind { color: var(--warn); background: var(--warn-tint); }
.verdict { background: var(--tint); margin: .7rem 0; }
.verdict > :first-child { margin-top: 0; } .verdict > :last-child { margin-bottom: 0; }
.verdict.sick { background: var(--bad-tint); } .verdict.sick h3 { color: var(--bad); }
.verdict.warning h3 { color: var(--warn); }
.facts {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .9rem 1.5rem;
  margin: 1.4rem 0 0;
}
.facts div { border-top: 2px solid var(--line); padding-top: .45rem; }
dt { color: var(--soft); font-size: .82rem; }
dd { margin: 0; font-size: 1.12rem; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; margin: .8rem 0; }
table {
  border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums;
}
caption { text-align: left; color: var(--soft); font-size: .9rem; padding-bottom: .4rem; }
th, td {
  text-align: left; vertical-align: top; padding: .34rem 1.6rem .34rem 0;
  border-bottom: 1px solid var(--line);
}
thead th { color: var(--soft); font-weight: 500; font-size: .85rem; vertical-align: bottom; }
tbody th { font-weight: 500; }
.numbers td, .numbers thead th:not(:first-child) { text-align: right; white-space: nowrap; }
td strong { font-weight: 650; }
.bars { width: min(100%, 40rem); }
.bars .count { text-align: right; white-space: nowrap; }
.bars .bar { width: 55%; min-width: 5rem; vertical-align: middle; padding-right: 0; }
.bars .bar span { display: block; height: .7rem; background: var(--c0); border-radius: 2px; }
.bars th { min-width: 7rem; overflow-wrap: anywhere; }
.sheet th { vertical-align: middle; min-width: 5rem; max-width: 9rem; overflow-wrap: anywhere; }
.sheet td { padding-right: 0; border: 0; }
.sheet img, .one img { display: block; max-width: 100%; height: auto; }
.sheet img { min-width: 30rem; }
.charts {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr));
  gap: 1.4rem 2rem;
}
figure { margin: 0; min-width: 0; }
figcaption { font-size: .92rem; font-weight: 500; }
.legend {
  display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin: .1rem 0 .2rem; padding: 0;
  list-style: none; color: var(--soft); font-size: .82rem; font-variant-numeric: tabular-nums;
}
.legend svg { width: 1.5rem; height: .7rem; margin-right: .3rem; }
.chart { width: 100%; height: auto; display: block; }
.chart text { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
.chart .grid { stroke: var(--line); stroke-width: 1; }
.curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
.band { stroke: none; opacity: .16; }
.dash1 { stroke-dasharray: 7 3; } .dash2 { stroke-dasharray: 2 4; }
.c0 { stroke: var(--c0); fill: var(--c0); } .c1 { stroke: var(--c1); fill: var(--c1); }
.c2 { stroke: var(--c2); fill: var(--c2); } .c3 { stroke: var(--c3); fill: var(--c3); }
.c4 { stroke: var(--c4); fill: var(--c4); } .c5 { stroke: var(--c5); fill: var(--c5); }
.curve.curve { fill: none; }
.frames { display: flex; gap: 1rem; overflow-x: auto; scroll-snap-type: x mandatory; }
.frames figure { flex: 0 0 auto; width: min(100%, 37rem); scroll-snap-align: start; }
.frames figcaption, .pictures figcaption { margin: .45rem 0; font-weight: 400; color: var(--soft); }
.frames img, .pictures img { width: 100%; height: auto; display: block; border-radius: 4px; }
.wider { grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); }
.wider > * { min-width: 0; }
.real img { width: 100%; height: auto; display: block; border-radius: 4px; }
.real { width: min(100%, 37rem); }
.real figcaption { margin: .45rem 0; font-weight: 400; color: var(--soft); }
.names { display: grid; list-style: none; margin: 0 0 .3rem; padding: 0; align-items: end; }
.names li { min-width: 0; text-align: center; color: var(--soft); font-size: .8rem; }
.names span {
  display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-height: 7rem;
}
.turned span { writing-mode: vertical-rl; transform: rotate(180deg); margin: 0 auto; }
.meanings { padding-left: 1.1rem; max-width: 46rem; } .meanings b { font-weight: 600; }
.film .controls { display: none; }
.film.live .frames { display: block; }
.film.live .frames figure { display: none; }
.film.live .frames figure.shown { display: block; }
.film.live .controls {
  display: flex; align-items: center; gap: .9rem; width: min(100%, 37rem); margin-top: .2rem;
}
.controls input { flex: 1; min-width: 0; margin: 0; accent-color: var(--c0); height: 1.6rem; }
.controls button {
  font: inherit; font-size: .9rem; color: var(--ink); background: var(--tint); cursor: pointer;
  border: 1px solid var(--line); border-radius: 6px; padding: .2rem .8rem; min-width: 4.6rem;
}
.side {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr));
  gap: 1.4rem;
}
pre {
  background: var(--tint); border-radius: 6px; padding: .75rem .9rem; overflow: auto;
  max-height: 24rem; font-size: .84rem; line-height: 1.5; margin: .6rem 0;
}
code { unicode-bidi: isolate; font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
details { margin: .9rem 0; }
summary { cursor: pointer; color: var(--c0); width: fit-content; }
footer { font-size: .85rem; padding-top: 2.5rem; padding-bottom: 2.5rem; }
@media print { .film .controls { display: none !important; } details { break-inside: avoid; } }
"""

#: The script that plays a film; without it the frames stand in a row that scrolls.
SCRIPT = """
for (const film of document.querySelectorAll('.film')) {
  const frames = [...film.querySelectorAll('.frames figure')];
  const slider = film.querySelector('input'), play = film.querySelector('button');
  let timer = 0;
  const show = (i) => {
    slider.value = i;
    slider.setAttribute('aria-valuetext', frames[i].dataset.step);
    frames.forEach((frame, j) => frame.classList.toggle('shown', i === j));
  };
  const stop = () => { clearInterval(timer); timer = 0; play.textContent = 'Play'; };
  const next = () => {
    show(Math.min(+slider.value + 1, frames.length - 1));
    if (+slider.value === frames.length - 1) stop();
  };
  slider.oninput = () => { stop(); show(+slider.value); };
  play.onclick = () => {
    if (timer) return stop();
    if (+slider.value === frames.length - 1) show(0);
    play.textContent = 'Pause';
    timer = setInterval(next, 350);
  };
  film.classList.add('live');
  show(frames.length - 1);
}
"""


def policy(script: str, *, asks: bool = False) -> str:
    """Return the content policy of a page: a browser may show its pictures and run this script.

    If it `asks`, it may also ask the server that it came from.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    own = "img-src 'self' data:; connect-src 'self'" if asks else "img-src data:"
    return f"default-src 'none'; {own}; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


POLICY = policy(SCRIPT)
"""The content policy of every page that is a file."""
