"""The generated pages say what the code says, and their examples compile."""

import json
import re

import pytest

from flows.check import examine
from flows.compile import compile_text
from flows.docs import FOLDER, SCHEMA, pages, write
from flows.language_page import language
from flows.schema import json_schema
from flows.vocabulary import ACTIONS, EVENTS, FEATURES, GUARDS, PUBLISHED, RESOURCES

PAGES = pages()


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name):
    path = FOLDER / name
    assert path.exists() and path.read_text("utf-8") == PAGES[name], "run `make docs`"


def test_no_page_of_rules_is_left_over():
    there = {f"rules/{path.name}" for path in (FOLDER / "rules").iterdir()}
    assert there == {name for name in PAGES if name.startswith("rules/")}


def test_writing_twice_writes_nothing_the_second_time(tmp_path):
    assert set(write(tmp_path)) == set(PAGES)
    assert write(tmp_path) == []


def test_the_schema_is_the_language_s():
    assert json.loads(PAGES[SCHEMA]) == json_schema()


def test_links_between_pages_lead_somewhere():
    for name, text in PAGES.items():
        for target, anchor in re.findall(r"\]\(([\w./-]*\.md)?#(\w+)\)", text):
            page = name if not target else f"{name.rpartition('/')[0]}/{target}".lstrip("/")
            assert f"## {anchor.upper()}\n" in PAGES[page], (name, target, anchor)


def test_every_word_has_its_place_on_the_page_of_the_language():
    text = language()
    for name in (*EVENTS, *ACTIONS):
        assert f"#### `{name}`" in text
    for name in (*GUARDS, *PUBLISHED, *RESOURCES, *FEATURES):
        assert f"| `{name}` |" in text


def blocks():
    return re.findall(r"```yaml\n(.*?)```", language(), re.DOTALL)


ALONE = """
callflow: 1
states: {Idle: {initial: true}, Failed: {final: true}}
transitions: [{from_state: Idle, role: Both, event: Reset, next_state: Failed}]
"""


def test_the_long_example_compiles_without_findings_of_syntax_and_names():
    compiled = examine(blocks()[0])
    assert not [f for f in compiled.findings if f.code[:3] in ("SYN", "NAM")]
    assert compiled.table is not None


def test_the_example_of_every_word_compiles():
    for block in blocks()[1:]:
        row = block.strip()
        if row.startswith("properties:"):
            assert not [f for f in examine(block + ALONE).findings if f.code == "PRP951"]
            continue
        if row.startswith("actions:"):
            name = re.search(r"\w+", row.removeprefix("actions:")).group()
            role = ACTIONS[name].roles[0] if len(ACTIONS[name].roles) == 1 else "Both"
            row = f"- {{from_state: Active, role: {role}, event: HoldCall, {row}}}"
        text = f"{row}\n- {{from_state: Idle, role: Both, event: Reset, next_state: Active}}\n"
        broken = [f for f in compile_text(text).findings if f.code[:3] in ("SYN", "NAM")]
        assert not broken, (block, broken)
