"""Many requests in one pass, each with the samples that it would have alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gankit.serving.asking import latents_for
from gankit.serving.batcher import Batcher, ClosedError, QueueFullError, rows_are_independent

from .gans import Gate


@pytest.fixture
def batcher(request):
    """Make the batcher of a GAN, and end its thread after the test."""
    made = []

    def make(gan, most=1000):
        made.append(Batcher(gan, most))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("name", ["digits", "coded", "points"])
def test_a_request_gets_its_seeds_samples_to_the_bit_whoever_else_asks(name, request, batcher):
    gan = request.getfixturevalue(name)
    queue = batcher(gan)
    asked = [(1 + 7 * seed % 40, seed) for seed in range(30)]

    def ask(n, seed):
        return queue.submit(latents_for(gan, n, seed=seed)).result(30)

    with ThreadPoolExecutor(8) as clients:
        got = list(clients.map(ask, *zip(*asked, strict=True)))
    assert queue.shares_passes
    assert queue.waiting == 0
    for (n, seed), samples in zip(asked, got, strict=True):
        assert np.array_equal(samples, gan.sample(n, seed=seed))


def test_requests_share_a_pass(points, batcher):
    queue = batcher(points)
    gate, passes = Gate(points), []
    held = points.game.generate
    points.game.generate = lambda latent: passes.append(len(latent)) or held(latent)
    first = queue.submit(latents_for(points, 1))
    assert gate.reached.wait(30)
    others = [queue.submit(latents_for(points, 2, seed=seed)) for seed in range(8)]
    gate.opened.set()
    assert [len(f.result(30)) for f in (first, *others)] == [1] + [2] * 8
    assert passes == [16, 16]  # 1 with 15 of nobody's, then 8 times 2


def test_requests_share_no_pass_if_samples_depend_on_each_other(points, batcher):
    generate = points.game.generate
    points.game.generate = lambda latent: (made := generate(latent)) - made.mean(0)
    assert not rows_are_independent(points)
    queue = batcher(points)
    got = [queue.submit(latents_for(points, 2, seed=seed)) for seed in range(20)]
    for seed, future in enumerate(got):
        assert np.array_equal(future.result(30), points.sample(2, seed=seed))


def test_a_full_queue_takes_no_more_and_says_when_to_come_back(points, batcher):
    queue = batcher(points, most=10)
    gate = Gate(points)
    first = queue.submit(latents_for(points, 4))
    assert gate.reached.wait(30)
    waiting = queue.submit(latents_for(points, 8))
    with pytest.raises(QueueFullError, match="try again in") as full:
        queue.submit(latents_for(points, 3))
    assert full.value.seconds >= 1
    assert queue.waiting == 8
    gate.opened.set()
    assert (len(first.result(30)), len(waiting.result(30))) == (4, 8)
    assert len(queue.submit(latents_for(points, 3)).result(30)) == 3


def test_a_cancelled_request_is_not_generated(points, batcher):
    queue = batcher(points)
    gate = Gate(points)
    queue.submit(latents_for(points, 1))
    assert gate.reached.wait(30)
    given_up, kept = (queue.submit(latents_for(points, 20, seed=seed)) for seed in (1, 2))
    assert given_up.cancel()
    gate.opened.set()
    assert np.array_equal(kept.result(30), points.sample(20, seed=2))
    assert queue.waiting == 0


def test_an_error_is_told_to_those_who_asked_and_to_nobody_else(points, batcher):
    queue = batcher(points)
    generate = points.game.generate

    def broken(latent):
        raise MemoryError("no room")

    points.game.generate = broken
    with pytest.raises(MemoryError, match="no room"):
        queue.submit(latents_for(points, 40)).result(30)
    points.game.generate = generate
    assert len(queue.submit(latents_for(points, 3)).result(30)) == 3
    assert queue.waiting == 0


def test_what_is_accepted_is_finished_before_it_closes(points):
    queue = Batcher(points, 1000)
    futures = [queue.submit(latents_for(points, 40, seed=seed)) for seed in range(9)]
    queue.close()
    assert all(len(future.result(0)) == 40 for future in futures)
    with pytest.raises(ClosedError):
        queue.submit(latents_for(points, 1))
