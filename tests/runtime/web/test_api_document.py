"""The OpenAPI document and the page made of it, held against the addresses that there are."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from designer.access import PERMISSIONS
from runtime.api import openapi
from runtime.api.resources import RESOURCES
from tests.runtime.web.contract import ContractClient, wrong

OTHERS = {"api", "api_nothing"}
"""The page itself, and what is said where nothing is."""


def addresses(resolver: URLResolver, before: str = "") -> dict[str, str]:
    """Return the path of each address of the API in the URL conf, by its name."""
    found: dict[str, str] = {}
    for entry in resolver.url_patterns:
        path = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            found |= addresses(entry, path)
        elif isinstance(entry, URLPattern) and path.startswith("api/"):
            found[str(entry.name)] = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", path[4:])
    return found


def test_the_document_names_each_address_and_each_method_there_is() -> None:
    real = {k: v for k, v in addresses(get_resolver()).items() if k not in OTHERS}
    assert set(openapi.document()["paths"]) == set(real.values())
    assert [each.name for each in RESOURCES] == list(real)


def test_each_call_is_told_in_words_with_what_may_be_sent() -> None:
    told: list[str] = []
    for path, methods in openapi.document()["paths"].items():
        for method, call in methods.items():
            told.append(call["operationId"])
            assert call["summary"] and len(call["summary"]) < 80, (path, method)
            named = {p["name"] for p in call["parameters"] if p["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))
            assert any(code.startswith("2") for code in call["responses"])
    assert len(told) == len(set(told)) == sum(len(each.operations) for each in RESOURCES)


def test_each_reference_of_the_document_leads_somewhere() -> None:
    document = openapi.document()
    schemas = document["components"]["schemas"]
    names = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert names <= set(schemas)
    assert set(schemas) <= names


def test_each_call_needs_an_act_of_the_table() -> None:
    for resource in RESOURCES:
        for method, done in resource.operations.items():
            assert done.act in PERMISSIONS
            if method != "GET" and PERMISSIONS[done.act] is None:
                # It reads, although something has to be sent for it.
                reads = {"check_text", "run_scenarios", "dry_run", "correction"}
                assert done.function.__name__ in reads


def test_the_document_is_served_and_says_where_the_server_is(alice: Any) -> None:
    client = ContractClient()
    assert client.get("/api/openapi.json").status_code == 401
    client.force_login(alice)
    told = client.get("/api/openapi.json").json()
    assert told["openapi"] == "3.1.0" and told["servers"] == [{"url": "http://testserver/api"}]


def test_the_page_shows_every_call_with_an_example(client: Client, vera: Any) -> None:
    client.force_login(vera)
    page = client.get("/api/").content.decode()
    for methods in openapi.document()["paths"].values():
        for call in methods.values():
            assert f'id="{call["operationId"]}"' in page
    examples = page.count("Authorization: Bearer $TOKEN") + page.count("Bearer $TOKEN&quot;")
    assert examples > len(RESOURCES)
    (examples,) = [re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)]
    assert not any("{" in each and "-d" not in each for each in examples)
    assert ">None" not in page


def test_the_validator_sees_what_is_wrong() -> None:
    route = {"$ref": "#/components/schemas/Route"}
    right = {"id": 1, "pattern": "1", "flow": "a", "when": {}}
    assert wrong(right, route) == []
    assert wrong({**right, "pattern": 1}, route)
    assert wrong({"pattern": "1"}, route)
    assert wrong({**right, "colour": "red"}, route)
    assert wrong(True, {"type": "integer"}) and wrong(
        [1, "x"], {"items": {"type": "integer"}, "type": "array"}
    )
