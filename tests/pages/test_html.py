"""Markup that escapes what it is given, and curves drawn as SVG."""

from __future__ import annotations

import base64
import hashlib
import math
import re

import pytest

from gankit.pages.chart import MOST_POINTS, Curve, chart, short
from gankit.pages.html import POLICY, SCRIPT, Html, element, page, table
from tests.pages.pages import Page


def test_text_and_attributes_are_escaped_and_markup_is_not_twice():
    inner = element("b", "<script>", title='"&')
    assert inner == '<b title="&quot;&amp;">&lt;script&gt;</b>'
    assert element("p", inner, " & ") == f"<p>{inner} &amp; </p>"
    assert isinstance(inner, Html)


def test_attributes_by_their_python_names():
    made = element("input", class_="a", aria_label="b", hidden=True, value=None, name=False)
    assert made == '<input class="a" aria-label="b" hidden>'


def test_a_table_names_its_columns_and_rows():
    made = table(["", "x"], [["<a>", "1"]], numbers=True)
    assert '<th scope="col">x</th>' in made
    assert '<th scope="row">&lt;a&gt;</th><td>1</td>' in made
    assert 'class="numbers"' in made


def test_a_page_is_whole_and_allows_its_own_script_alone(tmp_path):
    path = tmp_path / "p.html"
    path.write_bytes(page("a < b", element("p", "said"), foot="end"))
    read = Page(path)
    read.check_stands_alone()
    assert "said" in read.text
    script = read.source.split("<script>")[1].split("</script>")[0]
    assert script == SCRIPT
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert POLICY.endswith(f"script-src 'sha256-{digest}'")


def test_a_name_that_is_no_text_is_still_a_page():
    assert rb"odd\udc80name" in page("odd\udc80name", foot="")


def points(drawn: str) -> list[list[float]]:
    found = re.findall(r'<polyline points="([^"]*)"', drawn)[0]
    return [[float(v) for v in pair.split(",")] for pair in found.split()]


def test_a_curve_goes_where_its_numbers_say():
    drawn = chart("Loss", [Curve("D", [0, 5, 10], [1.0, 2.0, 1.5])])
    (x0, low), (x1, high), (x2, middle) = points(drawn)
    assert x1 - x0 == pytest.approx(x2 - x1)
    assert high < middle < low  # y grows downwards in SVG
    assert middle == pytest.approx((low + high) / 2, abs=0.1)
    assert "D from 1 to 2, 1.5 at the end" in drawn


def test_axes_are_marked_with_round_numbers():
    drawn = chart("Loss", [Curve("D", range(0, 30001, 1000), [i / 7 for i in range(31)])])
    marks = re.findall(r">([^<>]+)</text>", drawn)
    assert marks == ["0", "1", "2", "3", "4", "0", "10k", "20k", "30k", "step"]


def test_what_is_not_finite_is_left_out_and_nothing_at_all_is_said():
    drawn = chart("Loss", [Curve("D", [0, 1, 2, 3], [1.0, math.nan, math.inf, 2.0])])
    assert len(points(drawn)) == 2
    assert "nan" not in drawn
    assert "inf" not in drawn
    assert "nothing logged" in chart("Loss", [Curve("D", [0], [math.nan])])


def test_a_long_curve_is_thinned_and_keeps_its_extremes_in_a_band():
    y = [0.0] * 5000
    y[1234] = 9.0
    drawn = chart("Loss", [Curve("D", range(5000), y)])
    assert len(points(drawn)) == MOST_POINTS
    assert "<polygon" in drawn
    assert "from 0 to 9" in drawn
    assert len(drawn) < 20_000


TINY, HUGE = [[0.0, 5e-324], [1e-310] * 2], [[1e30, -1e30], [1e99, -1e99], [1e308, 1.0]]


@pytest.mark.parametrize("y", [[0.0], [3.0, 3.0], [-1e-9, 1e-9], [1, 1 + 2**-52], *TINY, *HUGE])
def test_flat_tiny_and_huge_curves_have_places(y):
    places = points(chart("Loss", [Curve("D", range(len(y)), y)]))
    assert all(0 <= x <= 400 and 0 <= y <= 220 for x, y in places)


def test_several_curves_differ_in_more_than_colour():
    drawn = chart("x", [Curve("a", [0, 1], [0, 1]), Curve("b", [0, 1], [1, 0])])
    assert 'class="curve c0 dash0"' in drawn
    assert 'class="curve c1 dash1"' in drawn


@pytest.mark.parametrize(
    ("value", "said"), [(12345.6, "12,346"), (0.00012345, "0.000123"), (-2.5, "-2.5")]
)
def test_short_numbers(value, said):
    assert short(value) == said
