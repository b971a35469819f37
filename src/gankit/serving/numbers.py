"""What a server counts and times, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

PATHS = ("/sample", "/info", "/health", "/metrics", "/docs", "/openapi.json")
"""The paths that are counted by name; others are counted together, so that nobody can add some."""


class Numbers:
    """Counters and histograms of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "gankit_requests", "Answered requests", ["path", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "gankit_request_seconds",
            "Seconds from a request's headers to its answer",
            ["path"],
            registry=self._registry,
        )
        self._samples = Counter(
            "gankit_samples", "Samples that were sent", ["model"], registry=self._registry
        )
        self._waiting = Gauge(
            "gankit_waiting_samples", "Samples that wait", ["model"], registry=self._registry
        )

    def count_request(self, path: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        known = path if path in PATHS else "other"
        self._requests.labels(known, str(status)).inc()
        self._seconds.labels(known).observe(seconds)

    def count_samples(self, model: str, count: int) -> None:
        """Count samples that were sent."""
        self._samples.labels(model).inc(count)

    def watch_queue(self, model: str, waiting: Callable[[], float]) -> None:
        """Show how many samples wait for a model."""
        self._waiting.labels(model).set_function(waiting)

    def text(self) -> bytes:
        """Return all numbers in Prometheus' text format."""
        return generate_latest(self._registry)
