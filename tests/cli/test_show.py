"""A report of scores fits a terminal of 80 columns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gankit.cli.show import print_report
from gankit.scores.score import Report, Score
from tests.pages.pages import PROTOCOL

LABELS = ("FD worst class(efficientnet)", "coverage(inception)", "KD(digits)", "precision(digits)")


def report(labels=LABELS, kernel=0.0012346):
    """A report of scores whose numbers need much room."""
    scores = [
        Score("x", labels[0], 1234.5678, "higher", (0.0012346, 1234.5678), 0.0012346),
        Score("coverage", labels[1], 0.5, "higher", (0.0, 0.0031234), 0.9687),
        Score("kernel", labels[2], kernel, "lower", (-abs(kernel), abs(kernel)), kernel),
        Score("precision", labels[3], 0.25, "higher", (0.2, 0.3), None, "samples", "not all"),
    ]
    return Report("r", "gan", 1200, PROTOCOL, tuple(scores), 2.0)


@pytest.fixture
def shown(monkeypatch, capsys):
    def show(given):
        monkeypatch.setenv("COLUMNS", "80")
        print_report(given)
        return capsys.readouterr().out

    return show


def test_the_table_does_not_fold_at_80_columns(shown):
    lines = shown(report()).splitlines()
    table = lines[: lines.index(next(line for line in lines if line.startswith("In words")))]
    assert len(table) == 2 + len(LABELS)
    assert max(map(len, table)) <= 80
    for label, line in zip(LABELS, table[2:], strict=True):
        assert line.startswith(label)
        assert line.split()[-1] in ("lower", "higher")
    assert "0.001235 to 1235" in table[2]
    assert "-0.001235 to 0.001235" in table[4]


def test_a_network_of_a_long_name_folds_nothing_but_its_label(shown):
    long = tuple(f"FD(a network with a name of {'many ' * 12}words)" for _ in LABELS)
    found = shown(report(long, -1.2346e-5))
    assert max(len(line) for line in found.split("In words")[0].splitlines()) <= 80
    for text in ("0.001235 to 1235", "0 to 0.003123", "-1.235e-05 to 1.235e-05"):
        assert text in found


def test_what_follows_the_table(shown):
    given = report()
    text = " ".join(shown(given).split())
    for line in (given.in_words(), given.intervals_hold(), *given.notes(), given.protocol_line()):
        assert line in text
    assert "precision(digits): not all" in text


def test_a_report_without_intervals_does_not_speak_of_them(shown):
    scores = tuple(replace(score, interval=None) for score in report().scores)
    assert "Each interval" not in shown(replace(report(), scores=scores))
