"""Evaluating a run: what is measured against what, how sure it is, what is kept."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save

import gankit
from gankit.data import as_pictures, load_dataset
from gankit.errors import ConfigError, DataError, RunError
from gankit.features.named import load_network
from gankit.fitting import fit
from gankit.metrics.frechet import frechet_distance, moments
from gankit.metrics.intervals import interval_of_share
from gankit.pages.report import keep, write_run_report
from gankit.pictures import read_picture
from gankit.randomness import Purpose, rng
from gankit.scores import embed, measures
from gankit.scores.evaluate import Drawn, Watch, evaluate
from gankit.scores.evaluate import score as score_of
from gankit.scores.measures import METRICS
from gankit.scores.pairs import asked_labels
from gankit.scores.reference import most_searched, part, read_reals, shuffled
from gankit.scores.score import nearest_path, read_reports
from gankit.storage import read_tensors, write_tensors

CHEAP = ("frechet", "coverage")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def run(small, tmp_path):
    """A cgan that has hardly learned anything."""
    return fit(small("cgan", **{"training.steps": 2}), tmp_path / "run").run.folder


@pytest.fixture
def toy(small, tmp_path):
    return fit(small("gan", "toy:ring8", **{"training.steps": 2}), tmp_path / "toy").run.folder


def values(report):
    return {score.metric: score.value for score in report.scores}


@pytest.mark.slow
def test_a_conditional_run_on_digits(run):
    report = evaluate(run, n=500, draws=2)
    protocol = report.protocol
    assert (report.run, report.family, report.step) == ("run", "cgan", 2)
    assert (protocol.network, protocol.resize, protocol.split) == ("digits", "none", "test")
    assert (protocol.n_real, protocol.n_fake, protocol.settings["draws"]) == (500, 500, 2)
    assert protocol.network_hash == load_network("digits").digest
    assert protocol.data_hash == load_dataset("digits", split="test").fingerprint
    by_name = {score.metric: score for score in report.scores}
    assert by_name.keys() == {
        "frechet", "kernel", "inception_score", "precision", "recall", "density", "coverage",
        "accuracy", "worst_class", "label_match", "too_near", "train_side", "diversity",
        "path_length",
    }  # fmt: skip
    assert by_name["frechet"].label == "FD(digits)"
    for score in report.scores:
        low, high = score.interval
        assert low <= score.value <= high
        assert (score.floor is None) == (score.metric == "path_length")
    assert protocol.settings["compared"] == 500
    assert by_name["too_near"].note == "looks for copies of all 10,000 training examples"
    assert by_name["train_side"].note == "sees copies of 500 of 10,000 training examples, 5.0 %"
    assert {score.holds for score in report.scores} == {"draws"}
    assert report.nearest.ndim == 2
    # An untrained generator is worse than real digits, which the network reads.
    assert by_name["frechet"].value > 10 * by_name["frechet"].floor
    for score in ("accuracy", "label_match"):
        assert by_name[score].value < 0.5 < 0.95 < by_name[score].floor
    assert by_name["coverage"].value < by_name["coverage"].floor


@pytest.mark.slow
def test_the_frechet_distance_is_that_of_all_samples_and_reals(run, monkeypatch):
    monkeypatch.setattr(embed, "KEPT", 50)  # what is not kept counts too
    report = evaluate(run, n=300, draws=1, seed=4, metrics=["frechet"])
    gan, network = gankit.load(run), load_network("digits")
    reals = read_reals(gan, None, None, print)
    test = load_dataset("digits", split="test")
    real = network.features(as_pictures(test.read(shuffled(2000)[:300])))
    fake = network.features(gan.sample(300, labels=asked_labels(gan, reals, 300, 4), seed=4))
    expected = frechet_distance(moments([real]), moments([fake]))
    assert report.scores[0].value == pytest.approx(expected, rel=1e-6)
    assert report.scores[0].interval is None


@pytest.mark.slow
def test_repeatable_by_seed(run):
    first, again, other = (
        evaluate(run, n=100, draws=1, seed=seed, metrics=["frechet", "path_length"])
        for seed in (0, 0, 1)
    )
    assert first.scores == again.scores
    assert values(first) != values(other)


@pytest.mark.slow
def test_draws_are_averaged(run):
    one, two, both = (
        evaluate(run, n=100, draws=draws, seed=seed, metrics=["kernel"])
        for draws, seed in ((1, 0), (1, 1), (2, 0))
    )
    mean = (one.scores[0].value + two.scores[0].value) / 2
    assert both.scores[0].value == pytest.approx(mean)


@pytest.mark.slow
def test_real_features_are_computed_once(run, cache, monkeypatch):
    first = evaluate(run, n=100, draws=1, metrics=CHEAP)
    files = sorted(cache.rglob("*.safetensors"))
    assert len(files) == 2  # reference, stand-ins

    def refuse(*arguments):
        raise AssertionError("real examples were read")

    with monkeypatch.context() as patched:
        patched.setattr(embed, "read_blocks", refuse)
        assert evaluate(run, n=100, draws=1, metrics=CHEAP).scores == first.scores
        with pytest.raises(AssertionError):
            evaluate(run, n=110, draws=1, metrics=CHEAP)
    files[0].write_bytes(files[0].read_bytes()[:-7])
    assert evaluate(run, n=100, draws=1, metrics=CHEAP).scores == first.scores  # damaged: had again


def damaged(tensors):
    """Ways in which what was kept may be something else, each a whole file with a right digest."""
    yield {k: v for k, v in tensors.items() if k != "covariance"}
    yield {**tensors, "count": tensors["count"] + 1}
    yield {**tensors, "count": torch.zeros(3)}
    yield {**tensors, "features": tensors["features"][:-1]}
    yield {**tensors, "features": tensors["features"].double()}
    yield {**tensors, "features": tensors["features"] * math.nan}
    yield {**tensors, "features": torch.tensor(1.0)}
    yield {**tensors, "mean": tensors["mean"][:-1]}
    yield {**tensors, "covariance": tensors["covariance"][0]}
    yield {**tensors, "labels": torch.zeros(3, dtype=torch.int64)}
    yield {k: v for k, v in tensors.items() if k != "labels"}
    yield {**tensors, "probabilities": torch.zeros(300, 10)}
    yield {**tensors, "modes": torch.zeros(3, dtype=torch.int64)}
    yield {**tensors, "surprise": torch.zeros(3)}
    yield {}


def test_what_is_kept_of_a_set_is_used_only_where_it_is_whole(cache):
    dataset = load_dataset("digits", split="test")
    network, indices = load_network("pixels"), np.arange(300)
    first = embed.embed_real(dataset, indices, network)
    (path,) = cache.rglob("*.safetensors")
    tensors, _ = read_tensors(path, "statistics")
    for changed in damaged(tensors):
        write_tensors(path, "statistics", changed, {})
        again = embed.embed_real(dataset, indices, network)
        assert np.array_equal(again.features, first.features)
        assert np.array_equal(again.moments.covariance, first.moments.covariance)
        assert read_tensors(path, "statistics")[0].keys() == tensors.keys(), "kept again"


@pytest.mark.parametrize("text", ["[]", "{}", "[" * 50_000, '{"format": 1, "kind": "statistics"}'])
def test_a_damaged_header_of_what_is_kept_is_no_matter(cache, text):
    dataset = load_dataset("digits", split="test")
    network, indices = load_network("pixels"), np.arange(40)
    first = embed.embed_real(dataset, indices, network)
    (path,) = cache.rglob("*.safetensors")
    path.write_bytes(save({"mean": torch.zeros(2)}, metadata={"gankit": text}))
    assert np.array_equal(embed.embed_real(dataset, indices, network).features, first.features)


@pytest.mark.slow
def test_a_cache_that_cannot_be_written(run, tmp_path, monkeypatch):
    expected = evaluate(run, n=100, draws=1, metrics=CHEAP).scores
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("GANKIT_CACHE", str(tmp_path / "file"))
    assert evaluate(run, n=100, draws=1, metrics=CHEAP).scores == expected


@pytest.mark.slow
def test_points_are_measured_as_they_are(toy):
    report = evaluate(toy, n=300, draws=1)
    by_name = {score.metric: score for score in report.scores}
    assert report.protocol.network == "points"
    assert by_name["modes"].label == "modes"
    assert by_name["modes"].floor == 8
    assert by_name["good"].floor > 0.95
    assert by_name["modes"].value < 8
    assert "accuracy" not in by_name
    with pytest.raises(ConfigError, match="sees images"):
        evaluate(toy, features="digits")


@pytest.mark.slow
def test_an_unconditional_run_and_what_does_not_apply(small, tmp_path):
    folder = fit(small("dcgan", **{"training.steps": 2}), tmp_path / "plain").run.folder
    report = evaluate(folder / "model.safetensors", n=100, draws=1)
    assert not {"accuracy", "label_match", "class_distance", "modes"} & values(report).keys()
    with pytest.raises(ConfigError, match=r"'accuracy' does not apply.*conditional"):
        evaluate(folder, n=100, draws=1, metrics=["accuracy"])


@pytest.mark.slow
def test_stacked_digits_are_read_channel_by_channel(small, tmp_path):
    config = small("dcgan", "stacked_digits", **{"training.steps": 2})
    folder = fit(config, tmp_path / "stacked").run.folder
    report = evaluate(folder, n=400, draws=1, metrics=["modes", "mode_kl"])
    found = {score.metric: score for score in report.scores}
    assert found["modes"].value < found["modes"].floor
    # Of 1,000 equally likely modes, 400 draws, 9 in 10 of them read, show 51 twice on average.
    assert 25 < found["modes"].floor < 80


def write_arrays(path, count, test=0):
    rng = np.random.default_rng(0)
    arrays = {"images": rng.integers(0, 256, (count, 16, 16)).astype(np.uint8)}
    if test:
        arrays["test_images"] = rng.integers(0, 256, (test, 16, 16)).astype(np.uint8)
    np.savez(path, **arrays)
    return str(path)


@pytest.mark.slow
def test_data_without_a_test_split_is_parted(small, tmp_path):
    source = write_arrays(tmp_path / "a.npz", 101)
    folder = fit(small("dcgan", source, **{"training.steps": 2}), tmp_path / "arrays").run.folder
    said: list[str] = []
    report = evaluate(folder, draws=1, watch=Watch(say=said.append))
    assert (report.protocol.n_real, report.protocol.n_fake) == (50, 51)
    assert report.protocol.split == "train"
    assert report.protocol.network == "pixels"
    assert report.protocol.data == "a.npz"
    assert any("a part of the training data" in line for line in said)
    assert any("features 'efficientnet'" in line for line in said)
    assert "too_near" not in values(report)
    assert all(s.floor is not None for s in report.scores if s.metric != "path_length")
    more = evaluate(folder, draws=1, n=101)
    assert (more.protocol.n_real, more.protocol.n_fake) == (101, 101)
    assert all(score.floor is None for score in more.scores)

    write_arrays(tmp_path / "a.npz", 102)
    evaluate(folder, draws=1, n=50, watch=Watch(say=said.append))
    assert "101 examples then, 102 now" in said[-2]


def test_what_is_told_of_the_test_split_alone_is_said(small, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (60, 16, 16)).astype(np.uint8)
    labels = {"labels": np.arange(60) % 2, "test_labels": np.arange(60) % 3}
    np.savez(tmp_path / "a.npz", images=images, test_images=images, **labels)
    source = str(tmp_path / "a.npz")
    folder = fit(small("cgan", source, **{"training.steps": 2}), tmp_path / "r").run.folder
    said: list[str] = []
    evaluate(folder, draws=1, metrics=["frechet"], watch=Watch(say=said.append))
    unknown = [line for line in said if "training does not know" in line]
    assert len(unknown) == 1
    assert unknown[0].startswith("test split: ")
    assert unknown[0].endswith(": 2")


def test_of_other_data_it_is_said_what_was_left_out(run, tmp_path):
    (tmp_path / "mine").mkdir()
    for number in range(24):
        Image.new("L", (28, 28), 10 * number).save(tmp_path / "mine" / f"{number}.png")
    (tmp_path / "mine" / "7.png").write_text("no picture")
    said: list[str] = []
    reals = read_reals(gankit.load(run), tmp_path / "mine", None, said.append)
    assert len(reals.measured) == 23
    told = "train split: left out, unreadable: 1 file: 7.png (not an image)"
    assert said.count(told) == 1


def test_the_parts_have_nothing_in_common(run):
    reals = read_reals(gankit.load(run), None, "train", print)
    parts = part(reals, 4000, 10_000)
    assert not set(parts.reference) & set(parts.stand_ins)
    assert len(parts.reference) == len(parts.stand_ins) == 4000
    assert part(reals, 6000, 10_000).stand_ins is None
    assert parts.trained_on is None
    with_test = part(read_reals(gankit.load(run), None, None, print), 100, 2000)
    assert [len(with_test.reference), len(with_test.stand_ins)] == [100, 100]
    assert len(set(with_test.trained_on)) == len(reals.train)  # copies are looked for in all
    some = part(read_reals(gankit.load(run), None, None, print), 100, 2000, 300)
    assert len(some.trained_on) == 300


def test_labels_are_asked_for_as_often_as_they_occur(run):
    gan = gankit.load(run)
    reals = read_reals(gan, None, None, print)
    labels = np.repeat([3, 5], [30, 10])
    reals.train.labels = labels
    asked = asked_labels(gan, reals, 80, 0)
    assert np.bincount(asked).tolist() == [0, 0, 0, 60, 0, 20]
    assert not np.array_equal(asked, asked_labels(gan, reals, 80, 1))
    other = replace(reals, train=load_dataset("toy:ring8"))
    assert np.array_equal(asked_labels(gan, other, 12, 0), np.arange(12) % 10)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"n": 5}, ConfigError, "at least 20"),
        ({"draws": 0}, ConfigError, "1 to 100"),
        ({"seed": -1}, ConfigError, "seed must be in"),
        ({"metrics": ["frechte"]}, ConfigError, "Did you mean 'frechet'"),
        ({"features": "pixles"}, ConfigError, "Did you mean 'pixels'"),
        ({"data": "toy:ring8"}, DataError, "the run makes images"),
        ({"data": "stacked_digits"}, DataError, "grey"),
        ({"data": "nowhere"}, DataError, "nowhere"),
    ],
)
def test_what_is_refused(run, arguments, error, said):
    with pytest.raises(error, match=said):
        evaluate(run, **arguments)


@pytest.mark.slow
def test_a_report_is_kept_in_its_run_alone(run):
    report = evaluate(run, n=100, draws=1, metrics=["frechet"])
    assert keep(run / "model.safetensors", report) is None
    assert not (run / "scores").exists()
    path = keep(run, report)
    assert path == run / "scores" / "0000002-digits.json"
    assert read_reports(run) == [report]
    assert json.loads(path.read_text())["protocol"]["n_fake"] == 100


def test_only_inception_is_called_fid():
    measure = METRICS["frechet"]
    assert measure.cited("inception") == "FID"
    assert measure.cited("efficientnet") == "FD(efficientnet)"
    assert METRICS["kernel"].cited("inception") == "KID"
    assert METRICS["coverage"].cited("inception") == "coverage(inception)"


RNG = np.random.default_rng(0)
REAL, FAKE = RNG.normal(size=(2, 400, 3))


def test_points_against_points():
    report = gankit.evaluate(FAKE, against=REAL)
    by_name = {score.metric: score for score in report.scores}
    real = REAL[shuffled(400)[:200]].astype(np.float32)
    fake = FAKE[np.sort(rng(0, Purpose.EVALUATION).permutation(400)[:200])].astype(np.float32)
    expected = frechet_distance(real, fake)
    assert by_name["frechet"].value == pytest.approx(expected, rel=1e-9)
    assert by_name["frechet"].floor is not None
    assert by_name["frechet"].interval is None  # they are one draw
    assert (report.run, report.family, report.step) == ("", "", 0)
    protocol = report.protocol
    assert (protocol.network, protocol.data) == ("points", "arrays")
    assert (protocol.n_real, protocol.n_fake, protocol.settings["draws"]) == (200, 200, 1)
    assert gankit.evaluate(FAKE, against=REAL).scores == report.scores


def test_what_repeats_hide_from_precision_to_coverage_is_noted():
    """Six equal examples have balls that hold nothing, whatever the samples are."""
    rng = np.random.default_rng(0)
    reals, fakes = np.repeat(rng.normal(size=(10, 2)), 60, 0), rng.normal(size=(600, 2))
    metrics = ["precision", "recall", "density", "coverage"]
    report = gankit.evaluate(fakes, against=reals, metrics=metrics)
    notes = {score.metric: (score.value, score.note) for score in report.scores}
    for name in ("precision", "density", "coverage"):
        assert notes[name][0] < 0.01
        assert notes[name][1].startswith("100% of the real examples are each there 6 times or more")
    assert notes["recall"][1] == ""
    assert any(line.startswith("precision(points), density(points), ") for line in report.notes())
    swapped = gankit.evaluate(reals, against=fakes, metrics=metrics)
    assert [score.metric for score in swapped.scores if score.note] == ["recall"]
    assert "of the samples are each there" in swapped.notes()[0]
    plain = gankit.evaluate(fakes, against=rng.normal(size=(600, 2)), metrics=metrics)
    assert not plain.notes()


def test_coverage_compares_as_many_samples_as_reals():
    fake = RNG.normal(size=(1500, 3))
    report = gankit.evaluate(fake, against=REAL[:300], metrics=["coverage"], n=300)
    many = gankit.evaluate(fake, against=REAL[:300], metrics=["coverage"])
    assert (many.protocol.n_real, many.protocol.n_fake) == (150, 150)
    assert report.protocol.settings["compared"] == 300
    assert "300 of each for precision to coverage" in report.protocol_line()
    for found in (report, many):
        assert found.scores[0].value == pytest.approx(0.97, abs=0.05)  # 1 - 1/2^5


def test_one_draw_tells_the_interval_of_shares_of_samples_alone():
    found = gankit.evaluate(FAKE, against=REAL, metrics=["precision", "recall", "frechet"])
    precision, recall, frechet = found.scores
    assert precision.holds == "samples"
    assert precision.interval == interval_of_share(precision.value, 200)
    assert (recall.interval, frechet.interval) == (None, None)
    far = gankit.evaluate(FAKE + 100, against=REAL, metrics=["precision"]).scores[0]
    assert far.value == 0
    assert far.interval == (0, pytest.approx(0.019, abs=1e-3))


def test_samples_in_order_are_measured_in_random_order(monkeypatch):
    """Scores that look at the first samples must not see the first class alone."""
    monkeypatch.setattr(measures, "NEIGHBOURS", 100)
    fake = np.concatenate([REAL[:200] + 100, REAL[200:]])
    found = gankit.evaluate(fake, against=REAL, metrics=["precision"], n=400).scores[0]
    assert found.value == pytest.approx(0.5, abs=0.2)


def test_a_score_that_is_not_finite_has_no_interval():
    values = [math.inf, 1.0]  # no sample of the first draw is on a mode
    drawn = Drawn(METRICS["mode_kl"], (0, math.inf), None, "", values)
    assert score_of("mode_kl", drawn, None, "points").interval is None


def test_modes_found_stay_between_none_and_all():
    drawn = Drawn(METRICS["modes"], (0, 8), None, "", [8, 8, 7, 8, 8])
    found = score_of("modes", drawn, None, "points")
    low, high = found.interval
    assert 0 < low < found.value < high <= 8
    assert found.most == 8


@pytest.mark.slow
def test_samples_stand_above_the_training_examples_that_they_are_nearest_to(run):
    report = evaluate(run, n=100, draws=1, metrics=["too_near"], keep=True)
    picture = read_picture(nearest_path(run, report))
    assert np.array_equal(np.asarray(picture), report.nearest)
    assert "samples and nearest training examples" in write_run_report(run).read_text()
    assert evaluate(run, n=100, draws=1, metrics=CHEAP).nearest is None


def test_the_most_that_is_searched_is_bounded_by_memory_and_by_slow_networks(run):
    reals = read_reals(gankit.load(run), None, None, print)
    digits = load_network("digits")
    assert most_searched(reals, digits, 100) >= 60_000
    digits.usual = 2000
    assert most_searched(reals, digits, None) == 2000
    assert most_searched(reals, digits, 3000) == 3000


def test_images_against_a_data_set_or_the_same_as_arrays():
    dataset = load_dataset("digits", split="test")
    images = as_pictures(dataset.read(np.arange(300)))
    found = gankit.evaluate(images[:100], against=dataset, metrics=CHEAP)
    assert found.protocol.network == "digits"
    assert values(found)["coverage"] > 0.8
    chosen = gankit.evaluate(
        images[:100], against=images[100:], metrics=CHEAP, features=load_network("digits"), n=100
    )
    assert chosen.protocol.n_real == 100
    assert values(chosen)["coverage"] > 0.8
    by_name = gankit.evaluate(images[:100], against="digits", split="test", metrics=CHEAP)
    assert values(by_name) == values(found)


def test_a_loaded_gan_is_measured_as_its_file_is(toy):
    gan = gankit.load(toy)
    by_path, loaded = (evaluate(r, n=50, draws=2, metrics=CHEAP) for r in (toy, gan))
    assert loaded.scores == by_path.scores
    assert loaded.protocol == by_path.protocol
    assert (loaded.family, loaded.step) == ("gan", 2)
    mine = gankit.evaluate(gan, against=RNG.normal(size=(100, 2)), draws=2, metrics=CHEAP)
    assert mine.protocol.data == "arrays"
    assert mine.scores[0].interval is not None


def test_a_report_is_kept_in_the_run_that_a_gan_was_loaded_from(small, tmp_path):
    config = small("gan", "toy:ring8", **{"training.steps": 2, "latent.size": 4})
    networks = torch.nn.Linear(4, 2), torch.nn.Linear(2, 1)
    folder = fit(config, tmp_path / "own", networks=networks).run.folder
    with pytest.raises(RunError, match="your own networks"):
        evaluate(folder, keep=True)
    gan = gankit.load(folder, networks=networks)
    report = evaluate(gan, n=50, draws=1, metrics=CHEAP)
    assert read_reports(folder) == []
    assert report.run == "own"
    kept = evaluate(gan, n=50, draws=1, metrics=CHEAP, keep=True)
    assert [found.scores for found in read_reports(folder)] == [kept.scores]


def test_what_is_of_no_run_is_kept_nowhere(toy, tmp_path):
    (tmp_path / "bare").mkdir()
    bare = shutil.copy(toy / "model.safetensors", tmp_path / "bare")
    for given in (FAKE, gankit.load(bare), bare):
        with pytest.raises(ConfigError, match="keep=True is for a run"):
            evaluate(given, against=REAL, keep=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "need real examples"),
        ({"against": REAL[:, :2]}, "the real examples are 2, the samples 3"),
        ({"against": REAL[:10]}, "20 real examples or more, got 10"),
        ({"against": REAL, "n": 500}, "need 500 samples, got 400"),
        ({"against": REAL, "split": "test"}, "leave it out"),
        ({"against": REAL, "data": "toy:ring8"}, "once"),
        ({"against": REAL[0]}, "examples are images"),
        ({"against": REAL * np.nan}, "finite"),
        ({"against": REAL[:0]}, "no examples"),
        ({"against": REAL, "metrics": ["path_length"]}, "does not apply"),
    ],
)
def test_samples_and_reals_that_do_not_suit(options, said):
    with pytest.raises((ConfigError, DataError), match=said):
        gankit.evaluate(FAKE, **options)


def test_float_images_are_read_in_the_range_of_those_that_they_are_measured_against():
    real = RNG.integers(0, 256, (60, 8, 8)).astype(np.uint8)
    options = {"metrics": ["frechet"], "n": 30}
    wanted = gankit.evaluate(real[:30], against=real[30:], **options).scores[0].value
    floats = real / np.float32(255)
    found = gankit.evaluate(floats[:30], against=gankit.Dataset.of(floats[30:]), **options)
    assert found.scores[0].value == pytest.approx(wanted)
    mixed = gankit.evaluate(floats[:30], against=real[30:], **options)
    assert mixed.scores[0].value == pytest.approx(wanted)
    with pytest.raises(DataError, match=r"in a range of their own .*: give uint8"):
        gankit.evaluate(floats[:30] * 7.3, against=real[30:])
    with pytest.raises(DataError, match=r"not finite in .* of 30, the first in image 0"):
        gankit.evaluate(np.where(floats[:30] == floats[0, 0, 0], np.nan, floats[:30])[:30],
                        against=real[30:])  # fmt: skip
