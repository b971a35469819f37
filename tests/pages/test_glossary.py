"""Every number that a page shows is explained."""

from __future__ import annotations

import pytest
import torch

from gankit.metrics.spread import compare_spread, spread
from gankit.objective import verdicts
from gankit.pages.glossary import LOGGED, TERMS, about_scores, meaning, meanings
from gankit.penalties import PENALTIES
from gankit.scores.measures import METRICS


def test_what_the_doctor_watches():
    examples = torch.randint(0, 256, (8, 4), dtype=torch.uint8).numpy()
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1]).numpy()
    found = spread(examples, labels)
    assert all(meaning(name) for name in compare_spread(found, found))
    judged = verdicts(torch.ones(2), torch.ones(2), relative=False)
    assert all(meaning(name) for name in judged)


@pytest.mark.parametrize("name", PENALTIES.names())
def test_penalties_explain_themselves(name):
    assert meaning(name) == PENALTIES.summaries()[name]


def test_scores_explain_themselves():
    told = about_scores((name, f"the {name}") for name in METRICS.names())
    assert told.count("<li>") == len(METRICS.names())
    assert about_scores([("of a plugin", "x")]).count("<li>") == 0


def test_sentences():
    assert meanings(["offset", "what is this"]) == f"offset: {LOGGED['offset']}."
    assert not any(said.endswith(".") for said in (LOGGED | TERMS).values())
