"""Runs of equal settings but the seed are one group; nothing else is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gankit.errors import ConfigError
from gankit.metrics.intervals import over_runs
from gankit.pages.compare_groups import (
    compare_groups,
    group_notes,
    group_scores,
    groups_as_json,
    groups_as_text,
)
from gankit.pages.compare_page import write_groups
from gankit.recipes import RECIPES
from gankit.run import Plan, Run
from gankit.scores.score import Report, Score, write_report
from tests.pages.pages import PROTOCOL, Page, add_scores, make_run

SCORES = (20.0, 24.0, 25.0)


@pytest.fixture
def seeds(small, tmp_path):
    """Three measured runs that differ in the seed alone."""
    folders = [tmp_path / "a" / f"seed-{seed}" for seed in range(3)]
    for seed, (folder, value) in enumerate(zip(folders, SCORES, strict=True)):
        make_run(folder, small("cgan", **{"training.seed": seed}))
        add_scores(folder, 6, value)
    return folders


@pytest.fixture
def others(small, tmp_path):
    """Two measured runs at another rate."""
    folders = [tmp_path / "b" / f"seed-{seed}" for seed in range(2)]
    for seed, folder in enumerate(folders):
        make_run(folder, small("cgan", **{"training.seed": seed, "generator_optimizer.lr": 0.01}))
        add_scores(folder, 6, 50.0 + seed)
    return folders


def test_one_group_has_students_interval_over_its_runs(seeds, tmp_path):
    seen = compare_groups(seeds)
    (score,) = group_scores(seen)
    low, high = over_runs(SCORES)[1:]
    assert (score.mean, score.interval) == (pytest.approx(23), (low, high))
    # by hand: s = 2.6458, t(2) = 4.3027, half = t s / 3^(1/2)
    assert (low, high) == (pytest.approx(16.427, abs=1e-3), pytest.approx(29.573, abs=1e-3))
    text = groups_as_text(seen)
    for said in ("cgan on digits", "3 runs", "0-2", "23.00 (16.43 to 29.57)", "20.00  24.00"):
        assert said in text
    write_groups(seen, tmp_path / "c.html", rows=1)
    page = Page(tmp_path / "c.html")
    page.check_stands_alone()
    for said in ("3 runs", "23.00 (16.43 to 29.57)", "Student"):
        assert said in page.text
    assert len(page.all("img")) == 1
    assert "Nothing is logged" not in page.text


def test_an_interval_does_not_leave_the_range_of_its_score(small, tmp_path):
    for seed, distance in enumerate((0.1, 30.0, 60.0)):
        folder = tmp_path / f"seed-{seed}"
        make_run(folder, small("cgan", **{"training.seed": seed}))
        add_scores(folder, 6, distance)
    (score,) = group_scores(compare_groups([tmp_path]))
    assert score.interval[0] == 0 < score.interval[1]


def test_an_interval_of_modes_ends_at_all_of_them(small, tmp_path):
    for seed, found in enumerate((7.0, 1.0)):
        folder = tmp_path / f"seed-{seed}"
        make_run(folder, small("cgan", **{"training.seed": seed}))
        modes = Score("modes", "modes", found, "higher", most=8.0)
        write_report(folder, Report(str(folder), "cgan", 6, PROTOCOL, (modes,), 1.0))
    (score,) = group_scores(compare_groups([tmp_path]))
    assert score.interval == (0, 8)


def test_a_single_group_is_not_named_in_each_line(seeds, others):
    text = groups_as_text(compare_groups(seeds))
    assert text.count("cgan on digits") == 1
    assert "FD(digits), lower is better  3 runs  23.00" in text
    both = groups_as_text(compare_groups([*seeds, *others]))
    assert both.count("generator_optimizer.lr=0.01") == 3


def test_settings_tell_groups_apart(seeds, others, tmp_path):
    seen = compare_groups([*seeds, *others])
    rate = str(RECIPES["cgan-fast"]().generator_optimizer.lr)
    assert [(g.name, len(g.members)) for g in seen.groups] == [
        (f"generator_optimizer.lr={rate}", 3),
        ("generator_optimizer.lr=0.01", 2),
    ]
    first, second = group_scores(seen)
    assert (first.mean, second.mean) == (pytest.approx(23), pytest.approx(50.5))
    stored = json.loads(groups_as_json(seen))
    assert [group["settings"] for group in stored["groups"]] == [
        {"generator_optimizer.lr": rate},
        {"generator_optimizer.lr": "0.01"},
    ]
    score = stored["groups"][0]["scores"][0]
    assert (score["runs"], score["mean"]) == (3, pytest.approx(23))
    assert list(score["values"].values()) == list(SCORES)
    write_groups(seen, tmp_path / "c.html", rows=1)
    assert len(Page(tmp_path / "c.html").all("img")) == 2


def test_a_folder_stands_for_its_runs(seeds, tmp_path):
    assert compare_groups([tmp_path / "a"]).seen.names == compare_groups(seeds).seen.names


def test_many_differing_settings_are_shown_below_and_not_in_the_name(small, seeds, tmp_path):
    make_run(tmp_path / "other", small("dcgan"))
    seen = compare_groups([*seeds, tmp_path / "other"])
    assert [group.name for group in seen.groups] == ["seed-0", "other"]
    assert "settings that differ" in groups_as_text(seen)


def test_one_run_has_no_interval_and_says_so(seeds, tmp_path):
    seen = compare_groups(seeds[:1])
    (score,) = group_scores(seen)
    assert (score.mean, score.interval) == (20.0, None)
    assert "1 run, no interval" in groups_as_text(seen)
    write_groups(seen, tmp_path / "c.html", rows=1)
    assert "1 run, no interval" in Page(tmp_path / "c.html").text


@pytest.mark.parametrize(
    "change",
    ["output.keep", "runtime.workers", "data.memory_gb", "output.log_every"],
)
def test_what_changes_nothing_that_is_trained_does_not_part_runs(small, tmp_path, change):
    for seed, value in ((0, 1), (1, 3)):
        make_run(tmp_path / f"{seed}", small("cgan", **{"training.seed": seed, change: value}))
    assert len(compare_groups([tmp_path / "0", tmp_path / "1"]).groups) == 1


def test_a_budget_in_other_words_is_the_same_and_another_length_is_not(small, tmp_path):
    config = small("cgan", **{"training.seed": 0})
    make_run(tmp_path / "0", config)
    make_run(tmp_path / "1", small("cgan", **{"training.seed": 1, "training.minutes": 2}))
    run = make_run(tmp_path / "2", small("cgan", **{"training.seed": 2}))
    run.begin(replace(run.record(), plan=Plan(7, 1, None)))
    seen = compare_groups([tmp_path / str(seed) for seed in range(3)])
    assert [len(group.members) for group in seen.groups] == [2, 1]
    assert [group.name for group in seen.groups] == ["training.steps=6", "training.steps=7"]


def test_other_data_of_the_same_name_parts_runs(small, seeds):
    path = Run(seeds[2]).record_path
    path.write_text(path.read_text().replace("f00d", "beef"))
    assert [len(group.members) for group in compare_groups(seeds).groups] == [2, 1]


def test_the_same_seed_twice_is_refused(small, seeds, tmp_path):
    make_run(tmp_path / "again", small("cgan", **{"training.seed": 1}))
    with pytest.raises(ConfigError, match="'seed-1' and 'again' have the same settings and the"):
        compare_groups([*seeds, tmp_path / "again"])


def test_other_protocols_and_steps_are_never_mixed(seeds):
    add_scores(seeds[2], 6, 25.0, n_fake=500)
    with pytest.raises(ConfigError, match="allow_differences"):
        compare_groups(seeds)
    seen = compare_groups(seeds, allow_differences=True)
    assert [len(score.values) for score in group_scores(seen)] == [2, 1]
    assert group_scores(seen)[0].mean == pytest.approx(22)
    text = groups_as_text(seen)
    assert "n_fake 500" in text
    assert "not mixed" in text
    assert " *" not in text


def test_a_score_of_an_earlier_step_is_a_row_of_its_own(small, tmp_path):
    for seed, step in ((0, 6), (1, 6), (2, 3)):
        make_run(tmp_path / str(seed), small("cgan", **{"training.seed": seed}))
        add_scores(tmp_path / str(seed), step, 20.0 + seed)
    seen = compare_groups([tmp_path / str(seed) for seed in range(3)])
    assert [len(score.values) for score in group_scores(seen)] == [2, 1]
    assert "step 3" in groups_as_text(seen)


def test_runs_without_scores_are_named(small, seeds):
    for path in (seeds[1] / "scores").iterdir():
        path.unlink()
    seen = compare_groups(seeds)
    assert len(group_scores(seen)[0].values) == 2
    assert f"No scores in 'digits': gankit evaluate {seeds[1]}" in groups_as_text(seen)


def test_points_are_measured_without_a_network_by_name(small, tmp_path):
    for seed in range(2):
        config = small("gan", "toy:ring8", **{"training.seed": seed})
        make_run(tmp_path / str(seed), config, shape=(2,), classes=())
    protocol = replace(PROTOCOL, network="points")
    distance = Score("frechet", "FD(points)", 1.0, "lower")
    write_report(tmp_path / "0", Report("0", "gan", 6, protocol, (distance,), 1.0))
    (note,) = [n for n in group_notes(compare_groups([tmp_path])) if "No scores" in n]
    assert note == f"No scores in 'points': gankit evaluate {tmp_path / '1'}"


def test_separate_intervals_mark_the_best(seeds, others):
    for folder, value in zip(seeds, (20.0, 20.1, 20.2), strict=True):
        add_scores(folder, 6, value)
    for folder, value in zip(others, (50.0, 50.1), strict=True):
        add_scores(folder, 6, value)
    text = groups_as_text(compare_groups([*seeds, *others]))
    assert [line.count(" *") for line in text.splitlines() if line.startswith("FD")] == [1, 0]
