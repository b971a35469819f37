"""`--import`, before a command or behind it."""

from __future__ import annotations

import os
import sys

import pytest

from gankit.cli.imports import VARIABLE, import_all, split_imports
from gankit.errors import ConfigError


@pytest.fixture(autouse=True)
def as_before(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.chdir(tmp_path)


def test_it_is_taken_out_wherever_it_stands():
    given = ["--import", "a.py", "train", "mine", "--import=b", "--", "--import", "c"]
    assert split_imports(given) == (["a.py", "b"], ["train", "mine", "--", "--import", "c"])
    with pytest.raises(ConfigError, match="needs a Python file or a module"):
        split_imports(["train", "--import"])


def test_a_file_is_imported_and_other_processes_are_told(tmp_path):
    (tmp_path / "own_family_for_a_test.py").write_text("KNOWN = 1\n")
    import_all(["own_family_for_a_test.py"])
    assert sys.modules["own_family_for_a_test"].KNOWN == 1
    assert os.environ[VARIABLE] == str(tmp_path / "own_family_for_a_test.py")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.py", None, "there is no such file"),
        ("wrong_code.py", "1 +\n", "cannot be imported: SyntaxError: invalid syntax"),
        ("random.py", "", "the name 'random' is another module's: rename the file"),
        ("no_such_module", None, "cannot be imported: ModuleNotFoundError"),
    ],
)
def test_what_cannot_be_imported_is_one_line(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(ConfigError, match=said) as caught:
        import_all([name])
    assert "\n" not in str(caught.value)
