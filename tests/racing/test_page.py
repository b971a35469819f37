"""race.html: it stands alone, shows every trial, and hides nothing that went wrong."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from gankit.errors import RunError
from gankit.racing.page import write_page
from tests.pages.pages import Page, make_run
from tests.racing.races import BEST, DEFAULT, ENTRIES, FINAL, make_record


@pytest.fixture
def record(small):
    return partial(make_record, small("gan", "toy:ring8"))


def test_it_shows_what_was_tried_and_what_is_kept(record, small, tmp_path):
    make_run(tmp_path / "final-0", small("cgan"))
    write_page(tmp_path, record(FINAL, BEST, chosen=1), ENTRIES)
    page = Page(tmp_path / "race.html")
    page.check_stands_alone()
    assert "4 of 4 recipes of 'gan' tried" in page.text
    assert "sick at step 10: collapse" in page.text
    assert "fell behind" in page.text
    assert "training.batch=16" in page.text
    assert "gankit train gan toy:ring8 --config" in page.text
    assert "32, 16, 64" in page.text
    order = [page.text.index(f"trial {n} {d}") for n, d in ((1, "1"), (2, "9"), (3, "infinite"))]
    assert order == sorted(order)


def test_a_race_that_is_not_at_its_end(record, tmp_path):
    write_page(tmp_path, record(chosen=None), [])
    page = Page(tmp_path / "race.html")
    assert "The race is not at its end." in page.text
    assert "None has ended yet." in page.text
    write_page(tmp_path, record(chosen=None), [DEFAULT])
    assert "1 of 4 recipes" in Page(tmp_path / "race.html").text


def test_a_name_from_elsewhere_is_text(record, tmp_path):
    made = record(chosen=None)
    write_page(tmp_path, replace(made, data={**made.data, "name": "<script>"}), [])
    Page(tmp_path / "race.html").check_stands_alone()


def test_a_page_that_cannot_be_written_is_one_line(record, tmp_path):
    with pytest.raises(RunError, match=r"race\.html' cannot be written"):
        write_page(tmp_path / "nowhere", record(chosen=None), [])
