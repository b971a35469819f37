"""Several processes: what they can share, and what is refused before they start."""

from __future__ import annotations

import pytest

from gankit.errors import ConfigError
from gankit.settings.config import RuntimeConfig
from gankit.training.processes import check_world, elastic_world


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch):
    check_world(RuntimeConfig(devices=4), 8)
    with pytest.raises(ConfigError, match="batch 9 cannot be shared by 4 processes"):
        check_world(RuntimeConfig(devices=4), 9)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    assert elastic_world() == (3, 3)
    with pytest.raises(ConfigError, match="by 3 processes"):
        check_world(RuntimeConfig(), 8)
