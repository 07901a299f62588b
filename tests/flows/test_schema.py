"""The schema and the palette say what the vocabulary says."""

import json

from flows.schema import json_schema, palette
from flows.vocabulary import ACTIONS, EVENTS, PUBLISHED


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
