"""What `import gankit` offers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gankit

ROOT = Path(__file__).parent.parent


def test_exported_names():
    assert gankit.__all__ == sorted(gankit.__all__, key=lambda name: (not name.isupper(), name))
    assert set(gankit.__all__) == {
        "GAN", "Callback", "Config", "ConfigError", "DataError", "Dataset", "GankitError",
        "RunError", "Trainer", "TrainingError", "build_game", "configure", "fit", "load",
        "load_dataset", "losses", "metrics", "nn", "override", "penalties",
    }  # fmt: skip


@pytest.mark.parametrize("name", gankit.__all__)
def test_every_exported_name_is_there_and_explained(name):
    assert getattr(gankit, name).__doc__
    assert name in dir(gankit)


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        gankit.lod  # noqa: B018


def test_versions_agree():
    for name, pattern in (
        ("pyproject.toml", r'^version = "(.+)"'),
        ("CITATION.cff", r"^version: (.+)$"),
    ):
        found = re.search(pattern, (ROOT / name).read_text(), re.MULTILINE)
        assert found is not None
        assert found[1] == gankit.version.__version__
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()


def test_every_error_is_the_users_kind():
    for name in ("ConfigError", "DataError", "RunError", "TrainingError"):
        assert issubclass(getattr(gankit, name), gankit.GankitError)
