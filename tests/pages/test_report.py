"""report.html: what is on it, that it stands alone, and that it can hinder nothing."""

from __future__ import annotations

import base64
import errno
import io
import os
import shlex
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from gankit.choose_recipe import configure
from gankit.doctor.diagnosis import Diagnosis, Verdict, write_diagnosis
from gankit.errors import RunError
from gankit.fitting import fit
from gankit.pages.report import LARGEST_PNG, MOST_FRAMES, picture_uri, write_run_report
from gankit.pictures import save_png
from gankit.run import Briefing
from gankit.settings.config import override
from gankit.settings.text import read_toml
from tests.conftest import THREADS
from tests.pages.pages import Page, add_scores, make_run

NASTY = "</title><script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.fixture
def run(small, tmp_path):
    return make_run(tmp_path / "r", small("cgan"))


def read(run) -> Page:
    page = Page(write_run_report(run.folder))
    page.check_stands_alone()
    return page


def test_everything_is_on_the_page(run):
    page = read(run)
    for said in (
        "cgan on digits",
        "6 of 6",
        "103 images/s",
        "3 of 3 pictures",
        "each class under its name",
        "Terms of D's loss",
        "samples diversity 0.9",
        f"gankit evaluate {run.folder}",
        f"gankit doctor {run.folder}",
        "network.generator_width",
        "f00d",
        f"--steps 6 --threads {THREADS}",
        "settings.toml",
        "torch",
    ):
        assert said in page.text, said
    assert [f["data-step"] for f in page.all("figure") if "data-step" in f] == [
        "step 0",
        "step 3",
        "step 6",
    ]
    assert all(image["alt"] for image in page.all("img"))
    assert all(svg.get("aria-label") or svg.get("aria-hidden") for svg in page.all("svg"))


def test_the_pictures_are_the_runs_own(run):
    images = read(run).all("img")
    for image, path in zip(images, sorted(run.samples.iterdir()), strict=True):
        assert base64.b64decode(image["src"].split(",")[1]) == path.read_bytes()


def test_columns_have_names_and_real_examples_stand_beside(run):
    run.write_real(np.zeros((30, 40), np.uint8))
    page = read(run)
    over = [a for a in page.all("ol") if "names" in a["class"].split()]
    assert len(over) == 4  # three frames and the real examples
    assert all(a["style"] == "grid-template-columns: repeat(10, 1fr)" for a in over)
    assert [a["alt"] for a in page.all("img")][-1] == "real examples"
    assert [a["title"] for a in page.all("li") if "title" in a][:10] == list("0123456789")
    assert not any("turned" in a["class"] for a in over)


def test_long_names_are_turned(small, tmp_path):
    run = make_run(tmp_path / "r", small("cgan"), classes=("a name of many letters", "b"))
    over = [a for a in read(run).all("ol") if a["class"] == "names turned"]
    assert over[0]["style"] == "grid-template-columns: repeat(2, 1fr)"  # whatever columns each has


@pytest.mark.parametrize(("family", "classes"), [("cgan", 17), ("dcgan", 3), ("dcgan", 0)])
def test_columns_that_are_no_classes_have_no_names(small, tmp_path, family, classes):
    names = tuple(f"c{i}" for i in range(classes))
    assert not read(make_run(tmp_path / "r", small(family), classes=names)).all("ol")


def test_what_was_read_is_on_the_page(run):
    assert "did not record what it read" in read(run).text
    lines = ("data digits: 100 grey images", *(f"note {i}" for i in range(7)))
    record = replace(run.record(), briefing=Briefing(lines, tuple(range(10))))
    run.record_path.unlink()
    run.begin(record)
    text = read(run).text
    for said in (*lines, "and 4 more lines about the data", "7 7 8 8 9 9"):
        assert said in text, said


def test_each_number_is_explained(run):
    add_scores(run.folder, 6, 3.0)
    text = read(run).text
    for said in (
        "adversarial: how badly",
        "r1: ",
        "diversity: how far samples lie",
        "mean chance that D gives",
        "FD(digits) : Frechet distance, each set taken for a Gaussian",
    ):
        assert said in text, said


def test_many_pictures_become_few_with_the_first_and_the_last(run):
    for step in range(100, 120):
        run.write_picture(step, np.zeros((4, 4), np.uint8))
    steps = [f["data-step"] for f in read(run).all("figure") if "data-step" in f]
    assert len(steps) == MOST_FRAMES
    assert (steps[0], steps[-1]) == ("step 0", "step 119")


def test_a_large_picture_is_made_smaller(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1300, 3)).astype(np.uint8)
    save_png(tmp_path / "x.png", noise)
    uri = picture_uri(tmp_path / "x.png")
    assert len(uri) < (tmp_path / "x.png").stat().st_size / 2
    assert (tmp_path / "x.png").stat().st_size > LARGEST_PNG
    with Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))) as picture:
        assert (picture.format, picture.size) == ("JPEG", (1040, 1200))


def test_names_cannot_run(small, tmp_path):
    config = small("cgan", **{"data.source": NASTY})
    folder = tmp_path / NASTY.replace("/", "-")
    run = make_run(folder, config, classes=(NASTY, "&amp;"))
    add_scores(folder, 6, 3.0, data=NASTY)
    page = read(run)
    assert "alert" not in " ".join(
        str(v) for _, a in page.elements for v in a.values() if "on" in a
    )
    assert NASTY in page.text
    assert "&amp;" in page.text
    assert len(page.all("script")) == 1
    assert "<script>alert" not in page.source


def test_the_settings_file_gives_the_same_configuration(run, tmp_path):
    link = next(a for a in read(run).all("a") if a["download"] == "settings.toml")
    path = tmp_path / "settings.toml"
    path.write_bytes(base64.b64decode(link["href"].split(",")[1]))
    config = run.record().config
    assert override(configure(config.family), read_toml(path)) == config


def test_scores_with_intervals_floors_and_protocol(run):
    add_scores(run.folder, 3, 40.0)
    add_scores(run.folder, 6, 30.0, half=None)
    text = read(run).text
    assert "FD(digits) 30.00 not known 1.500 lower" in text
    assert "2,000 samples against 2,000 test examples of digits (4567), seed 0, k 5" in text
    assert "FD(digits), lower is better" in text  # the curve over steps
    assert "gankit evaluate" not in text


def test_scores_say_what_their_intervals_hold_and_how_good_they_are(run):
    add_scores(run.folder, 6, 30.0)
    text = read(run).text
    assert "FD(digits) 30.00 29.00 to 31.00 draws 1.500 lower" in text
    assert "20 times as far from the real examples" in text
    assert "Each interval holds 95 % of other draws of samples." in text
    (run.folder / "scores" / "0000006-digits-nearest.png").write_bytes(b"no picture")
    assert "The picture of nearest training examples cannot be read" in read(run).text


def test_scores_of_other_protocols_are_not_joined_by_a_line(run):
    add_scores(run.folder, 3, 40.0)
    add_scores(run.folder, 6, 30.0, n_fake=500)
    assert "FD(digits), lower is better" not in read(run).text


def test_the_doctors_words(run):
    sick = Verdict("collapse", "sick", "one mode of 8", 3, "G has one answer", "--penalty r1")
    write_diagnosis(run.folder, Diagnosis(6, (sick,), ("collapse", "x"), {"y": "no labels"}))
    text = read(run).text
    for said in ("sick: collapse, since step 3", "one mode of 8", "G has one answer",
                 "--penalty r1", "2 signs of sickness: 1 found", "no labels"):  # fmt: skip
        assert said in text
    write_diagnosis(run.folder, Diagnosis(6, (), ("collapse", "x"), {}))
    assert "healthy" in read(run).text


def test_a_run_that_has_only_begun(small, tmp_path):
    run = make_run(tmp_path / "r", small("gan", "toy:ring8"), shape=(2,), classes=())
    run.metrics_path.unlink()
    for path in run.samples.iterdir():
        path.unlink()
    text = read(run).text
    assert "0 of 6" in text
    assert "No picture was kept" in text
    assert "Nothing is logged yet" in text


def test_a_torn_log_and_a_broken_picture_are_passed_over(run):
    with run.metrics_path.open("a") as file:
        file.write('[1]\n{"step": 7, "d/adv')
    (run.samples / "0000003.png").write_bytes(b"no picture")
    page = read(run)
    assert "6 of 6" in page.text
    assert "This picture cannot be read" in page.text


def test_what_is_no_run_is_said(tmp_path):
    with pytest.raises(RunError, match="is not there"):
        write_run_report(tmp_path / "none")
    with pytest.raises(RunError, match="holds no run"):
        write_run_report(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match="is no folder"):
        write_run_report(tmp_path / "file")


def test_a_damaged_run_is_named(run):
    run.record_path.write_text("{")
    with pytest.raises(RunError, match=r"run\.json"):
        write_run_report(run.folder)


HOSTILE = [b"", b"{", b"[]", b"\xff\xfe{}", b"[" * 99_999, b'{"format": 1, "step": 1e999}', None]
"""What may stand in a file that gankit wrote; None: a folder."""


def put(path, content) -> None:
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)


@pytest.mark.parametrize("content", HOSTILE, ids=repr)
@pytest.mark.parametrize("name", ["doctor.json", "scores/0000006-digits.json"])
def test_a_damaged_file_is_named_on_the_page(run, name, content):
    add_scores(run.folder, 7, 1.0)
    put(run.folder / name, content)
    page = read(run)
    assert name in page.text
    assert "FD(digits)" in page.text, "the others are shown"


def test_what_training_did_not_draw_is_no_frame(run):
    for name in ("0000010 (1).png", "10.png", "0000008.jpg", "٠٠٠٠٠٠٩.png", "mine.png"):
        save_png(run.samples / name, np.zeros((3, 3), np.uint8))
    (run.samples / "0000020.png").mkdir()
    assert "3 of 3 pictures" in read(run).text


@pytest.mark.parametrize("damage", [b"", b"no picture", b"GIF89a", "half"])
def test_a_damaged_picture_is_said_and_the_others_are_shown(run, damage):
    path = run.samples / "0000003.png"
    path.write_bytes(path.read_bytes()[:90] if damage == "half" else damage)
    page = read(run)
    assert "This picture cannot be read" in page.text
    assert len(page.all("img")) == 2


@pytest.mark.parametrize(
    "line",
    [
        '{"step": null, "d/adversarial": 1}',
        '{"step": "7", "d/adversarial": 1}',
        '{"step": -7, "d/adversarial": 1}',
        '{"step": 1e999}',
        '{"step": true}',
        '{"step": 1' + "0" * 400 + "}",
        '{"step": 7, "d/adversarial": NaN, "g/adversarial": -Infinity, "seconds": NaN}',
        '{"step": 7, "d/adversarial": 1' + "0" * 400 + ', "images_per_second": null}',
        '{"step": 7, "d/adversarial": "much", "lr_d": {"a": [1]}, "d_real": true}',
        '{"step": 7, "d/adversarial": 1e308, "g/adversarial": -1e308, "images_per_second": 1e-320}',
        '{"step": 7, "\\ud800\\u202e<b>": 1, "": 2, "d/": 3}',
        '{"step": 7}',
        '{"a":' * 9999,
        "[]", "3", "null", "\x00", "{", "",
    ],
)  # fmt: skip
def test_a_logged_line_that_is_none_is_passed_over(run, line):
    with run.metrics_path.open("ab") as file:
        file.write(line.encode() + b"\n\xff\xfe\n" + b'{"step": 8, "d/adversarial": 0.5}\n')
    assert run.metrics()[-1] == {"step": 8, "d/adversarial": 0.5}
    assert "8 of 6" in read(run).text


@pytest.mark.parametrize("name", ["metrics.jsonl"])
def test_a_log_that_cannot_be_read_is_said_in_one_line(run, name):
    put(run.folder / name, None)
    with pytest.raises(RunError, match=f"{name}' cannot be read: it is a folder") as caught:
        write_run_report(run.folder)
    assert "\n" not in str(caught.value)


def test_paths_in_commands_can_be_pasted(small, tmp_path):
    folder = tmp_path / "my runs; $(x) 'a'"
    page = Page(write_run_report(make_run(folder, small("cgan")).folder))
    for command in ("evaluate", "doctor"):
        assert f"gankit {command} {shlex.quote(str(folder))}" in page.text


def test_what_hides_in_a_name_or_turns_it_round_is_shown(small, tmp_path):
    names = ("cat\u202egpj.exe", "\u2067dog\u2069", "a\x1b[31mb", "x\u061cy\u200fz", "עברית")
    run = make_run(tmp_path / "r", small("cgan"), classes=names)
    page = read(run)
    for said in ("cat\\u202egpj.exe", "\\u2067dog\\u2069", "a\\x1b[31mb", "x\\u061cy", "עברית"):
        assert said in page.source
    assert not set(page.source) & set("\u202e\u2067\u2069\u061c\u200f\x1b")


@pytest.mark.slow
def test_training_ends_with_a_report(small, tmp_path):
    fit(small("gan", "toy:ring8"), tmp_path / "r")
    assert "gan on toy:ring8" in Page(tmp_path / "r/report.html").text


@pytest.mark.slow
@pytest.mark.parametrize(
    "problem", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), RunError("it is damaged")]
)
def test_a_report_that_cannot_be_written_ends_no_training(
    small, tmp_path, monkeypatch, capsys, problem
):
    def fail(*_):
        raise problem

    monkeypatch.setattr("gankit.pages.report.write_atomically", fail)
    outcome = fit(small("gan", "toy:ring8"), tmp_path / "r")
    assert outcome.finished
    said = [line for line in capsys.readouterr().err.splitlines() if "no report.html" in line]
    assert len(said) == 1
    assert "No space left on device" in said[0] or "it is damaged" in said[0]
