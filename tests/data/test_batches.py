import multiprocessing
import pickle

import numpy as np
import pytest
from PIL import Image

from gankit.data import ArrayDataset, load_dataset
from gankit.data.batches import Feed, order
from gankit.data.dataset import Subset
from gankit.errors import ConfigError, DataError

# From Python 3.12 on, forking beside threads (which torch may have) warns; workers use neither.
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def numbers(count, labelled=True):
    """Example i is the picture of the number i, its label i % 3."""
    images = np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1)
    labels = np.arange(count) % 3 if labelled else None
    return ArrayDataset("numbers", images, "0", labels, ("a", "b", "c") if labelled else ())


@pytest.fixture
def folder(tmp_path):
    """Twelve pictures in two classes, each of one grey that tells which it is."""
    for index in range(12):
        path = tmp_path / ("even", "odd")[index % 2] / f"{index:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("L", (16, 16), 10 * index).save(path)
    return tmp_path


def test_each_epoch_is_a_permutation_of_its_own():
    epochs = [order(10, 3, 10 * epoch, 10) for epoch in range(20)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 20


@pytest.mark.parametrize("split", [1, 7, 10, 13, 29])
def test_a_stream_is_the_same_however_it_is_cut(split):
    whole = order(10, 3, 4, 30)
    parts = order(10, 3, 4, split), order(10, 3, 4 + split, 30 - split)
    assert whole.dtype == np.int64
    assert np.array_equal(whole, np.concatenate(parts))


def test_a_batch_may_be_larger_than_the_set():
    stream = order(3, 0, 2, 10)
    assert len(stream) == 10
    assert sorted(stream[1:4]) == sorted(stream[4:7]) == [0, 1, 2]
    assert order(1, 0, 5, 3000).tolist() == [0] * 3000


def test_another_seed_is_another_order():
    assert not np.array_equal(order(100, 0, 0, 100), order(100, 1, 0, 100))


def test_batches_are_the_stream_in_order_with_their_labels():
    feed = Feed(numbers(10), seed=5, batch=4)
    images, labels = zip(*(feed.at(position) for position in range(5)), strict=True)
    stream = np.concatenate(images).ravel()
    assert images[0].shape == (4, 1, 1, 1)
    assert images[0].dtype == np.uint8
    assert np.array_equal(stream, order(10, 5, 0, 20))
    assert np.array_equal(np.concatenate(labels), stream % 3)


def test_a_resumed_run_reads_on_where_it_stopped():
    feed, resumed = Feed(numbers(10), seed=5, batch=4), Feed(numbers(10), seed=5, batch=4)
    whole = [feed.at(position)[0] for position in range(9)]
    assert np.array_equal(resumed.at(6)[0], whole[6])
    assert np.array_equal(resumed.at(2)[0], whole[2])


def test_no_labels_no_label_batch():
    feed = Feed(numbers(10, labelled=False), seed=0, batch=2)
    assert feed.at(0)[1] is None
    assert feed.labels(0) is None


def test_every_process_can_know_the_labels_of_the_whole_batch():
    whole = Feed(numbers(10), seed=1, batch=4)
    for rank in (0, 1):
        share = Feed(numbers(10), seed=1, batch=4, rank=rank, world=2)
        assert np.array_equal(share.labels(3), whole.at(3)[1])


@pytest.mark.parametrize("world", [2, 4])
def test_the_slices_of_all_processes_are_the_whole_batch(world):
    whole = Feed(numbers(11), seed=1, batch=8)
    shares = [Feed(numbers(11), seed=1, batch=8, rank=rank, world=world) for rank in range(world)]
    for position in (0, 1, 7):
        for part in (0, 1):
            slices = [share.at(position)[part] for share in shares]
            assert {len(piece) for piece in slices} == {8 // world}
            assert np.array_equal(np.concatenate(slices), whole.at(position)[part])


@pytest.mark.parametrize("options", [{"batch": 0}, {"batch": -3}, {"batch": 9, "world": 2}])
def test_a_batch_that_cannot_be_shared_is_refused(options):
    with pytest.raises(ConfigError, match=f"batch {options['batch']} cannot be shared"):
        Feed(numbers(10), seed=0, **options)


def test_streaming_equals_memory(folder):
    memory, streaming = load_dataset(str(folder)), load_dataset(str(folder), memory_gb=0)
    assert isinstance(memory, ArrayDataset)
    assert not isinstance(streaming, ArrayDataset)
    assert streaming.fingerprint == memory.fingerprint
    assert any("read from disk" in note for note in streaming.notes)
    feeds = [Feed(dataset, seed=2, batch=8) for dataset in (memory, streaming)]
    for position in range(4):
        (images, labels), (streamed, streamed_labels) = (feed.at(position) for feed in feeds)
        assert np.array_equal(images, streamed)
        assert np.array_equal(labels, streamed_labels)


def test_streaming_stands_in_for_a_bad_file_with_the_next_of_its_class(folder):
    (folder / "even" / "04.png").write_text("not a picture")
    (folder / "even" / "10.png").write_text("not a picture")  # the last: goes round to the first
    dataset = load_dataset(str(folder), memory_gb=0)
    assert dataset.unreadable == ()
    images = dataset.read(np.arange(12))
    expected = [0, 20, 60, 60, 80, 0, 10, 30, 50, 70, 90, 110]
    assert images[:, 0, 0, 0].tolist() == expected
    assert dataset.unreadable == ("even/04.png", "even/10.png")
    assert np.array_equal(dataset.read(np.arange(12)), images)
    for told in (dataset, Subset(dataset)):
        assert Feed(told, seed=0, batch=2).unreadable == dataset.unreadable


def test_streaming_a_class_of_which_nothing_is_left_is_an_error(folder):
    dataset = load_dataset(str(folder), memory_gb=0)
    for path in (folder / "even").iterdir():
        path.write_text("not a picture")
    with pytest.raises(DataError, match=r"even/00\.png.*can be read"):
        dataset.read(np.array([0]))


def test_a_set_on_disk_can_be_sent_to_another_process(folder):
    dataset = load_dataset(str(folder), memory_gb=0)
    sent = pickle.loads(pickle.dumps(dataset))
    assert np.array_equal(sent.read(np.arange(12)), dataset.read(np.arange(12)))


@pytest.mark.slow
@forks
def test_workers_read_the_same_and_report_and_stop(folder):
    (folder / "odd" / "05.png").write_text("not a picture")
    dataset = load_dataset(str(folder), memory_gb=0)
    here = Feed(load_dataset(str(folder), memory_gb=0), seed=2, batch=8, rank=1, world=2)
    with Feed(dataset, seed=2, batch=8, workers=2, rank=1, world=2) as feed:
        for position in (0, 1, 2, 3, 9, 10, 2):  # jumps restart the reading
            images, labels = feed.at(position)
            expected, expected_labels = here.at(position)
            assert np.array_equal(images, expected)
            assert np.array_equal(labels, expected_labels)
        assert feed.unreadable == ("odd/05.png",)
        assert len(multiprocessing.active_children()) == 2
    assert multiprocessing.active_children() == []


@pytest.mark.slow
@forks
def test_workers_hand_on_the_error_as_it_is(folder):
    dataset = load_dataset(str(folder), memory_gb=0)
    for path in folder.rglob("*.png"):
        path.unlink()
    with Feed(dataset, seed=0, batch=2, workers=1) as feed, pytest.raises(DataError) as raised:
        feed.at(0)
    assert "\n" not in str(raised.value)


@pytest.mark.slow
@forks
def test_workers_leave_the_global_random_numbers_alone(folder):
    import torch

    dataset = load_dataset(str(folder), memory_gb=0)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    with Feed(dataset, seed=0, batch=2, workers=1) as feed:
        feed.at(0)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_set_in_memory_needs_no_workers():
    with Feed(numbers(10), seed=0, batch=2, workers=2) as feed:
        feed.at(0)
        assert multiprocessing.active_children() == []
