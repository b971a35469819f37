"""Runs side by side: what compares, what is refused, what is said."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from gankit.doctor.diagnosis import Diagnosis, write_diagnosis
from gankit.errors import ConfigError, RunError
from gankit.pages.compare import as_text, clearly_best, compare
from gankit.pages.compare_page import same_latents, write_comparison
from gankit.pictures import grid
from gankit.recipes import RECIPES
from gankit.scores.score import Score
from gankit.trained.artifact import load
from tests.pages.pages import Page, add_scores, make_run


@pytest.fixture
def pair(small, tmp_path):
    """Two runs of the same kind that differ in a seed and a rate."""
    make_run(tmp_path / "a", small("cgan"))
    make_run(tmp_path / "b", small("cgan", **{"training.seed": 1, "generator_optimizer.lr": 0.01}))
    return [tmp_path / "a", tmp_path / "b"]


def read(comparison, tmp_path, **options) -> Page:
    write_comparison(comparison, tmp_path / "c.html", **options)
    page = Page(tmp_path / "c.html")
    page.check_stands_alone()
    return page


def pictures(page: Page) -> list[np.ndarray]:
    files = [base64.b64decode(image["src"].split(",")[1]) for image in page.all("img")]
    return [np.asarray(Image.open(io.BytesIO(file))) for file in files]


def row(text: str, name: str) -> list[str]:
    """The cells of one line of the terminal's table."""
    line = next(line for line in text.splitlines() if line.startswith(name))
    return [cell.strip() for cell in line.split("  ") if cell.strip()][1:]


def test_the_grids_are_the_runs_own_samples_in_the_same_order(pair, tmp_path):
    page = read(compare(pair), tmp_path, seed=3, rows=2)
    for shown, folder in zip(pictures(page), pair, strict=True):
        assert np.array_equal(shown, grid(load(folder).sample(20, seed=3), 10))
    assert "Seed 3; at the same place every run draws from the same latent." in page.text
    assert "One class a column." in page.text


def test_few_classes_have_several_columns_each(small, tmp_path):
    for name in "ab":
        make_run(tmp_path / name, small("cgan"), classes=("cat", "dog"))
    page = read(compare([tmp_path / "a", tmp_path / "b"]), tmp_path, rows=2)
    for shown, name in zip(pictures(page), "ab", strict=True):
        of_class = [load(tmp_path / name).sample(16, seed=0)[kind::2] for kind in (0, 1)]
        halves = [grid(images, 4) for images in of_class]
        assert np.array_equal(shown[:, : halves[0].shape[1]], halves[0])
        assert np.array_equal(shown[:, -halves[1].shape[1] :], halves[1])
    assert "Each class has 4 columns side by side." in page.text


def test_runs_of_other_numbers_of_classes_have_no_columns_of_classes(small, pair, tmp_path):
    make_run(tmp_path / "two", small("cgan"), classes=("cat", "dog"))
    page = read(compare([pair[0], tmp_path / "two"]), tmp_path, rows=2)
    assert [picture.shape for picture in pictures(page)] == [(118, 466)] * 2
    assert "column" not in page.text


def test_latents_of_other_sizes_are_said(small, pair, tmp_path):
    make_run(tmp_path / "z", small("cgan", **{"latent.size": 7}))
    folders = [pair[0], tmp_path / "z"]
    assert same_latents([load(f) for f in pair], 20, 0)
    assert not same_latents([load(f) for f in folders], 20, 0)
    page = read(compare(folders), tmp_path)
    assert "latents of other sizes or kinds (sizes 64, 7)" in page.text


def test_a_run_with_classes_beside_one_without(small, pair, tmp_path):
    make_run(tmp_path / "plain", small("dcgan"))
    page = read(compare([pair[0], tmp_path / "plain"]), tmp_path, rows=2)
    assert [picture.shape for picture in pictures(page)] == [(118, 582)] * 2


def test_other_sizes_stand_side_by_side_and_the_data_is_said_to_differ(small, pair, tmp_path):
    config = small("dcgan", "./faces", **{"data.size": (16, 20)})
    run = make_run(tmp_path / "faces", config, shape=(3, 16, 20), classes=())
    record = run.record_path.read_text().replace("f00d", "beef")
    run.record_path.write_text(record)
    comparison = compare([pair[0], run.folder])
    assert "The runs learned from different data." in as_text(comparison)
    page = read(comparison, tmp_path)
    assert len(page.all("img")) == 2
    assert "The runs learned from different data." in page.text


def test_points_share_one_frame(small, tmp_path):
    for name in ("a", "b"):
        make_run(tmp_path / name, small("gan", "toy:ring8"), shape=(2,), classes=())
    page = read(compare([tmp_path / "a", tmp_path / "b"]), tmp_path)
    one, other = pictures(page)
    assert one.shape == other.shape
    assert np.array_equal(one[-20:], other[-20:])  # the numbers along the axis


def test_runs_asked_by_vectors_show_their_own_pictures(small, tmp_path):
    for name in ("a", "b"):
        make_run(tmp_path / name, small("cgan", "./d.npz"), classes=(), condition=3)
    page = read(compare([tmp_path / "a", tmp_path / "b"]), tmp_path)
    assert "asked by vectors" in page.text
    assert [picture.shape for picture in pictures(page)] == [(30, 40)] * 2


def test_settings_speed_and_curves(pair, tmp_path):
    comparison = compare(pair)
    text, page = as_text(comparison), read(comparison, tmp_path)
    assert row(text, "training.seed") == ["0", "1"]
    rate = str(RECIPES["cgan-fast"]().generator_optimizer.lr)
    assert row(text, "generator_optimizer.lr") == [rate, "0.01"]
    assert "discriminator_optimizer.lr" not in text
    assert row(text, "speed, median") == ["103 images/s", "103 images/s"]
    assert row(text, "time in steps") == ["3 s", "3 s"]
    for said in (
        "training.seed",
        "103 images/s",
        "Loss of D",
        "D(fake)",
        "Learning rate of G",
        "samples/diversity",
    ):
        assert said in page.text
    assert not any("d/r1" in piece for piece in page.pieces)


def test_runs_without_scores_compare_and_the_command_is_named(pair, tmp_path):
    text = as_text(compare(pair))
    for folder in pair:
        assert f"gankit evaluate {folder}" in text
    add_scores(pair[0], 6, 20.0)
    comparison = compare(pair)
    missing = f"No scores in 'digits': gankit evaluate {pair[1]} --features digits"
    assert missing in as_text(comparison)
    assert row(as_text(comparison), "FD(digits)") == ["20.00 (19.00 to 21.00)", "-"]
    assert "20.00 (19.00 to 21.00)" in read(comparison, tmp_path).text


def test_scores_of_one_protocol_stand_in_one_row(pair, tmp_path):
    add_scores(pair[0], 3, 50.0)  # an older one, not shown
    add_scores(pair[0], 6, 20.0)
    add_scores(pair[1], 6, 30.0)
    comparison = compare(pair)
    assert row(as_text(comparison), "FD(digits), lower is better") == [
        "20.00 (19.00 to 21.00) *",
        "30.00 (29.00 to 31.00)",
    ]
    page = read(comparison, tmp_path)
    assert "<strong>20.00 (19.00 to 21.00)</strong>" in page.source
    assert "1.500" in page.text  # the floor


def test_a_score_of_an_older_step_is_said_to_be_one(pair):
    add_scores(pair[0], 3, 50.0)
    assert f"{pair[0]} was measured at step 3, not at its last" in as_text(compare(pair))


def test_other_protocols_are_refused_or_said(pair, tmp_path):
    add_scores(pair[0], 6, 20.0)
    add_scores(pair[1], 6, 30.0, n_fake=500, split="train")
    with pytest.raises(ConfigError) as caught:
        compare(pair)
    first, *lines = str(caught.value).splitlines()
    assert "allow_differences" in first
    assert [line.strip() for line in lines] == [
        "digits: a and b: split: test and train",
        "digits: a and b: n_fake: 2000 and 500",
    ]
    comparison = compare(pair, allow_differences=True)
    text, page = as_text(comparison), read(comparison, tmp_path)
    for said in ("PROTOCOLS DIFFER", "n_fake: 2000 and 500"):
        assert said in text
        assert said in page.text
    assert "*" not in text
    assert "<strong>" not in page.source


@pytest.mark.parametrize(
    ("ends", "better", "found"),
    [
        ([(1, 2), (3, 4), (5, 6)], "lower", 0),
        ([(1, 2), (3, 4), (5, 6)], "higher", 2),
        ([(1, 3.5), (3, 4)], "lower", None),
        ([(1, 2), None], "lower", None),
        ([(1, 2)], "lower", None),
    ],
)
def test_a_score_is_best_where_the_intervals_are_apart(ends, better, found):
    row = [Score("m", "m", sum(e or (0, 0)) / 2, better, e) for e in ends]
    assert clearly_best([*row, None]) == found


def test_the_doctors_words(pair, tmp_path):
    write_diagnosis(pair[0], Diagnosis(6, (), ("collapse",), {}))
    comparison = compare(pair)
    assert row(as_text(comparison), "doctor") == ["healthy", "not examined"]
    assert f"gankit doctor {pair[1]}" in read(comparison, tmp_path).text


def test_runs_of_one_name_are_told_apart(small, tmp_path):
    folders = [tmp_path / "x" / "run", tmp_path / "y" / "run"]
    for folder in folders:
        make_run(folder, small("cgan"))
    assert compare(folders).names == ["x/run", "y/run"]


def test_names_cannot_run(small, tmp_path):
    nasty = "<script>alert(1)<"
    for name in (nasty, "b"):
        make_run(tmp_path / name, small("cgan", **{"data.source": nasty}))
    page = read(compare([tmp_path / nasty, tmp_path / "b"]), tmp_path)
    assert nasty in page.text
    assert "<script>alert" not in page.source


def test_what_cannot_be_compared_is_refused(small, pair, tmp_path):
    make_run(tmp_path / "ring", small("gan", "toy:ring8"), shape=(2,), classes=())
    for folders, said in (
        ([pair[0]], "1 given: name 2 to 12 runs"),
        ([], "0 given"),
        ([pair[0], pair[0]], "' is given twice: name each run once"),
        ([pair[0], tmp_path / "ring"], "makes points: there is nothing to compare them in"),
    ):
        with pytest.raises(ConfigError, match=said):
            compare(folders)
    with pytest.raises(RunError, match="is not there"):
        compare([pair[0], tmp_path / "none"])
    with pytest.raises(RunError, match="holds no run"):
        compare([pair[0], tmp_path])
    (pair[1] / "model.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(RunError, match="damaged"):
        compare(pair)
    (pair[1] / "model.safetensors").unlink()
    with pytest.raises(RunError, match="nothing is trained in it yet"):
        compare(pair)


def test_a_page_that_cannot_be_written_is_one_line(pair, tmp_path):
    comparison = compare(pair)
    for target, options, said in (
        ("c.png", {}, "must be name.html"),
        ("c.html", {"rows": 0}, "rows must be in 1 to 20"),
        ("c.html", {"seed": -1}, "seed must be in"),
    ):
        with pytest.raises(ConfigError, match=said):
            write_comparison(comparison, tmp_path / target, **options)
    (tmp_path / "d.html").mkdir()
    with pytest.raises(RunError, match="cannot be written"):
        write_comparison(comparison, tmp_path / "d.html")
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        write_comparison(comparison, tmp_path / "file" / "c.html")


def test_damaged_files_are_noted_and_paths_can_be_pasted(small, tmp_path):
    folders = [tmp_path / "a run", tmp_path / "b"]
    for folder in folders:
        make_run(folder, small("cgan"))
    (folders[0] / "doctor.json").write_bytes(b"\xff")
    (folders[1] / "scores").mkdir()
    (folders[1] / "scores" / "mine.json").write_text("[]")
    seen = compare(folders)
    write_comparison(seen, tmp_path / "c.html", rows=1)
    for text in (as_text(seen), (tmp_path / "c.html").read_text().replace("&#x27;", "'")):
        assert "doctor.json' cannot be read: it is not UTF-8" in text
        assert "mine.json' is damaged" in text
        assert f"gankit evaluate '{folders[0]}'" in text
