"""Scores of text, with intervals and beside real sentences."""

from __future__ import annotations

import numpy as np
import pytest

import gankit
from gankit.data import load_configured
from gankit.errors import ConfigError, DataError
from gankit.game_types import Task
from gankit.scores.texts import as_sequences, held_out, temperature_curve
from gankit.trained.gan import GAN


@pytest.fixture(scope="module")
def oracle_settings():
    return {"data.vocabulary": 12, "data.length": 4, "data.sequences": 60}


@pytest.fixture
def gan(small, oracle_settings):
    config = small("seqgan", "oracle", **oracle_settings)
    game = gankit.build_game(config, load_configured(config.data))
    game.generator.eval().requires_grad_(False)
    return GAN(game, step=0)


def test_every_score_has_an_interval_and_is_beside_real_text(gan):
    report = gankit.evaluate(gan, n=40, draws=3)
    scores = {score.metric: score for score in report.scores}
    names = {"nll_oracle", "bleu_2", "bleu_4", "self_bleu_2", "self_bleu_4"}
    assert set(scores) == names | {"frechet_ngrams", "different", "copied", "nll_test"}
    for name, score in scores.items():
        low, high = score.interval
        assert low <= score.value <= high
        assert (score.floor is None) == (name == "nll_test")
    assert 0 < scores["frechet_ngrams"].floor < scores["frechet_ngrams"].value
    assert scores["nll_oracle"].floor < scores["nll_oracle"].value, "the oracle prefers its own"
    assert report.protocol.settings == {"draws": 3, "temperature": 1.0}
    assert "NLL by the oracle" in str(report)
    assert gankit.evaluate(gan, n=40, draws=3).scores == report.scores


def test_an_untrained_model_pays_for_each_token_about_its_logarithm(gan):
    rows = np.zeros((50, 4), np.int64) + np.arange(4)
    assert held_out(gan, rows).value == pytest.approx(np.log(12), abs=0.3)


def test_what_cannot_be_measured_is_said(gan, small):
    with pytest.raises(ConfigError, match="'grammatical' does not apply to this text"):
        gankit.evaluate(gan, metrics=["grammatical"])
    with pytest.raises(ConfigError, match="without features"):
        gankit.evaluate(gan, features="pixels")
    with pytest.raises(DataError):
        gankit.evaluate(gan, data="sentences")


def test_a_low_temperature_says_fewer_things(gan):
    cold, warm = (rows for _, rows in temperature_curve(gan, (1e-3, 1.0), n=30))
    assert len(np.unique(cold, axis=0)) == 1 < len(np.unique(warm, axis=0))
    assert gan.temperature == 1.0
    with pytest.raises(ConfigError, match="a number above 0"):
        gan.temperature = 0


def test_sequences_are_taken_as_far_as_their_end(gan):
    task = Task((3,), symbols=("\n", "a"), tokens="words")
    assert as_sequences(task, np.array([[1, 0, 0], [1, 1, 1]])) == [[1], [1, 1, 1]]
