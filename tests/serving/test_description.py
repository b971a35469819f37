"""The page at /docs needs nothing from elsewhere, and its commands work."""

from __future__ import annotations

import html
import re

from starlette.testclient import TestClient

from gankit.serving.app import make_app


def test_it_says_everything_and_loads_nothing(points, digits):
    with TestClient(make_app({"points": points, "digits": digits})) as client:
        page = client.get("/", follow_redirects=True).text
    assert "<h2>POST /sample</h2>" in page
    for field in ("model", "labels", "seed", "codes", "latents", "format"):
        assert f'<th scope="row">{field}</th>' in page
    assert "429" in page
    assert not re.findall(r'(?:src|href)="(?!data:|openapi\.json)[^"]*"', page)
    assert "default-src &#x27;none&#x27;" in page


def test_its_python_is_a_request_that_is_answered(points):
    with TestClient(make_app({"points": points})) as client:
        page = html.unescape(client.get("/docs").text)
        script = re.search(r"import json, urllib.request.*?\['samples'\]", page, re.DOTALL)[0]
        *lines, _ = script.splitlines()
        known: dict[str, object] = {}
        exec("\n".join(lines), known)  # all but the last line, which would use the network
        request = known["request"]
        sent = client.post("/sample", content=request.data, headers=dict(request.header_items()))
        assert request.full_url == "http://testserver/sample"
        assert len(sent.json()["samples"]) == 16


def test_a_strange_host_is_not_repeated(points):
    with TestClient(make_app({"points": points})) as client:
        assert client.get("/docs", headers={"host": "[::"}).status_code == 200
        for host in ("a b", "x'; rm -rf /"):
            page = client.get("/docs", headers={"host": host})
            assert "curl http://localhost/sample" in page.text
