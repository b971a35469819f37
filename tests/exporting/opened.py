"""A page opened from the disk, and what is seen on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tests.exporting.made import SHAPE

PIXELS = """(selector) => {
  const canvas = document.querySelector(selector);
  const {width, height} = canvas;
  return [...canvas.getContext('2d').getImageData(0, 0, width, height).data];
}"""


@contextmanager
def opened(browser: Any, path: Path) -> Iterator[Any]:
    """The page of a file in a narrow window; what it asks for or complains of is kept."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, accept_downloads=True)
    page = context.new_page()
    page.heard = []
    page.on("console", lambda message: page.heard.append(message.text))
    page.on("pageerror", lambda error: page.heard.append(str(error)))
    page.on("request", lambda request: page.heard.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector("#wall button", timeout=60_000)
    yield page
    context.close()


def pixels(page: Any, selector: str = "#held") -> np.ndarray:
    """The grey picture on a canvas."""
    rgba = np.array(page.evaluate(PIXELS, selector)).reshape(*SHAPE[1:], 4)
    assert (rgba[..., 0] == rgba[..., 2]).all()
    return rgba[..., 0]


def after(page: Any, act: Callable[[], object], selector: str = "#held") -> np.ndarray:
    """The picture of a canvas after an act that draws it again."""
    from playwright.sync_api import expect

    drawn = page.get_attribute(selector, "data-drawn")
    act()
    expect(page.locator(selector)).not_to_have_attribute("data-drawn", drawn)
    page.wait_for_timeout(50)
    return pixels(page, selector)
