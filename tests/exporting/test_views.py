"""What D makes of a picture, on the page of its run: in a browser, where there is one."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import gankit
from gankit.exporting.views import view_of
from gankit.families import Task
from gankit.trained.gan import GAN
from tests.exporting.made import CLASSES, SHAPE, untrained, with_onnx
from tests.exporting.opened import after, opened, pixels


def test_families_without_a_view_have_none(small):
    assert view_of(untrained(small("dcgan"))) is None
    only_numbers = {"network.codes": "c"}
    assert view_of(untrained(small("infogan", **only_numbers))) is None


def test_the_page_says_if_no_checkpoint_holds_d(small, tmp_path):
    game = untrained(small("began")).game
    found = view_of(GAN(game, step=1, path=tmp_path / "model.safetensors"))
    assert (found.answer, found.content) == ("picture", None)


def drawn_stroke(page) -> None:
    """Draw across the sketch by mouse."""
    box = page.locator("#given").bounding_box()
    left, top = box["x"] + box["width"] / 4, box["y"] + box["height"] / 3
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left + box["width"] / 2, top + box["height"] / 3, steps=3)
    page.mouse.up()


def said(page) -> str:
    page.wait_for_timeout(300)  # the last of several answers
    return page.text_content("#view-said")


@with_onnx
@pytest.mark.slow
def test_d_names_what_is_drawn(browser, small, tmp_path):
    gan = untrained(small("ssgan"), CLASSES)
    gankit.export(gan, tmp_path / "page.html")

    def told(picture: np.ndarray) -> str:
        chances = gan.judge(picture[None].astype(np.uint8))[0]
        best = int(chances.argmax())
        return f"D takes it for {'abc'[best]}: {100 * chances[best]:.0f} %."

    with opened(browser, tmp_path / "page.html") as page:
        assert (pixels(page, "#given") == 0).all()
        after(page, lambda: drawn_stroke(page), "#given")
        text, by_mouse = said(page), pixels(page, "#given")
        assert text == told(by_mouse)
        assert by_mouse.max() == 255
        assert page.locator("#chances .chance").count() == 3

        page.click("#clear")
        assert (pixels(page, "#given") == 0).all()
        page.focus("#given")
        for key in (" ", "ArrowLeft", "ArrowLeft", "ArrowLeft", " ", "ArrowUp"):
            page.keyboard.press(key)
        text, by_keys = said(page), pixels(page, "#given")
        assert text == told(by_keys)
        rows, columns = np.nonzero(by_keys > 128)  # it went to the left, and up when it was lifted
        assert np.ptp(columns) > np.ptp(rows)

        held = after(page, lambda: page.click("#give-held"), "#given")
        assert np.abs(held - gan.sample(1, seed=0)[0].astype(int)).max() <= 1
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        allowed = (page.url, "blob:null/", "Canvas2D: Multiple readback")  # the last: this test's
        assert [text for text in page.heard if not text.startswith(allowed)] == []


@with_onnx
@pytest.mark.slow
def test_d_draws_a_given_picture_again(browser, small, tmp_path):
    gan = untrained(small("began"), Task(SHAPE, ()))
    gankit.export(gan, tmp_path / "page.html")
    picture = np.random.default_rng(0).integers(0, 256, SHAPE[1:], np.uint8)
    Image.fromarray(picture).save(tmp_path / "given.png")
    (tmp_path / "text.png").write_text("no picture")
    with opened(browser, tmp_path / "page.html") as page:
        give = lambda name: page.set_input_files("#picture-file", tmp_path / name)  # noqa: E731
        found = after(page, lambda: give("given.png"), "#given")
        assert np.abs(found - picture.astype(int)).max() <= 1
        page.wait_for_timeout(300)
        given = gan.game.discriminator.reconstruct(gan_planes(found))
        wanted = ((given[0, 0].detach().numpy() + 1) * 127.5).clip(0, 255)
        assert np.abs(pixels(page, "#answer") - wanted).max() <= 1.01
        give("text.png")
        assert said(page) == "text.png is no picture that the browser can read."


def gan_planes(picture: np.ndarray):
    """A grey picture as the networks take it."""
    import torch

    return torch.from_numpy(picture / 127.5 - 1).float()[None, None]
