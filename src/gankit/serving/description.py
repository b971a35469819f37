"""The page at /docs: the OpenAPI description for people, in one file that loads nothing."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gankit.pages.html import Html, code, element, note, page, section, table
from gankit.version import __version__


def describe(schema: Mapping[str, Any], address: str, models: Sequence[str]) -> bytes:
    """Return the page.

    Args:
        schema: the OpenAPI description.
        address: where the server is, with a slash at its end.
        models: the names of the runs that are served.
    """
    header = element(
        "header",
        element("h1", "gankit"),
        element("p", f"{schema['info']['summary']}.", class_="lede"),
        element("p", "The same for programs: ", element("a", "openapi.json", href="openapi.json")),
    )
    return page(
        "gankit: samples over HTTP",
        header,
        section("Try it", *_examples(address, models)),
        *(section(*parts) for parts in _operations(schema)),
        foot=f"gankit {__version__}",
    )


def _examples(address: str, models: Sequence[str]) -> Iterator[Html]:
    asked: dict[str, Any] = {"n": 16, "seed": 7}
    if len(models) > 1:
        asked = {"model": models[0], **asked}
    yield code(
        f"curl {address}sample -H 'Content-Type: application/json' \\\n"
        f"    -d {shlex.quote(json.dumps(asked))} -o samples.png"
    )
    yield code(
        "import json, urllib.request\n\n"
        f"body = json.dumps({ {**asked, 'format': 'json'}!r}).encode()\n"
        "headers = {'Content-Type': 'application/json'}\n"
        f"request = urllib.request.Request({address + 'sample'!r}, body, headers)\n"
        "samples = json.load(urllib.request.urlopen(request))['samples']"
    )
    yield note("If the server asks for a token, add the header Authorization: Bearer <token>.")


def _operations(schema: Mapping[str, Any]) -> Iterator[tuple[str | Html, ...]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            parts: list[str | Html] = [element("p", operation.get("description", ""))]
            if "requestBody" in operation:
                parts.append(_fields(schema, operation))
            parts.append(_answers(operation))
            yield (f"{method.upper()} {path}", *parts)


def _fields(schema: Mapping[str, Any], operation: Mapping[str, Any]) -> Html:
    content = operation["requestBody"]["content"]["application/json"]
    name = content["schema"]["$ref"].rpartition("/")[2]
    properties = schema["components"]["schemas"][name]["properties"]
    rows = [
        (field, " or ".join(_types(about)), about.get("description", ""))
        for field, about in properties.items()
    ]
    return table(("field", "type", "what it is"), rows, caption="The body, an object in JSON")


def _types(about: Mapping[str, Any]) -> list[str]:
    """Return the types that a field may have, in words."""
    if "anyOf" in about:
        named = [name for one in about["anyOf"] for name in _types(one) if name != "null"]
        return list(dict.fromkeys(named))
    if "enum" in about:
        return [str(value) for value in about["enum"]]
    if about.get("type") == "array":
        return [f"list of {' or '.join(_types(about['items']))}"]
    return [str(about.get("type", "any"))]


def _answers(operation: Mapping[str, Any]) -> Html:
    rows = [(status, about["description"]) for status, about in operation["responses"].items()]
    return table(("status", "answer"), rows)
