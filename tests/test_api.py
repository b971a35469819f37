"""What `import gankit` offers."""

from __future__ import annotations

import doctest
import inspect
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import gankit

ROOT = Path(__file__).parent.parent


def test_exported_names():
    assert gankit.__all__ == sorted(
        gankit.__all__, key=lambda name: (not name.isupper(), name.islower(), name)
    )
    assert set(gankit.__all__) == {
        "GAN", "Callback", "Config", "ConfigError", "DataError", "Dataset", "Episodes", "Game",
        "GankitError", "Latents", "Paper", "RunError", "Stabiliser", "Trainer", "TrainingError",
        "build_game", "choose", "configure", "evaluate", "export", "fit", "fit_seeds", "inspect",
        "load", "load_dataset", "losses", "make_expert", "metrics", "nn", "override", "penalties",
        "race", "register_family", "register_stabiliser", "sliders",
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


def test_a_path_may_be_text():
    from gankit.doctor.diagnose import diagnose, examine, read_verdicts
    from gankit.exploring.films import check_film
    from gankit.exploring.sheets import check_picture, check_target
    from gankit.exporting.explore import explore
    from gankit.pages.compare import compare
    from gankit.pages.report import write_run_report
    from gankit.probe.probe import probe
    from gankit.run import Run
    from gankit.watching.watch import watch

    for call in (diagnose, examine, probe, write_run_report, explore, gankit.load, gankit.evaluate):
        with pytest.raises(gankit.GankitError, match="nowhere"):
            call("nowhere")
    points = np.zeros((30, 2))
    with pytest.raises(gankit.DataError, match="nowhere"):
        gankit.evaluate(points, against=Path("nowhere"))
    with pytest.raises(gankit.GankitError, match=r"nowhere\.onnx"):
        gankit.evaluate(points, against=points, features=Path("nowhere.onnx"))
    for check in (check_film, check_target, check_picture):
        with pytest.raises(gankit.ConfigError, match=r"x\.pdf"):
            check("x.pdf")
    for several in (watch, compare):
        with pytest.raises(gankit.GankitError, match="nowhere"):
            several(["nowhere/a", "nowhere/b"])
    assert read_verdicts("nowhere") is None
    assert Run("nowhere").record() is None


@pytest.mark.parametrize("room", ["losses", "metrics", "nn", "penalties"])
def test_the_names_of_a_room(room):
    names = getattr(gankit, room).__all__
    assert names == sorted(names)
    for name in names:
        assert not inspect.ismodule(getattr(getattr(gankit, room), name)), f"its file hides {name}"


def functions_and_classes():
    """Everything that a user may import and call, with where it stands."""
    for room in (gankit, gankit.losses, gankit.metrics, gankit.nn, gankit.penalties):
        for name in room.__all__:
            thing = getattr(room, name)
            if inspect.isclass(thing) or inspect.isroutine(thing):
                yield pytest.param(thing, id=f"{room.__name__}.{name}")


def run_examples(thing, folder, monkeypatch):
    """What fails of the examples in a docstring; None if there are none."""
    monkeypatch.chdir(folder)
    known = dict(vars(import_module(thing.__module__)))
    text = inspect.cleandoc(thing.__doc__ or "")
    examples = doctest.DocTestParser().get_doctest(text, known, thing.__name__, None, None)
    said: list[str] = []
    doctest.DocTestRunner(verbose=False).run(examples, out=said.append)
    return "".join(said) if examples.examples else None


@pytest.mark.parametrize("thing", list(functions_and_classes()))
def test_an_example_of_every_public_function_and_class(thing, tmp_path, monkeypatch):
    assert run_examples(thing, tmp_path, monkeypatch) == ""


def test_an_example_that_is_missing_or_wrong_is_found(tmp_path, monkeypatch):
    def shown():
        """>>> 1 + 1
        3
        """

    assert "Got:" in run_examples(shown, tmp_path, monkeypatch)
    shown.__doc__ = "Explained, and not shown."
    assert run_examples(shown, tmp_path, monkeypatch) is None


@pytest.mark.parametrize(
    "path",
    [
        "losses.py",
        "nn/__init__.py",
        "penalties.py",
        "scores/evaluate.py",
        *(f"metrics/{p.name}" for p in (ROOT / "src/gankit/metrics").glob("*.py")),
    ],
)
def test_examples_of_a_file(path):
    name = "gankit." + path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    assert doctest.testmod(import_module(name)).failed == 0
