"""Serve pages from this machine, to this machine alone, until Ctrl-C."""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from gankit.errors import ConfigError, RunError

ADDRESS = "127.0.0.1"


class LocalHandler(BaseHTTPRequestHandler):
    """Answers requests that were meant for this machine; a subclass says what, in `answer`."""

    timeout: ClassVar[float] = 30.0  # seconds, after which a silent client is dropped

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        # Another site's name that points to this machine is not let in.
        host = self.headers.get("Host", "").rpartition(":")[0]
        if host not in (ADDRESS, "localhost"):
            self.send_error(HTTPStatus.FORBIDDEN)
        elif self.path == "/favicon.ico":  # browsers ask for it, and complain if it is not there
            self.send_response(HTTPStatus.NO_CONTENT)
            self.end_headers()
        else:
            self.answer()

    def answer(self) -> None:
        """Answer the request: `self.command` is GET or POST, `self.path` is what it asks for."""
        raise NotImplementedError

    def reply(self, content: bytes, kind: str, more: Mapping[str, str] | None = None) -> None:
        """Send `content`, of the media type `kind`, with `more` header fields."""
        self.send_response(HTTPStatus.OK)
        fields = {"Content-Type": kind, "Content-Length": str(len(content)), **(more or {})}
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""


class LocalServer(ThreadingHTTPServer):
    """A server that says nothing of clients that leave early."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def open_server(handler: type[LocalHandler], port: int) -> LocalServer:
    """Return a server at a port of this machine, which answers by `handler`.

    Args:
        handler: makes the answers.
        port: 0 to 65535; 0 takes any that is free.

    Raises:
        ConfigError: the port is out of range.
        RunError: the port cannot be used.
    """
    check_port(port)
    try:
        return LocalServer((ADDRESS, port), handler)
    except OSError as error:
        raise RunError(f"port {port} cannot be used ({error.strerror}): give another one") from None


def check_port(port: int) -> None:
    """Raise ConfigError if no port has this number."""
    if not 0 <= port <= 65535:
        raise ConfigError(f"port must be in 0 to 65535, got {port}", "port")


def serve(server: LocalServer, path: str = "", *, browser: bool) -> None:
    """Print the address of a page, open it if `browser`, and return after Ctrl-C."""
    address = f"http://{ADDRESS}:{server.server_port}/{path}"
    print(f"{address}  (until Ctrl-C)", flush=True)
    if browser:
        webbrowser.open(address)
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
