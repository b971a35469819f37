"""`gankit serve`: load runs, listen, and stop without leaving a request unanswered."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from types import FrameType

import uvicorn

from gankit.errors import ConfigError
from gankit.serving.access import Token
from gankit.serving.app import make_app
from gankit.serving.clocked import clocked
from gankit.serving.guard import Guard
from gankit.serving.limits import Limits
from gankit.text import shown
from gankit.trained.artifact import NAME, load
from gankit.trained.gan import GAN

STOPPING = 1.0
"""Seconds between a signal to stop and the end of listening. New requests are answered by 503
meanwhile, so that clients with open connections are told rather than cut off."""


def load_named(runs: Sequence[str], device: str = "cpu") -> dict[str, GAN]:
    """Load runs, each given as a path or as `name=path`; without a name, its folder's is taken.

    Raises ConfigError if two have one name, RunError if one cannot be loaded.
    """
    gans: dict[str, GAN] = {}
    for given in runs:
        name, _, path = given.rpartition("=")
        if not name or Path(given).exists():
            path = given
            name = _folder_name(Path(given))
        if name in gans:
            raise ConfigError(f"two runs are called {shown(name)}: name one, other={path}")
        gans[name] = load(path, device)
    return gans


def _folder_name(path: Path) -> str:
    whole = path.absolute()
    return (whole.parent if whole.name == NAME else whole).name.removesuffix(".safetensors")


def serve(
    gans: dict[str, GAN],
    host: str,
    port: int,
    *,
    limits: Limits,
    token: Token | None,
    say: Callable[[str], None],
) -> None:
    """Serve trained GANs until SIGTERM or Ctrl-C; then answer what is accepted, and return.

    Args:
        gans: the trained GANs, by name.
        host: the address to listen at; port: its port, 0 for any free one.
        limits: of a request, and of all of them together.
        token: what each request must carry; None: nothing.
        say: called with each line for the user.

    Raises ConfigError if it is not possible to listen there.
    """
    with listening(host, port) as listener:
        name, number, *_ = listener.getsockname()
        address = f"http://{f'[{name}]' if ':' in name else name}:{number}"
        app = make_app(gans, limits, token)
        say(f"serving {', '.join(gans)} at {address} (what it understands: {address}/docs)")
        if token is None and not ip_address(name).is_loopback:
            say("anybody who reaches this address can use it: set GANKIT_TOKEN to ask for a token")
        config = uvicorn.Config(
            app,
            http=clocked(limits.seconds),
            ws="none",
            loop="asyncio",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=int(2 * limits.seconds) + 5,
        )
        _Server(config, app, say).run(sockets=[listener])
    say("stopped; every accepted request was answered")


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises ConfigError if that is not possible."""
    if not 0 <= port <= 65535:
        raise ConfigError(f"port must be in 0 to 65535, got {port}", "port")
    listener = None
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(2048)
    except (OSError, UnicodeError) as error:
        if listener is not None:
            listener.close()
        why = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"it is not possible to listen at {shown(host)}, port {port}: {why}", "host", "port"
        ) from None
    return listener


class _Server(uvicorn.Server):
    """A server whose first signal refuses new requests, and a moment later ends it."""

    def __init__(self, config: uvicorn.Config, guard: Guard, say: Callable[[str], None]) -> None:
        super().__init__(config)
        self._guard, self._say = guard, say
        self._ends: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._guard.stopping:
            self.should_exit = self.force_exit = True
        self._guard.stopping = True

    async def on_tick(self, counter: int) -> bool:
        if self._guard.stopping and self._ends is None:
            self._ends = time.monotonic() + STOPPING
            self._say(f"stopping: {self._guard.in_progress} requests are still answered")
        if self._ends is not None and time.monotonic() > self._ends:
            self.should_exit = True
        return await super().on_tick(counter)
