"""A user's arrays: what an .npz may hold, and what is refused."""

from __future__ import annotations

import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

import gankit
from gankit.data import Dataset, load_dataset
from gankit.data.values import PixelFormat, premultiplied
from gankit.errors import ConfigError, DataError
from gankit.fitting import fit
from gankit.settings.config import override

from ..conftest import QUIET

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 16, 20)).astype(np.uint8)
POINTS = RNG.normal(size=(40, 5))


def saved(folder, **arrays):
    np.savez(folder / "data.npz", **arrays)
    return str(folder / "data.npz")


def test_images_with_labels(tmp_path):
    data = load_dataset(saved(tmp_path, images=IMAGES, labels=np.arange(40) % 3))
    assert data.shape == (1, 16, 20)
    assert data.class_names == ("0", "1", "2")
    assert data.condition == 0
    assert np.array_equal(data.read(np.arange(40))[:, 0], IMAGES)


def test_colour_images_and_a_test_split(tmp_path):
    colour = np.repeat(IMAGES[..., None], 3, 3)
    path = saved(tmp_path, images=colour, test_images=colour[:7])
    assert load_dataset(path).shape == (3, 16, 20)
    assert len(load_dataset(path, split="test")) == 7


def test_a_test_split_alone_can_be_measured_against(tmp_path):
    path = saved(tmp_path, test_images=IMAGES[:7])
    assert len(load_dataset(path, split="test")) == 7
    with pytest.raises(DataError, match="found test_images: save it with these names"):
        load_dataset(path)


@pytest.mark.parametrize("channels", [1, 3])
def test_an_arrays_channels_may_come_first(tmp_path, channels):
    planes = np.stack([IMAGES, IMAGES // 2, IMAGES // 3], 1)[:, :channels]
    data = load_dataset(saved(tmp_path, images=planes))
    assert np.array_equal(data.read(np.arange(40)), planes)


@pytest.mark.parametrize(
    ("train", "other", "test"),
    [
        ("train_{}", "val_{}", "test_{}"),
        ("training_{}", "", "validation_{}"),
        ("{}", "dev_{}", "eval_{}"),
    ],
)
def test_arrays_of_splits_by_their_usual_names(tmp_path, train, other, test):
    splits = {train: 30, test: 7, **({other: 9} if other else {})}
    arrays = {n.format("images"): IMAGES[:k] for n, k in splits.items()}
    arrays |= {n.format("labels"): np.arange(k)[:, None] % 3 for n, k in splits.items()}
    path = saved(tmp_path, **arrays)
    data, tested = load_dataset(path, holdout=0.5), load_dataset(path, split="test")
    assert (data.class_counts, tested.class_counts) == ((10, 10, 10), (3, 2, 2))
    assert not other or other.format("images") in "".join(data.notes)


def test_short_names_of_arrays(tmp_path):
    x, y = IMAGES, np.arange(40) % 2
    path = saved(tmp_path, x_train=x, y_train=y, x_test=x[:5], y_test=y[:5])
    assert load_dataset(path).class_counts == (20, 20)
    assert len(load_dataset(path, split="test")) == 5


def test_an_array_that_is_not_read_is_named(tmp_path):
    data = load_dataset(saved(tmp_path, images=IMAGES, label=np.arange(40) % 2))
    assert data.labels is None
    assert "arrays that are not read: label" in "".join(data.notes)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"images": IMAGES, "test_images": IMAGES[:, :8]}, r"test examples are \[1, 8, 20\]"),
        ({"images": IMAGES, "test_points": POINTS}, "give both the same shape"),
        ({"images": IMAGES, "val_images": IMAGES[0]}, r"images in '.*' must be .* \[16, 20\]"),
        ({"images": IMAGES, "test_images": np.array([{}])}, "Python objects"),
        ({"images": IMAGES, "test_labels": np.arange(40)}, "needs either test_images or"),
        (
            {"images": IMAGES, "test_images": IMAGES, "test_labels": np.arange(3)},
            "40 test examples and labels or conditions for 3",
        ),
        (
            {"points": POINTS, "test_points": POINTS} | {"conditions": POINTS}
            | {"test_conditions": POINTS[:, :2]},
            r"test conditions are \[2\] and its training conditions \[5\]",
        ),
    ],
)  # fmt: skip
def test_a_test_split_that_does_not_suit_is_refused_before_training(tmp_path, split, arrays, said):
    with pytest.raises(DataError, match=said):
        load_dataset(saved(tmp_path, **arrays), split=split)


def test_of_a_test_split_only_the_headers_are_read_before_training(tmp_path):
    path = saved(tmp_path, images=IMAGES[:2], test_images=np.zeros((4000, 16, 20)))
    tracemalloc.start()
    try:
        assert len(load_dataset(path)) == 2
        assert tracemalloc.get_traced_memory()[1] < 5e6  # of the 10 million bytes there
    finally:
        tracemalloc.stop()


def test_nearly_black_images_are_noted(tmp_path):
    assert "no pixel is above 1 of 255" in "".join(
        load_dataset(saved(tmp_path, images=IMAGES // 255)).notes
    )


def test_points_with_a_vector_each(tmp_path):
    data = load_dataset(saved(tmp_path, points=POINTS, conditions=RNG.normal(size=(40, 3))))
    assert data.shape == (5,)
    assert data.condition == 3
    assert data.labels.dtype == np.float32
    assert data.class_names == ()


@pytest.mark.parametrize("kind", [bool, np.int64])
def test_several_labels_at_once(tmp_path, kind):
    several = RNG.integers(0, 2, (40, 4)).astype(kind)
    data = load_dataset(saved(tmp_path, images=IMAGES, labels=several))
    assert data.condition == 4
    assert np.array_equal(data.labels, several.astype(np.float32))


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({}, "needs either images or points"),
        ({"images": IMAGES, "points": POINTS}, "needs either"),
        ({"images": IMAGES.astype(complex)}, "must be uint8"),
        (
            {"images": np.where(IMAGES == 9, np.nan, IMAGES / 255)},
            "numbers that are not finite in .* the first in image",
        ),
        ({"images": np.zeros((4, 18, 20, 17), np.uint8)}, "no axis of 1 to 16 channels"),
        ({"images": IMAGES[..., :3]}, "a single picture, or 3 pixels wide"),
        ({"images": IMAGES, "train_images": IMAGES}, "stand for the same: leave one out"),
        ({"test_images": IMAGES}, "found test_images: save it with these names"),
        ({"points": POINTS[:, 0]}, r"must be numbers \[N, D\]"),
        ({"points": np.full((4, 2), np.nan)}, "not finite"),
        (
            {"points": POINTS, "labels": np.zeros(3, int)},
            "40 examples and labels or conditions for 3",
        ),
        ({"points": POINTS, "labels": np.full(40, -1)}, "whole numbers"),
        ({"points": POINTS, "labels": np.arange(40) / 2}, "at 1 stands 0.5 .20 of 40 are like it"),
        ({"points": POINTS, "labels": np.full(40, np.nan)}, "at 0 stands nan"),
        ({"points": POINTS, "labels": np.zeros((40, 2, 2), int)}, "or several at once"),
        ({"points": POINTS, "labels": np.array(["a"] * 39 + [""])}, "an empty text, at 39"),
        ({"points": POINTS, "labels": np.array([b"\xff"] * 40)}, "no UTF-8 text"),
        ({"points": POINTS, "labels": np.int64(3)}, "no list of them"),
        ({"points": POINTS, "labels": POINTS}, "other vectors are called conditions"),
        ({"points": POINTS * 1e300}, "too large for float32"),
        ({"points": POINTS * 1j}, r"must be numbers \[N, D\], got complex"),
        ({"points": POINTS, "conditions": POINTS * 1e300}, "too large for float32"),
        ({"points": POINTS, "conditions": POINTS * 1j}, "must be finite numbers"),
        ({"points": POINTS, "conditions": np.zeros(40)}, "finite numbers"),
        ({"points": POINTS, "conditions": np.full((40, 2), "red")}, "finite numbers"),
        (
            {"points": POINTS, "conditions": POINTS, "labels": np.zeros(40, int)},
            "labels and conditions",
        ),
        ({"images": np.array([{}], dtype=object)}, "holds Python objects, which may run code"),
    ],
)
def test_what_is_refused(tmp_path, arrays, said):
    with pytest.raises(DataError, match=said):
        load_dataset(saved(tmp_path, **arrays))


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (np.arange(40) % 3 + 1, ("1", "2", "3")),
        (np.where(np.arange(40) % 2, 90, 5), ("5", "90")),
        (np.arange(40) % 2 * 10**12, ("0", "1000000000000")),
        (np.arange(40)[:, None] % 3, ("0", "1", "2")),
        (np.arange(40) % 3 + 1.0, ("1", "2", "3")),
        (np.arange(40) % 2 == 0, ("False", "True")),
        (np.array(["dog", "cat"] * 20), ("cat", "dog")),
        (np.array(["10", "9"] * 20), ("9", "10")),
        (np.array([b"dog", b"cat"] * 20), ("cat", "dog")),
        (np.eye(3)[np.arange(40) % 3], ("0", "1", "2")),
        (np.eye(4, dtype=bool)[np.arange(40) % 2 * 3], ("0", "3")),
        (np.full(40, 7, np.uint8), ("7",)),
    ],
    ids=str,
)
@pytest.mark.parametrize("given", [False, True])
def test_classes_are_the_values_that_occur_named_by_value(tmp_path, labels, names, given):
    if given:
        data = Dataset.of(POINTS, labels)
    else:
        data = load_dataset(saved(tmp_path, points=POINTS, labels=labels))
    assert data.class_names == names
    assert data.labels.dtype == np.int64
    flat = labels.argmax(1) if labels.ndim == 2 and labels.shape[1] > 1 else labels.ravel()
    known = {name: label for label, name in enumerate(names)}
    shown = [x.decode() if isinstance(x, bytes) else str(x).removesuffix(".0") for x in flat]
    assert data.labels.tolist() == [known[name] for name in shown]
    assert sum(data.class_counts) == 40


def test_the_classes_of_a_test_split_are_numbered_as_for_training(tmp_path):
    path = saved(
        tmp_path, images=IMAGES, labels=np.arange(40) % 3 + 1,
        test_images=IMAGES[:4], test_labels=np.array([3, 1, 3, 1]),
    )  # fmt: skip
    tested = load_dataset(path, split="test")
    assert tested.class_names == ("1", "2", "3")
    assert tested.labels.tolist() == [2, 0, 2, 0]


def test_labels_that_a_run_began_with_keep_their_numbers(tmp_path):
    data = load_dataset(saved(tmp_path, images=IMAGES, labels=np.arange(40) % 3 + 1))
    data.number_classes(["0", "1", "2", "3"])
    assert data.labels.tolist() == (np.arange(40) % 3 + 1).tolist()
    rows = np.eye(3)[np.arange(40) % 3]
    data = load_dataset(saved(tmp_path, images=IMAGES, labels=rows))
    data.number_classes([], condition=3)
    assert (data.condition, data.class_names) == (3, ())
    assert np.array_equal(data.labels, rows)


def test_a_file_that_is_no_archive(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"no \.npz file of arrays"):
        load_dataset(tmp_path / "x.npz")
    with pytest.raises(DataError, match="leave size, crop and channels out"):
        load_dataset(saved(tmp_path, images=IMAGES), size=32)


def member(shape, dtype="|u1", content=b"", version=b"\x01\x00"):
    """The bytes of an array whose header claims `shape`."""
    header = str({"descr": dtype, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header + content


def archive(path, content, name="images.npy", compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr(name, content)
    return str(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (member((10**15, 8, 8)), "promises 64,000,000,000,000,000"),
        (member((10**15,), "<f8"), "is damaged"),
        (member((10**30, 8, 8)), "is damaged"),
        (member((-4, 8, 8), content=bytes(256)), "no .npz file of arrays: shape"),
        (member((4, 8, 8), content=bytes(255)), "is damaged|no .npz"),
        (member((4, 8, 8), content=bytes(257)), "bytes are left over"),
        (member((4,), "|O", pickle.dumps([1] * 4)), "Python objects"),
        (member((4, 8, 8), version=b"\x09\x00", content=bytes(256)), "no .npz file of arrays"),
        (b"\x93NUMPY\x01\x00\x20\x00{'descr': " + b"(" * 22, "no .npz file of arrays"),
        (b"no array", "no .npz file of arrays"),
        (b"", "no .npz file of arrays"),
    ],
)
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_claims_are_checked_before_anything_is_allocated(tmp_path, content, said, compression):
    path = archive(tmp_path / "x.npz", content, compression=compression)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=said) as raised:
            load_dataset(path)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    assert "\n" not in str(raised.value)


def test_a_bomb_is_not_unpacked(tmp_path):
    """Four gigabytes of zeros in four megabytes are possible, and no one's pictures."""
    path = tmp_path / "x.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
        file.open("images.npy", "w", force_zip64=True) as out,
    ):
        out.write(member((4_000_000, 32, 32)))
        out.write(bytes(10_000_000))
    with pytest.raises(DataError, match=r"save it uncompressed|is damaged"):
        load_dataset(path)


def test_what_compresses_well_is_read(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", images=np.zeros((2000, 32, 32), np.uint8))
    assert len(load_dataset(tmp_path / "x.npz")) == 2000


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_short(tmp_path, save, share):
    save(tmp_path / "x.npz", images=IMAGES, labels=np.arange(40) % 3)
    whole = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match=r"no \.npz file of arrays") as raised:
        load_dataset(tmp_path / "x.npz")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_file_with_a_wrong_byte_is_refused_or_read_as_it_was(tmp_path, save):
    save(tmp_path / "x.npz", images=IMAGES[:8], labels=np.arange(8) % 3)
    whole = (tmp_path / "x.npz").read_bytes()
    before = load_dataset(tmp_path / "x.npz").fingerprint
    said = []
    for at in range(0, len(whole), 7):
        wrong = whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]
        (tmp_path / "x.npz").write_bytes(wrong)
        try:
            assert load_dataset(tmp_path / "x.npz").fingerprint == before, at
        except DataError as error:
            said.append(str(error))
    assert len(said) > len(whole) / 7 / 2
    assert not [line for line in said if "\n" in line]


def test_an_array_of_another_name_is_not_looked_at(tmp_path):
    np.savez(tmp_path / "x.npz", images=IMAGES, paths=np.array([{}], dtype=object))
    assert len(load_dataset(tmp_path / "x.npz")) == 40


def test_where_the_file_lies_does_not_matter(tmp_path, monkeypatch):
    path = saved(tmp_path, images=IMAGES)
    monkeypatch.chdir(tmp_path)
    prints = {load_dataset(name).fingerprint for name in (path, "data.npz", "./data.npz")}
    (tmp_path / "link.npz").symlink_to("data.npz")
    (tmp_path / "else").mkdir()
    prints.add(load_dataset("link.npz").fingerprint)
    prints.add(load_dataset((tmp_path / "data.npz").rename(tmp_path / "else/d.npz")).fingerprint)
    assert len(prints) == 1


def conditional(tmp_path, small, **changes):
    """A run on images with several labels at once: left bright, right bright, both or none."""
    rng = np.random.default_rng(0)  # the same pictures, whatever ran before
    several = rng.integers(0, 2, (256, 2)).astype(np.float32)
    images = rng.integers(0, 40, (256, 16, 16)).astype(np.uint8)
    images[several[:, 0] == 1, :, :8] += 180
    images[several[:, 1] == 1, :, 8:] += 180
    path = saved(tmp_path, images=images, conditions=several)
    config = small("cgan", path, **{"training.batch": 16, **changes})
    folder = tmp_path / f"run-{config.training.seed}"
    fit(config, folder)
    return gankit.load(folder)


@pytest.mark.learning
@pytest.mark.slow
def test_several_labels_at_once_are_obeyed(tmp_path, small):
    learn = QUIET | {
        "training.steps": 800,
        "generator_optimizer.lr": 2e-3,
        "discriminator_optimizer.lr": 2e-3,
    }
    wider = {"network.generator_width": 8, "network.discriminator_width": 8, "training.ema": 0.95}
    everywhere = {"network.conditioning": "layers"}
    worst = []
    for seed in range(3):
        gan = conditional(
            tmp_path, small, **learn, **wider, **everywhere, **{"training.seed": seed}
        )
        assert gan.condition == 2
        obeyed = []
        for asked in ([0, 0], [1, 0], [0, 1], [1, 1]):
            drawn = gan.sample(20, labels=asked).astype(float)
            sides = np.stack([drawn[..., :8].mean((1, 2)), drawn[..., 8:].mean((1, 2))], 1)
            obeyed.append(((sides > 110) == np.array(asked, bool)).mean())
        worst.append(min(obeyed))
    # 4 seeds gave 1.0, and one run on other such pictures collapsed; ignored labels: .5 for one.
    assert np.median(worst) > 0.8, worst


@pytest.mark.slow
@pytest.mark.parametrize("conditioning", ["concat", "embedding", "layers", "projection"])
def test_every_conditioning_takes_a_vector(tmp_path, small, conditioning):
    changes = {"network.conditioning": conditioning, "training.steps": 2}
    gan = conditional(tmp_path, small, **changes)
    each = np.eye(2, dtype=np.float32)[[0, 1, 0]]
    assert gan.sample(3, labels=each).shape == (3, 16, 16)
    with pytest.raises(ConfigError, match="give labels, an array"):
        gan.sample(3)
    with pytest.raises(ConfigError, match=r"shape \(3,\) given"):
        gan.sample(3, labels=[0.0, 1.0, 2.0])


@pytest.mark.slow
@pytest.mark.parametrize("conditioning", ["branches", "concat", "embedding", "projection"])
def test_vectors_given_vectors(tmp_path, small, conditioning):
    """The tagging experiment's shape: points of 5, conditions of 3."""
    path = saved(tmp_path, points=POINTS, conditions=POINTS[:, :3])
    config = override(
        gankit.configure(source=path, recipe="cgan-tagging-paper"),
        {"training.steps": 2, "training.batch": 8, "runtime.threads": 1,
         "network.conditioning": conditioning, "network.generator_hidden": "8",
         "network.discriminator_hidden": "8"},
    )  # fmt: skip
    fit(config, tmp_path / "run")
    assert gankit.load(tmp_path / "run").sample(4, labels=[1, 2, 3]).shape == (4, 5)


def test_other_conditional_families_refuse_vectors(tmp_path, small):
    path = saved(tmp_path, images=IMAGES, conditions=RNG.normal(size=(40, 3)))
    with pytest.raises(ConfigError, match="needs labels"):
        fit(small("ssgan", path), tmp_path / "r")


@pytest.mark.parametrize("channels", [2, 4, 5, 16])
@pytest.mark.parametrize("first", [False, True])
def test_arrays_of_many_channels(tmp_path, channels, first):
    planes = RNG.integers(0, 256, (9, channels, 18, 18)).astype(np.uint8)
    np.save(tmp_path / "x.npy", planes if first else planes.transpose(0, 2, 3, 1))
    data = load_dataset(tmp_path / "x.npy")
    assert np.array_equal(data.read(np.arange(9)), planes)
    assert data.pixels == PixelFormat()


def test_the_last_of_four_channels_is_opacity_if_asked(tmp_path):
    planes = RNG.integers(0, 256, (9, 4, 18, 18)).astype(np.uint8)
    path = saved(tmp_path, images=planes)
    data = load_dataset(path, channels="rgba")
    assert data.pixels.alpha
    assert np.array_equal(data.read(np.arange(9)), premultiplied(planes))
    assert load_dataset(path).fingerprint != data.fingerprint
    with pytest.raises(DataError, match="have 3 channels, and rgba needs 4"):
        load_dataset(saved(tmp_path, images=planes[:, :3]), channels="rgba")
    with pytest.raises(DataError, match="leave size, crop and channels out"):
        load_dataset(path, channels="rgb")


@pytest.mark.parametrize(
    ("images", "values"),
    [(IMAGES * 2.0, (0, 510)), (IMAGES / -100, (-2.55, 0)), (IMAGES / 51.0 - 2, (-2, 3))],
)
def test_floats_of_any_range_keep_it(tmp_path, images, values):
    images[0, 0, :2] = images.min(), images.max()
    data = load_dataset(saved(tmp_path, images=images))
    assert data.values == pytest.approx(values)
    assert data.pixels.dtype == "float64"
    assert "samples have that range" in data.notes[0]


@pytest.mark.parametrize("values", [None, "own", (0.0, 1.0)])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused_in_any_range(tmp_path, values, wrong):
    images = IMAGES / 255
    images[3, 4, 5] = wrong
    with pytest.raises(DataError, match="not finite in 1 of 40, the first in image 3"):
        load_dataset(saved(tmp_path, images=images), values=values)


def test_numbers_that_no_setting_holds_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"from 0 to 1e\+30, and 1e\+15 is the most: scale them"):
        load_dataset(saved(tmp_path, images=IMAGES / 255 * 1e30))


def test_a_single_array_of_points_or_of_something_else(tmp_path):
    np.save(tmp_path / "x.npy", POINTS)
    assert load_dataset(tmp_path / "x.npy").shape == (5,)
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="holds Python objects, which may run code"):
        load_dataset(tmp_path / "x.npy")
    (tmp_path / "x.npy").write_bytes(member((10**9, 28, 28)))
    with pytest.raises(DataError, match="is damaged"):
        load_dataset(tmp_path / "x.npy")
    (tmp_path / "x.npy").write_bytes(b"no array")
    with pytest.raises(DataError, match=r"no \.npy file of an array"):
        load_dataset(tmp_path / "x.npy")
