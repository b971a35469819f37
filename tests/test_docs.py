"""The pages are true: links lead somewhere, commands parse, Python runs."""

from __future__ import annotations

import importlib
import json
import re
import sys
from functools import partial
from pathlib import Path

import pytest
from tools.breaking.processes import python

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("your_*.md"))
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\w+\.py)\n")
"""The first line of a block that is a file of its own, which later blocks import."""
WANDB = """
def init(*, project, id, resume, config):
    print("init", id, config["data"]["source"])
    return Run()

class Run:
    def log(self, numbers, step=None):
        assert all(isinstance(value, (float, Image)) for value in numbers.values())
        print("log", step, *sorted(key for key in numbers if key.count("/r") == 0))

    def finish(self):
        print("finish")

class Image:
    def __init__(self, path):
        open(path, "rb").close()
"""
STAND_INS = {"your_tracker.md": {"wandb.py": WANDB}}
"""By page, modules that its Python imports and gankit does not install."""


@pytest.fixture
def holds(forks):
    """A tool, run in the repository, says that all is well."""

    def run(tool, *arguments):
        done = forks.start(partial(python, ROOT / tool, *arguments), folder=ROOT).wait()
        assert done.code == 0, done.text

    return run


def test_links_and_commands(holds):
    holds("tools/check_docs.py")


def test_the_page_of_settings_is_what_the_code_says(holds):
    holds("tools/write_settings.py", "--check")


def test_how_long_it_takes_is_what_the_tables_say(holds):
    holds("tools/write_how_long.py", "--check")


def test_the_tables_of_results_are_what_the_files_say(holds):
    holds("tools/write_results.py", "--check")


def test_the_page_of_speed_is_what_the_benchmarks_lines_say(holds):
    holds("tools/write_speed.py", "--check")


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(forks, page, tmp_path):
    script, out = run_page(page, tmp_path, forks)
    said = [line.split("# ")[1] for line in script.splitlines() if "# (" in line]
    assert all(line in out for line in said)


def run_page(page, folder, forks):
    """Run the Python of a page in a folder and a process; return it, and what it prints."""
    script = ["import gankit\n"]
    for block in BLOCK.findall(page.read_text()):
        if named := FILE.match(block):
            (folder / named[1]).write_text(block)
        else:
            script.append(block)
    for name, content in STAND_INS.get(page.name, {}).items():
        (folder / name).write_text(content)
    (folder / "page.py").write_text("\n".join(script))
    done = forks.start(partial(python, folder / "page.py"), folder=folder).wait()
    assert done.code == 0, done.err
    return "".join(script), done.out


@pytest.mark.slow
def test_the_tracker_is_fed(forks, tmp_path):
    _, out = run_page(ROOT / "docs" / "your_tracker.md", tmp_path, forks)
    first, *steps, picture, last = out.splitlines()
    assert (first, picture, last) == ("init ring toy:ring8", "log None samples", "finish")
    log = (tmp_path / "runs" / "ring" / "metrics.jsonl").read_text().splitlines()
    assert [int(line.split()[1]) for line in steps] == [json.loads(line)["step"] for line in log]
    numbers = "d/adversarial d_fake d_real g/adversarial grad_d grad_g"
    assert all(line.endswith(numbers) for line in steps)


def test_the_chapters_that_hold_are_kept_if_another_does_not(tmp_path, monkeypatch, capsys):
    pytest.importorskip("jupytext", reason="the group `docs` is not installed")
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    run_book = importlib.import_module("run_book")
    pages = {"1_first": "print(1)", "2_wrong": "assert 0", "3_large": "print(3)", "4_last": "print"}
    for name, code in pages.items():
        (tmp_path / f"{name}.md").write_text(f"# Chapter\n\n```python\n{code}\n```\n")

    def executed(page):
        """Stands in for a kernel."""
        if page.stem == "2_wrong":
            raise run_book.CellExecutionError("", "AssertionError", "it is 0")
        notebook = run_book.notebook_of(page.read_text())
        shown = {"output_type": "display_data", "data": {"image/png": ""}}
        printed = {"output_type": "stream", "text": page.stem}
        (cell,) = (cell for cell in notebook.cells if cell.cell_type == "code")
        cell.outputs = [shown if page.stem == "3_large" else printed]
        return notebook

    monkeypatch.setattr(run_book, "executed", executed)
    monkeypatch.setattr(sys, "argv", ["run_book", "--write", *map(str, sorted(tmp_path.iterdir()))])
    assert run_book.main() == 1
    kept = {path.stem for path in tmp_path.glob("*.ipynb")}
    assert kept == {"1_first", "4_last"}
    assert all(
        ("```output" in (tmp_path / f"{name}.md").read_text()) == (name in kept) for name in pages
    )
    said = capsys.readouterr().out.splitlines()
    assert "does not hold" in said[1]
    assert "shows 1 pictures, and the page names 0" in said[-2]
