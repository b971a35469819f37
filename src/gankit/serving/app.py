"""The HTTP interface: a thin layer around the queue."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from gankit.errors import ConfigError
from gankit.serving.access import Token
from gankit.serving.answering import MEDIA_TYPES, answer, check_format
from gankit.serving.asking import latents_for
from gankit.serving.batcher import Batcher, ClosedError, QueueFullError
from gankit.serving.description import describe
from gankit.serving.guard import OPEN, Guard
from gankit.serving.limits import Limits
from gankit.serving.numbers import Numbers
from gankit.serving.schema import (
    CodeInfo,
    Health,
    Info,
    ModelInfo,
    Problem,
    SampleRequest,
    Samples,
)
from gankit.text import shown, visible
from gankit.trained.gan import GAN
from gankit.version import __version__

LONGEST_REASON = 500
HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")
"""What a Host header may be to be shown on the page."""
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is no JSON."},
    401: {"model": Problem, "description": "The token is missing or wrong."},
    408: {"model": Problem, "description": "The request did not arrive in time."},
    413: {"model": Problem, "description": "The body is too long."},
    415: {"model": Problem, "description": "The body is not sent as JSON."},
    422: {"model": Problem, "description": "The request cannot be answered, and why."},
    429: {"model": Problem, "description": "Too much to do: try again after Retry-After seconds."},
    503: {"model": Problem, "description": "The server is stopping, or the time was over."},
}


@dataclass(frozen=True)
class Model:
    """A trained GAN that is served, and its queue."""

    gan: GAN
    batcher: Batcher


def make_app(
    gans: Mapping[str, GAN], limits: Limits | None = None, token: Token | None = None
) -> Guard:
    """Return the ASGI application that serves trained GANs, each by its name.

    Its threads start at once, and end when the application's lifespan does.
    """
    limits = limits or Limits()
    numbers = Numbers()
    models = {name: Model(gan, Batcher(gan, limits.queue)) for name, gan in gans.items()}
    for name, model in models.items():
        numbers.watch_queue(name, lambda model=model: model.batcher.waiting)  # type: ignore[misc]

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        for model in models.values():
            await run_in_threadpool(model.batcher.close)

    app = FastAPI(
        title="gankit",
        version=__version__,
        summary=f"Samples of trained generators: {', '.join(models)}",
        docs_url=None,  # the usual page loads scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ConfigError, _unsuitable)
    app.add_exception_handler(HTTPException, _refused)
    _add_sample(app, models, limits, numbers)
    _add_pages(app, models, limits, numbers)
    _complete(app.openapi(), list(models), limits, token is not None)
    return Guard(app, limits, token, numbers.count_request)


def _add_sample(
    app: FastAPI, models: Mapping[str, Model], limits: Limits, numbers: Numbers
) -> None:
    @app.post(
        "/sample",
        response_class=Response,
        responses={
            200: {
                "model": Samples,
                "description": "The samples.",
                "content": {kind: {} for kind in MEDIA_TYPES.values() if "json" not in kind},
            },
            **REFUSALS,
        },
    )
    async def sample(asked: SampleRequest) -> Response:
        """Draw samples."""
        name = _named(asked.model, models)
        gan, batcher = models[name].gan, models[name].batcher
        n = _count(asked, limits)
        check_format(gan, n, asked.format)
        latent = await run_in_threadpool(
            latents_for,
            gan,
            n,
            asked.labels,
            asked.seed or 0,
            asked.codes,
            asked.latents,
            asked.truncation,
        )
        try:
            samples = await asyncio.wrap_future(batcher.submit(latent))
        except QueueFullError as full:
            return _problem(429, str(full), {"retry-after": str(full.seconds)})
        except ClosedError as closed:
            return _problem(503, str(closed), {"retry-after": "5"})
        labels = None if latent.labels is None else latent.labels.numpy()
        body = await run_in_threadpool(answer, gan, samples, labels, asked.format)
        numbers.count_samples(name, n)
        return Response(body, media_type=MEDIA_TYPES[asked.format])


def _named(asked: str | None, models: Mapping[str, Model]) -> str:
    """Return the name of the run that is asked for; the only one if none is named."""
    if asked is None and len(models) == 1:
        return next(iter(models))
    if asked is None or asked not in models:
        got = "none is named" if asked is None else f"got {shown(asked)}"
        raise ConfigError(f"model must be one of {', '.join(models)}; {got}", "model")
    return asked


def _count(asked: SampleRequest, limits: Limits) -> int:
    """Return how many samples are asked for. Raises ConfigError for too many."""
    if asked.latents is not None and asked.seed is not None:
        raise ConfigError("a seed and latents are both given: leave one out", "seed", "latents")
    n = asked.n or (1 if asked.latents is None else len(asked.latents))
    if n > limits.samples:
        raise ConfigError(f"n must be at most {limits.samples}, got {n}", "n")
    return n


def _add_pages(app: FastAPI, models: Mapping[str, Model], limits: Limits, numbers: Numbers) -> None:
    @app.get("/info", responses={401: REFUSALS[401]})
    async def info() -> Info:
        """Say what is served: each run's family, shape, classes and codes, and the limits."""
        return Info(
            gankit=__version__,
            models={name: _model_info(model) for name, model in models.items()},
            most_samples=limits.samples,
            most_bytes=limits.body,
        )

    @app.get("/health")
    async def health() -> Health:
        """Say that the server takes requests; while it stops, the status is 503."""
        return Health(status="ok")

    @app.get("/metrics", response_class=Response, responses={401: REFUSALS[401]})
    async def metrics() -> Response:
        """Return counters and times in Prometheus' text format."""
        return Response(numbers.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        host = request.headers.get("host", "")
        address = f"http://{host if HOST.fullmatch(host) else 'localhost'}/"
        return HTMLResponse(describe(app.openapi(), address, list(models)))

    @app.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse("docs")


def _model_info(model: Model) -> ModelInfo:
    gan = model.gan
    return ModelInfo(
        family=gan.config.family,
        kind=gan.kind,
        shape=list(gan.shape),
        classes=list(gan.class_names),
        condition=gan.condition,
        latent_size=gan.game.latent_size,
        codes=[
            CodeInfo(number=number, categories=code.categories)
            for number, code in enumerate(gan.game.codes, 1)
        ],
        step=gan.step,
        shares_passes=model.batcher.shares_passes,
    )


def _complete(schema: dict[str, Any], models: Sequence[str], limits: Limits, guarded: bool) -> None:
    """Let the OpenAPI description name the runs, the limit of samples and, if so, the token.

    The application keeps this object, and the guard asks for the token.
    """
    asked = schema["components"]["schemas"]["SampleRequest"]["properties"]
    asked["model"]["anyOf"][0] = {"type": "string", "enum": models}
    asked["n"]["anyOf"][0]["maximum"] = limits.samples
    if not guarded:
        return
    schema["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, methods in schema["paths"].items():
        if path not in OPEN:
            for method in methods.values():
                method["security"] = [{"token": []}]


LABELS = (
    "labels must be one class, by name or number, or a list with one for each sample; for a run of "
    "vectors, lists of numbers from -100 to 100"
)
"""What is said of labels that are none of the kinds that there are."""


async def _invalid(request: Request, error: Exception) -> Response:
    """Say in words where a body departs from the schema, and repeat nothing of what was given."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return _problem(400, "the body is no JSON")
    if "json" not in request.headers.get("content-type", ""):
        return _problem(415, "send JSON, with the header Content-Type: application/json")
    return _problem(422, "; ".join(dict.fromkeys(_in_words(one) for one in found)))


def _in_words(wrong: Mapping[str, Any]) -> str:
    """Return what pydantic found wrong, and where."""
    place = [str(part)[:40] for part in wrong["loc"][1:]]
    if place[:1] == ["labels"]:
        return LABELS
    if not place:
        return "the body must be an object in JSON"
    return f"{'.'.join(place)}: {wrong['msg']}"


async def _unsuitable(request: Request, error: Exception) -> Response:
    return _problem(422, str(error))


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _problem(error.status_code, str(error.detail), error.headers)


def _problem(status: int, reason: str, headers: Mapping[str, str] | None = None) -> Response:
    cut = visible(reason)[:LONGEST_REASON]
    return JSONResponse({"detail": cut}, status, headers=dict(headers or {}))
