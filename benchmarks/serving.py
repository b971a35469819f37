"""Requests per second of `gankit serve` over loopback, and how long each takes.

    python benchmarks/serving.py RUN [--connections 200] [--seconds 60] [--terminate]

The server is a process of its own; this one keeps its connections open and asks on each, without a
pause, for one image by the next seed. Both share the machine's processors, so a second machine as
the client would give more. One JSON line is printed: requests, errors (any answer but 200, and any
connection that was cut), requests per second, and the time of a request in milliseconds.

With `--terminate` the server gets SIGTERM half-way. Then it must answer every request: those that
it had accepted with 200, later ones with 503; `lost` counts those without an answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import count

import numpy as np
import torch

from telling import machine


async def answered(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Read one answer to its end; return its status, and whether it closes the connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1]), b"\r\nconnection: close" in head


async def client(port: int, until: float, seeds: count[int], took: list[float]) -> Counter[str]:
    """Ask over one connection until the time is over, or the server refuses."""
    seen: Counter[str] = Counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while time.monotonic() < until:
            body = json.dumps({"n": 1, "seed": next(seeds)}).encode()
            head = (
                "POST /sample HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            started = time.monotonic()
            writer.write(head.encode() + body)
            try:
                status, closes = await answered(reader)
            except (OSError, asyncio.IncompleteReadError):
                seen["lost"] += 1
                break
            took.append(time.monotonic() - started)
            seen[str(status)] += 1
            if status != 200 or closes:
                break
    finally:
        writer.close()
    return seen


async def load(
    port: int, arguments: argparse.Namespace, server: subprocess.Popen[str]
) -> dict[str, object]:
    """Put the load on the server, and return what came of it."""
    took: list[float] = []
    seeds, started = count(), time.monotonic()
    until = started + arguments.seconds
    clients = [
        asyncio.create_task(client(port, until, seeds, took)) for _ in range(arguments.connections)
    ]
    if arguments.terminate:
        await asyncio.sleep(arguments.seconds / 2)
        server.send_signal(signal.SIGTERM)
    seen: Counter[str] = sum(await asyncio.gather(*clients), Counter())
    seconds = time.monotonic() - started
    p50, p99 = np.percentile(np.array(took) * 1e3, [50, 99])
    return {
        "requests": len(took),
        "answers": dict(seen),
        "errors": sum(seen.values()) - seen["200"],
        "lost": seen["lost"],
        "per_second": round(len(took) / seconds, 1),
        "p50_ms": round(float(p50), 1),
        "p99_ms": round(float(p99), 1),
        "seconds": round(seconds, 1),
        "connections": arguments.connections,
        "terminated": arguments.terminate,
    }


def main() -> None:
    """Start the server, measure, and print one JSON line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run", help="a run directory, or its artifact")
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--terminate", action="store_true", help="SIGTERM half-way")
    arguments = parser.parse_args()
    command = [sys.executable, "-m", "gankit", "serve", arguments.run, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        first = server.stderr.readline()
        if not first.startswith("serving"):
            sys.exit(first + server.stderr.read())
        port = int(first.split(" (")[0].rpartition(":")[2])
        try:
            found = asyncio.run(load(port, arguments, server))
        finally:
            if not arguments.terminate:
                server.terminate()
        said = server.stderr.read()
        code = server.wait(120)
    print(said, file=sys.stderr, end="")
    print(json.dumps({**found, "exit_code": code, **machine(torch.get_num_threads())}))


if __name__ == "__main__":
    main()
