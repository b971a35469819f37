"""What a server does at most: for a request, and for all of them together."""

from __future__ import annotations

from dataclasses import dataclass, fields

from gankit.errors import ConfigError


@dataclass(frozen=True)
class Limits:
    """The limits of a server. Raises ConfigError for one that is not positive.

    Attributes:
        samples: of one request.
        body: bytes of one request.
        seconds: for a request to arrive and, after that, for its answer.
        requests: that are in progress at once.
        queue: samples that wait to be generated, for each run.
    """

    samples: int = 256
    body: int = 2**20
    seconds: float = 30.0
    requests: int = 1024
    queue: int = 4096

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 < value <= 1e9:
                raise ConfigError(f"{field.name} must be above 0, got {value}", field.name)
        if self.queue < self.samples:
            raise ConfigError(
                f"a queue of {self.queue:,} samples has no room for a request of {self.samples:,}: "
                "let it hold more, or allow fewer",
                "queue",
                "samples",
            )


MOST_NUMBERS = 2**26
"""The most numbers (pixels times channels) of the samples of one request."""
MOST_NUMBERS_AS_TEXT = 2**20
"""The most numbers of the samples of one request that is answered in JSON."""
