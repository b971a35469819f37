"""Texts from files: what is read, what is said of it, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import gankit
from gankit.data.texts import is_text, text_dataset
from gankit.data.tokens import END, UNKNOWN, TextOptions
from gankit.errors import DataError
from gankit.game_types import Task


def texts(dataset):
    task = Task.of(dataset)
    return [task.text(row) for row in dataset.read(np.arange(len(dataset))).tolist()]


def test_each_line_is_a_sequence(tmp_path):
    path = tmp_path / "poems.txt"
    path.write_text("roses are red,\n\n  \nviolets are blue,\nsugar")
    dataset = gankit.load_dataset(path)
    assert (dataset.kind, dataset.shape, dataset.tokens) == ("tokens", (4,), "words")
    assert dataset.symbols[0] == END
    assert texts(dataset) == ["roses are red,", "violets are blue,", "sugar"]
    assert dataset.notes == (
        "read: 2 lines without a token left out",
        "taken apart: 9 words, 8 symbols with the end's",
    )


def test_the_sonnets_are_whole_and_each_tenth_is_for_testing():
    train, test = (gankit.load_dataset("sonnets", split=split) for split in ("train", "test"))
    assert (len(train), len(test)) == (1_944, 210)
    assert train.symbols == test.symbols
    assert texts(train)[0] == "From fairest creatures we desire increase,"
    assert texts(test)[:14][-1] == "That beauty still may live in thine or thee."
    some = gankit.load_dataset("sonnets", text=TextOptions(tokens="characters", sequences=3))
    assert (len(some), some.tokens) == (3, "characters")


def test_bytes_of_any_kind_are_read_and_said_in_one_line(tmp_path):
    path = tmp_path / "odd.txt"
    path.write_bytes(
        "\ufeffone\r\ntwo\u200b words\n".encode() + b"bad \xff byte\n\tcaf\x65\xcc\x81\n"
    )
    dataset = gankit.load_dataset(path, text=TextOptions(tokens="characters"))
    assert texts(dataset) == ["one", "two words", "bad \ufffd byte", "caf\xe9"]
    assert "2 lines with hidden characters or invalid bytes mended" in dataset.notes[0]
    path.write_bytes("wide and\nnarrow\n".encode("utf-16"))
    assert texts(gankit.load_dataset(path)) == ["wide and", "narrow"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no line of text"),
        (b"\n \n\n", "holds no line of text"),
        (b"a\0b\n" * 5, "is no text, but binary"),
        (b"aa\naa\n", "repeats one symbol"),
    ],
)
def test_what_is_no_text_is_one_line(tmp_path, content, said):
    (tmp_path / "x.txt").write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        gankit.load_dataset(tmp_path / "x.txt")
    assert "\n" not in str(caught.value)


def test_long_lines_and_rare_words(tmp_path):
    lines = ["a b c d e f"] * 3 + ["a rare g"]
    dataset = text_dataset("x", lines, TextOptions(length=4, vocabulary=5))
    assert dataset.symbols == (END, UNKNOWN, "a", "b", "c")
    assert texts(dataset) == ["a b c <unk>"] * 3 + ["a <unk> <unk>"]
    assert dataset.notes == (
        "taken apart: 21 words, 5 symbols with the end's; 3 lines cut at 4 (data.length); "
        "11 rare words are one symbol, <unk> (data.vocabulary)",
    )


def test_a_huge_text_is_read_as_far_as_memory_goes(tmp_path):
    (tmp_path / "x.txt").write_text("some words\nand more\n" * 500)
    dataset = gankit.load_dataset(tmp_path / "x.txt", memory_gb=1e-5)
    assert 10 < len(dataset) < 100
    assert f"only the first {len(dataset)} lines are read (data.memory_gb)" in dataset.notes[0]
    dataset = gankit.load_dataset(tmp_path / "x.txt", text=TextOptions(sequences=30))
    assert len(dataset) == 30
    assert "(data.sequences)" in dataset.notes[0]


def test_a_folder_has_splits_by_name_and_one_vocabulary(tmp_path):
    (tmp_path / "train.txt").write_text("one two\nthree two\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.TXT").write_text("four\n")
    (tmp_path / "test.txt").write_text("five one\n")
    train, test = (gankit.load_dataset(tmp_path, split=split) for split in ("train", "test"))
    assert texts(train) == ["four", "one two", "three two"]
    assert texts(test) == ["five one"]
    assert train.symbols == test.symbols
    assert train.shape == test.shape


def test_without_a_test_split_some_lines_are_held_out(tmp_path):
    (tmp_path / "x.txt").write_text("".join(f"line {i}\n" for i in range(300)))
    train, test = (
        gankit.load_dataset(tmp_path / "x.txt", split=split, holdout=0.1)
        for split in ("train", "test")
    )
    assert (len(train), len(test)) == (270, 30)
    assert not set(texts(train)) & set(texts(test))
    assert (train.symbols, train.tokens) == (test.symbols, test.tokens)


def test_a_folder_of_pictures_with_a_text_beside_is_pictures(image_folder):
    (image_folder / "readme.txt").write_text("of pictures")
    assert not is_text(image_folder)
    assert gankit.load_dataset(image_folder).is_images


def test_options_of_pictures_are_refused(tmp_path):
    (tmp_path / "x.txt").write_text("a b\nc d\n")
    with pytest.raises(DataError, match="is text, not images: leave size and channels out"):
        gankit.load_dataset(tmp_path / "x.txt", size=32)
