"""The page of `gankit watch`: its frame, which its script fills and keeps up to date."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gankit.pages.html import Html, element, note, page, warning
from gankit.text import in_shell
from gankit.version import __version__


def watch_page(folders: Sequence[Path]) -> bytes:
    """Return the page of these runs, side by side, before anything is known of them."""
    names = [str(folder) for folder in folders]
    title = names[0] if len(names) == 1 else f"{len(names)} runs"
    again = element("code", f"gankit watch {' '.join(map(in_shell, folders))}")
    return page(
        title,
        element("header", element("h1", title)),
        element("div", warning("The server has ended: ", again, " shows this again."), id="lost"),
        element("noscript", warning("This page needs JavaScript, which it brings along.")),
        element(
            "div",
            *(_run(name, with_title=len(names) > 1) for name in names),
            class_="runs" if len(names) > 1 else "runs alone",
        ),
        foot=f"gankit {__version__}. This page asks the server of this machine, and nobody else.",
        style=STYLE,
        live=SCRIPT,
    )


def _run(name: str, *, with_title: bool) -> Html:
    """Return the place of one run; its parts are found by their classes."""
    slider = element(
        "input", type="range", min=0, max=0, value=0, aria_label=f"step of the picture of {name}"
    )
    buttons = element("div", element("button", "Play", type="button"), slider, class_="controls")
    figure = element(
        "figure",
        element("div", class_="columns"),
        element("img", alt=""),
        element("figcaption"),
    )
    stop = element("button", "Stop", type="button", class_="stop", hidden=True)
    return element(
        "section",
        *([element("h2", name)] if with_title else []),
        element(
            "div",
            element("p", "asking ...", class_="state", role="status"),
            stop,
            class_="line",
        ),
        element("progress", max=1, value=0, aria_label=f"how much of {name} is done"),
        element("div", class_="head"),
        element("div", note(), class_="said"),
        element(
            "div",
            element("div", figure, buttons, class_="pictures growing", hidden=True),
            element("div", element("h3", "The doctor"), element("div", class_="doctor")),
            class_="beside",
        ),
        element("h3", "Curves"),
        element("div", class_="curves"),
        class_="run",
        aria_label=name,
    )


STYLE = """
[hidden] { display: none !important; }
#lost { display: none; } .gone #lost { display: block; } .gone .runs { opacity: .75; }
main:has(.runs:not(.alone)) { max-width: 110rem; }
.runs {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr));
  gap: 0 2.5rem;
}
.run { min-width: 0; }
.line { display: flex; align-items: center; gap: 1rem; flex-wrap: wrap; }
.state { font-weight: 600; overflow-wrap: anywhere; }
.state.training { color: var(--c2); } .state.unreadable { color: var(--bad); }
.state.stopping { color: var(--warn); }
progress { width: 100%; height: .5rem; accent-color: var(--c0); }
.beside {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr));
  gap: 1.4rem 2.5rem; margin-top: 1.4rem; align-items: start;
}
.beside > div { min-width: 0; }
.beside h3:first-child { margin-top: 0; }
.growing .controls { display: flex; align-items: center; gap: .9rem; }
.growing img { image-rendering: pixelated; }
.stop {
  font: inherit; font-size: .9rem; color: var(--bad); background: var(--bad-tint);
  border: 1px solid currentColor; border-radius: 6px; padding: .2rem .9rem; cursor: pointer;
}
button:focus-visible, input:focus-visible { outline: 3px solid var(--c0); outline-offset: 2px; }
.doctor > p:first-child, .run > .line:first-child > p { margin-top: 0; }
"""

#: Asks the server what is new, every two seconds or as rarely as it wishes, and shows it.
SCRIPT = """
const runs = [...document.querySelectorAll('.run')].map((place, n) => {
  const at = (name) => place.querySelector(name);
  const state = at('.state'), stop = at('.stop'), film = at('.growing'), image = at('img');
  const slider = at('input'), play = at('.controls button'), caption = at('figcaption');
  let steps = [], follows = true, timer = 0;

  const show = (i) => {
    const step = Number(steps[i]).toLocaleString('en');
    slider.value = i;
    slider.setAttribute('aria-valuetext', 'step ' + step);
    if (image.dataset.step === steps[i]) return;
    image.dataset.step = steps[i];
    image.src = `picture/${n}/${steps[i]}`;
    image.alt = `samples at step ${step}`;
    caption.textContent = `step ${step}`;
  };
  image.onerror = () => { caption.textContent = 'This picture cannot be read.'; };
  const pause = () => { clearInterval(timer); timer = 0; play.textContent = 'Play'; };
  const next = () => {
    show(Math.min(+slider.value + 1, steps.length - 1));
    if (+slider.value === steps.length - 1) { pause(); follows = true; }
  };
  slider.oninput = () => {
    pause();
    show(+slider.value);
    follows = +slider.value === steps.length - 1;
  };
  play.onclick = () => {
    if (timer) return pause();
    follows = false;
    if (+slider.value === steps.length - 1) show(0);
    play.textContent = 'Pause';
    timer = setInterval(next, 350);
  };
  stop.onclick = async () => {
    if (!confirm('Stop this run? It saves, and its command goes on from there.')) return;
    try {
      const answer = await fetch(`stop/${n}`, {method: 'POST'});
      at('.said p').textContent = (await answer.json()).said;
    } catch {}
    look();
  };

  const put = (name, markup) => {
    const where = at(name);
    if (markup === undefined || where.markup === markup) return;
    const open = [...where.querySelectorAll('details')].map((one) => one.open);
    where.markup = where.innerHTML = markup;
    where.querySelectorAll('details').forEach((one, i) => { one.open = open[i]; });
  };
  return (now) => {
    if (state.textContent !== now.said) state.textContent = now.said;
    state.className = 'state ' + now.state;
    stop.hidden = now.state !== 'training';
    if (now.state !== 'stopping') at('.said p').textContent = '';
    at('progress').value = now.share ?? 0;
    for (const name of ['head', 'doctor', 'curves', 'columns']) put('.' + name, now[name]);
    if (now.pictures === undefined) return;
    steps = now.pictures;
    film.hidden = !steps.length;
    slider.max = steps.length - 1;
    if (steps.length && (follows || +slider.value >= steps.length)) show(steps.length - 1);
  };
});

const title = document.title;
let timer = 0, asking = false;
async function look() {
  clearTimeout(timer);
  if (asking) return;
  asking = true;
  let wait = 2000;
  try {
    const answer = await fetch('state', {cache: 'no-store'});
    if (!answer.ok) throw new Error(answer.status);
    const seen = await answer.json();
    wait = seen.wait;
    seen.runs.forEach((now, n) => runs[n](now));
    const shares = seen.runs.map((now) => `${Math.floor(100 * (now.share ?? 0))} %`);
    document.title = `${shares.slice(0, 4).join(', ')} ${title}`;
    document.body.classList.remove('gone');
  } catch { document.body.classList.add('gone'); }
  asking = false;
  if (!document.hidden) timer = setTimeout(look, wait);
}
document.onvisibilitychange = () => document.hidden || look();
look();
"""
