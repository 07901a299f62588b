"""Kept tests follow a state's new name with the version that holds it."""

from __future__ import annotations

from typing import Any

import pytest

from designer import services
from designer.models import Draft, Flow, Scenario
from designer.renames import in_force, renames_of
from flows.compile import compile_text
from tests.designer.test_editor_socket import in_database, tab
from tests.web import ECHO

pytestmark = pytest.mark.django_db(transaction=True)

CALL = {"roles": ["UAS"], "inputs": [{"event": "IncomingCall"}, {"event": "DialogACK"}]}
KEEP = {"name": "Echo answers", "run": CALL}
RENAME = {"operation": "rename_state", "arguments": {"name": "Active", "new_name": "Talking"}}


@pytest.fixture
def flow(alice: Any) -> Flow:
    return services.flow_import(text=ECHO, file_name="echo_test.yaml", author=alice).flow


def kept() -> str:
    return Scenario.objects.get().text


async def judged(editor: Any) -> Any:
    (test,) = (await editor.ask("try", "tried", ask="scenarios"))["scenarios"]
    return test["holds"], test["follows"]


async def test_a_kept_test_holds_under_the_new_name_and_takes_it_with_the_version(
    flow: Flow, alice: Any
) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        await editor.ask("try", "tried", ask="keep", arguments=KEEP)
        before = await in_database(kept)
        await editor.ask("edit", "document", **RENAME)
        assert await judged(editor) == (True, True)
        assert await in_database(kept) == before
    # The draft is taken up by another desk: it still knows who was renamed.
    assert await in_database(lambda: Draft.objects.get().renames) == [["Active", "Talking"]]
    async with tab(alice) as editor:
        await editor.hear("document")
        await editor.ask("save", "saved", message="Renamed", base=1)
        assert await judged(editor) == (True, False)
        text = await in_database(kept)
        assert "state: Talking" in text and "state: Active" not in text


async def test_an_undone_rename_leaves_the_tests_alone(flow: Flow, alice: Any) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        await editor.ask("try", "tried", ask="keep", arguments=KEEP)
        before = await in_database(kept)
        await editor.ask("edit", "document", **RENAME)
        await editor.ask("undo", "document")
        assert await judged(editor) == (True, False)
        await editor.ask("text", text=ECHO + "# the same\n")
        await editor.ask("save", "saved", message="Not renamed", base=1)
        assert await in_database(kept) == before


def test_names_are_followed_over_several_renames_to_the_one_that_is_there() -> None:
    table = compile_text(ECHO.replace("Active", "Speaking")).table
    assert table is not None
    there_and_back = [("Active", "Talking"), ("Talking", "Speaking")]
    assert in_force(there_and_back, table) == {"Active": "Speaking", "Talking": "Speaking"}
    assert in_force([("Active", "Talking")], table) == {}
    assert in_force(there_and_back, None) == {}
    several = {"edits": [RENAME, {"operation": "delete_row", "arguments": {"row": 1}}]}
    assert renames_of("several", several) == [("Active", "Talking")]
