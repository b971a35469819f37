"""A browser for the pages of this folder."""

from __future__ import annotations

import pytest

from tests.browser import open_browser


@pytest.fixture(scope="module")  # no longer: while it is open no test may open one of its own
def browser():
    with open_browser() as opened:
        yield opened
