"""The OpenAPI 3.1 document, made of the declarations; nothing of the API is written down twice."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from designer.access import PERMISSIONS
from runtime.api import shapes
from runtime.api.declare import Operation, Resource
from runtime.api.problems import MEDIA_TYPE
from runtime.api.resources import RESOURCES, TAGS

VERSION = "1"
REFERENCE = "#/components/schemas/{name}"
_ARGUMENT = re.compile(r"<(\w+):(\w+)>")
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "flow": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
    "int": {"type": "integer", "minimum": 0},
    "str": {"type": "string"},
    "slug": {"type": "string", "pattern": "^[-A-Za-z0-9_]+$"},
}
_MEANT = {
    "name": "The name of a flow.",
    "node": "The name of a node.",
    "trunk": "The name of a trunk.",
    "account": "The id of an account of a phone.",
    "key": "The id of a registration.",
    "number": "The number of a version.",
    "id": "The id of a session.",
    "sequence": "The number of a step, from 1.",
    "other": "The id of the session to compare with.",
    "order": "The number of an order about running calls.",
    "left": "The text before: the number of a version, deployed, or draft.",
    "right": "The text after, named in the same way.",
}
ABOUT = """\
The acts of the pages for programs, with the same rules and permissions.

Show a token as `Authorization: Bearer TOKEN` (Access tokens, in your menu, or `callsmith token
add`); the session of a browser counts as well, and then a change needs the X-CSRFToken of a page.
A refusal is a problem document (RFC 9457) whose `detail` is a sentence. A list that has pages names
the others in its Link header and says in X-Total-Count how many there are. What is not declared
here, in a query or a body, is refused.
"""


def document(server: str = "/api") -> dict[str, Any]:
    """Return the whole document for a server at this address."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Callsmith", "version": VERSION, "description": ABOUT},
        "servers": [{"url": server}],
        "security": [{"token": []}, {"session": []}],
        "tags": [{"name": name, "description": about} for name, about in TAGS.items()],
        "paths": {path_of(each): _methods(each) for each in RESOURCES},
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "callsmith_session_PORT",
                    "description": "Of a browser that is logged in; PORT is that of the server.",
                },
            },
        },
    }


def path_of(resource: Resource) -> str:
    """Return an address as the document writes it: /flows/{name}."""
    return "/" + _ARGUMENT.sub(r"{\2}", resource.route)


def parameters_of(resource: Resource, done: Operation) -> list[dict[str, Any]]:
    """Return what stands in the address and in the query of a call."""
    found = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _MEANT[name],
            "schema": _ARGUMENTS[kind],
        }
        for kind, name in _ARGUMENT.findall(resource.route)
    ]
    if done.query is None:
        return found
    schema = msgspec.json.schema(done.query)["$defs"][done.query.__name__]
    for name, each in schema["properties"].items():
        shape = dict(each)
        told = {"description": shape.pop("description")} if "description" in shape else {}
        required = name in schema.get("required", [])
        found.append({"name": name, "in": "query", "required": required, **told, "schema": shape})
    return found


def _methods(resource: Resource) -> dict[str, Any]:
    return {
        method.lower(): _operation(resource, done) for method, done in resource.operations.items()
    }


def _operation(resource: Resource, done: Operation) -> dict[str, Any]:
    permission = PERMISSIONS[done.act] or "none: whoever is logged in"
    told: dict[str, Any] = {
        "operationId": done.function.__name__,
        "tags": [resource.tag],
        "summary": done.summary,
        "description": f"{done.description}\n\nPermission: {permission}.".strip(),
        "parameters": parameters_of(resource, done),
        "responses": _responses(resource, done),
    }
    if done.body is not None:
        told["requestBody"] = {
            "required": bool(required_of(done.body)),
            "content": {"application/json": {"schema": _reference(done.body)}},
        }
    return told


def required_of(shape: type[msgspec.Struct]) -> list[str]:
    """Return the members that have to be sent."""
    return [each.name for each in msgspec.structs.fields(shape) if each.required]


def _responses(resource: Resource, done: Operation) -> dict[str, Any]:
    well: dict[str, Any] = {
        "description": "Made." if done.status == 201 else "Done.",
        "content": {"application/json": {"schema": _reference(done.answer)}},
    }
    if done.paged:
        well["headers"] = {
            "Link": {
                "description": "Where the other pages are (RFC 8288).",
                "schema": {"type": "string"},
            },
            "X-Total-Count": {
                "description": "How many there are on all pages.",
                "schema": {"type": "string", "pattern": "^[0-9]+$"},
            },
        }
    refusals = {code: _refusal(why) for code, why in _refused(resource, done).items()}
    if "409" in refusals:
        refusals["409"] = _refusal(_refused(resource, done)["409"], done.conflict)
    return {str(done.status): well, **refusals}


def _refused(resource: Resource, done: Operation) -> dict[str, str]:
    """Return the statuses a call may be refused with, and what each means here."""
    told = {
        "400": "What was sent does not have the declared shape.",
        "401": "No token, or one that opens nothing; WWW-Authenticate says which.",
        "403": "The account may not do this.",
    }
    if "<" in resource.route:
        told["404"] = "There is nothing by this name."
    if done.body is not None or done.act not in _LOOKING:
        told["409"] = "It is not possible now; the sentence says why."
    told["413"] = f"The body is larger than {done.most >> 10} KiB."
    told["429"] = "Too many tokens from this address opened nothing; see Retry-After."
    told["500"] = "A fault of ours; the log of the server has it."
    if done.asks_node or done.function.__name__ == "list_nodes":
        told["503"] = "No node runs here, or it does not answer."
    return told


_LOOKING = {act for act, permission in PERMISSIONS.items() if permission is None}


def _refusal(why: str, shape: type[msgspec.Struct] = shapes.Problem) -> dict[str, Any]:
    return {"description": why, "content": {MEDIA_TYPE: {"schema": _reference(shape)}}}


def _types() -> list[Any]:
    used: list[Any] = [shapes.Problem]
    for resource in RESOURCES:
        for done in resource.operations.values():
            used += [done.answer, done.conflict, *([done.body] if done.body else [])]
    return used


def _reference(type_: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([type_], ref_template=REFERENCE)
    return schema


def _schemas() -> dict[str, Any]:
    _, components = msgspec.json.schema_components(_types(), ref_template=REFERENCE)
    return dict(sorted(components.items()))
