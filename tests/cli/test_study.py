"""What a command found is shown, whether it can be kept or not."""

from __future__ import annotations

import sys

import pytest

import gankit.cli
from gankit.errors import RunError
from gankit.fitting import fit


@pytest.fixture
def run(small, tmp_path):
    fit(small("gan", "toy:ring8", **{"training.steps": 2}), tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "shown", "what"),
    [
        (("doctor",), "at step 2", "diagnosis"),
        (("evaluate", "-n", "20", "--draws", "1"), "coverage", "scores"),
    ],
)
def test_a_run_that_may_only_be_read_is_studied(run, monkeypatch, capsys, command, shown, what):
    def refuse(*given, **more):
        raise RunError("'run/doctor.json' cannot be written (Read-only file system)")

    for name in ("doctor.diagnosis.write_diagnosis", "pages.report.keep"):
        monkeypatch.setattr(f"gankit.{name}", refuse)
    name, *options = command
    monkeypatch.setattr(sys, "argv", ["gankit", name, str(run), *options])
    with pytest.raises(SystemExit) as ended:
        gankit.cli.main()
    out, err = capsys.readouterr()
    assert not ended.value.code
    assert shown in out
    assert f"gankit: the {what} cannot be kept: 'run/doctor.json' cannot be written" in err
