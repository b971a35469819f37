"""No family is named outside its own file: what it needs elsewhere is a hook of Game."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import gankit
from gankit.families import FAMILIES

SOURCE = Path(gankit.__file__).parent
#: Rooms and files that may: published results, and the titles of papers.
MAY = {"bibliography.py", "families", "reproduce"}
NAME = re.compile(rf"(?<![\w.:/-])({'|'.join(FAMILIES.names())})(?![\w.-])")
#: `GAN` alone is the trained one, gankit.GAN.
CLASSES = {FAMILIES[name].__name__ for name in FAMILIES.names()} - {"GAN"}
PROSE = re.compile(rf"\b({'|'.join(CLASSES)})\b")


def files() -> list[Path]:
    found = (path.relative_to(SOURCE) for path in SOURCE.rglob("*.py"))
    return sorted(path for path in found if path.parts[0] not in MAY)


def docstrings(tree: ast.AST) -> set[int]:
    """Texts that stand alone: of modules, classes, functions, and below constants."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def named(path: Path) -> Iterator[str]:
    """What in a file names a family."""
    tree = ast.parse(path.read_text())
    prose = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield from (m[0] for m in (NAME.search(node.value), PROSE.search(node.value)) if m)
        elif isinstance(node, ast.Name) and node.id in CLASSES:
            yield node.id
        elif isinstance(node, ast.Attribute) and node.attr in CLASSES:
            yield node.attr
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            "gankit.families."
        ):
            yield str(node.module)


@pytest.mark.parametrize("path", files(), ids=str)
def test_no_family_is_named(path):
    expected = ["cgan"] if str(path) == "settings/config.py" else []  # the default job's, once
    assert list(named(SOURCE / path)) == expected


def test_it_would_be_seen(tmp_path):
    lines = [
        "from gankit.families.infogan import InfoGAN as Codes",
        "codes = 'infogan' if family == 'began' else module.SSGAN",
        "raise ConfigError(f\"train 'dcgan' or {other}\")",
        '"""Such as `cgan`."""',
    ]
    (tmp_path / "x.py").write_text("\n".join(lines))
    found = ["gankit.families.infogan", "infogan", "began", "SSGAN", "dcgan"]
    assert sorted(named(tmp_path / "x.py")) == sorted(found)
