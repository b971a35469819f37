"""The HTTP interface, over ASGI."""

from __future__ import annotations

import io
import json
import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from gankit.data.pixels import to_pixels
from gankit.serving.access import Token
from gankit.serving.app import make_app
from gankit.serving.limits import Limits

from .gans import Gate


@pytest.fixture
def served(digits, coded, points):
    with TestClient(make_app({"digits": digits, "coded": coded, "points": points})) as client:
        yield client


@pytest.fixture
def alone(request):
    """Serve one GAN, by its fixture's name."""
    opened = []

    def start(name, **limits):
        gan = request.getfixturevalue(name)
        opened.append(TestClient(make_app({name: gan}, Limits(**limits))))
        return opened[-1].__enter__()

    yield start
    for client in opened:
        client.__exit__(None, None, None)


def arrays(answer):
    assert answer.status_code == 200, answer.text
    return dict(np.load(io.BytesIO(answer.content)))


@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_it_answers_with_what_sampling_gives(served, digits, seed):
    asked = {"model": "digits", "n": 20, "labels": "3", "seed": seed, "format": "npz"}
    got = arrays(served.post("/sample", json=asked))
    assert np.array_equal(got["images"], digits.sample(20, "3", seed))
    assert got["labels"].tolist() == [3] * 20


def test_every_kind_of_answer(served, points):
    asked = {"model": "points", "n": 3, "seed": 1}
    picture = served.post("/sample", json=asked)
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")
    said = served.post("/sample", json={**asked, "format": "json"}).json()
    assert said == {"kind": "points", "labels": None, "samples": points.sample(3, seed=1).tolist()}


def test_latents_and_codes_are_taken(served, coded):
    z = np.random.default_rng(0).normal(size=(2, coded.game.latent_size)).astype(np.float32)
    got = arrays(
        served.post("/sample", json={"model": "coded", "latents": z.tolist(), "format": "npz"})
    )
    made = to_pixels(coded(z), coded.game.value_range).astype(int)
    assert np.abs(got["images"] - made).max() <= 1
    asked = {"model": "coded", "n": 2, "seed": 4, "format": "npz"}
    first, other = (
        arrays(served.post("/sample", json={**asked, "codes": {"1": category}}))["images"]
        for category in (0, 1)
    )
    assert not np.array_equal(first, other)


def test_the_only_run_needs_no_name(alone, points):
    got = arrays(alone("points").post("/sample", json={"format": "npz"}))
    assert np.array_equal(got["points"], points.sample(1))


def test_vectors_are_asked_for(alone, vectors):
    client = alone("vectors")
    asked = {"n": 2, "labels": [[0.5, 1], [0, -1.5]], "format": "npz"}
    got = arrays(client.post("/sample", json=asked))
    assert got["labels"].tolist() == [[0.5, 1], [0, -1.5]]
    assert np.array_equal(got["images"], vectors.sample(2, np.array(asked["labels"])))
    one = arrays(client.post("/sample", json={"n": 2, "labels": [0.5, 1.0], "format": "npz"}))
    assert one["labels"].tolist() == [[0.5, 1]] * 2


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("{", 400, "no JSON"),
        ("[" * 100_000, 400, "no JSON|pars"),
        ("[]", 422, "must be an object"),
        ("null", 422, "must be an object|required"),
        ("{}", 422, "model must be one of digits, coded, points; none is named"),
        ({"model": "no"}, 422, "got 'no'"),
        ({"model": "\ud800"}, 422, "model"),
        ({"model": "digits", "n": 0}, 422, "n: "),
        ({"model": "digits", "truncation": 1.5}, 422, "truncation: "),
        ({"model": "digits", "n": 257}, 422, "n must be at most 256, got 257"),
        ({"model": "digits", "n": True}, 422, "n: "),
        ({"model": "digits", "n": "3"}, 422, "n: "),
        ({"model": "digits", "seed": -1}, 422, "seed: "),
        ({"model": "digits", "seed": 2**64}, 422, "seed: "),
        ({"model": "digits", "seeds": 1}, 422, "seeds: "),
        ({"model": "digits", "labels": "ten"}, 422, "outside the 10 classes"),
        ({"model": "digits", "labels": [1, 2]}, 422, "2 labels given for 1 samples"),
        ({"model": "digits", "labels": {"a": 1}}, 422, "labels must be one class"),
        ({"model": "digits", "labels": [[1e9]]}, 422, "labels must be one class"),
        ({"model": "digits", "labels": [[0.5]]}, 422, "outside the 10 classes"),
        ({"model": "points", "labels": 1}, 422, "unconditional"),
        ({"model": "points", "codes": {"1": 1}}, 422, "this run has none"),
        ({"model": "coded", "codes": {"1": 7}}, 422, "a category, 0 to 2, got 7"),
        ({"model": "coded", "codes": {"2": float("nan")}}, 422, "codes.2"),
        ({"model": "points", "latents": []}, 422, "latents: "),
        ({"model": "points", "latents": [[1.0]]}, 422, "needed are"),
        ({"model": "points", "latents": [[float("inf")]]}, 422, "latents.0.0: "),
        ({"model": "points", "latents": [[1.0]], "seed": 1}, 422, "leave one out"),
        ({"model": "points", "format": "gif"}, 422, "format: "),
    ],
)
def test_bad_input_is_refused_with_the_reason(served, body, status, reason):
    text = body if isinstance(body, str) else json.dumps(body)
    answer = served.post("/sample", content=text, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    detail = answer.json()["detail"]
    assert any(one in detail for one in reason.split("|")), detail
    assert len(detail) <= 500


def test_a_body_that_is_not_sent_as_json_is_refused(served):
    answer = served.post("/sample", content='{"n": 1}', headers={"content-type": "text/plain"})
    assert answer.status_code == 415
    assert "Content-Type: application/json" in answer.json()["detail"]


def test_a_full_queue_is_said_with_the_time_to_come_back(alone, points):
    client = alone("points", queue=8, samples=8)
    gate = Gate(points)
    with ThreadPoolExecutor(3) as others:
        first = others.submit(client.post, "/sample", json={"n": 8, "format": "npz"})
        assert gate.reached.wait(30)
        second = others.submit(client.post, "/sample", json={"n": 8, "format": "npz"})
        while 'gankit_waiting_samples{model="points"} 8.0' not in client.get("/metrics").text:
            time.sleep(0.01)
        full = client.post("/sample", json={"n": 1})
        gate.opened.set()
        assert full.status_code == 429
        assert int(full.headers["retry-after"]) >= 1
        assert "too many samples wait" in full.json()["detail"]
        assert [first.result().status_code, second.result().status_code] == [200, 200]


def test_what_is_served_is_described(served, coded):
    said = served.get("/info").json()
    assert set(said["models"]) == {"digits", "coded", "points"}
    assert said["models"]["digits"]["classes"] == list("0123456789")
    assert said["models"]["coded"]["codes"] == [
        {"number": 1, "categories": 3}, {"number": 2, "categories": 0},
    ]  # fmt: skip
    assert said["models"]["coded"]["latent_size"] == coded.game.latent_size
    assert said["most_samples"] == 256
    schema = served.get("/openapi.json").json()
    fields = schema["components"]["schemas"]["SampleRequest"]["properties"]
    assert fields["model"]["anyOf"][0]["enum"] == ["digits", "coded", "points"]
    assert fields["n"]["anyOf"][0]["maximum"] == 256
    assert served.get("/health").json() == {"status": "ok"}
    assert set(schema["paths"]) == {
        "/sample", "/info", "/health", "/metrics",
    }  # fmt: skip


def test_what_happened_is_counted(served):
    served.post("/sample", json={"model": "points", "n": 5})
    served.get("/nowhere")
    text = served.get("/metrics").text
    for line in (
        'gankit_requests_total{path="/sample",status="200"} 1.0',
        'gankit_requests_total{path="other",status="404"} 1.0',
        'gankit_samples_total{model="points"} 5.0',
        'gankit_waiting_samples{model="digits"} 0.0',
    ):
        assert line in text


def test_a_token_is_asked_for_and_said_to_be_needed(points):
    app = make_app({"points": points}, token=Token("correct-horse-battery"))
    with TestClient(app) as client:
        assert client.post("/sample", json={}).status_code == 401
        right = {"Authorization": "Bearer correct-horse-battery"}
        assert client.post("/sample", json={}, headers=right).status_code == 200
        schema = client.get("/openapi.json", headers=right).json()
        assert schema["paths"]["/sample"]["post"]["security"] == [{"token": []}]
        assert "security" not in schema["paths"]["/health"]["get"]
        assert client.get("/health").status_code == 200


CASES = int(os.environ.get("GANKIT_FUZZ", "300"))
"""How many requests are made up for `POST /sample` from its own description."""


@pytest.mark.slow
@pytest.mark.parametrize("valid", [True, False], ids=["valid", "invalid"])
def test_no_request_is_an_error_of_the_server(valid, coded):
    """Requests as the description allows them, or as it does not: a 4xx says why, never a 5xx."""
    app = make_app({"coded": coded})
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    mode = GenerationMode.POSITIVE if valid else GenerationMode.NEGATIVE
    cases = schema["/sample"]["POST"].as_strategy(generation_mode=mode)
    seen = Counter()

    @seed(0)
    @settings(
        max_examples=CASES // 2,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(case=cases)
    def ask(case):
        answer = case.call()
        seen[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)
        assert answer.status_code < 500
        assert valid or answer.status_code >= 400
        if answer.status_code >= 400:
            assert answer.json()["detail"]

    ask()
    print(dict(seen))  # shown by pytest -s
    assert sum(seen.values()) >= 0.9 * (CASES // 2)
    assert not valid or seen[200]


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
