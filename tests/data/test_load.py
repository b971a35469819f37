import functools
import gzip
import hashlib
import http.server
import os
import struct
import threading

import numpy as np
import pytest
from PIL import Image

from gankit.data import (
    DATASETS,
    as_pictures,
    glance,
    load_configured,
    load_dataset,
    looks_like_path,
    named,
)
from gankit.data.fetch import Source
from gankit.data.folder import FolderDataset
from gankit.errors import DataError
from gankit.features.named import load_network
from gankit.metrics import kernel_distance
from gankit.settings.config import DataConfig


def idx(array):
    """The bytes of an IDX file."""
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + shape + array.astype(np.uint8).tobytes()


def some_images(count=6, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 12, 10), dtype=np.uint8)


def write_idx(folder, prefix="train", *, labels=(3, 1, 3, 5, 1, 5), dot="-", zipped=False, seed=0):
    """A pair of IDX files; returns the images."""
    folder.mkdir(parents=True, exist_ok=True)
    images = some_images(len(labels), seed)
    for kind, array in (("images", images), ("labels", np.array(labels))):
        raw = idx(array)
        name = f"{prefix}-{kind}{dot}idx{array.ndim}-ubyte"
        (folder / (name + ".gz" * zipped)).write_bytes(gzip.compress(raw) if zipped else raw)
    return images


def everything(dataset):
    return dataset.read(np.arange(len(dataset)))


@pytest.mark.parametrize(("split", "each"), [("train", 1000), ("test", 200)])
def test_digits_are_balanced(split, each):
    dataset = load_dataset("digits", split=split)
    images = everything(dataset)
    assert dataset.is_images
    assert images.shape == (10 * each, *dataset.shape) == (10 * each, 1, 28, 28)
    assert images.dtype == np.uint8
    assert np.bincount(dataset.labels).tolist() == [each] * 10
    assert dataset.class_names == tuple("0123456789")
    assert images.mean() / 255 == pytest.approx(0.13, abs=0.01)  # ink is bright


def test_the_training_digits_are_those_of_earlier_runs():
    assert load_dataset("digits").fingerprint == "8d592340fa3d77d6"  # as in tests/fixtures


@pytest.mark.slow
def test_training_and_test_digits_are_alike():
    """By other writers (MNIST's first test images) the distance is 6.5, and alike it is 0."""
    train, test = (load_dataset("digits", split=split) for split in ("train", "test"))
    some = np.random.default_rng(0).choice(len(train), 2000, replace=False)
    network = load_network("digits")
    features = [
        network.features(as_pictures(data.read(index)))
        for data, index in ((train, some), (test, np.arange(len(test))))
    ]
    assert kernel_distance(*features, subsets=20)[0] < 3


def test_digits_look_like_their_labels():
    train, test = load_dataset("digits"), load_dataset("digits", split="test")
    means = [train.examples[train.labels == label].mean(axis=0).ravel() for label in range(10)]
    pixels = test.examples.reshape(len(test), -1).astype(float)
    nearest = np.linalg.norm(pixels[:, None] - np.stack(means), axis=2).argmin(axis=1)
    assert np.mean(nearest == test.labels) > 0.75


def test_fingerprints_are_stable_and_follow_data_and_options():
    different = [
        load_dataset("digits"),
        load_dataset("digits", split="test"),
        load_dataset("digits", split="test", size=32),
        load_dataset("digits", split="test", channels="rgb"),
        load_dataset("digits", split="test", size=(20, 28)),
        load_dataset("digits", split="test", size=(20, 28), fit="stretch"),
    ]
    assert len({dataset.fingerprint for dataset in different}) == len(different)
    assert load_dataset("digits").fingerprint == different[0].fingerprint
    assert all(len(dataset.fingerprint) == 16 for dataset in different)


def test_named_sets_are_resized_and_made_rgb():
    plain = load_dataset("digits", split="test")
    large = load_dataset("digits", split="test", size=(56, 64), channels="rgb")
    images = everything(large)
    assert images.shape == (2000, 3, 56, 64)
    assert np.array_equal(images[:, 0], images[:, 2])
    assert images.mean() == pytest.approx(plain.examples[:, :, 2:-2].mean(), rel=0.03)  # cropped


def test_a_resized_set_that_needs_too_much_memory_is_refused():
    with pytest.raises(DataError, match=r"10,000 images of 1024 x 1024 .* smaller size or more"):
        load_dataset("digits", size=1024)


def test_every_registered_set_has_a_line():
    summaries = DATASETS.summaries()
    assert {"digits", "mnist", "fashion_mnist", "toy:ring8", "toy:grid25", "toy:spiral"} <= set(
        summaries
    )
    assert all(summary and "\n" not in summary for summary in summaries.values())


def test_a_misspelt_name_gets_a_suggestion():
    with pytest.raises(DataError, match=r"'digit' is no known.*no such folder.*mean 'digits'\?"):
        load_dataset("digit")


@pytest.mark.parametrize("source", ["", "~nobody-of-this-name/photos", "$NO_SUCH_VARIABLE"])
def test_a_path_that_leads_nowhere(source):
    with pytest.raises(DataError, match="is no known data set, and there is no such folder"):
        load_dataset(source)


def test_a_set_at_its_own_size_needs_no_leave():
    assert len(load_dataset("digits", split="test", memory_gb=0)) == 2000


@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize("zipped", [False, True])
def test_idx_folder(tmp_path, dot, zipped):
    images = write_idx(tmp_path, dot=dot, zipped=zipped)
    write_idx(tmp_path, "t10k", labels=(5, 1, 3), dot=dot, zipped=zipped, seed=1)
    (tmp_path / "._train-images-idx3-ubyte").write_bytes(b"what some systems leave behind")
    train, test = load_dataset(tmp_path), load_dataset(str(tmp_path), split="test")
    assert np.array_equal(everything(train), images[:, None])
    assert train.class_names == ("1", "3", "5")  # the values that occur
    assert train.labels.tolist() == [1, 0, 1, 2, 0, 2]
    assert train.labels.dtype == np.int64
    assert len(test) == 3
    assert np.array_equal(everything(test), some_images(3, seed=1)[:, None])


def test_idx_images_without_labels(tmp_path):
    images = write_idx(tmp_path, "my")
    (tmp_path / "my-labels-idx1-ubyte").unlink()
    dataset = load_dataset(str(tmp_path))
    assert dataset.labels is None
    assert np.array_equal(everything(dataset), images[:, None])
    assert any("no labels beside my-images" in note for note in dataset.notes)


def test_idx_files_in_two_forms_are_told(tmp_path):
    images = write_idx(tmp_path)
    write_idx(tmp_path, zipped=True, seed=1)
    write_idx(tmp_path, dot=".", seed=2)
    dataset = load_dataset(tmp_path)
    assert np.array_equal(everything(dataset), images[:, None])
    others = "train-{0}-ubyte.gz, train-{1}-ubyte beside it is left out"
    assert dataset.notes == (
        "train-images-idx3-ubyte is read; " + others.format("images-idx3", "images.idx3"),
        "train-labels-idx1-ubyte is read; " + others.format("labels-idx1", "labels.idx1"),
    )


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("zipped", [False, True])
def test_idx_splits_of_two_sizes_are_refused(tmp_path, split, zipped):
    write_idx(tmp_path)
    write_idx(tmp_path, "t10k", zipped=zipped)
    (path,) = tmp_path.glob("t10k-images*")
    raw = idx(np.zeros((6, 8, 10)))  # the header alone, in which the size stands
    path.write_bytes(gzip.compress(raw[:90]) if zipped else raw)
    with pytest.raises(DataError, match=r"are 8 x 10 and those in train-.* 12 x 10: give a size"):
        load_dataset(tmp_path, split=split)
    assert load_dataset(tmp_path, size=12).shape == (1, 12, 12)  # one size for both
    assert load_dataset(tmp_path, crop=8).shape == (1, 8, 8)


def test_an_idx_test_split_with_other_labels_is_refused_before_training(tmp_path):
    write_idx(tmp_path)
    write_idx(tmp_path, "t10k")
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.arange(5)))
    with pytest.raises(DataError, match=r"t10k.* holds 5 labels for 6 images"):
        load_dataset(tmp_path)


def test_an_idx_test_split_alone_is_read_if_asked_for(tmp_path):
    write_idx(tmp_path, "t10k")
    assert len(load_dataset(tmp_path, split="test")) == 6


def test_idx_split_that_is_not_there(tmp_path):
    write_idx(tmp_path)
    with pytest.raises(DataError, match="holds 0 IDX files of test images"):
        load_dataset(str(tmp_path), split="test")


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("train-images-idx3-ubyte", lambda raw: raw[:-5], "is damaged: it holds 731 bytes"),
        ("train-images-idx3-ubyte", lambda raw: raw + b"x", "is damaged"),
        ("train-images-idx3-ubyte", lambda raw: raw[:10], "is damaged"),
        ("train-images-idx3-ubyte", lambda raw: b"", "is not an IDX file"),
        ("train-images-idx3-ubyte", lambda raw: b"\0\0\x0d\x03" + raw[4:], "is not an IDX file"),
        ("train-images-idx3-ubyte", lambda raw: idx(np.zeros((0, 4, 4))), "is empty"),
        ("train-labels-idx1-ubyte", lambda raw: idx(np.arange(5)), "5 labels for 6 images"),
        ("train-images-idx3-ubyte.gz", lambda raw: gzip.compress(raw)[:-20], "cannot be read"),
        ("train-images-idx3-ubyte.gz", lambda raw: raw, "cannot be read"),
    ],
)
def test_damaged_idx(tmp_path, name, damage, message):
    write_idx(tmp_path)
    plain = tmp_path / name.removesuffix(".gz")
    raw = plain.read_bytes()
    plain.unlink()
    (tmp_path / name).write_bytes(damage(raw))
    with pytest.raises(DataError, match=message):
        load_dataset(str(tmp_path))


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("shape", [(2**31, 2**20, 2**20), (10**6, 2**10, 2**10), (7, 12, 10)])
def test_what_an_idx_header_claims_is_not_allocated(tmp_path, zipped, shape):
    raw = bytes([0, 0, 8, 3]) + struct.pack(">3I", *shape) + bytes(6 * 120)
    content, name = gzip.compress(raw) if zipped else raw, "train-images-idx3-ubyte"
    (tmp_path / (name + ".gz" * zipped)).write_bytes(content)
    with pytest.raises(DataError, match="is damaged: it holds"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("kind", ["images", "labels"])
def test_an_idx_file_that_is_a_dangling_link_is_not_passed_over(tmp_path, kind):
    write_idx(tmp_path)
    (path,) = tmp_path.glob(f"train-{kind}*")
    path.unlink()
    path.symlink_to(".git/annex/objects/1")
    with pytest.raises(DataError, match=r"cannot be read \(a link that points nowhere\)"):
        load_dataset(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_an_idx_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "train-images-idx3-ubyte")
    with pytest.raises(DataError, match="no regular file"):
        load_dataset(tmp_path)


def test_the_fingerprint_of_idx_files_is_of_what_they_hold(tmp_path, monkeypatch):
    write_idx(tmp_path / "a")
    write_idx(tmp_path / "b", zipped=True)
    monkeypatch.chdir(tmp_path)
    names = ("a", "./a/", str(tmp_path / "a"), "b")
    assert len({load_dataset(name).fingerprint for name in names}) == 1


@pytest.mark.parametrize("source", ["a" * 300, "a\0b", "x/" * 3000, "/dev/null"])
def test_paths_that_cannot_be(source):
    with pytest.raises(DataError) as raised:
        load_dataset(source)
    assert "\n" not in str(raised.value)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "cache" / "mnist"


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """MNIST as it is published, only smaller: a folder of files, and where the source points."""
    folder = tmp_path / "mirror"
    for prefix in ("train", "t10k"):
        write_idx(folder, prefix, zipped=True)
    sums = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    monkeypatch.setattr(named, "MNIST", Source(f"{folder.as_uri()}/", sums))
    return folder


def test_downloads_once_into_the_cache(cache, mirror):
    first = load_dataset("mnist")
    assert np.array_equal(everything(first), some_images()[:, None])
    assert sorted(path.name for path in cache.iterdir()) == sorted(named.MNIST.files)
    for path in mirror.iterdir():
        path.unlink()
    assert load_dataset("mnist").fingerprint == first.fingerprint


def test_downloads_over_http(cache, mirror, monkeypatch):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=str(mirror))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(named, "MNIST", Source(url, named.MNIST.files))
        assert len(load_dataset("mnist", split="test")) == 6
        monkeypatch.setattr(named, "MNIST", Source(url, {"missing.gz": "0"}))
        with pytest.raises(DataError, match=r"cannot download .*missing\.gz \(.*\): put"):
            load_dataset("mnist")
        server.shutdown()


def test_a_file_that_is_not_the_published_one_is_not_kept(cache, mirror):
    name = "t10k-labels-idx1-ubyte.gz"
    (mirror / name).write_bytes(b"tampered")
    with pytest.raises(DataError, match=f"{name} is not the published file"):
        load_dataset("mnist")
    assert name not in {path.name for path in cache.iterdir()}
    assert not list(cache.glob("*.part"))


@pytest.mark.parametrize("damage", [b"", b"half", None])
def test_a_damaged_file_in_the_cache_is_named_and_not_replaced(cache, mirror, damage):
    load_dataset("mnist")
    path = cache / "train-labels-idx1-ubyte.gz"
    path.unlink()
    if damage is None:
        path.mkdir()
    else:
        path.write_bytes(damage)
    with pytest.raises(DataError, match=f"{path.name}' (is not the published|cannot be read)"):
        load_dataset("mnist")
    assert path.exists()


def test_a_cache_in_no_home_is_said(monkeypatch):
    monkeypatch.setenv("GANKIT_CACHE", "~no_such_user_anywhere/cache")
    with pytest.raises(DataError, match="set GANKIT_CACHE to a folder"):
        load_dataset("mnist")


def test_no_network_says_where_the_files_go(cache, monkeypatch):
    source = Source("http://127.0.0.1:1/", named.MNIST.files)  # nobody listens there
    monkeypatch.setattr(named, "MNIST", source)
    with pytest.raises(DataError, match=r"idx3-ubyte\.gz, .* or give a folder") as caught:
        load_dataset("mnist")
    assert str(cache) in str(caught.value)
    assert "\n" not in str(caught.value)
    for prefix in ("train", "t10k"):
        write_idx(cache, prefix)  # by hand, unzipped
    assert len(load_dataset("mnist")) == 6


def test_a_cache_that_cannot_be_written(tmp_path, mirror, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANKIT_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match="cannot download"):
        load_dataset("mnist")


def test_fashion_classes_have_names(tmp_path, monkeypatch):
    monkeypatch.setenv("GANKIT_CACHE", str(tmp_path))
    for prefix in ("train", "t10k"):
        write_idx(tmp_path / "fashion_mnist", prefix, labels=range(10))
    dataset = load_dataset("fashion_mnist")
    assert dataset.class_names[7:] == ("Sneaker", "Bag", "Ankle boot")


def test_published_sources_name_all_four_files():
    for source in (named.MNIST, named.FASHION_MNIST):
        assert source.url.startswith("https://")
        assert source.url.endswith("/")
        assert len(source.files) == len(set(source.files.values())) == 4
        assert all(len(md5) == 32 for md5 in source.files.values())


def test_an_own_folder_by_the_name_of_a_set_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_dataset("digits").notes == ()
    for name in ("a", "b"):
        (tmp_path / "digits" / name).mkdir(parents=True)
        Image.new("L", (16, 16)).save(tmp_path / "digits" / name / "1.png")
    dataset = load_dataset("digits")
    assert len(dataset) == 10_000
    assert "gankit's own data set; what lies here by that name is ./digits" in dataset.notes[0]
    assert load_dataset("./digits").class_names == ("a", "b")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("photos.7z", "a packed archive: unpack it"),
        ("photos.tar.gz", "a packed archive: unpack it"),
        ("cat.JPG", "a single picture: give the folder"),
        ("data.npz.bin", "a file; training needs a folder of images, an .npz"),
    ],
)
def test_a_file_of_another_kind_is_told_with_what_to_do(tmp_path, source, said):
    (tmp_path / source).write_bytes(b"PK")
    with pytest.raises(DataError, match=said):
        load_dataset(tmp_path / source)


def test_an_address_is_not_fetched():
    with pytest.raises(DataError, match="nothing is downloaded from an address: fetch it"):
        load_dataset("https://example.org/photos.zip")


def test_an_empty_variable_is_not_the_current_folder(monkeypatch):
    monkeypatch.setenv("PHOTOS", "")
    with pytest.raises(DataError, match="no such folder"):
        load_dataset("$PHOTOS")


@pytest.mark.parametrize(
    ("text", "path"),
    [("./photos", True), ("photos/", True), ("~/x", True), ("x.npz", True), ("X.NPZ", True),
     ("*.png", True), ("here", True), ("dcgn", False), ("digits", False), ("", False)],
)  # fmt: skip
def test_what_looks_like_a_path(tmp_path, monkeypatch, text, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert looks_like_path(text) == path


def test_a_glance_looks_once_at_what_a_folder_is(tmp_path, monkeypatch):
    looks = []
    monkeypatch.setattr("gankit.data.load.is_text", lambda path: bool(looks.append(path)))
    Image.new("L", (16, 16)).save(tmp_path / "a.png")
    assert len(glance(DataConfig(source=str(tmp_path)))) == 1
    assert looks == [tmp_path]


def test_a_glance_at_a_folder_decodes_few_pictures_and_tells_the_same(tmp_path):
    for number in range(20):
        place = tmp_path / "set" / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.new("L", (20, 16), 10 * number).save(place / f"{number}.png")
    for source in ("set", "set/a", "set/*/*.png"):
        config = DataConfig(source=str(tmp_path / source))
        seen, read = glance(config), load_configured(config)
        assert isinstance(seen, FolderDataset)
        assert (seen.shape, seen.class_names, len(seen), seen.held_out) == (
            *(read.shape, read.class_names, len(read), read.held_out),
        )


def test_a_glance_at_what_lies_in_memory_reads_it_at_the_size_asked_for(tmp_path):
    np.savez(tmp_path / "x.npz", images=np.zeros((9, 16, 16), np.uint8))
    assert glance(DataConfig(source=str(tmp_path / "x.npz"))).shape == (1, 16, 16)
    assert glance(DataConfig(source="digits", size=(20, 20), channels="rgb")).shape == (3, 20, 20)
    with pytest.raises(DataError, match="no such folder or file"):
        glance(DataConfig(source=str(tmp_path / "nowhere")))
