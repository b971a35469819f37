"""Show the page of a generator from this machine, to this machine alone."""

from __future__ import annotations

import webbrowser
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from gankit.errors import ConfigError, RunError
from gankit.exporting.network import check_images
from gankit.exporting.to_html import to_html
from gankit.exporting.to_onnx import to_onnx
from gankit.trained.artifact import load

ADDRESS = "127.0.0.1"


def explore(run: Path, *, port: int = 0, browser: bool = True) -> None:
    """Serve the page of a run, open it in a browser, and return after Ctrl-C.

    Args:
        run: a run directory, or an artifact file.
        port: 0 to 65535; 0 takes any that is free.
        browser: whether to open the page.

    Raises:
        ConfigError: the port is out of range.
        RunError: the run cannot be read or shown, or the port is taken.
        MissingExtraError: a package that writes the network is not installed.
    """
    if not 0 <= port <= 65535:
        raise ConfigError(f"port must be in 0 to 65535, got {port}", "port")
    gan = load(run)
    check_images(gan, "explore shows pictures")
    server = serve_page(to_html(gan, to_onnx(gan, mixtures=True)), port)
    address = f"http://{ADDRESS}:{server.server_port}/"
    print(f"{address}  (until Ctrl-C)", flush=True)
    if browser:
        webbrowser.open(address)
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def serve_page(page: bytes, port: int) -> ThreadingHTTPServer:
    """Return a server of one page, which answers this machine alone. Raises RunError."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # Another site's name that points to this machine is not let in.
            host = self.headers.get("Host", "").rpartition(":")[0]
            if host not in (ADDRESS, "localhost"):
                return self.send_error(HTTPStatus.FORBIDDEN)
            if self.path != "/":
                return self.send_error(HTTPStatus.NOT_FOUND)
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)
            return None

        def log_message(self, *_: object) -> None:
            """Say nothing of each request."""

    try:
        return ThreadingHTTPServer((ADDRESS, port), Handler)
    except OSError as error:
        raise RunError(f"port {port} cannot be used ({error.strerror}): give another one") from None
