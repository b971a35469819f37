"""What errors say: Python's names in the library; the command line adds its options."""

from __future__ import annotations

import ast
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gankit import errors
from gankit.cli.app import app
from gankit.cli.options import ELSEWHERE, typed_as
from gankit.settings.reference import FLAGS
from gankit.settings.schema import SettingError

SOURCE = Path(errors.__file__).parent
OPTION = re.compile(r"(?:^|[\s('\"`])--?[a-z]")
"""`--draws` or `-n`, not `well-known` or `-1`."""
LONG_OPTION = re.compile(r"(?:^|[\s('\"`])--[a-z]")
"""The same, but not `-log D`, which stands in texts that are no messages."""


def messages(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Each text in a `raise` or in what a person is told, and its line."""
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Raise) or getattr(called, "attr", "") in ("say", "warn"):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.lineno, part.value


NO_MESSAGES = (
    "doctor/remedies.py",
    "pages/html.py",
    "pages/repeat.py",
    "pages/report.py",
    "watching/page.py",
)
"""Files whose texts are commands, to be pasted, or a style sheet."""


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Each text that may become a message later, whole: errors and notes that functions return.

    Docstrings are none, nor are single words, such as declared options, and whole commands.
    """
    inside = {id(part) for node in ast.walk(tree) for part in _parts(node)}
    for node in ast.walk(tree):
        text = _text(node)
        whole = any(program in text for program in ("gankit ", "pip "))
        if " " in text and not whole and id(node) not in inside:
            yield node.lineno, text


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below this one that are no text by themselves."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node.value
    if isinstance(node, ast.JoinedStr):
        yield from (part for part in node.values if isinstance(part, ast.Constant))


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(p.value for p in node.values if isinstance(p, ast.Constant))
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def library() -> list[str]:
    every = (path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))
    return sorted(name for name in every if not name.startswith("cli/"))


@pytest.mark.parametrize("name", library())
def test_no_message_of_the_library_names_an_option(name):
    tree = ast.parse((SOURCE / name).read_text(encoding="utf-8"))
    assert [found for found in messages(tree) if OPTION.search(found[1])] == []
    if name not in NO_MESSAGES:
        assert [found for found in texts(tree) if LONG_OPTION.search(found[1])] == []


def test_an_option_in_an_error_or_a_note_that_is_returned_would_be_found():
    source = """
def no_split(name):
    \"\"\"Say so (--not-me).\"\"\"
    return DataError(f"{name} has none: hold more out (--holdout)")

def held(n):
    return f"held out: {n} (--holdout 0: none)" if n else f"gankit evaluate {n} --features x"
"""
    found = [line for line, text in texts(ast.parse(source)) if LONG_OPTION.search(text)]
    assert found == [4, 7]


def test_an_option_in_a_message_would_be_found():
    for said in ("f'--draws must be at least {n}'", "'lower\\n' 'it (-n)'", "f'{a}: give -o x'"):
        tree = ast.parse(f"raise ValueError({said})")
        assert any(OPTION.search(text) for _, text in messages(tree))
    assert not OPTION.search("a well-known x of -1 to 1 - or not")


@pytest.mark.parametrize("command", sorted(ELSEWHERE))
def test_an_argument_of_another_name_is_an_option_that_the_command_has(command):
    known = {name for one in app[command].assemble_argument_collection() for name in one.names}
    assert set(ELSEWHERE[command].values()) <= known


@pytest.mark.parametrize(
    ("command", "about", "options"),
    [
        ("train", ("training.batch", "data.size"), ["--batch", "--size"]),
        ("train", ("folder", "network.kernel"), ["--out"]),  # typed after --set, as it is named
        ("evaluate", ("draws", "n"), ["--draws", "-n"]),
        ("evaluate", ("training.seed",), []),  # its --seed is another one
        ("sample", ("labels", "target"), ["--label", "--out"]),
        ("reproduce", ("training.steps", "folder", "seeds"), ["--steps", "--runs", "--seeds"]),
        ("probe", ("labels_per_class", "data"), ["--labels-per-class", "--data"]),
        ("doctor", ("import",), ["--import"]),
        ("train", ("family",), ["FAMILY"]),
    ],
)
def test_names_become_the_options_of_the_command(command, about, options):
    assert typed_as(app[command], about, FLAGS) == options


@pytest.mark.parametrize(
    "error",
    [
        errors.DataError("add more, or lower training.batch", "training.batch"),
        SettingError("training.batch", "must be at least 2, got 1"),
    ],
)
def test_an_error_of_another_process_is_whole(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.about) == (str(error), ("training.batch",))
