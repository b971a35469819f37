"""Pictures in packed files: each is read as the same folder is, and damage is one line."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from gankit.data import glance, load_dataset
from gankit.data.packed import find_parts, is_packed
from gankit.errors import DataError
from gankit.settings.config import DataConfig

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (30, 24, 20, 3), np.uint8)
KINDS = ["lmdb", "tar", "parquet", "zip"]


def content(pixels, kind="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **({"lossless": True} if kind == "WEBP" else {}))
    return buffer.getvalue()


FILES = {f"{i:03d}": content(pixels, "WEBP") for i, pixels in enumerate(PIXELS)}


def write_lmdb(path, files=FILES, **options):
    lmdb = pytest.importorskip("lmdb")
    with (
        lmdb.open(str(path), map_size=1 << 24, **options) as environment,
        environment.begin(write=True) as transaction,
    ):
        for name, file in files.items():
            transaction.put(name.encode("utf-8", "surrogateescape"), file)
    return path


def write_tar(path, files=FILES, suffix=".webp"):
    with tarfile.open(path, "w") as tar:
        for name, file in files.items():
            member = tarfile.TarInfo(name if "." in name else name + suffix)
            member.size = len(file)
            tar.addfile(member, io.BytesIO(file))
    return path


def write_zip(path, files=FILES, suffix=".webp", method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, file in files.items():
            archive.writestr(name if "." in name else name + suffix, file)
    return path


def write_parquet(path, files=FILES, labels=None, names=None, group=7, column="image"):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    pictures = [{"bytes": file, "path": name} for name, file in files.items()]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = {column: pa.array(pictures, kind)} | ({} if labels is None else {"label": labels})
    table = pa.table(columns)
    if names is not None:
        note = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(note)})
    parquet.write_table(table, path, row_group_size=group)
    return path


def write(kind, path, files=FILES):
    writers = {"lmdb": write_lmdb, "tar": write_tar, "parquet": write_parquet, "zip": write_zip}
    return writers[kind](path, files)


@pytest.mark.parametrize("memory", [2.0, 0.0])
@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_read_in_memory_and_from_disk(tmp_path, kind, memory):
    path = write(kind, tmp_path / f"photos.{kind}")
    dataset = load_dataset(path, memory_gb=memory)
    assert (len(dataset), dataset.shape, dataset.labels) == (30, (3, 24, 20), None)
    order = RNG.permutation(30)
    assert np.array_equal(dataset.read(order), np.moveaxis(PIXELS, -1, 1)[order])
    assert any("read from disk" in note for note in dataset.notes) == (memory == 0)
    copy = pickle.loads(pickle.dumps(dataset))  # as workers that read ahead get it
    assert np.array_equal(copy.read(order[:3]), dataset.read(order[:3]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_share_is_held_out_and_both_parts_are_open_at_once(tmp_path, kind):
    path = write(kind, tmp_path / f"photos.{kind}", FILES | {f"1{k}": v for k, v in FILES.items()})
    options = {"holdout": 0.5, "memory_gb": 0.0}
    train, test = (load_dataset(path, split=split, **options) for split in ("train", "test"))
    assert (len(train), len(test)) == (30, 30)
    assert not set(train.files) & set(test.files)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: test.read(np.array([i])), range(15)))
    assert np.array_equal(np.concatenate(found), test.read(np.arange(15)))


@pytest.mark.parametrize("kind", KINDS)
def test_broken_pictures_are_named_and_left_out(tmp_path, kind):
    files = FILES | {"003": FILES["003"][:60], "007": b"", "011": b"no picture at all"}
    dataset = load_dataset(write(kind, tmp_path / f"photos.{kind}", files))
    assert len(dataset) == 27
    (note,) = [note for note in dataset.notes if "unreadable" in note]
    assert "3 files" in note
    nothing = write(kind, tmp_path / f"nothing.{kind}", {"a": b"", "b": b"GIF89a"})
    for memory in (0.0, 2.0):
        with pytest.raises(DataError, match="none of the 2 images tried can be read"):
            load_dataset(nothing, memory_gb=memory)


@pytest.mark.parametrize("kind", KINDS)
def test_another_file_is_another_fingerprint(tmp_path, kind):
    first, same = (write(kind, tmp_path / f"{name}.{kind}") for name in "ab")
    other = write(kind, tmp_path / f"c.{kind}", FILES | {"004": FILES["004"] + b"more"})
    digests = [load_dataset(path, memory_gb=0.0).fingerprint for path in (first, same, other)]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("kind", KINDS)
def test_files_that_are_none_end_in_one_line(tmp_path, kind):
    path = tmp_path / f"photos.{kind}"
    for damaged in (b"", b"PAR1", RNG.bytes(5000)):
        path.write_bytes(damaged)
        with pytest.raises(DataError) as failed:
            load_dataset(path)
        assert "\n" not in str(failed.value)
        assert str(path) in str(failed.value)
    assert is_packed(path)
    assert not is_packed(tmp_path / f"none.{kind}")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_in_it(tmp_path, kind):
    with pytest.raises(DataError, match=r"holds no (pictures|images).*(empty|no rows)"):
        load_dataset(write(kind, tmp_path / f"empty.{kind}", {}))


# LSUN


def test_lsun_as_it_is_published(tmp_path):
    """A database for each category and split, with JPEG or WebP under 40 digits."""
    for category in ("bedroom", "church_outdoor"):
        for split, count in (("train", 20), ("val", 5)):
            write_lmdb(tmp_path / f"{category}_{split}_lmdb", dict([*FILES.items()][:count]))
    write_lmdb(tmp_path / "test_lmdb", dict([*FILES.items()][:3]))
    train, test = (load_dataset(tmp_path, split=split) for split in ("train", "test"))
    assert train.class_names == test.class_names == ("bedroom", "church_outdoor")
    assert [len(train), len(test)] == [40, 10]
    assert train.labels.tolist() == [0] * 20 + [1] * 20
    assert "left out, of no split that is used: test_lmdb" in train.notes[0]
    one = load_dataset(tmp_path / "church_outdoor_train_lmdb")
    assert (len(one), one.labels) == (20, None)


def test_a_database_in_a_single_file_with_odd_keys(tmp_path):
    files = {"a/b": FILES["001"], "\udcff\n": FILES["002"]}
    dataset = load_dataset(write_lmdb(tmp_path / "x.lmdb", files, subdir=False), memory_gb=0.0)
    assert np.array_equal(dataset.read(np.arange(2))[0], np.moveaxis(PIXELS[1], -1, 0))


def test_a_database_that_was_cut_off_is_refused_before_it_is_read(tmp_path):
    path = write_lmdb(tmp_path / "x_lmdb")
    file = path / "data.mdb"
    file.write_bytes(file.read_bytes()[: 5 * 4096])
    with pytest.raises(DataError, match=r"cut off: data\.mdb has 20,480 of"):
        load_dataset(path)


# tar


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_packed_folder_has_its_splits_and_classes(tmp_path, kind):
    files = {
        f"./pets/{split}/{('cat', 'dog')[i % 2]}/{i}.webp": FILES[f"{i:03d}"]
        for split, some in (("train", range(20)), ("test", range(20, 30)))
        for i in some
    }
    files |= {
        "./pets/.hidden.png": b"",
        "./pets/__MACOSX/train/cat/._1.png": b"",
        "./pets/a.txt": b"",
    }
    path = write(kind, tmp_path / f"pets.{kind}", files)
    train, test = (load_dataset(path, split=split) for split in ("train", "test"))
    assert (len(train), len(test)) == (20, 10)
    assert train.class_names == test.class_names == ("cat", "dog")
    assert np.bincount(train.labels).tolist() == [10, 10]


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_names_in_an_archive_are_those_after_unpacking(tmp_path, kind):
    names = ["/home/me/cat/1.webp", "./home/me/cat/2.webp", "//home/me/dog/1.webp"]
    files = {**dict(zip(names, FILES.values(), strict=False)), "../cat/9.webp": FILES["009"]}
    dataset = load_dataset(write(kind, tmp_path / f"pets.{kind}", files))
    assert dataset.files == ("home/me/cat/1.webp", "home/me/cat/2.webp", "home/me/dog/1.webp")
    assert (dataset.class_names, dataset.labels.tolist()) == (("cat", "dog"), [0, 0, 1])
    assert any("1 name that is hidden or a system's (../cat/9.webp)" in n for n in dataset.notes)


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_of_one_name_in_an_archive_the_last_is_read_and_it_is_said(tmp_path, kind):
    path = tmp_path / f"pets.{kind}"
    files = {"1.webp": FILES["000"], "/1.webp": FILES["001"], "2.webp": FILES["002"]}
    dataset = load_dataset(write(kind, path, files))
    read = dataset.read(np.arange(2)).transpose(0, 2, 3, 1)
    assert np.array_equal(read, PIXELS[1:3])
    assert dataset.notes == ("left out: 1 picture of a name that comes again (1.webp)",)


def test_webdataset_shards(tmp_path):
    for part in range(3):
        files = {}
        for i in range(part * 10, part * 10 + 10):
            files |= {f"{i:06d}.left.webp": FILES[f"{i:03d}"], f"{i:06d}.json": b"{}"}
            files |= {f"{i:06d}.cls": f"{i % 3}\n".encode()} if i != 4 else {}
        write_tar(tmp_path / f"birds-{part:06d}.tar", files)
    dataset = load_dataset(tmp_path)
    assert len(dataset) == 29
    assert dataset.class_names == ("0", "1", "2")
    assert dataset.labels[:6].tolist() == [0, 1, 2, 0, 2, 0]
    assert any("left out, without one: 1 pictures" in note for note in dataset.notes)


def test_a_tar_file_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path):
    path = write_tar(tmp_path / "x.tar")
    path.write_bytes(path.read_bytes()[: 20 * 2048 + 700])
    dataset = load_dataset(path)
    assert 0 < len(dataset) < 30
    assert any("damaged after" in note or "unreadable" in note for note in dataset.notes)


def test_a_compressed_tar_file_and_links_in_one(tmp_path):
    packed = tmp_path / "x.tar"
    with tarfile.open(packed, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("a.png"))
    with pytest.raises(DataError, match="compressed one has to be unpacked"):
        load_dataset(packed)
    with tarfile.open(packed, "w") as tar:
        link = tarfile.TarInfo("passwords.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(DataError, match="no images"):
        load_dataset(packed)


# zip


def stylegan(labels, folder=""):
    """A data set as StyleGAN's tools write it."""
    names = [f"{i // 8:05d}/img{i:08d}.webp" for i in range(30)]
    given = None if labels is None else [[n, c] for n, c in zip(names, labels, strict=False)]
    files = {folder + name: FILES[f"{i:03d}"] for i, name in enumerate(names)}
    return files | {f"{folder}dataset.json": json.dumps({"labels": given}).encode()}


@pytest.mark.parametrize("folder", ["", "faces-64/"])
def test_a_data_set_of_stylegan_has_the_labels_of_its_json(tmp_path, folder):
    files = stylegan([i % 3 for i in range(30)], folder)
    path = write_zip(tmp_path / "faces.zip", files, method=zipfile.ZIP_STORED)
    dataset = load_dataset(path)
    assert dataset.class_names == ("0", "1", "2")
    assert dataset.labels.tolist() == [i % 3 for i in range(30)]
    assert dataset.notes == (f"labels are read from {folder}dataset.json",)
    some = load_dataset(write_zip(path, stylegan([0, 1] * 10, folder)))
    assert (len(some), some.class_names) == (20, ("0", "1"))
    none = load_dataset(write_zip(path, stylegan(None, folder)))
    assert (len(none), none.labels) == (30, None)  # and its folders are no classes


def test_a_json_that_lists_what_is_not_there_or_is_damaged(tmp_path):
    files = stylegan([i % 3 for i in range(30)])
    del files["00000/img00000003.webp"]
    path = tmp_path / "faces.zip"
    told = load_dataset(write_zip(path, files)).notes
    assert any("listed in dataset.json and not there: 1 file (00000/img00000003" in n for n in told)
    for damaged in (b"{", b"\xff", b"[]", b'{"labels": [["a.webp", [0.5]]]}'):
        write_zip(path, files | {"dataset.json": damaged})
        with pytest.raises(DataError, match=r"dataset\.json") as failed:
            load_dataset(path)
        assert "\n" not in str(failed.value)


def test_a_zip_archive_of_windows_in_several_parts(tmp_path):
    for part in range(2):
        files = {f"photos\\{i % 2}\\{part}{i}.webp": FILES[f"{i:03d}"] for i in range(10)}
        write_zip(tmp_path / f"photos-{part}.zip", files)
    dataset = load_dataset(tmp_path)
    assert (len(dataset), dataset.labels) == (20, None)
    assert load_dataset(tmp_path / "photos-0.zip").class_names == ("0", "1")


def test_a_zip_archive_with_damage_inside_names_the_picture(tmp_path):
    files = {f"{name}.webp": file for name, file in FILES.items()}
    path = write_zip(tmp_path / "x.zip", files)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        content[archive.getinfo("004.webp").header_offset + 200] ^= 255
    path.write_bytes(content)
    dataset = load_dataset(path)
    assert len(dataset) == 29
    assert any("unreadable" in note and "004.webp" in note for note in dataset.notes)


def test_an_encrypted_zip_archive_is_refused(tmp_path):
    path = write_zip(tmp_path / "x.zip", {"a.webp": FILES["001"]})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1  # the flag of the only entry of the directory
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"is encrypted: unpack it with its password"):
        load_dataset(path)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("gankit.data.zip_store.HARMLESS", 1_000_000)
    path = write_zip(tmp_path / "x.zip", {f"{i}.bmp": bytes(500_000) for i in range(3)})
    with pytest.raises(DataError, match=r"is a zip bomb: its .* bytes claim to be 1,500,000"):
        load_dataset(path)
    one = write_zip(tmp_path / "y.zip", {"a.webp": FILES["001"], "b.webp": FILES["002"]})
    content = bytearray(one.read_bytes())
    last = content.rindex(b"PK\1\2")
    content[last + 42 : last + 46] = bytes(4)  # both entries begin with the first one's bytes
    one.write_bytes(content)
    with pytest.raises(DataError, match=r"is a zip bomb"):
        load_dataset(one)


def test_a_picture_in_a_zip_archive_is_never_larger_than_it_says(tmp_path):
    path = write_zip(tmp_path / "x.zip", FILES)
    content = bytearray(path.read_bytes())
    first = content.index(b"PK\1\2")
    content[first + 24 : first + 28] = (10).to_bytes(4, "little")
    path.write_bytes(content)
    assert len(load_dataset(path)) == 29


# Parquet


def test_hugging_face_files_with_class_names_and_splits(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    names = ["cat", "dog", "yak"]
    some = [*FILES.items()]
    for part in range(2):
        files = dict(some[part * 10 : part * 10 + 10])
        path = folder / f"train-{part:05d}-of-00002.parquet"
        write_parquet(path, files, [i % 2 for i in range(10)], names)
    write_parquet(folder / "validation-00000-of-00001.parquet", dict(some[20:25]), [1] * 5, names)
    write_parquet(folder / "test-00000-of-00001.parquet", dict(some[20:30]), [1] * 10, names)
    (tmp_path / "README.md").write_text("a card")
    train, test = (load_dataset(tmp_path, split=split) for split in ("train", "test"))
    assert train.class_names == test.class_names == ("cat", "dog", "yak")
    assert (len(train), len(test)) == (20, 10)
    assert test.labels.tolist() == [1] * 10


@pytest.mark.parametrize(
    ("labels", "names", "left"),
    [
        (["b", "a"] * 15, ("a", "b"), 30),
        ([10, 9] * 15, ("9", "10"), 30),
        ([-1, 1, None] * 10, ("1",), 10),
        ([0.5] * 30, (), 30),
    ],
)
def test_labels_of_each_kind(tmp_path, labels, names, left):
    dataset = load_dataset(write_parquet(tmp_path / "x.parquet", labels=labels))
    assert dataset.class_names == names
    assert len(dataset) == left


def test_what_a_parquet_file_lacks_is_said(tmp_path, monkeypatch):
    path = write_parquet(tmp_path / "x.parquet", column="question")
    with pytest.raises(DataError, match=r"no column of pictures.*it has question"):
        load_dataset(path)
    path = write_parquet(path)
    monkeypatch.setattr("gankit.data.parquet_store.MOST_IN_A_GROUP", 1000)
    with pytest.raises(DataError, match=r"groups of rows.*row_group_size=100"):
        load_dataset(path)


# All of them


@pytest.mark.parametrize(
    ("kind", "extra"), [("lmdb", "lsun"), ("parquet", "parquet")], ids=["lmdb", "parquet"]
)
def test_a_missing_package_is_one_line(tmp_path, monkeypatch, kind, extra):
    from gankit.errors import MissingExtraError

    path = write(kind, tmp_path / f"x.{kind}")
    module = {"lmdb": "lmdb", "parquet": "pyarrow.parquet"}[kind]
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'gankit\[{extra}\]'"):
        load_dataset(path)


@pytest.mark.parametrize("where", [".", "cats/young"])
def test_pictures_in_a_folder_come_first(tmp_path, where):
    write_tar(tmp_path / "backup.tar")
    (tmp_path / "notes.txt").write_text("a line")
    assert is_packed(tmp_path)
    (tmp_path / where).mkdir(parents=True, exist_ok=True)
    (tmp_path / where / "1.webp").write_bytes(FILES["001"])
    assert not is_packed(tmp_path)
    assert len(load_dataset(tmp_path)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_start_lists_the_pictures_once(tmp_path, monkeypatch, kind):
    from gankit.data import packed

    path = write(kind, tmp_path / f"photos.{kind}")
    suffix = f".{kind}"
    own, listed = packed.INDEXES[suffix], []
    counted = lambda shards, split: listed.append(shards) or own(shards, split)  # noqa: E731
    monkeypatch.setitem(packed.INDEXES, suffix, counted)
    found = [len(read) for read in (glance(DataConfig(source=str(path))), load_dataset(path))]
    assert (found, len(listed)) == ([30, 30], 1)
    path.rename(tmp_path / "moved")
    write(kind, path, dict([*FILES.items()][:25]))
    assert (len(load_dataset(path)), len(listed)) == (25, 2)


def test_parts_by_their_names(tmp_path):
    for name in ("faces-train-0.tar", "faces-train-1.tar", "faces-val.tar", "extra.tar"):
        write_tar(tmp_path / name, {})
    parts = find_parts(tmp_path)
    assert [path.name for path in parts.train] == ["faces-train-0.tar", "faces-train-1.tar"]
    assert [path.name for path in parts.test] == ["faces-val.tar"]
    assert parts.others == ("extra.tar",)
