"""`gankit doctor` as a user has it."""

from __future__ import annotations

import json

import pytest

from gankit import configure

from .conftest import TINY


@pytest.mark.slow
def test_a_run_is_examined_and_the_answer_kept(gankit, tmp_path):
    recipe = configure("dcgan", "digits")
    every = ("--set", "output.log_every=1")
    code, _, err = gankit("train", "dcgan", "digits", "--steps", "30", *TINY, *every,
                          "--lr-g", "0", "--out", "r")  # fmt: skip
    assert code == 0, err
    code, out, err = gankit("doctor", "r")
    assert (code, err) == (0, "")
    assert "sick: G frozen, since step 1" in out
    assert f"try:   --lr-g {recipe.generator_optimizer.lr:g}" in out
    kept = json.loads((tmp_path / "r/doctor.json").read_text())
    assert not kept["healthy"]
    code, printed, _ = gankit("doctor", "r", "--json")
    assert code == 0
    assert json.loads(printed) == kept
    # The run goes on as if nobody had looked.
    assert gankit("train", "dcgan", "digits", "--steps", "31", *TINY, *every,
                  "--lr-g", "0", "--out", "r")[0] == 0  # fmt: skip


def test_what_is_no_run_is_refused(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "'empty' holds no run: give the folder of one" in refused("doctor", "empty")
    assert "holds no run" in refused("doctor", "none")
    (tmp_path / "file").write_text("x")
    assert "is a file" in refused("doctor", "file")
