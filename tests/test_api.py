"""What `import gankit` offers."""

from __future__ import annotations

import doctest
import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

import gankit

ROOT = Path(__file__).parent.parent


def test_exported_names():
    assert gankit.__all__ == sorted(
        gankit.__all__, key=lambda name: (not name.isupper(), name.islower(), name)
    )
    assert set(gankit.__all__) == {
        "GAN", "Callback", "Config", "ConfigError", "DataError", "Dataset", "Game",
        "GankitError", "RunError", "Stabiliser", "Trainer", "TrainingError", "build_game",
        "configure", "evaluate", "fit", "load", "load_dataset", "losses", "metrics", "nn",
        "override", "penalties", "register_family", "register_stabiliser",
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


@pytest.mark.parametrize("error", [gankit.ConfigError, gankit.DataError])
def test_a_wrong_value_is_a_value_error_too(error):
    assert issubclass(error, ValueError)
    with pytest.raises(ValueError, match="so"):
        raise error("so")


def test_measures_by_name():
    metrics = gankit.metrics
    assert metrics.__all__ == sorted(metrics.__all__)
    for name in metrics.__all__:
        thing = getattr(metrics, name)
        assert callable(thing), f"{name} is hidden by its file"
        assert inspect.getdoc(thing)
        assert inspect.isclass(thing) or ">>>" in thing.__doc__, f"{name} has no example"


@pytest.mark.parametrize(
    "path",
    [
        "losses.py",
        "penalties.py",
        "scores/evaluate.py",
        *(f"metrics/{p.name}" for p in (ROOT / "src/gankit/metrics").glob("*.py")),
    ],
)
def test_examples_in_docstrings(path):
    name = "gankit." + path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    assert doctest.testmod(import_module(name)).failed == 0
