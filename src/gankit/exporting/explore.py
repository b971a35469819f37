"""Show the page of a generator from this machine, to this machine alone."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from gankit.exporting.network import check_images
from gankit.exporting.to_html import page_of
from gankit.pages.local_server import LocalHandler, LocalServer, check_port, open_server, serve
from gankit.trained.artifact import load


def explore(run: str | Path, *, port: int = 0, browser: bool = True) -> None:
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
    check_port(port)
    gan = load(run)
    check_images(gan, "explore shows pictures")
    serve(serve_page(page_of(gan)[0], port), browser=browser)


def serve_page(page: bytes, port: int) -> LocalServer:
    """Return a server of one page, which answers this machine alone. Raises RunError."""

    class Handler(LocalHandler):
        def answer(self) -> None:
            if self.command == "GET" and self.path == "/":
                self.reply(page, "text/html; charset=utf-8")
            else:
                self.send_error(HTTPStatus.NOT_FOUND)

    return open_server(Handler, port)
