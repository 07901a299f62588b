"""The page that documents the API, drawn from the same declarations, and the way out of it."""

from __future__ import annotations

import json
import shlex
from typing import Any, get_args

import msgspec
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from designer.access import PERMISSIONS, page
from designer.views.shell import show
from runtime.api import entrance, openapi
from runtime.api.declare import Operation, Resource
from runtime.api.problems import Problem
from runtime.api.resources import PREFIX, RESOURCES, TAGS

EXAMPLES: dict[str, Any] = {
    "sequence": 8,
    "other": "node1-1-12",
    "name": "support_line",
    "number": "3",
    "left": "deployed",
    "right": "3",
    "id": "node1-7-42",
    "node": "node1",
    "flow": "support_line",
    "text": "callflow: 1\n",
    "base": 3,
    "message": "Ring longer",
    "act": "again",
    "pattern": "49*",
    "target": "sip:100@127.0.0.1:5062",
    "event": "HangupCall",
    "version": 3,
    "reason": "The new one drops calls",
    "fields": {},
    "route": 7,
    "trunk": "carrier",
    "account": 12,
    "key": "670d1699fdd9" + "0" * 28,
    "host": "sip.provider.example",
    "user": "201",
    "anybody_calls": True,
    "anybody_asks": False,
    "place": 1,
    "order": 12,
    "at_most": 50,
    "state": "OnHold",
    "verdict": "approved",
    "digest": "670d1699fdd9" + "0" * 52,
}
"""A value for whatever an example has to name."""
IN_QUERY = {"number": "4930"}


@page("flow.view")
def api(request: HttpRequest) -> HttpResponse:
    """Show every call. Context: tags [(name, about, calls)], shapes."""
    server = f"{request.scheme}://{request.get_host()}{PREFIX.rstrip('/')}"
    document = openapi.document(server)
    tags = [
        (name, about, [call for each in RESOURCES if each.tag == name
                       for call in _calls(each, server)])
        for name, about in TAGS.items()
    ]  # fmt: skip
    context = {
        "server": server,
        "tags": tags,
        "shapes": [_shape(name, each) for name, each in document["components"]["schemas"].items()],
    }
    return show(request, "runtime/api.html", context, nav="api")


@csrf_exempt
@login_not_required
def nothing(request: HttpRequest, rest: str) -> HttpResponse:
    """Say to whoever may come in that there is nothing at this address."""
    try:
        entrance.enter(request)
        raise Problem(404, f"There is nothing at {PREFIX}{rest[:200]}.")
    except Problem as problem:
        return problem.answer()


def _calls(resource: Resource, server: str) -> list[dict[str, Any]]:
    path = openapi.path_of(resource)
    return [
        {
            "id": done.function.__name__,
            "method": method,
            "path": path,
            "summary": done.summary,
            "description": _parts(done.description),
            "permission": PERMISSIONS[done.act],
            "parameters": [_parameter(p) for p in openapi.parameters_of(resource, done)],
            "body": done.body.__name__ if done.body else "",
            "members": _members(done.body) if done.body else [],
            "answer": _answer(done),
            "status": done.status,
            "curl": _curl(method, server + path, resource, done),
        }
        for method, done in resource.operations.items()
    ]


def _parts(text: str) -> list[tuple[bool, str]]:
    """Return a text in parts, each with whether it stood between backticks."""
    return [(index % 2 == 1, part) for index, part in enumerate(text.split("`")) if part]


def _curl(method: str, address: str, resource: Resource, done: Operation) -> str:
    given = openapi.parameters_of(resource, done)
    for each in given:
        if each["in"] == "path":
            address = address.replace(f"{{{each['name']}}}", str(EXAMPLES[each["name"]]))
    asked = [each for each in given if each["in"] == "query"]
    query = [
        f"{each['name']}={IN_QUERY.get(each['name'], EXAMPLES.get(each['name']))}"
        for each in asked
        if each["required"] or (method == "DELETE" and each is asked[0])
    ]
    lines = [f'curl{"" if method == "GET" else f" -X {method}"} -H "Authorization: Bearer $TOKEN"']
    body = {} if method == "DELETE" or done.body is None else _example(done.body)
    if body:
        lines.append(f"  -H 'Content-Type: application/json' -d {shlex.quote(json.dumps(body))}")
    target = address + ("?" + "&".join(query) if query else "")
    lines.append("  " + (shlex.quote(target) if query else target))
    return " \\\n".join(lines)


def _example(shape: type[msgspec.Struct]) -> dict[str, Any]:
    wanted = openapi.required_of(shape) or [
        each.name for each in msgspec.structs.fields(shape) if each.name == "reason"
    ]
    kinds = {each.name: get_args(each.type) for each in msgspec.structs.fields(shape)}
    return {name: _fitting(EXAMPLES[name], kinds[name]) for name in wanted}


def _fitting(value: Any, choices: tuple[Any, ...]) -> Any:
    """Return the example, or the first choice where only some words are taken."""
    words = [each for each in choices if isinstance(each, str)]
    return words[0] if words and value not in words else value


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    shape = parameter["schema"]
    return {
        "name": parameter["name"],
        "where": parameter["in"],
        "required": parameter["required"],
        "kind": _kind(shape),
        "about": parameter.get("description", ""),
    }


def _members(shape: type[msgspec.Struct]) -> list[dict[str, Any]]:
    schema = msgspec.json.schema(shape)["$defs"][shape.__name__]
    return _shape(shape.__name__, schema)["members"]  # type: ignore[no-any-return]


def _answer(done: Operation) -> dict[str, str]:
    shape = getattr(done.answer, "__args__", (done.answer,))[0]
    many = "list of " if done.answer != shape else ""
    named = isinstance(shape, type) and issubclass(shape, msgspec.Struct)
    return {"many": many if named else "", "name": shape.__name__ if named else ""}


def _shape(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    required = schema.get("required", [])
    return {
        "name": name,
        "about": schema.get("description", ""),
        "members": [
            {
                "name": member,
                "kind": _kind(each),
                "required": member in required,
                "about": each.get("description", ""),
            }
            for member, each in schema.get("properties", {}).items()
        ],
    }


def _kind(schema: dict[str, Any]) -> str:
    """Say in a few words what may stand here."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(each) for each in schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        items = schema.get("items")
        return f"list of {_kind(items)}" if isinstance(items, dict) else "list"
    kind = str(schema.get("type", "anything"))
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f"{kind}, {least} to {most}"
    return f"{kind} = {schema['default']}" if schema.get("default") not in (None, "") else kind
