import numpy as np
import pytest
from PIL import Image

from gankit.data import ArrayDataset, load_dataset
from gankit.errors import DataError


def save(path, value=0, size=(16, 16), mode="L", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path, **options)


def values(dataset):
    """The first pixel of every picture: which file lies where."""
    return dataset.read(np.arange(len(dataset)))[:, 0, 0, 0].tolist()


def notes(dataset):
    return "\n".join(dataset.notes)


def test_pictures_come_in_the_order_of_their_paths(tmp_path):
    for value, name in enumerate(["b.png", "a/z.png", "c.png", "a/b/y.png", "a.png"]):
        save(tmp_path / name, value)
    dataset = load_dataset(str(tmp_path))
    assert isinstance(dataset, ArrayDataset)
    assert dataset.name == str(tmp_path)
    assert values(dataset) == [4, 3, 1, 0, 2]
    assert dataset.labels is None
    assert "without labels" in notes(dataset)


def test_sub_folders_are_classes_and_what_lies_deeper_belongs_to_them(tmp_path):
    names = ["dog/1.png", "cat/2.png", "cat/kitten/young/3.png", "bird/4.png"]
    for value, name in enumerate(names):
        save(tmp_path / name, value)
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("a")
    dataset = load_dataset(str(tmp_path))
    assert dataset.class_names == ("bird", "cat", "dog")
    assert dataset.labels.dtype == np.int64
    assert dataset.labels.tolist() == [0, 1, 1, 2]
    assert values(dataset) == [3, 1, 2, 0]


def test_a_few_loose_pictures_beside_classes_are_named_and_left_out(tmp_path):
    for index in range(24):
        save(tmp_path / "ab"[index % 2] / f"{index}.png", index)
    save(tmp_path / "loose.png")
    dataset = load_dataset(str(tmp_path))
    assert len(dataset) == 24
    assert dataset.class_names == ("a", "b")
    assert "loose.png" in notes(dataset)
    for index in range(3):
        save(tmp_path / f"more{index}.png")
    dataset = load_dataset(str(tmp_path))
    assert len(dataset) == 28
    assert dataset.labels is None


def test_one_sub_folder_is_no_class(tmp_path):
    save(tmp_path / "all" / "1.png")
    save(tmp_path / "all" / "2.png")
    assert load_dataset(str(tmp_path)).labels is None


def test_train_and_test_sub_folders_are_splits(tmp_path):
    for value, name in enumerate(
        ["train/a/1.png", "train/b/2.png", "test/a/3.png", "test/b/4.png"]
    ):
        save(tmp_path / name, value)
    train, test = load_dataset(str(tmp_path)), load_dataset(str(tmp_path), split="test")
    assert train.class_names == test.class_names == ("a", "b")
    assert (values(train), values(test)) == ([0, 1], [2, 3])


def test_without_them_there_is_no_test_split(tmp_path):
    save(tmp_path / "a.png")
    with pytest.raises(DataError, match="has no test split: put the pictures into"):
        load_dataset(str(tmp_path), split="test")


def test_hidden_files_are_passed_over(tmp_path):
    save(tmp_path / "a.png", 7)
    save(tmp_path / ".hidden.png")
    save(tmp_path / ".thumbnails" / "a.png")
    assert values(load_dataset(str(tmp_path))) == [7]


def test_loops_of_links_end(tmp_path):
    save(tmp_path / "photos" / "a.png")
    save(tmp_path / "elsewhere" / "b.png")
    (tmp_path / "photos" / "loop").symlink_to(tmp_path / "photos", target_is_directory=True)
    (tmp_path / "photos" / "more").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "photos" / "broken.png").symlink_to(tmp_path / "nowhere.png")
    assert len(load_dataset(str(tmp_path / "photos"))) == 2


def test_unreadable_files_are_counted_and_named(tmp_path):
    for index in range(3):
        save(tmp_path / f"good{index}.png", index)
    for index in range(7):
        (tmp_path / f"bad{index}.jpg").write_text("not a picture")
    dataset = load_dataset(str(tmp_path))
    assert values(dataset) == [0, 1, 2]
    assert "left out, unreadable: 7 files: bad0.jpg (not an image), bad1.jpg" in notes(dataset)
    assert "bad4.jpg (not an image) and 2 more" in notes(dataset)
    assert "bad5" not in notes(dataset)


@pytest.mark.parametrize("side", [64, 512])  # the large one is decoded at an eighth
@pytest.mark.parametrize("memory_gb", [2.0, 0.0])
def test_a_truncated_jpeg_is_not_half_a_picture(tmp_path, memory_gb, side):
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        Image.fromarray(noise).save(tmp_path / name)
    whole = (tmp_path / "b.jpg").read_bytes()
    (tmp_path / "b.jpg").write_bytes(whole[: len(whole) // 2])
    dataset = load_dataset(str(tmp_path), size=16, memory_gb=memory_gb)
    images = dataset.read(np.arange(len(dataset)))
    assert len({image.tobytes() for image in images}) == 1  # whole ones only
    if memory_gb:
        assert len(dataset) == 2
        assert "1 file: b.jpg (image file is truncated" in notes(dataset)
    else:
        assert dataset.unreadable == ("b.jpg",)


def test_labels_stay_with_their_pictures_when_files_are_left_out(tmp_path):
    for index in range(9):
        save(tmp_path / "abc"[index % 3] / f"{index}.png", index)
    (tmp_path / "a" / "0.png").write_text("")
    for name in ("b/1.png", "b/4.png", "b/7.png"):
        (tmp_path / name).write_text("")
    dataset = load_dataset(str(tmp_path))
    assert values(dataset) == [3, 6, 2, 5, 8]
    assert dataset.labels.tolist() == [0, 0, 2, 2, 2]
    assert dataset.class_names == ("a", "b", "c")
    assert "classes without a readable image: b" in notes(dataset)


def test_odd_file_names_make_no_odd_notes(tmp_path):
    save(tmp_path / "good.png")
    (tmp_path / "new\nline\udcff.png").write_text("not a picture")
    assert "new?line?.png" in notes(load_dataset(str(tmp_path)))


def test_other_files_are_counted(tmp_path):
    save(tmp_path / "good.png")
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "README").write_text("")
    assert "left out: 2 other files (.txt, no suffix)" in notes(load_dataset(str(tmp_path)))


def test_channels_follow_what_the_pictures_show(tmp_path):
    save(tmp_path / "a.png", 9)
    save(tmp_path / "b.png", (9, 9, 9), mode="RGB")
    save(tmp_path / "c.jpg", (80, 80, 80), mode="RGB")
    assert load_dataset(str(tmp_path)).shape == (1, 16, 16)
    assert load_dataset(str(tmp_path), channels="rgb").shape == (3, 16, 16)
    save(tmp_path / "d.png", (9, 9, 99), mode="RGB")
    assert load_dataset(str(tmp_path)).shape == (3, 16, 16)
    assert load_dataset(str(tmp_path), channels="grey").shape == (1, 16, 16)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(24, 40)] * 3, (40, 24)),
        ([(256, 16)] * 2, (16, 256)),
        ([(24, 40), (40, 24)], (64, 64)),
        ([(24, 40)] * 9 + [(40, 24)], (40, 24)),
        ([(300, 300)] * 2, (64, 64)),
        ([(15, 32)] * 2, (64, 64)),
    ],
)
def test_the_size_is_the_common_one_or_sixty_four(tmp_path, sizes, expected):
    for index, size in enumerate(sizes):
        save(tmp_path / f"{index}.png", size=size)
    dataset = load_dataset(str(tmp_path))
    assert dataset.shape == (1, *expected)
    assert ("read at 64 x 64" in notes(dataset)) == (expected == (64, 64))
    assert load_dataset(str(tmp_path), size=(20, 30)).shape == (1, 20, 30)


def test_the_fingerprint_follows_files_and_options(tmp_path):
    def fingerprint(**options):
        return load_dataset(str(tmp_path), **options).fingerprint

    save(tmp_path / "a.png", 1)
    save(tmp_path / "b.bmp", 2)
    first = fingerprint()
    assert len(first) == 16
    assert first == fingerprint() == fingerprint(memory_gb=0)
    others = [fingerprint(size=32), fingerprint(channels="rgb"), fingerprint(fit="stretch")]
    save(tmp_path / "b.bmp", 2, size=(16, 18))
    others.append(fingerprint(size=16))
    (tmp_path / "b.bmp").rename(tmp_path / "c.bmp")
    others.append(fingerprint(size=16))
    (tmp_path / "c.bmp").write_text("no picture any more")
    others.append(fingerprint(size=16))
    assert len({first, *others}) == 7
    # One leaves the damaged file out and the other has a stand-in: not the same examples.
    assert fingerprint(size=16) != fingerprint(size=16, memory_gb=0)


def test_a_pattern_picks_files(tmp_path, monkeypatch):
    for value, name in enumerate(["1.png", "2.bmp", "3.png", "sub/4.png"]):
        save(tmp_path / "photos" / name, value)
    monkeypatch.chdir(tmp_path)
    assert values(load_dataset("photos/*.png")) == [0, 2]
    assert values(load_dataset("./photos/**/*.png")) == [0, 2, 3]
    monkeypatch.setenv("PHOTOS", str(tmp_path / "photos"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert values(load_dataset("$PHOTOS/*.bmp")) == [1]
    assert values(load_dataset("~/photos/*.bmp")) == [1]
    assert values(load_dataset("~/photos")) == [0, 1, 2, 3]
    with pytest.raises(DataError, match=r"data pattern 'photos/\*.jpg' holds no images"):
        load_dataset("photos/*.jpg")


def test_sub_folders_of_a_pattern_are_classes(tmp_path):
    for name in ("cat/1.png", "dog/2.png"):
        save(tmp_path / name)
    assert load_dataset(f"{tmp_path}/*/*.png").class_names == ("cat", "dog")


def test_a_folder_whose_name_looks_like_a_pattern(tmp_path):
    save(tmp_path / "set[1]" / "a.png", 5)
    assert values(load_dataset(str(tmp_path / "set[1]"))) == [5]


@pytest.mark.parametrize("name", ["set[1]", "photos [2024]", "photos[2024]", "a*b", "what?"])
def test_patterns_in_a_folder_whose_name_looks_like_one(tmp_path, monkeypatch, name):
    for value in range(3):
        save(tmp_path / name / "in" / f"{value}.png", value)
    monkeypatch.chdir(tmp_path)
    for source in (f"{name}/in/*.png", f"./{name}/**/*.png", f"{tmp_path}/{name}/*/[01].png"):
        assert values(load_dataset(source)) == ([0, 1] if "[01]" in source else [0, 1, 2])
    monkeypatch.chdir(tmp_path / name)
    assert values(load_dataset("*/*.png")) == [0, 1, 2]


def test_a_name_that_is_literally_in_the_pattern(tmp_path):
    save(tmp_path / "a" / "x[1].png", 1)
    assert values(load_dataset(f"{tmp_path}/*/x[1].png")) == [1]
    save(tmp_path / "b" / "x1.png", 2)
    assert values(load_dataset(f"{tmp_path}/*/x[1].png")) == [1, 2]


def test_a_pattern_sees_what_a_shell_sees(tmp_path):
    for value, name in enumerate(["a.png", ".h.png", ".d/b.png", "d/c.png", "d/e/f.png"]):
        save(tmp_path / name, value)
    found = {
        "*.png": [0], ".*.png": [1], ".d/*.png": [2], "*/*.png": [3], "**/*.png": [0, 3, 4],
        "**": [0, 3, 4], "d/**/f.png": [4], "**/e/*": [4], "[a-c].png": [0], "?.png": [0],
        "d/**/**/*.png": [3, 4],
    }  # fmt: skip
    for pattern, expected in found.items():
        assert sorted(values(load_dataset(f"{tmp_path}/{pattern}"))) == expected, pattern


def test_a_pattern_in_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"there is no folder '.*nowhere'"):
        load_dataset(f"{tmp_path}/nowhere/*.png")


@pytest.mark.parametrize("pattern", ["", "/*.png", "/**/*.png"])
def test_the_fingerprint_is_the_same_however_the_path_is_written(tmp_path, monkeypatch, pattern):
    for value in range(3):
        save(tmp_path / "photos" / f"{value}.png", value)
    (tmp_path / "link").symlink_to("photos")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    written = ["photos", "./photos", "photos/.", "../" + tmp_path.name + "/photos", "~/photos"]
    written += [str(tmp_path / "photos"), "link", "photos/../photos"]
    prints = {load_dataset(name + pattern).fingerprint for name in written}
    if not pattern:
        prints |= {load_dataset(name).fingerprint for name in ("photos/", "photos//", "link/")}
    (tmp_path / "photos").rename(tmp_path / "moved")
    prints.add(load_dataset("moved" + pattern).fingerprint)
    monkeypatch.chdir(tmp_path / "moved")
    prints.add(load_dataset("." + pattern).fingerprint)
    assert len(prints) == 1


@pytest.mark.parametrize("split", [False, True])
def test_a_class_without_a_readable_image_is_decided_alike_in_memory_and_on_disk(tmp_path, split):
    for index in range(9):
        save(tmp_path / ("train" if split else "") / "abc"[index % 3] / f"{index}.png", index)
    if split:
        save(tmp_path / "test" / "a" / "1.png")
    for path in tmp_path.rglob("b/*.png"):
        path.write_bytes(path.read_bytes()[:45])  # a whole header, and no picture
    memory, disk = (load_dataset(tmp_path, memory_gb=gb) for gb in (2, 0))
    assert not isinstance(disk, ArrayDataset)
    for dataset in (memory, disk):
        assert "classes without a readable image: b" in notes(dataset)
        assert "left out, unreadable: 3 files" in notes(dataset)
        assert dataset.class_names == ("a", "b", "c")
        assert dataset.labels.tolist() == [0, 0, 0, 2, 2, 2]
        assert values(dataset) == [0, 3, 6, 2, 5, 8]
    assert memory.fingerprint == disk.fingerprint


def test_on_disk_what_was_found_unreadable_is_named_and_stood_in_for(tmp_path):
    for index in range(6):
        save(tmp_path / f"{index}.png", index)
    for index in (0, 1, 3):
        (tmp_path / f"{index}.png").write_text("")
    dataset = load_dataset(tmp_path, memory_gb=0)
    assert "unreadable, the next ones of their class stand in: 2 files: 0.png" in notes(dataset)
    assert dataset.unreadable == ("0.png", "1.png")  # the search ends at the first readable one
    assert values(dataset) == [2, 2, 2, 4, 4, 5]


@pytest.mark.parametrize("memory_gb", [2.0, 0.0])
def test_nothing_may_be_asked_for(tmp_path, memory_gb):
    save(tmp_path / "1.png")
    dataset = load_dataset(tmp_path, memory_gb=memory_gb)
    assert dataset.read(np.arange(0)).shape == (0, 1, 16, 16)


@pytest.mark.parametrize("memory_gb", [2.0, 0.0])
def test_pictures_of_which_all_are_cut_short(tmp_path, memory_gb):
    for index in range(4):
        save(tmp_path / "ab"[index % 2] / f"{index}.png")
    for path in tmp_path.rglob("*.png"):
        path.write_bytes(path.read_bytes()[:45])
    with pytest.raises(DataError, match="none of the 4 images tried can be read") as raised:
        load_dataset(tmp_path, memory_gb=memory_gb)
    assert "\n" not in str(raised.value)


def test_an_empty_folder(tmp_path):
    with pytest.raises(DataError, match="holds no images, it is empty: training needs PNG"):
        load_dataset(str(tmp_path))


def test_a_folder_of_other_files(tmp_path):
    for name in ("a.doc", "b.doc", "c.csv"):
        (tmp_path / name).write_text("text")
    with pytest.raises(DataError, match=r"holds no images, only 3 other files \(\.csv, \.doc\)"):
        load_dataset(str(tmp_path))


@pytest.mark.parametrize("memory_gb", [2.0, 0.0])
def test_a_folder_where_nothing_can_be_read(tmp_path, memory_gb):
    (tmp_path / "a.png").write_text("text")
    (tmp_path / "b.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"none of the 2 .*a\.png \(not an image\), b\.png"):
        load_dataset(str(tmp_path), memory_gb=memory_gb)


@pytest.mark.parametrize("memory_gb", [2.0, 0.0])
def test_of_all_notes_what_is_lost_comes_first(tmp_path, memory_gb):
    for number, side in enumerate((16, 16, 24, 20)):
        save(tmp_path / f"{number}.png", size=(side, 16))
    (tmp_path / "0.png").write_text("no picture")
    (tmp_path / "more.txt").write_text("")
    (tmp_path / "0").symlink_to("nowhere")
    first, *others = load_dataset(tmp_path, memory_gb=memory_gb).notes
    assert first.endswith(": 1 file: 0.png (not an image)")
    assert len(others) >= 2


def test_a_missing_folder(tmp_path):
    with pytest.raises(DataError, match="there is no such folder"):
        load_dataset(str(tmp_path / "nowhere"))


def test_a_file_in_place_of_a_folder(tmp_path):
    save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png' is a single picture: give the folder"):
        load_dataset(str(tmp_path / "a.png"))
