"""race.json: what is written is read back, and is JSON for other programs too."""

from __future__ import annotations

import json

import pytest

from gankit.errors import RunError
from gankit.racing.record import read_record, write_record
from tests.racing.races import BEST, ENTRIES, FINAL, make_record


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


def test_what_is_written_is_read_back(small, tmp_path):
    record = make_record(small("gan", "toy:ring8"), FINAL, BEST, chosen=1)
    write_record(tmp_path, record, ENTRIES)
    assert read_record(tmp_path) == record
    stored = json.loads((tmp_path / "race.json").read_text(), parse_constant=refuse)
    assert [trial["distance"] for trial in stored["trials"]] == [2.0, 1.0, 9.0, None]


def test_what_a_killed_start_leaves_is_no_obstacle(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / ".race.json.123.part").touch()
    assert read_record(tmp_path) is None
    assert read_record(tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "format version 2"),
        ({"plan": {"trials": "many", "steps": 3}}, "is damaged"),
        ({"held_out": None}, "is damaged"),
        ({"finals": [{}]}, "is damaged"),
        ({"config": {"family": 3}}, "unknown family|is damaged"),
    ],
)
def test_a_damaged_file_is_one_line(small, tmp_path, change, said):
    write_record(tmp_path, make_record(small("gan", "toy:ring8"), chosen=None), [])
    path = tmp_path / "race.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises((RunError, ValueError), match=said) as caught:
        read_record(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_one_line(small, tmp_path):
    with pytest.raises(RunError, match=r"race\.json' cannot be written"):
        write_record(tmp_path / "nowhere", make_record(small("gan"), chosen=None), [])
