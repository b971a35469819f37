"""`sentences`: a small language whose grammar is known, so that what is said can be judged."""

from __future__ import annotations

import numpy as np

from gankit.data.dataset import ArrayDataset
from gankit.data.read_options import ReadOptions
from gankit.data.texts import text_dataset
from gankit.data.tokens import put_together, take_apart
from gankit.errors import DataError
from gankit.randomness import Purpose, rng

COUNT = {"train": 4_000, "test": 500}
"""Sentences in each split."""

THINGS = {
    "a": ("child", "king", "queen", "sailor", "fox", "cat", "bird", "horse"),
    "an": ("owl", "old man", "ant", "otter"),
}
"""Whoever acts, by the article that it takes."""
QUALITIES = ("small", "young", "happy", "quiet", "brave")
ACTS = ("sees", "follows", "calls", "finds", "loves")
MOVES = ("sings", "sleeps", "waits", "runs", "dances")
PLACES = ("in the garden", "by the sea", "on the hill", "under the tree", "at the door")
SAID = ("today", "again", "at night")


def sentence(random: np.random.Generator) -> str:
    """Return a sentence of the grammar.

    someone = ("the" [quality] | "a" | "an") thing, with "a" and "an" by their things
    sentence = someone (act someone | move [place] | "and" someone "wait" place) [said] "."
    """
    said = [_someone(random)]
    kind = random.integers(3)
    if kind == 0:
        said += [_one_of(random, ACTS), _someone(random)]
    elif kind == 1:
        said.append(_one_of(random, MOVES))
        said += [_one_of(random, PLACES)] * int(random.integers(2))
    else:
        said += ["and", _someone(random), "wait", _one_of(random, PLACES)]
    said += [_one_of(random, SAID)] * int(random.integers(4) == 0)
    return " ".join(said) + "."


def is_sentence(text: str) -> bool:
    """Return whether a text is one that `sentence` can return.

    >>> is_sentence("the young owl sings by the sea.")
    True
    >>> is_sentence("a owl sings by the the sea.")
    False
    """
    words = take_apart(text, "words")
    if words[-1:] != ["."] or put_together(words, "words") != text:
        return False
    rest = _read_someone(words[:-1])
    return rest is not None and any(_read_said(left) for left in _after_someone(rest))


def sentences(options: ReadOptions) -> ArrayDataset:
    """Return 4,000 sentences for training, or 500 for testing, taken apart as texts are."""
    if options.size is not None or options.channels != "auto":
        raise DataError("data 'sentences' is text, not images: leave size and channels out")
    made = {}
    for place, (split, count) in enumerate(COUNT.items()):
        random = rng(0, Purpose.TOY, place)
        made[split] = [sentence(random) for _ in range(min(count, options.text.sequences or count))]
    both = [*made["train"], *made["test"]]
    return text_dataset("sentences", made[options.split], options.text, known=both)


def _one_of(random: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[random.integers(len(words))]


def _someone(random: np.random.Generator) -> str:
    article = ("a", "an", "the", "the")[random.integers(4)]
    if article != "the":
        return f"{article} {_one_of(random, THINGS[article])}"
    quality = _one_of(random, QUALITIES) + " " if random.integers(2) else ""
    return f"the {quality}{_one_of(random, THINGS['a'] + THINGS['an'])}"


Words = list[str]


def _read_phrase(words: Words, phrases: tuple[str, ...]) -> Words | None:
    """Return the words after one of the phrases; None if they begin with none of them."""
    for phrase in phrases:
        parts = phrase.split()
        if words[: len(parts)] == parts:
            return words[len(parts) :]
    return None


def _read_someone(words: Words) -> Words | None:
    article, rest = (words[0], words[1:]) if words else ("", [])
    if article in THINGS:
        return _read_phrase(rest, THINGS[article])
    if article != "the":
        return None
    after = _read_phrase(rest, QUALITIES)
    return _read_phrase(rest if after is None else after, THINGS["a"] + THINGS["an"])


def _after_someone(rest: Words) -> list[Words]:
    """Return what may be left of a sentence after its first someone, for each way to go on."""
    left: list[Words | None] = []
    if (after := _read_phrase(rest, ACTS)) is not None:
        left.append(_read_someone(after))
    if (after := _read_phrase(rest, MOVES)) is not None:
        left += [after, _read_phrase(after, PLACES)]
    if rest[:1] == ["and"] and (after := _read_someone(rest[1:])) is not None:
        after = _read_phrase(after, ("wait",))
        left.append(None if after is None else _read_phrase(after, PLACES))
    return [words for words in left if words is not None]


def _read_said(words: Words) -> bool:
    return not words or _read_phrase(words, SAID) == []
