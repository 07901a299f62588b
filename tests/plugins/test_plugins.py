"""Words of other packages: an example of under 20 lines, and everything that can be wrong."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from flows import plugins
from flows.check import examine
from flows.check.deep import examine as deeply
from flows.plugins import ActionWord, Finding, GuardWord, PluginError, Severity, Words
from flows.schema import json_schema, palette
from flows.semantics import Program
from flows.vocabulary import ACTIONS, CONDITIONS, EVENTS, GUARDS
from runtime.adapters.binding import bind
from runtime.adapters.port import ActionError
from runtime.executor.step import Event

FOLDER = Path(__file__).parent
BASE = FOLDER.parents[1]

TEXT = """\
- {from_state: Idle, role: UAS, event: IncomingCall, actions: [CreateDialog], next_state: Active}
- {from_state: Active, role: UAS, event: DoorBell, guards: [not DoorOpen], actions: [OpenDoor]}
- {from_state: Active, role: UAS, event: HangupCall, actions: [CleanupDialog], next_state: Failed}
"""


@pytest.fixture
def words(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    from callsmith_house import WORDS

    return WORDS


@pytest.fixture
def house(words):
    plugins.register("house", words)
    yield words
    plugins.unregister("house")


def codes(text=TEXT):
    return {f.code for f in examine(text).findings}


def test_the_example_has_less_than_twenty_lines():
    text = (FOLDER / "callsmith_house" / "__init__.py").read_text("utf-8")
    assert sum(bool(line.strip()) for line in text.splitlines()) <= 20


def test_the_guide_shows_the_example_as_it_is():
    example = (FOLDER / "callsmith_house" / "__init__.py").read_text("utf-8")
    guide = (BASE / "docs" / "guide" / "plugins.md").read_text("utf-8")
    assert f"```python\n{example.rstrip()}\n```" in guide
    points = (FOLDER / "callsmith_house-1.0.dist-info" / "entry_points.txt").read_text("utf-8")
    assert "[callsmith.words]" in points and "callsmith_house:WORDS" in points


def test_without_the_plugin_its_words_are_unknown():
    assert {"NAM103", "NAM105", "NAM104"} <= codes()


def test_a_plugin_s_words_compile_are_checked_and_offered(house):
    compiled = examine(TEXT)
    assert compiled.table is not None and not codes() & {"NAM103", "NAM104", "NAM105"}
    assert '"OpenDoor"' in json.dumps(json_schema())
    assert {"House"} <= {group["group"] for group in palette()["actions"]}
    assert deeply(TEXT).rows_fired == 3


def test_a_plugin_s_contract_is_followed_by_the_semantics(house):
    program = Program(examine(TEXT).table)
    values = dict(program.initial_values)
    move = program.choose("Active", "UAS", "DoorBell", values, {})
    assert move.values_after(values, {})["DoorOpen"] is True


def test_a_plugin_s_rule_speaks_with_its_own_code(house):
    assert "HSE001" not in codes()
    assert "HSE001" in codes(TEXT.replace(", actions: [OpenDoor]", ""))


async def test_a_plugin_s_action_is_performed_by_its_function(house, caplog):
    word = examine(TEXT).table.rows[1].actions[0]
    call = bind(word)
    await call.method(None, call.arguments, Event("DoorBell"))
    assert "the door opens after DoorBell" in caplog.text


async def test_whatever_a_plugin_s_function_raises_is_the_failure_of_its_action(house):
    call = bind(examine(TEXT).table.rows[1].actions[0])
    with pytest.raises(ActionError, match="OpenDoor broke: AttributeError"):
        await call.method(None, call.arguments, None)


def test_a_rule_that_breaks_is_told_and_stops_nothing_else():
    def falls(graph):
        yield Finding("HSE002", Severity.INFO, "first", graph.table.rows[0].place)
        raise ZeroDivisionError("oh")

    def lies(graph):
        return ["no finding"]

    def poses(graph):
        yield Finding("DET201", Severity.ERROR, "not mine", graph.table.rows[0].place)

    plugins.register("odd", Words(rules=(falls, lies, poses)))
    try:
        found = examine("- {from_state: Idle, role: UAS, event: IncomingCal}\n").findings
        broken = [f.message for f in found if f.code == "META998"]
        assert len(broken) == 3 and any("falls" in m and "oh" in m for m in broken)
        assert "NAM103" in {f.code for f in found} and "DET201" not in {f.code for f in found}
    finally:
        plugins.unregister("odd")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (Words(actions=(ActionWord("SendACK", "Again.", "X"),)), "a word already"),
        (Words(actions=(ActionWord("Open", "Opens.", "X"),)), "no function that performs"),
        (Words(actions=(ActionWord("Open", "", "X", performed=False),)), "no meaning"),
        (Words(actions=(ActionWord("o pen", "x", "X", performed=False),)), "no name"),
        (
            Words(actions=(ActionWord("Open", "x", "X", performed=False, uses=("door",)),)),
            "no resource",
        ),
        (
            Words(actions=(ActionWord("Open", "x", "X", performed=False, sets={"Nix": True}),)),
            "no condition",
        ),
        (Words(performs={"Open": lambda *_: None}), "not declared"),
        (Words(guards=(GuardWord("G", "x", "derived"),)), "no name"),
        (Words(guards=(GuardWord("Good", "x", "derived"),)), "derived if"),
        (Words(guards=(GuardWord("Good", "x", "derived", expands_to="1 +"),)), "cannot be read"),
    ],
)
def test_words_without_a_whole_contract_are_not_taken(words, says):
    before = (set(ACTIONS), set(EVENTS), set(GUARDS), set(CONDITIONS))
    with pytest.raises(PluginError, match=says):
        plugins.register("odd", words)
    assert before == (set(ACTIONS), set(EVENTS), set(GUARDS), set(CONDITIONS))


def test_an_installed_package_is_found_by_its_entry_point(tmp_path):
    (tmp_path / "flow.yaml").write_text(TEXT)
    (tmp_path / "broken-1.dist-info").mkdir()
    (tmp_path / "broken-1.dist-info" / "METADATA").write_text("Name: broken\nVersion: 1\n")
    (tmp_path / "broken-1.dist-info" / "entry_points.txt").write_text(
        "[callsmith.words]\nbroken = no_such_module:WORDS\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "config.cli", "check", str(tmp_path / "flow.yaml")],
        cwd=BASE,
        env={"PYTHONPATH": f"{BASE}:{FOLDER}:{tmp_path}", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "NAM10" not in done.stdout
    assert "META998" in done.stdout and "no_such_module" in done.stdout


def test_every_word_that_is_performed_has_a_contract():
    bare = {word.name for word in ACTIONS.values() if word.performed and not word.contracted}
    # What it sets stands in its arguments.
    assert bare == {"SetCondition"}


def test_an_action_without_a_contract_is_found_where_it_is_used():
    text = TEXT.replace("[CreateDialog]", "[CreateDialog, Ring]")
    done = {"Ring": lambda *_: None}
    plugins.register("odd", Words(actions=(ActionWord("Ring", "Rings.", "House"),), performs=done))
    try:
        found = next(f for f in examine(text).findings if f.code == "META994")
        assert (found.place.line, found.row) == (1, 0) and "odd" in found.message
    finally:
        plugins.unregister("odd")
