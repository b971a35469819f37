"""The command that serves trained runs over HTTP."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from gankit.cli.options import option
from gankit.errors import MissingExtraError
from gankit.text import visible


def serve(
    *runs: Annotated[str, option("run directories, or artifacts; NAME=RUN gives one a name")],
    host: Annotated[str, option("the address to listen at; 0.0.0.0 for every one")] = "127.0.0.1",
    port: Annotated[int, option("its port; 0 for any free one")] = 8000,
    token_file: Annotated[
        Path | None,
        option("a file with the token that requests must carry; default: $GANKIT_TOKEN, or none"),
    ] = None,
    device: Annotated[str, option("cpu, cuda or mps")] = "cpu",
    samples: Annotated[int, option("most samples of one request")] = 256,
    queue: Annotated[int, option("most samples that wait, for each run")] = 4096,
    requests: Annotated[int, option("most requests in progress at once")] = 1024,
    seconds: Annotated[float, option("most seconds for a request's answer")] = 30.0,
) -> None:
    """Serve samples of trained runs over HTTP: POST /sample, and a page at /docs."""
    try:
        from gankit.serving.serve import load_named
        from gankit.serving.serve import serve as serve_gans
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("gankit"):
            raise
        raise MissingExtraError("gankit serve", "serve") from None
    from gankit.serving.access import read_token
    from gankit.serving.limits import Limits

    limits = Limits(samples=samples, queue=queue, requests=requests, seconds=seconds)
    token = read_token(token_file)
    if not runs:
        from gankit.errors import ConfigError

        raise ConfigError("no run is given: gankit serve RUN")
    serve_gans(load_named(runs, device), host, port, limits=limits, token=token, say=_say)


def _say(line: str) -> None:
    print(visible(line), file=sys.stderr, flush=True)
