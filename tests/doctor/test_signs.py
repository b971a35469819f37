"""Each sign on a made-up log: it is seen where it was put in, and nowhere else."""

from __future__ import annotations

import json
import math
import shlex
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from gankit.choose_recipe import configure
from gankit.cli.app import app
from gankit.cli.train import SETTINGS
from gankit.doctor import log_signs  # noqa: F401 - it registers the signs
from gankit.doctor.case import Case
from gankit.doctor.diagnosis import Diagnosis
from gankit.doctor.sample_signs import FEWEST
from gankit.doctor.samples import Examination
from gankit.doctor.signs import SIGNS, look_for
from gankit.families import FAMILIES, Task
from gankit.run import Plan, Record
from gankit.settings.config import OutputConfig, override
from gankit.settings.text import parse_assignments

from ..conftest import families_of

LINES = 60
RNG = np.random.default_rng(0)
SHAPES = {"digits": ((1, 28, 28), 10), "toy:ring8": ((2,), 8)}


def healthy(family: str) -> dict[str, np.ndarray]:
    """A log that nothing is wrong with: a game that goes to and fro about its balance."""
    noise = RNG.normal(size=LINES)
    log = {
        "d/adversarial": 0.45 + 0.02 * noise,
        "g/adversarial": 0.95 + 0.05 * noise,
        "grad_d": 0.5 + 0.05 * noise,
        "grad_g": 0.7 + 0.05 * noise,
        "lr_g": np.full(LINES, 0.001),
        "samples/diversity": 0.95 + 0.02 * noise,
        "samples/within": 0.9 + 0.02 * noise,
        "samples/nearest": 0.9 + 0.05 * noise,
        "samples/offset": 0.2 + 0.02 * noise,
        "samples/middle": 1.1 + 0.05 * noise,
    }
    if not asks_for_classes(family):
        del log["samples/within"]
    limits: dict[str, list[float]] = {}
    for symptom in FAMILIES[family].symptoms(configure(family, "digits")):
        low = symptom.high - 1 if symptom.low is None else symptom.low
        high = low + 1 if symptom.high is None else symptom.high
        limits.setdefault(symptom.number, []).extend((low, high))
    between = {number: (min(ends) + max(ends)) / 2 for number, ends in limits.items()}
    return log | {number: value + 0.01 * noise for number, value in between.items()}


@cache
def asks_for_classes(family: str) -> bool:
    """Whether G of a family's recipe is asked for a class of the digits."""
    shape, classes = SHAPES["digits"]
    with torch.device("meta"):
        game = FAMILIES[family](
            configure(family, "digits"), Task(shape, tuple(map(str, range(classes))))
        )
    return game.conditional


def sources(family: str) -> list[str]:
    """What a family is tried on: digits, and points if it has a recipe for them."""
    return ["digits", *(["toy:ring8"] if FAMILIES[family].points_recipe else [])]


def case(
    family: str = "cgan", data: str = "digits", settings=None, events=(), examination=None, **log
) -> Case:
    shape, classes = SHAPES[data]
    config = override(configure(family, data), {"training.steps": 3000} | (settings or {}))
    told = {"shape": shape, "class_names": [str(c) for c in range(classes)], "count": 10_000}
    columns = healthy(family) | {k.replace("__", "/"): v for k, v in log.items()}
    lines = [
        {"step": 50 * (i + 1), **{key: float(values[i]) for key, values in columns.items()}}
        for i in range(LINES)
    ]
    return Case(Record(config, told, Plan(3000, 1)), lines, events, examination)


def flat(value: float, before: float | None = None, start: int = 30) -> np.ndarray:
    """`before` up to line `start`, then `value`, with a little of a life of its own."""
    values = np.full(LINES, value)
    if before is not None:
        values[:start] = before
    return values + 1e-4 * RNG.normal(size=LINES)


SICK = {
    "collapse": {"samples__diversity": flat(0.1, 0.9)},
    "within-class collapse": {"samples__within": flat(0.05, 0.9)},
    "repeats": {"samples__nearest": flat(0.05, 0.9)},
    "saturation": {"samples__middle": flat(0.02, 1.1)},
    "memorisation": {"samples__copied": flat(0.9, 0.1)},
    "D too strong": {"d__adversarial": flat(0.0005, 0.5)},
    "D too weak": {"d__adversarial": flat(math.log(2)), "samples__offset": flat(1.2)},
    "D worse than guessing": {"d__adversarial": flat(5.0, 0.5)},
    "oscillation": {"g__adversarial": 1 + np.linspace(0, 3, LINES) ** 3 * (-1) ** np.arange(LINES)},
    "G's gradient vanishes": {"grad_g": np.where(np.arange(LINES) < 30, 0.7, 1e-5)},
    "G frozen": {
        k: np.full(LINES, 0.8)
        for k in ("samples__diversity", "samples__offset", "samples__nearest")
    },
    "dead codes": {"family": "infogan", "information_1": flat(0.02)},
    "k stuck": {"family": "began", "k": np.zeros(LINES)},
    "not finite": {"events": [{"event": "not finite", "step": 700, "what": "the term d/a"}]},
}
SINCE = {
    *("collapse", "within-class collapse", "repeats", "saturation", "D too strong"),
    "memorisation",
}


def signs(found: Case) -> set[str]:
    return {verdict.sign for verdict in look_for(found).verdicts}


@pytest.mark.parametrize("family", families_of("images"))
def test_a_healthy_log_has_no_sign(family):
    for data in sources(family):
        assert signs(case(family, data)) == set()


@pytest.mark.parametrize("name", SICK)
def test_each_sign_is_seen_where_it_was_put_in_and_alone(name):
    assert signs(case(**SICK[name])) == {name}


@pytest.mark.parametrize("name", sorted(SINCE - {"D too strong"}))
def test_it_says_since_when(name):
    (verdict,) = look_for(case(**SICK[name])).verdicts
    # It began at line 30, step 1550; the median of five lines sees it two lines later.
    assert verdict.since_step == 1650


@pytest.mark.parametrize("name", sorted(SINCE))
def test_what_has_passed_is_no_sign(name):
    mended = {k: v[::-1].copy() if isinstance(v, np.ndarray) else v for k, v in SICK[name].items()}
    assert name not in signs(case(**mended))


def test_one_odd_line_is_no_sign():
    odd = flat(0.9)
    odd[-1] = 0.0
    assert signs(case(samples__diversity=odd)) == set()


def test_a_run_that_is_on_its_way_is_not_collapsed():
    rising = {"samples__diversity": np.linspace(0.1, 0.4, LINES)}
    rising |= {"samples__nearest": np.linspace(0.05, 0.1, LINES)}
    assert signs(case("dcgan", **rising)) == set()
    falling = {key: values[::-1].copy() for key, values in rising.items()}
    assert signs(case("dcgan", **falling)) == {"collapse", "repeats"}


def test_a_run_that_starts_late_is_not_collapsed_while_it_does():
    """As `infogan-fast` on digits: all alike for 500 steps, by ups and downs, then they differ."""
    still = 0.16 + 0.02 * np.sin(np.arange(LINES))
    setting_out = np.concatenate([still[:50], np.linspace(0.2, 0.48, 10)])
    assert signs(case("infogan", samples__diversity=setting_out)) == set()
    assert signs(case("infogan", samples__diversity=still)) == {"collapse"}
    fallen = np.concatenate([np.linspace(0.9, 0.1, 10), still[:40], np.linspace(0.2, 0.48, 10)])
    assert signs(case("infogan", samples__diversity=fallen)) == {"collapse"}


def test_points_have_no_saturation_and_no_repeats():
    low = {"samples__nearest": flat(0.01), "samples__middle": flat(0.0)}
    assert signs(case("gan", "toy:ring8", **low)) == set()


def test_a_loss_without_a_level_has_neither_a_strong_nor_a_weak_d():
    diagnosis = look_for(case("began"))
    assert not {"D too strong", "D too weak", "D worse than guessing"} & set(diagnosis.looked_for)


def test_a_log_of_one_players_loss_alone_can_swing():
    swinging = case("ssgan", d__adversarial=SICK["oscillation"]["g__adversarial"])
    alone = [{k: v for k, v in line.items() if k != "g/adversarial"} for line in swinging.lines]
    assert "oscillation" in signs(Case(swinging.record, alone))


def test_a_loss_that_rises_to_another_level_does_not_swing():
    """As in a run of `cgan-fast`, whose D is sure of every pair at first and then is not."""
    noise = np.random.default_rng(1).normal(size=LINES)
    level = np.concatenate([np.full(40, 0.01), np.linspace(0.05, 0.3, 20)])
    assert signs(case(d__adversarial=level * (1 + 0.3 * noise))) == set()
    swinging = level * (1 + 2 * (-1) ** np.arange(LINES))
    assert signs(case(d__adversarial=swinging)) == {"oscillation"}


def test_half_a_loss_is_measured_against_half_a_guess():
    guess = {"d__adversarial": flat(math.log(2)), "samples__offset": flat(1.2)}
    assert "D too weak" in signs(case("ssgan", **guess))
    assert "D too weak" not in signs(case("dcgan", **guess))


def test_two_dead_codes_are_one_sign_that_names_both():
    dead = {"information_1": flat(0.02), "squared_error_3": flat(0.33)}
    (verdict,) = look_for(case("infogan", **dead)).verdicts
    assert "information_1 is 0.02 in" in verdict.seen
    assert "squared_error_3 is 0.33 in" in verdict.seen
    assert "code 1" in verdict.means
    assert "code 3" in verdict.means
    assert verdict.remedy == "--set network.code_weights=3"


def test_a_network_of_the_users_own_is_not_told_to_be_wider():
    narrow = case(settings={"network.discriminator_width": 1}, **SICK["D too weak"])
    own = Record(narrow.config, narrow.record.data, narrow.record.plan, ("mine.G", "mine.D"))
    for record, wider in ((narrow.record, True), (own, False)):
        (verdict,) = look_for(Case(record, narrow.lines)).verdicts
        assert ("network." in verdict.remedy) == wider
        assert verdict.remedy


def test_k_at_its_other_end():
    (verdict,) = look_for(case("began", k=np.ones(LINES))).verdicts
    assert "no harder" in verdict.means
    assert verdict.remedy == "--set network.gamma=0.667"


def test_a_gamma_far_below_the_papers_is_raised_at_once():
    stuck = case("began", settings={"network.gamma": 0.05}, k=np.zeros(LINES))
    (verdict,) = look_for(stuck).verdicts
    assert verdict.remedy == "--set network.gamma=1"


def test_a_young_run_and_a_short_log_are_not_judged():
    whole = case(samples__diversity=flat(0.0))
    for lines in (whole.lines[:5], ()):
        diagnosis = look_for(Case(whole.record, lines))
        assert [verdict.sign for verdict in diagnosis.verdicts] == ["too early to say"]
        assert "10 are needed" in diagnosis.unseen["repeats"]
    long = Record(whole.config, whole.record.data, Plan(100_000, 1))
    assert "from 2,000 it can be told" in look_for(Case(long, whole.lines[:30])).unseen["repeats"]


def short(step: int, steps: int, every: int = 10, events=(), **log) -> Case:
    """A run of `steps` steps at `step`, with a line every few steps; values by the line's step."""
    whole = case("dcgan", events=events, settings={"training.steps": steps})
    columns = {key.replace("__", "/"): values for key, values in log.items()}
    lines = [
        {**line, "step": at, **{key: float(values(at)) for key, values in columns.items()}}
        for line, at in zip(whole.lines, range(every, step + 1, every), strict=False)
    ]
    return Case(
        Record(whole.config, whole.record.data, Plan(steps, 1)), lines, events, reached=step
    )


@pytest.mark.parametrize(("step", "steps"), [(37, 100_000), (134, 134), (341, 341), (499, 800)])
def test_too_early_to_say_is_a_verdict_and_comes_instead_of_remedies(step, steps):
    needed = min(max(500, steps // 5), 2000)
    sick = {
        "samples__nearest": lambda _: 0.01,
        "samples__diversity": lambda at: 0.3 + 0.01 * (at % 3),
        "d__adversarial": lambda _: 0.0005,
    }
    diagnosis = look_for(short(step, steps, **sick))
    (verdict,) = diagnosis.verdicts
    more = needed - step
    assert verdict.seen == f"{step} of about {needed:,} steps: a verdict needs {more:,} more"
    assert (verdict.sign, verdict.severity, verdict.remedy) == ("too early to say", "too early", "")
    assert ("larger budget" in verdict.means) == (step == steps)
    assert diagnosis.too_early
    assert not diagnosis.healthy
    assert f"at step {step}: too early to say\n  seen:  {verdict.seen}" in str(diagnosis)
    assert json.loads(diagnosis.to_json())["health"] == "too early to say"
    assert Diagnosis.from_json(diagnosis.to_json(), "it") == diagnosis


@pytest.mark.parametrize("before", [0.9, 0.02])
def test_a_plain_collapse_is_said_while_a_short_run_goes_on(before):
    log = {"samples__diversity": lambda at: before if at < 50 else 0.02}
    assert signs(short(134, 341, **log)) == {"too early to say"}
    for step in (276, 341):
        (verdict,) = look_for(short(step, 341, **log)).verdicts
        assert verdict.sign == "collapse"
        assert verdict.since_step <= 80
        assert verdict.remedy


@pytest.mark.parametrize(
    "diversity",
    [
        lambda at: 0.02 if at < 150 else 0.6,  # it mends
        lambda at: 0.02 + at / 2000,  # it is on its way
        lambda at: 0.1 + 0.02 * (at % 3),  # as the perceptrons of images begin
        lambda at: 0.3 + 0.01 * (at % 3),
    ],
)
def test_a_young_run_that_may_be_well_is_not_called_collapsed(diversity):
    for step in range(10, 351, 20):
        assert signs(short(step, 341, samples__diversity=diversity)) == {"too early to say"}


def test_one_way_back_is_no_remedy_yet():
    event = SICK["not finite"]["events"][0] | {"step": 20}
    early, warning = look_for(short(134, 134, events=[event])).verdicts
    assert (early.sign, warning.sign) == ("too early to say", "not finite")
    assert (early.remedy, warning.remedy) == ("", "")
    (verdict,) = look_for(short(134, 134, events=[event] * 3)).verdicts
    assert (verdict.severity, bool(verdict.remedy)) == ("sick", True)


def test_a_rate_of_0_is_known_early():
    found = look_for(short(134, 134, lr_g=lambda _: 0.0))
    assert [verdict.sign for verdict in found.verdicts] == ["G frozen"]


def test_a_log_of_few_lines_is_not_called_healthy():
    diagnosis = look_for(short(3000, 3000, every=1000))
    assert [verdict.sign for verdict in diagnosis.verdicts] == ["too early to say"]
    assert diagnosis.verdicts[0].seen == "3 of 10 logged lines: a verdict needs 7 more"
    assert "output.log_every" in diagnosis.verdicts[0].means


def test_a_run_that_is_old_enough_has_lines_enough_by_default():
    every = OutputConfig().log_every
    assert look_for(short(500, 500, every=every)).healthy
    sick = {"samples__diversity": lambda _: 0.3}
    assert "collapse" in signs(short(500, 500, every=every, **sick))


def test_an_older_log_says_what_could_not_be_seen():
    whole = case(d__adversarial=flat(5.0))
    old = [
        {k: v for k, v in x.items() if "samples" not in k and "grad" not in k} for x in whole.lines
    ]
    diagnosis = look_for(Case(whole.record, old))
    assert [v.sign for v in diagnosis.verdicts] == ["D worse than guessing"]
    assert diagnosis.unseen["collapse"] == "the log has no 'samples/diversity'"


@pytest.mark.parametrize(("key", "value"), [("lr_g", 0.0), ("grad_g", 0.0)])
def test_a_generator_that_cannot_move_is_frozen_though_its_samples_change(key, value):
    found = look_for(case(**{key: np.full(LINES, value)})).verdicts
    assert "G frozen" in {verdict.sign for verdict in found}


def test_one_way_back_is_a_warning_and_two_are_a_sickness():
    event = SICK["not finite"]["events"][0]
    for times, severity in ((1, "warning"), (2, "sick")):
        (verdict,) = look_for(case(events=[event] * times)).verdicts
        assert verdict.severity == severity
        assert "the term d/a at step 700" in verdict.seen


# What the samples show


def clusters(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Ten far-off clusters in 20 dimensions and the cluster of each."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 10
    centres = 10 * np.random.default_rng(7).normal(size=(10, 20))
    return (centres[labels] + rng.normal(size=(count, 20))).astype(np.float32), labels


def examined(fake, asked=None, train=None, labels=None) -> Examination:
    if train is None:
        train, labels = clusters(2000, 1)
    names = tuple(map(str, range(10)))
    return Examination(fake, asked, train, labels, names, len(train))


def sample_signs(found: Examination, family: str = "cgan") -> set[str]:
    return signs(case(family, examination=found))


def test_samples_like_the_real_ones_have_no_sign():
    fake, labels = clusters(500, 2)
    assert sample_signs(examined(fake, labels)) == set()
    assert sample_signs(examined(fake), "dcgan") == set()


def test_samples_elsewhere_cover_nothing():
    fake, labels = clusters(500, 2)
    assert sample_signs(examined(fake + 3, labels)) == {"low coverage"}


def test_a_class_that_is_never_made():
    fake, labels = clusters(500, 2)
    (verdict,) = look_for(case("dcgan", examination=examined(fake[labels != 4]))).verdicts
    assert verdict.sign == "missing classes"
    assert "class '4' (nearest" in verdict.seen


def test_labels_that_nothing_follows():
    fake, labels = clusters(500, 2)
    assert sample_signs(examined(fake, np.roll(labels, 1))) == {"labels ignored"}


def test_labels_that_distances_do_not_tell_are_not_judged():
    train, labels = clusters(2000, 1)
    mixed = np.random.default_rng(3).permutation(labels)
    fake, asked = clusters(500, 2)
    diagnosis = look_for(case("cgan", examination=examined(fake, asked, train, mixed)))
    assert diagnosis.verdicts == ()
    assert "of real examples are nearest to another" in diagnosis.unseen["labels ignored"]


def test_copies_of_the_training_examples():
    train, labels = clusters(200, 1)
    copies = np.tile(train, (3, 1))[:500] + np.float32(0.01)
    found = sample_signs(examined(copies, np.tile(labels, 3)[:500], train, labels))
    assert "memorisation" in found


def test_copies_of_what_is_seen_in_a_mirror():
    train, labels = clusters(200, 1)
    elsewhere, copies = train + np.float32(9), train + np.float32(0.01)
    found = examined(elsewhere, labels, train, labels)
    assert "memorisation" not in sample_signs(found)
    assert "memorisation" in sample_signs(replace(found, mirrored=copies))


def test_copies_are_seen_in_a_young_run_but_not_in_a_collapsed_one():
    copying = {"samples__copied": flat(0.9)}
    long = {"training.steps": 10**6}
    assert signs(case(settings=long, **copying)) == {"memorisation"}
    alike = {"samples__diversity": flat(0.1, 0.9)}  # near to one pale example, perhaps
    assert signs(case(**copying, **alike)) == {"collapse"}


def test_coverage_says_nothing_of_a_handful():
    train, labels = clusters(FEWEST - 1, 1)
    assert "low coverage" not in sample_signs(examined(train + 9, labels, train, labels))


def test_classes_of_next_to_no_examples():
    train, labels = clusters(2000, 1)
    kept = (labels != 4) | (np.arange(2000) < 100)
    fake, asked = clusters(500, 2)
    (verdict,) = look_for(
        case(examination=examined(fake, asked, train[kept], labels[kept]))
    ).verdicts
    assert (verdict.sign, verdict.severity) == ("few of a class", "warning")


def test_what_the_data_hardly_has_is_not_missed_in_the_samples():
    train, labels = clusters(2000, 1)
    kept = (labels != 4) | (np.arange(2000) < 100)
    fake, asked = clusters(500, 2)
    fake[asked == 4] = fake[asked == 5]  # class 4 is never made, but its data is to blame
    assert sample_signs(examined(fake, asked, train[kept], labels[kept])) == {"few of a class"}
    fake[asked == 6] = fake[asked == 5]  # class 6 has examples enough
    found = sample_signs(examined(fake, asked, train[kept], labels[kept]))
    assert found == {"few of a class", "missing classes"}


# What to change


def pasted(family: str, data: str, remedy: str):
    """The configuration that `gankit train FAMILY DATA REMEDY` would have."""
    typed = ["train", family, data, *shlex.split(remedy)]
    _, bound, _ = app.parse_args(typed, exit_on_error=False, print_error=False)
    given = {SETTINGS[k].key: v for k, v in bound.arguments.items() if k in SETTINGS}
    config = override(configure(family, data), given)
    return override(config, parse_assignments(bound.arguments.get("set_") or []))


@pytest.mark.slow
@pytest.mark.parametrize("family", families_of("images"))
def test_every_remedy_can_be_pasted_and_changes_something(family):
    seen = set()
    fake, labels = clusters(500, 2)
    train, named = clusters(200, 1)
    wrong = [
        examined(fake + 3, np.roll(labels, 1)),
        examined(np.tile(train, (3, 1))[:500] + np.float32(0.01), None, train, named),
    ]
    for data in sources(family):
        shape, classes = SHAPES[data]
        for name, log in SICK.items():
            if log.get("family", family) != family:
                continue
            sick = case(data=data, **{"family": family, **log})
            for verdict in look_for(sick).verdicts:
                changed = pasted(family, data, verdict.remedy)
                assert verdict.remedy
                assert changed != configure(family, data), (name, verdict.remedy)
                with torch.device("meta"):  # which checks the settings and computes no weight
                    FAMILIES[family](changed, Task(shape, tuple(map(str, range(classes)))))
                seen.add(verdict.sign)
        for examination in wrong if data == "digits" else ():
            for verdict in look_for(case(family, data, examination=examination)).verdicts:
                assert pasted(family, data, verdict.remedy) != configure(family, data)
                seen.add(verdict.sign)
    assert {"collapse", "oscillation", "G frozen", "low coverage", "memorisation"} <= seen


@pytest.mark.parametrize(
    ("settings", "log", "remedy"),
    [
        (
            {"discriminator_optimizer.lr": 0.3, "generator_optimizer.lr": 0.3},
            "collapse",
            "--lr-d 0.0008 --lr-g 0.00927",
        ),
        ({"generator_optimizer.lr": 0.0}, "G frozen", "--lr-g 0.00927"),
        ({"objective.penalty": "none"}, "collapse", "--penalty r1 --penalty-weight 1"),
        (
            {"objective.loss": "minimax", "objective.k": 5},
            "G's gradient vanishes",
            "--loss non_saturating --k 1",
        ),
        ({"network.discriminator_width": 1}, "D too weak", "--set network.discriminator_width=32"),
        ({"network.discriminator_width": 1}, "collapse", "--set network.discriminator_width=32"),
        (
            {"objective.loss": "minimax", "objective.k": 5},
            "collapse",
            "--loss non_saturating --k 1",
        ),
    ],
)
def test_the_remedy_is_of_the_runs_own_settings(settings, log, remedy):
    changed = dict(SICK[log])
    if log == "D too weak" or "objective.loss" not in settings:
        verdicts = look_for(case(settings=settings, **changed)).verdicts
    else:
        guess = healthy("cgan")["d/adversarial"] + 0.3
        verdicts = look_for(case(settings=settings, d__adversarial=guess, **changed)).verdicts
    assert [v.remedy for v in verdicts if v.sign == log] == [remedy]


def test_few_images_are_augmented_before_anything_is_held():
    sick = case(settings={"objective.penalty": "none"}, **SICK["collapse"])
    few = Record(sick.config, {**sick.record.data, "count": 20}, sick.record.plan)
    for record, remedy in ((sick.record, "--penalty r1"), (few, "--augment colour+")):
        (verdict,) = look_for(Case(record, sick.lines)).verdicts
        assert verdict.remedy.startswith(remedy)


def test_a_familys_own_sign_comes_first():
    found = look_for(case("began", k=np.zeros(LINES), samples__diversity=flat(0.1))).verdicts
    assert [verdict.sign for verdict in found] == ["k stuck", "collapse"]


def test_every_sign_is_explained_in_the_documentation():
    page = (Path(__file__).parents[2] / "docs/doctor.md").read_text()
    symptoms = [
        symptom
        for family in FAMILIES.names()
        for symptom in FAMILIES[family].symptoms(configure(family, "digits"))
    ]
    for name in (*SIGNS.names(), *(symptom.sign for symptom in symptoms)):
        assert f"| {name} |" in page


def test_an_event_that_says_no_more_is_a_sign_all_the_same(small):
    record = Record(small("gan"), {"count": 9, "shape": [1, 8, 8], "class_names": []}, Plan(9, 1))
    found = look_for(Case(record, [], [{"event": "not finite", "step": 3}]), ["not finite"])
    assert "first a number at step 3" in found.verdicts[0].seen
