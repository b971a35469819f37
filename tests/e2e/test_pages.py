"""The two pages from their commands, and in a browser where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gankit.pages.html import POLICY
from tests.pages.pages import Page, add_scores, make_run

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
in_a_browser = pytest.mark.skipif(BROWSER is None, reason="no chromium to open the page in")


@pytest.fixture
def runs(small, tmp_path):
    for i, name in enumerate("ab"):
        make_run(tmp_path / name, small("cgan", **{"training.seed": i}))


@pytest.mark.usefixtures("runs")
def test_a_report_again(gankit, tmp_path):
    assert gankit("report", "a") == (0, "a/report.html\n", "")
    Page(tmp_path / "a/report.html").check_stands_alone()
    code, out, err = gankit("report", "none")
    assert (code, out) == (2, "")
    assert err == ("gankit: 'none' is not there, or is no folder: give the folder of a run\n")


@pytest.mark.usefixtures("runs")
def test_a_comparison(gankit, refused, tmp_path):
    code, out, err = gankit("compare", "a", "b", "--seed", "2", "--rows", "3")
    assert (code, err) == (0, "")
    assert out.startswith(" ")
    assert "training.seed" in out
    assert out.endswith("compare.html\n")
    Page(tmp_path / "compare.html").check_stands_alone()

    add_scores(tmp_path / "a", 6, 20.0)
    add_scores(tmp_path / "b", 6, 30.0, n_fake=500)
    assert "n_fake: 2000 and 500" in refused("compare", "a", "b")
    assert "name 2 to 12 runs" in refused("compare", "a")
    code, out, _ = gankit("compare", "a", "b", "--allow-differences", "-o", "deep/x.html")
    assert code == 0
    assert "PROTOCOLS DIFFER" in out
    assert "PROTOCOLS DIFFER" in Page(tmp_path / "deep/x.html").text


def opened(path: Path, profile: Path) -> tuple[str, list[str]]:
    """The document as it is after its script, and what the browser complained of."""
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr")
    done = subprocess.run(
        [str(BROWSER), *options, f"--user-data-dir={profile}", "--dump-dom", path.as_uri()],
        capture_output=True, text=True, check=True, timeout=600,
    )  # fmt: skip
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def shown(document: str) -> list[str]:
    return re.findall(r'<figure data-step="([^"]*)" class="shown">', document)


@in_a_browser
@pytest.mark.slow
@pytest.mark.usefixtures("runs")
def test_the_slider_changes_the_picture(gankit, tmp_path):
    assert gankit("report", "a")[0] == 0
    document, complaints = opened(tmp_path / "a/report.html", tmp_path / "profile")
    assert complaints == []
    assert shown(document) == ["step 6"]

    # The policy lets no other script move the slider: that is taken out of the page first.
    page = (tmp_path / "a/report.html").read_text().replace(POLICY.replace("'", "&#x27;"), "")
    move = "const s = document.querySelector('input'); s.value = 1; s.oninput()"
    (tmp_path / "moved.html").write_text(page.replace("</body>", f"<script>{move}</script></body>"))
    document, complaints = opened(tmp_path / "moved.html", tmp_path / "profile")
    assert complaints == []
    assert shown(document) == ["step 3"]


@in_a_browser
@pytest.mark.slow
@pytest.mark.usefixtures("runs")
def test_what_is_not_the_pages_own_does_not_run(gankit, tmp_path):
    """The browser's complaints are seen, so that none above means none."""
    assert gankit("compare", "a", "b")[0] == 0
    assert opened(tmp_path / "compare.html", tmp_path / "profile")[1] == []
    page = (tmp_path / "compare.html").read_text()
    foreign = "<script>document.title = 'run'</script><img src='http://localhost:9/x.png'>"
    (tmp_path / "foreign.html").write_text(page.replace("</body>", f"{foreign}</body>"))
    document, complaints = opened(tmp_path / "foreign.html", tmp_path / "profile")
    assert "<title>run</title>" not in document
    assert len(complaints) == 2
