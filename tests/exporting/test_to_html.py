"""The page that runs a generator, in a browser where there is one: opened from the disk."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import gankit
from gankit.exporting.to_html import to_html
from gankit.exporting.to_onnx import OnnxFile
from gankit.families import Task
from gankit.game_types import Latent
from tests.exporting.made import SHAPE, untrained, with_onnx
from tests.exporting.opened import after, opened, pixels

ROOT = Path(__file__).parent.parent.parent


def facts_in(page: bytes) -> dict:
    found = re.search(rb'<script id="about" type="application/json">(.*?)</script>', page)
    return json.loads(found[1])


def page_of(gan) -> bytes:
    """The page around a generator that is none."""
    return to_html(gan, OnnxFile(b"none", {"class_names": list(gan.class_names)}, 0.0, 1.0))


def test_the_runtime_is_the_one_whose_digest_is_known():
    folder = files("gankit.exporting") / "runtime"
    text = (ROOT / "tools/fetch_onnxruntime_web.py").read_text()
    for name in ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"):
        content = gzip.decompress((folder / f"{name}.gz").read_bytes())
        assert f'"{name}": "{hashlib.sha256(content).hexdigest()}"' in text
    assert "MIT License" in (folder / "LICENSE-onnxruntime-web.txt").read_text()


def test_text_in_a_page_cannot_end_it_or_name_folders(small):
    task = Task(SHAPE, ("</script><script>alert(1)", "b"))
    page = page_of(untrained(small("cgan"), task))
    assert b"<script>alert" not in page
    assert facts_in(page)["class_names"][0] == "</script><script>alert(1)"
    assert facts_in(page)["path"] == "RUN"
    assert b"://" not in page


def test_a_run_that_draws_in_a_way_of_its_own_brings_its_latents(small):
    gan = untrained(small("dcgan"))
    drawn = gan.game.latent
    gan.game.latent = lambda count, labels, rng: drawn(count, labels, rng)
    assert facts_in(page_of(gan))["draws"] is not None
    gan.game.latent = lambda count, labels, rng: Latent(-drawn(count, labels, rng).noise)
    facts = facts_in(page_of(gan))
    assert facts["draws"] is None
    assert facts["stored"] == 4


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A run of two classes with codes that only a label tells apart, and its page."""
    from gankit.choose_recipe import configure
    from gankit.settings.config import override
    from tests.conftest import SMALL

    config = override(configure("cgan", "digits"), SMALL["cgan"])
    gan = untrained(config)
    path = tmp_path_factory.mktemp("page") / "page.html"
    gankit.export(gan, path)
    return gan, path


@pytest.fixture
def page(browser, exported):
    """The page, opened from the disk."""
    with opened(browser, exported[1]) as page:
        yield page


def copied(page, gan, monkeypatch):
    """The picture that the copied Python makes."""
    page.click("#copy-python")
    text = page.text_content("#line")
    monkeypatch.setattr(gankit, "load", lambda path: gan)
    known = {}
    exec(text, known)
    return known["picture"]


@with_onnx
@pytest.mark.slow
def test_the_page_draws_gankits_samples(page, exported, monkeypatch):
    gan, path = exported
    wanted = gan.sample(300, seed=0).astype(int)
    assert np.abs(pixels(page) - wanted[0]).max() <= 1
    assert np.abs(pixels(page, "#wall button:nth-child(12) canvas") - wanted[11]).max() <= 1
    seventh = after(page, lambda: page.click("#wall button:nth-child(8)"))
    assert np.abs(seventh - wanted[7]).max() <= 1
    assert np.abs(seventh - copied(page, gan, monkeypatch)).max() <= 1

    other = after(page, lambda: page.click("#labels button:nth-child(3)"))
    assert np.abs(other - gan.sample(8, "c", seed=0)[7].astype(int)).max() <= 1
    assert np.abs(other - seventh).max() > 1
    mixed = after(page, lambda: page.locator("#share").fill("0.4"))
    assert np.abs(mixed - copied(page, gan, monkeypatch)).max() <= 1
    assert np.abs(mixed - other).max() > 1

    page.evaluate("document.getElementById('numbers-part').open = true")
    moved = after(page, lambda: page.locator("#value").fill("-2.5"))
    assert np.abs(moved - copied(page, gan, monkeypatch)).max() <= 1
    turned = after(page, lambda: page.get_by_label("direction 1").fill("-2.5"))
    assert np.abs(turned - copied(page, gan, monkeypatch)).max() <= 1
    assert np.abs(turned - moved).max() > 1
    back = after(page, lambda: page.get_by_label("direction 1").fill("2"))
    assert np.abs(back - turned).max() > 1

    page.evaluate("document.getElementById('truncation-part').open = true")
    calmer = after(page, lambda: page.locator("#psi").fill("0.5"))
    assert np.abs(calmer - copied(page, gan, monkeypatch)).max() <= 1
    with page.expect_download() as download:
        page.click("#save-latents")
    saved = np.load(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert saved["noise"].shape == (1, gan.game.latent_size)
    np.testing.assert_allclose(saved["labels"][0], [0, 0.4, 0.6], atol=1e-6)
    allowed = (path.as_uri(), "blob:null/", "Canvas2D: Multiple readback")  # the last: this test's
    assert [text for text in page.heard if not text.startswith(allowed)] == []


@with_onnx
@pytest.mark.slow
def test_seeds_scrolling_keys_and_a_narrow_window(page, exported):
    gan, _ = exported
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    count = page.locator("#wall button").count()
    page.locator("#end").scroll_into_view_if_needed()
    page.locator("#wall button").nth(count).wait_for(state="attached")

    page.fill("#seed", "9007199254740993")  # beyond the whole numbers of JavaScript
    page.keyboard.press("Enter")
    page.wait_for_selector("#wall button[aria-label^='sample 0 of seed 9007199254740993']")
    wanted = gan.sample(5, seed=9007199254740993).astype(int)
    page.locator("#wall button").first.focus()
    page.keyboard.press("ArrowRight")
    held = after(page, lambda: page.keyboard.press("Enter"))
    assert np.abs(held - wanted[1]).max() <= 1
    page.evaluate("document.getElementById('grid-part').open = true")
    page.locator("#grid button").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    held = after(page, lambda: page.keyboard.press("Enter"))  # the second sample as a "b"
    assert np.abs(held - gan.sample(2, "b", seed=9007199254740993)[1].astype(int)).max() <= 1

    page.fill("#seed", "minus one")
    page.keyboard.press("Enter")
    assert "whole number" in page.text_content("#problem")

    for part in ("numbers-part", "truncation-part", "map-part", "sum-part"):
        page.evaluate(f"document.getElementById('{part}').open = true")
    page.focus("#map")
    before = held
    held = after(page, lambda: page.keyboard.press("ArrowDown"))
    assert np.abs(held - before).max() > 1
    for letter in (1, 2, 3):
        page.click(f"#sum button:nth-child({letter})")
    page.wait_for_selector("#sum button:nth-child(4):enabled")
    same = after(page, lambda: page.click("#sum button:nth-child(4)"))  # A - A + A
    assert np.abs(same - held).max() <= 1
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
