"""A run that was made once, to be copied."""

from __future__ import annotations

import pytest

from gankit.choose_recipe import configure
from gankit.settings.config import override
from tests.conftest import SMALL
from tests.pages.pages import make_run


@pytest.fixture(scope="package")
def made(tmp_path_factory):
    """The directory of a finished run of six steps."""
    config = override(configure("cgan", "digits"), SMALL["cgan"])
    return make_run(tmp_path_factory.mktemp("made") / "run", config).folder
