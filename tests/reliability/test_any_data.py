"""Any folder, archive or picture is read as an independent reader reads it, or refused in one line.

`GANKIT_EXAMPLES=2000` tries more of them, and other ones each time.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import tempfile
import tracemalloc
import zipfile
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image, features

from gankit.data import load_dataset
from gankit.errors import DataError

from ..data.test_packed import write_parquet, write_tar

MORE = os.environ.get("GANKIT_EXAMPLES")
EXAMPLES = int(MORE or 60)
BOUNDED = settings(
    max_examples=EXAMPLES, derandomize=MORE is None, deadline=None, database=None, print_blob=True
)
SIDE = 16
pytestmark = pytest.mark.slow


@contextmanager
def empty_folder():
    """A folder of its own for each example: pytest's is one for all of them."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def read(source, **options):
    """Return the data set, or None if it is refused in one short line that names it."""
    try:
        dataset = load_dataset(source, **options)
    except DataError as error:
        said = str(error)
        assert "\n" not in said
        assert len(said) < 1000
        return None
    examples = dataset.read(np.arange(len(dataset)))
    assert len(examples) == len(dataset) > 0
    assert examples.shape[1:] == dataset.shape
    if dataset.class_names:
        assert len(dataset.labels) == len(dataset)
        assert set(dataset.labels.tolist()) <= set(range(len(dataset.class_names)))
    assert not any("\n" in note for note in dataset.notes)
    return dataset


# Pictures

FORMATS = {
    ".png": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    ".bmp": ("1", "L", "P", "RGB"),
    ".tif": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"),
    ".gif": ("1", "L", "P", "RGB"),
    ".ppm": ("1", "L", "RGB"),
    ".pgm": ("L", "I;16"),
    ".tga": ("L", "LA", "RGB", "RGBA"),
    ".jpg": ("L", "RGB", "CMYK"),
    ".webp": ("RGB", "RGBA"),
    ".jp2": ("L", "LA", "RGB", "RGBA"),
    **({".avif": ("RGB",)} if features.check("avif") else {}),
}
LOSSY = (".jpg", ".avif")
ORIENTED = (".png", ".jpg", ".webp", ".tif")
OPTIONS = {
    ".jpg": {"quality": 98},
    ".avif": {"quality": 100},
    ".webp": {"lossless": True, "exact": True},
    ".jp2": {"irreversible": False},
}


def picture(mode, height, width, seed):
    """Random pixels, smooth enough for lossy formats, in any mode."""
    coarse = np.random.default_rng(seed).integers(0, 256, (2, 2, 4), np.uint8)
    smooth = Image.fromarray(coarse, "RGBA").resize((width, height), Image.Resampling.BILINEAR)
    if mode == "I;16":
        return Image.fromarray(np.asarray(smooth.convert("L")).astype(np.uint16) * 257)
    if mode == "F":
        return Image.fromarray(np.asarray(smooth.convert("L"), np.float32) / 255)
    return smooth.convert(mode) if mode in ("RGBA", "LA") else smooth.convert("RGB").convert(mode)


def as_seen(path):
    """What Pillow shows of a file without an orientation: numbers [H, W, 3], over white."""
    with Image.open(path) as image:
        image.load()
        if image.mode == "F":
            return np.repeat(np.rint(np.asarray(image) * 255)[..., None], 3, 2)
        if image.mode.startswith("I"):
            return np.repeat(np.asarray(image)[..., None] / 257, 3, 2)
        if not image.has_transparency_data:
            return np.asarray(image.convert("RGB"))
        seen = image.convert("RGBA")
        white = Image.new("RGBA", seen.size, "white")
        return np.asarray(Image.alpha_composite(white, seen).convert("RGB"))


TURNED = {
    1: lambda seen: seen,
    2: lambda seen: seen[:, ::-1],
    3: lambda seen: seen[::-1, ::-1],
    4: lambda seen: seen[::-1],
    5: lambda seen: seen.swapaxes(0, 1),
    6: lambda seen: np.rot90(seen, -1),
    7: lambda seen: seen[::-1, ::-1].swapaxes(0, 1),
    8: lambda seen: np.rot90(seen, 1),
}
"""What each EXIF orientation asks a viewer to do."""


@st.composite
def pictures(draw):
    suffix = draw(st.sampled_from(sorted(FORMATS)))
    return (
        suffix,
        draw(st.sampled_from(FORMATS[suffix])),
        draw(st.integers(1, 40)),
        draw(st.integers(1, 40)),
        draw(st.integers(0, 2**32 - 1)),
        draw(st.integers(1, 8)) if suffix in ORIENTED else 1,
    )


def write(folder, drawn, name="picture"):
    suffix, mode, height, width, seed, orientation = drawn
    path = folder / f"{name}{suffix}"
    options = dict(OPTIONS.get(suffix, {}))
    if orientation > 1:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    picture(mode, height, width, seed).save(path, **options)
    return path


@BOUNDED
@given(pictures())
def test_any_picture_is_read_as_it_is_seen(drawn):
    suffix, mode, *plain, orientation = drawn
    with empty_folder() as folder:
        (folder / "photos").mkdir()
        write(folder / "photos", drawn)
        seen = TURNED[orientation](as_seen(write(folder, (suffix, mode, *plain, 1))))
        size = (max(8, seen.shape[0]), max(8, seen.shape[1]))
        values = {"I;16": (0, 65535), "F": (0, 1)}.get(mode, "own")
        found = read(folder / "photos", size=size, channels="rgb", values=values)
        if size == seen.shape[:2]:
            wrong = np.abs(found.read(np.array([0]))[0].transpose(1, 2, 0) - seen.astype(float))
            assert wrong.max() <= (2 if suffix in LOSSY else 1)


@BOUNDED
@given(pictures())
def test_any_picture_keeps_its_opacity_if_asked(drawn):
    suffix, mode, height, width, seed, orientation = drawn
    with empty_folder() as folder:
        (folder / "photos").mkdir()
        write(folder / "photos", drawn)
        with Image.open(write(folder, (suffix, mode, height, width, seed, 1))) as image:
            opacity = np.asarray(image.convert("RGBA"))[..., 3].astype(float)
            if mode in ("I;16", "F") or not image.has_transparency_data:
                opacity[:] = 255
        opacity = TURNED[orientation](opacity)
        size = (max(8, opacity.shape[0]), max(8, opacity.shape[1]))
        found = read(folder / "photos", size=size, channels="rgba")
        assert found.shape == (4, *size)
        pixels = found.read(np.array([0]))[0]
        assert (pixels[:3] <= pixels[3:]).all()
        if size == opacity.shape:
            assert np.abs(pixels[3] - opacity).max() <= (2 if suffix in LOSSY else 1)


@BOUNDED
@given(
    st.integers(1, 5),
    st.sampled_from(["L", "LA", "RGB", "RGBA", "CMYK", "I;16", "F"]),
    st.integers(8, 24),
    st.integers(8, 24),
    st.integers(0, 2**32 - 1),
)
def test_every_band_of_every_page_is_read(pages, mode, height, width, seed):
    with empty_folder() as folder:
        first, *rest = (picture(mode, height, width, seed + page) for page in range(pages))
        first.save(folder / "x.tif", save_all=True, append_images=rest)
        values = {"I;16": (0, 65535), "F": (0, 1)}.get(mode, "own")
        count = pages * (1 if mode in ("I;16", "F") else len(first.getbands()))
        found = read(folder, channels="bands", size=(height, width), values=values)
        if found is None:
            assert count > 16
            return
        scale = {"I;16": 1 / 257, "F": 255}.get(mode, 1)
        wanted = np.concatenate(
            [np.atleast_3d(np.asarray(page) * scale).transpose(2, 0, 1) for page in (first, *rest)]
        )
        assert found.shape == wanted.shape == (count, height, width)
        assert np.abs(found.read(np.array([0]))[0] - wanted).max() <= 1


@BOUNDED
@given(st.integers(0, 255), st.integers(1, 3000), st.integers(1, 3000))
def test_a_plain_picture_of_any_size_stays_plain(grey, height, width):
    assume(height * width <= 300_000)
    with empty_folder() as folder:
        Image.new("RGB", (width, height), (grey,) * 3).save(folder / "plain.png")
        for fit in ("crop", "stretch"):
            found = read(folder, size=(8, 24), fit=fit).read(np.array([0]))
            assert np.abs(found.astype(int) - grey).max() <= 1


def damaged(content, draw):
    """The bytes cut short, with some of them changed, or both."""
    place = draw(st.integers(0, max(0, len(content) - 1)))
    kind = draw(st.sampled_from(["cut", "flip", "fill", "insert"]))
    if kind == "cut":
        return content[:place]
    if kind == "flip":
        return content[:place] + bytes([content[place] ^ draw(st.integers(1, 255))]) + content[
            place + 1 :
        ]  # fmt: skip
    filling = draw(st.binary(min_size=1, max_size=8))
    return content[:place] + filling + content[place + (len(filling) if kind == "fill" else 0) :]


@BOUNDED
@given(st.data(), pictures(), st.sampled_from([*sorted(FORMATS), ".heic", ".TGA", ".jpe"]))
def test_a_damaged_picture_is_left_out_and_the_others_stay(data, drawn, suffix):
    with empty_folder() as folder:
        (folder / "bad").mkdir()
        path = write(folder / "bad", drawn)
        content = damaged(path.read_bytes(), data.draw)
        path.unlink()
        (folder / "bad" / f"picture{suffix}").write_bytes(content)
        Image.new("L", (SIDE, SIDE), 200).save(folder / "good.png")
        found = read(folder, size=SIDE, values=None)
        assert found is not None
        first = found.read(np.array([len(found) - 1]))
        assert np.abs(first.astype(int) - 200).max() <= 1


# Folders

PLAIN = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/\0"),
    min_size=1,
    max_size=12,
).filter(lambda name: not name.startswith(".") and len(name.encode()) < 60)
TELLING = (
    "train", "Train_Set", "TRAINING", "test", "Testing", "val", "valid_2017", "dev", "fold1",
    "fold2", "mnist_train", "mnist_test", "trainA", "trainB", "images", "masks", "labels",
    "@eaDir", "Thumbs", ".hidden", "$RECYCLE.BIN", "cat", "dog", "007", "07", "7", "10", "2",
    "__MACOSX", "Thumbs.db", "a\nb", "tab\t", "caf\udce9", "\u202egpj", "\x1b[31m",
    " ", "a b", "it's", '"', "ß", "日本", "x.png", "samples", "checkpoints", "run.json", "-", "~",
)  # fmt: skip
PASSED = {"@eadir", "thumbs", ".hidden", "$recycle.bin", "__macosx", "thumbs.db"}
SUFFIXES = st.sampled_from([".png", ".PNG", ".Png", ".jpg", ".JPEG"])
"""Of files that hold a PNG: the first bytes decide."""
NAMES = st.sampled_from(TELLING) | PLAIN


def save(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (SIDE, SIDE), value).save(path, format="PNG")


def natural(name):
    """An order of its own: numbers by their value."""
    parts = re.split("([0-9]+)", name)
    return [(int(part), "") if i % 2 else (0, part) for i, part in enumerate(parts)]


def values(dataset):
    return dataset.read(np.arange(len(dataset)))[:, 0, 0, 0].tolist()


def by_class(dataset):
    """The values of each class by its name, or all of them under None."""
    if dataset.labels is None:
        return {None: sorted(values(dataset))}
    found = {name: [] for name in dataset.class_names}
    for label, value in zip(dataset.labels, values(dataset), strict=True):
        found[dataset.class_names[label]].append(value)
    return {name: sorted(each) for name, each in found.items()}


def zipped(content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("inner.zip", content)
    return file.getvalue()


def deepest(top):
    """Return a folder that holds pictures, as far below `top` as there is one."""
    holding = (Path(at) for at, _, files in os.walk(top) if any(f.endswith(".png") for f in files))
    return max(holding, key=lambda folder: len(folder.parts))


CLUTTER = {
    "hidden": lambda top: save(top / ".hidden.png", 0),
    "thumbnails": lambda top: save(top / "@eaDir" / "1.jpg" / "SYNOPHOTO_THUMB_M.jpg", 0),
    "dangling": lambda top: (top / "gone.png").symlink_to(top / "nowhere.png"),
    "itself": lambda top: (top / "self.png").symlink_to(top / "self.png"),
    "circle": lambda top: (top / "circle").symlink_to(top, target_is_directory=True),
    "empty": lambda top: (top / "an empty folder").mkdir(),
    "text": lambda top: (top / "notes.txt").write_text("x"),
    "pipe": lambda top: os.mkfifo(top / "pipe.png"),
    "no bytes": lambda top: (deepest(top) / "none.png").write_bytes(b""),  # a loose one counts
    "zip in a zip": lambda top: (top / "all.zip").write_bytes(zipped(zipped(b"x"))),
    "not a table": lambda top: (top / "sizes.csv").write_text("a,b\n1,2\n"),
}
if not hasattr(os, "mkfifo"):
    del CLUTTER["pipe"]


def says_nothing(name):
    """Return whether a folder's name has none of the words that mean something."""
    words = "train|trn|test|tst|val|dev|eval|hold|held|fold|thumb|recycle|lost|system"
    return re.search(words, name, re.IGNORECASE) is None


@BOUNDED
@given(
    st.lists(PLAIN.filter(says_nothing), min_size=2, max_size=5, unique_by=str.casefold),
    st.lists(PLAIN, min_size=1, max_size=4, unique_by=str.casefold),
    st.sampled_from(["classes", "flat", "nested", "splits", "splits within"]),
    st.sets(st.sampled_from(sorted(CLUTTER))),
    st.sampled_from([("train", "test"), ("TRAINING", "Val"), ("images_train", "images_valid")]),
)
def test_any_names_and_any_clutter(classes, files, layout, clutter, splits):
    trained, tested = splits
    places = {
        "classes": ["{name}"],
        "flat": ["."],
        "nested": ["a single folder/one more/{name}"],
        "splits": [f"{trained}/{{name}}", f"{tested}/{{name}}"],
        "splits within": [f"{{name}}/{trained}", f"{{name}}/{tested}"],
    }[layout]
    classes = classes[:1] if layout == "flat" else classes
    with empty_folder() as folder:
        wanted = [{} for _ in places]
        value = 0
        for part, place in enumerate(places):
            for name in classes:
                for file in files:
                    save(folder / place.format(name=name) / f"{file}.png", value := value + 1)
                    kind = None if layout == "flat" else name
                    wanted[part].setdefault(kind, []).append(value)
        for kind in sorted(clutter):
            CLUTTER[kind](folder)
        dataset = read(folder)
        assert by_class(dataset) == wanted[0]
        assert list(dataset.class_names) == sorted(
            dataset.class_names, key=lambda name: (natural(name), name)
        )
        if len(places) == 2:
            assert by_class(read(folder, split="test")) == wanted[1]


@BOUNDED
@given(
    st.dictionaries(
        st.lists(NAMES, max_size=4).map(tuple),
        st.lists(SUFFIXES, min_size=1, max_size=3),
        max_size=8,
    ),
    st.lists(st.tuples(NAMES, st.integers(0, 7), st.integers(0, 4)), max_size=2),
)
def test_any_tree_is_read_by_its_names_or_refused(tree, links):
    with empty_folder() as folder:
        value, parts = 0, {}
        for names, suffixes in tree.items():
            for suffix in suffixes:
                try:
                    save(folder.joinpath(*names, f"{value}{suffix}"), value + 1)
                except OSError:  # a file of that name is there
                    break
                value += 1
                parts[value] = names
        for name, place, depth in links:  # of a folder that lies elsewhere, or above
            target = folder.joinpath(*[*[*tree, ()][place % (len(tree) + 1)]][:depth])
            with suppress(OSError):
                (folder / name).symlink_to(target, target_is_directory=True)
        found = {split: read(folder, split=split) for split in ("train", "test")}
        for each in filter(None, found.values()):
            assert len(set(values(each))) == len(each)  # links are followed once
        seen = {split: set(values(each)) for split, each in found.items() if each is not None}
        assert len(seen) < 2 or not seen["train"] & seen["test"]
        for dataset in filter(None, found.values()):
            for name, each in by_class(dataset).items():
                for number in each:
                    assert links or not {part.lower() for part in parts[number]} & PASSED
                    linked = {link for link, _, _ in links}
                    assert name is None or name in parts[number] or name in linked


CELL = st.text(st.characters(exclude_categories=("Cs",)), max_size=8) | st.just("x" * 5000)


@BOUNDED
@given(
    st.lists(PLAIN, min_size=2, max_size=6, unique_by=str.casefold),
    st.data(),
    st.sampled_from(["file,label", "Path;Class Name", "\ufefffilename\tcategory", "json"]),
)
def test_any_table_that_is_right_decides_the_classes(files, data, header):
    labels = data.draw(
        st.lists(
            st.sampled_from(["cat", "a, b", 'say "x"', "007", "7", "ß"]),
            min_size=len(files),
            max_size=len(files),
        )
    )
    rows = [(f"{file}.png", label) for file, label in zip(files, labels, strict=True)]
    with empty_folder() as folder:
        for value, (file, _) in enumerate(rows, 1):
            save(folder / file, value)
        if header == "json":
            (folder / "dataset.json").write_text(json.dumps({"labels": rows}))
        else:
            cut = re.search("[,;\t]", header)[0]
            quoted = [[cell.replace('"', '""') for cell in row] for row in rows]
            lines = [header, *(f'"{file}"{cut}"{label}"' for file, label in quoted)]
            content = data.draw(st.sampled_from(["\n", "\r\n"])).join(lines)
            (folder / "labels.csv").write_bytes(content.encode())
        wanted = {}
        for value, label in enumerate(labels, 1):
            wanted.setdefault(label, []).append(value)
        assert by_class(read(folder)) == wanted


@BOUNDED
@given(
    st.sampled_from(["labels.csv", "labels.tsv", "dataset.json"]),
    st.binary(max_size=60)
    | st.lists(st.lists(CELL, max_size=3).map(",".join), max_size=5).map(
        lambda lines: ("file,label\n" + "\n".join(lines)).encode()
    )
    | st.recursive(
        st.none() | st.integers() | st.floats() | st.sampled_from(["1.png", "", "x"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(CELL, inner, max_size=2),
        max_leaves=8,
    ).map(lambda labels: json.dumps({"labels": labels}).encode()),
)
def test_any_table_that_is_wrong_is_one_line(name, content):
    with empty_folder() as folder:
        for value in (1, 2):
            save(folder / f"{value}.png", value)
        (folder / name).write_bytes(content)
        found = read(folder)
        assert found is None or set(values(found)) <= {1, 2}


# Arrays

COUNT = 6
CHANNELS = (1, 2, 3, 4, 5, 16)
KINDS = (
    "u1",
    "i1",
    "u2",
    ">u2",
    "i4",
    "i8",
    "u8",
    "f2",
    "f4",
    "f8",
    "?",
    "c8",
    "U3",
    "S2",
    "O",
    "M8[s]",
)


def array(draw, first):
    """An array of any type and shape, its first axis often `first`."""
    kind = np.dtype(draw(st.sampled_from(KINDS)))
    shape = (draw(st.sampled_from([first, first, 1, 0])), *draw(
        st.lists(st.sampled_from([1, 2, 3, 4, 8]), max_size=3)
    ))  # fmt: skip
    seed, top = draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([0, 1, 2, 255, 2**40]))
    numbers = np.random.default_rng(seed).integers(
        -top if draw(st.booleans()) else 0, top + 1, shape
    )
    with np.errstate(all="ignore"):
        return numbers.astype(kind)


@BOUNDED
@given(st.data())
def test_any_archive_is_read_or_refused(data):
    names = [
        f"{split}{name}"
        for split in ("", "test_", "train_", "val_", "x_")
        for name in ("images", "points", "labels", "conditions", "train", "junk")
    ]
    chosen = data.draw(st.lists(st.sampled_from(names), max_size=4, unique=True))
    if data.draw(st.booleans()):
        chosen = ["images", *(name for name in chosen if name != "images")]
    arrays = {name: array(data.draw, COUNT) for name in chosen}
    with empty_folder() as folder:
        np.savez(folder / "set.npz", **arrays)
        for split in ("train", "test"):
            found = read(folder / "set.npz", split=split)
            if found is not None:
                numbers = found.read(np.arange(len(found)))
                assert numbers.dtype == (np.uint8 if numbers.ndim == 4 else np.float32)
                assert np.isfinite(numbers).all()
                assert found.labels is None or np.isfinite(found.labels).all()


@BOUNDED
@given(
    st.sampled_from([(), *((n,) for n in CHANNELS), *map(str, CHANNELS)]),
    st.sampled_from(["u1", "u2", "i4", "f4", "signed"]),
    st.lists(
        st.integers(0, 10**6) | st.sampled_from(["a", "10", "9", "é"]),
        min_size=COUNT,
        max_size=COUNT,
    ),
    st.sampled_from(["flat", "column", "floats"]),
    st.integers(0, 2**32 - 1),
)
def test_an_archive_holds_what_was_saved(channels, kind, labels, form, seed):
    if len({type(label) for label in labels}) > 1:
        labels = [str(label) for label in labels]
    first = isinstance(channels, str)
    count = int(channels) if first else (*channels, 1)[0]
    sides = (5, 7) if count in (1, 3) else (17, 19)  # else either axis may be the channels
    planes = np.random.default_rng(seed).integers(0, 256, (COUNT, count, *sides))
    planes[0, 0, 0, :2] = 0, 255
    stored = planes if first else planes.transpose(0, 2, 3, 1) if channels else planes[:, 0]
    images = {
        "u1": lambda: stored.astype(np.uint8),
        "u2": lambda: stored.astype(np.uint16) * 257,
        "i4": lambda: stored.astype(np.int32) * 16 - 1000,
        "f4": lambda: stored.astype(np.float32) / 255,
        "signed": lambda: stored / 127.5 - 1,
    }[kind]()
    told = np.array(labels)
    given_labels = told[:, None] if form == "column" else told
    if form == "floats" and told.dtype.kind == "i":
        given_labels = told.astype(float)
    with empty_folder() as folder:
        np.savez(folder / "set.npz", images=images, labels=given_labels)
        found = read(folder / "set.npz")
    assert np.array_equal(found.read(np.arange(COUNT)), planes)
    own = found.pixels.decode(found.read(np.arange(COUNT)) / np.float32(255))
    assert own.dtype == images.dtype
    back = stored if first else own.transpose(0, 2, 3, 1) if channels else own[:, 0]
    assert np.allclose(own if first else back, images, atol=1e-4)
    assert [found.class_names[label] for label in found.labels] == [str(label) for label in labels]
    assert list(found.class_names) == sorted(set(map(str, labels)), key=lambda n: (natural(n), n))


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return head + array.astype(np.uint8).tobytes()


@BOUNDED
@given(st.data(), st.sampled_from(["npz", "compressed", "idx", "idx.gz"]), st.integers(0, 255))
def test_a_damaged_file_is_refused_or_read_as_it_was(data, kind, seed):
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (COUNT, 8, 8)).astype(np.uint8)
    labels = np.arange(COUNT) % 3
    with empty_folder() as folder:
        if kind.startswith("idx"):
            pack = gzip.compress if kind.endswith("gz") else bytes
            end = ".gz" if kind.endswith("gz") else ""
            path = source = folder
            path = folder / f"train-images-idx3-ubyte{end}"
            path.write_bytes(pack(idx(images)))
            (folder / f"train-labels-idx1-ubyte{end}").write_bytes(pack(idx(labels)))
        else:
            path = source = folder / "set.npz"
            file = io.BytesIO()
            (np.savez if kind == "npz" else np.savez_compressed)(file, images=images, labels=labels)
            path.write_bytes(file.getvalue())
        path.write_bytes(damaged(path.read_bytes(), data.draw))
        tracemalloc.start()
        found = read(source)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 50e6
    if found is not None and kind != "idx":  # plain IDX has no checksum
        assert np.array_equal(found.read(np.arange(len(found)))[:, 0], images)


@BOUNDED
@given(st.data(), st.sampled_from(["tar", "parquet"]), st.booleans())
def test_damaged_packed_pictures_are_refused_or_left_out(data, kind, in_memory):
    files = {}
    for value in range(1, 5):
        file = io.BytesIO()
        Image.new("L", (SIDE, SIDE), value).save(file, "PNG")
        files[f"{value}.png"] = file.getvalue()
    with empty_folder() as folder:
        write = write_tar if kind == "tar" else write_parquet
        path = write(folder / f"set.{kind}", files)
        path.write_bytes(damaged(path.read_bytes(), data.draw))
        tracemalloc.start()
        found = read(path, memory_gb=float(in_memory))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 50e6
    assert found is None or len(found) <= 4


@pytest.mark.parametrize("kind", [np.save, np.savez])
def test_an_array_of_objects_is_not_unpickled(tmp_path, kind):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    with (tmp_path / "set.npz").open("wb") as file:
        kind(
            file,
            **(
                {"arr": np.array([Trap()], object)}
                if kind is np.save
                else {"images": np.array([Trap()], object)}
            ),
        )
    assert read(tmp_path / "set.npz") is None
    assert not (tmp_path / "sprung").exists()
