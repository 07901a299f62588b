"""A client that holds every answer of the API against the OpenAPI document.

The validator knows the words of JSON Schema that the document uses, and fails at any other.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from django.test import Client
from django.urls import resolve

from runtime.api import openapi
from runtime.api.problems import MEDIA_TYPE

TOLD = {"title", "description", "default", "format"}
"""Words that ask for nothing."""
KINDS: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


@lru_cache
def document() -> dict[str, Any]:
    return openapi.document()


def wrong(value: Any, schema: dict[str, Any], where: str = "$") -> list[str]:
    """Return what is wrong with a value, each with its place."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return wrong(value, document()["components"]["schemas"][name], where)
    problems: list[str] = []
    for word, asked in schema.items():
        if word in TOLD:
            continue
        check = CHECKS[word]
        # As the specification has it: a word says nothing of values of another kind.
        if isinstance(value, SPEAKS_OF.get(word, object)):
            problems += check(value, asked, where, schema)
    return problems


def _type(value: Any, asked: str, where: str, _: Any) -> list[str]:
    fits = isinstance(value, KINDS[asked]) and (
        asked == "boolean" or not isinstance(value, bool) or asked == "null"
    )
    return [] if fits else [f"{where} is no {asked}: {value!r}"]


def _any_of(value: Any, asked: list[Any], where: str, _: Any) -> list[str]:
    each = [wrong(value, one, where) for one in asked]
    return [] if [] in each else [f"{where} fits none of {len(each)}: {each}"]


def _properties(value: Any, asked: dict[str, Any], where: str, _: Any) -> list[str]:
    found = [(name, one) for name, one in asked.items() if name in value]
    return [p for name, one in found for p in wrong(value[name], one, f"{where}.{name}")]


def _required(value: Any, asked: list[str], where: str, _: Any) -> list[str]:
    return [f"{where} lacks {name}" for name in asked if name not in value]


def _additional(value: Any, asked: Any, where: str, schema: dict[str, Any]) -> list[str]:
    others = [name for name in value if name not in schema.get("properties", {})]
    if asked is False:
        return [f"{where} has {name}, which is not declared" for name in others]
    return [p for name in others for p in wrong(value[name], asked, f"{where}.{name}")]


def _items(value: Any, asked: Any, where: str, schema: dict[str, Any]) -> list[str]:
    rest = value[len(schema.get("prefixItems", [])) :]
    if asked is False:
        return [f"{where} is too long"] if rest else []
    return [p for n, one in enumerate(rest) for p in wrong(one, asked, f"{where}[{n}]")]


def _prefix(value: Any, asked: list[Any], where: str, _: Any) -> list[str]:
    pairs = enumerate(zip(value, asked, strict=False))
    return [p for n, (one, each) in pairs for p in wrong(one, each, f"{where}[{n}]")]


def _holds(compare: Any) -> Any:
    def check(value: Any, asked: Any, where: str, _: Any) -> list[str]:
        return [] if compare(value, asked) else [f"{where} is {value!r}, asked was {asked!r}"]

    return check


CHECKS: dict[str, Any] = {
    "type": _type,
    "anyOf": _any_of,
    "properties": _properties,
    "required": _required,
    "additionalProperties": _additional,
    "items": _items,
    "prefixItems": _prefix,
    "enum": _holds(lambda value, asked: value in asked),
    "minimum": _holds(lambda value, asked: value >= asked),
    "maximum": _holds(lambda value, asked: value <= asked),
    "exclusiveMaximum": _holds(lambda value, asked: value < asked),
    "minLength": _holds(lambda value, asked: len(value) >= asked),
    "maxLength": _holds(lambda value, asked: len(value) <= asked),
    "minItems": _holds(lambda value, asked: len(value) >= asked),
    "maxItems": _holds(lambda value, asked: len(value) <= asked),
    "pattern": _holds(lambda value, asked: re.search(asked, value)),
}


SPEAKS_OF: dict[str, Any] = {
    **dict.fromkeys(("properties", "required", "additionalProperties"), dict),
    **dict.fromkeys(("items", "prefixItems", "minItems", "maxItems"), list),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMaximum"), (int, float)),
    **dict.fromkeys(("minLength", "maxLength", "pattern"), str),
}


class ContractClient(Client):
    """Django's test client; an answer of the API that is not as documented fails the test."""

    def request(self, **request: Any) -> Any:
        answer = super().request(**request)
        path, method = request["PATH_INFO"], request["REQUEST_METHOD"]
        if path.startswith("/api/") and path != "/api/" and method != "HEAD":
            hold(path, method, answer)
        return answer


def hold(path: str, method: str, answer: Any) -> None:
    """Fail unless the answer is one that the document announces."""
    route = resolve(path).route.removeprefix("api")
    told = document()["paths"].get(re.sub(r"<\w+:(\w+)>", r"{\1}", route), {}).get(method.lower())
    if told is None:
        assert answer.status_code in (401, 404, 405), (path, method, answer.status_code)
        assert answer["Content-Type"] == MEDIA_TYPE
        return
    assert answer.status_code != 500, f"{method} {path} failed: {answer.content!r}"
    declared = told["responses"].get(str(answer.status_code))
    assert declared, f"{method} {path} does not announce {answer.status_code}"
    kind = answer["Content-Type"]
    assert kind in declared["content"], f"{method} {path} does not announce {kind}"
    assert answer["Cache-Control"] == "no-store"
    assert wrong(json.loads(answer.content), declared["content"][kind]["schema"]) == []
    for name, each in declared.get("headers", {}).items():
        assert wrong(answer.headers[name], each["schema"]) == []
