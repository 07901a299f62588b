"""The schema and the palette say what the vocabulary says."""

import json
import re
from pathlib import Path

import pytest
import yaml

from flows.schema import json_schema, palette
from flows.vocabulary import ACTIONS, EVENTS, PUBLISHED

STARTERS = sorted((Path(__file__).parents[2] / "state_tables").glob("*.yaml"))


def test_the_schema_is_plain_data_and_knows_every_word():
    schema = json_schema()
    text = json.dumps(schema)
    definitions = schema["$defs"]
    assert definitions["event"]["oneOf"][0]["enum"] == list(EVENTS)
    assert definitions["published"]["enum"] == list(PUBLISHED)
    for name in ACTIONS:
        assert f'"{name}"' in text


def test_a_needed_parameter_forbids_the_bare_name():
    forms = json_schema()["$defs"]["action"]["oneOf"]
    bare = {form["const"] for form in forms if "const" in form}
    assert "PlayTone" in bare and "PlayAudioFile" not in bare
    full = next(f for f in forms if "PlayAudioFile" in f.get("properties", {}))
    assert full["properties"]["PlayAudioFile"]["required"] == ["file"]


def test_ranges_and_choices_reach_the_schema():
    forms = json_schema()["$defs"]["action"]["oneOf"]
    response = next(f for f in forms if "SendSIPResponse" in f.get("properties", {}))
    code = response["properties"]["SendSIPResponse"]["properties"]["code"]
    assert (code["minimum"], code["maximum"], code["default"]) == (101, 699, 200)


def test_references_of_the_schema_lead_somewhere():
    schema = json_schema()
    for name in set(_references(schema)):
        assert name.removeprefix("#/$defs/") in schema["$defs"]


def _references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def test_the_palette_offers_every_word_once_in_its_group():
    offered = palette()
    json.dumps(offered)
    for key, words in (("events", EVENTS), ("actions", ACTIONS)):
        names = [word["name"] for group in offered[key] for word in group["words"]]
        assert sorted(names) == sorted(words)
    assert {group["group"] for group in offered["actions"]} >= {"Signalling", "Media"}


# -- the schema at work ----------------------------------------------------------------------------

TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
    "integer": int, "number": (int, float),
}  # fmt: skip


def problems(value, schema, root, at="$"):
    """What a validator of JSON Schema has to say, for the keywords this schema uses."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    fits = [isinstance(value, TYPES[k]) and isinstance(value, bool) <= (k == "boolean")
            for k in kinds]  # fmt: skip
    if kinds and not any(fits):
        return [f"{at} is no {kinds}"]
    if "const" in schema and value != schema["const"]:
        return [f"{at} is not {schema['const']}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at} is none of the words"]
    found = []
    if "oneOf" in schema:
        fitting = [s for s in schema["oneOf"] if not problems(value, s, root, at)]
        found += [] if len(fitting) == 1 else [f"{at} fits {len(fitting)} forms"]
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{at} does not fit {schema['pattern']}")
    if isinstance(value, str) and len(value) < schema.get("minLength", 0):
        found.append(f"{at} is too short")
    if isinstance(value, dict):
        found += [f"{at} has no {k}" for k in schema.get("required", []) if k not in value]
        for key, inner in value.items():
            found += problems(key, schema.get("propertyNames", {}), root, f"{at} key {key}")
            known = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            if known is False:
                found.append(f"{at} may not have {key}")
            else:
                found += problems(inner, known, root, f"{at}.{key}")
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            found += problems(item, schema["items"], root, f"{at}[{number}]")
    return found


@pytest.mark.parametrize("path", STARTERS, ids=lambda path: path.stem)
def test_an_editor_has_nothing_against_a_starter(path):
    schema = json_schema()
    assert problems(yaml.safe_load(path.read_text("utf-8")), schema, schema) == []


@pytest.mark.parametrize(
    "text",
    [
        "- {from_state: Idle, role: UAS, event: IncomingCal}",
        "- {from_state: Idle, role: Caller, event: IncomingCall}",
        "- {from_state: Idle, role: UAS, event: IncomingCall, gaurds: []}",
        "- {from_state: Idle, role: UAS, event: {after: soon}}",
        "- {from_state: Idle, role: UAS, event: IncomingCall, actions: [PlayAudioFile]}",
        "- {from_state: Idle, role: UAS, event: IncomingCall, publish_events: [CallEnded]}",
        "- {from_state: Idle, role: UAS, event: IncomingCall, ignore: ''}",
        "{callflow: 2, transitions: []}",
        "{callflow: 1}",
    ],
)
def test_an_editor_sees_what_the_schema_can_say(text):
    schema = json_schema()
    assert problems(yaml.safe_load(text), schema, schema)
