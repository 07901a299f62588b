"""A stale draft merged with the newer version, over the editor's socket."""

from __future__ import annotations

from typing import Any

import pytest

from designer import services
from designer.models import Flow
from tests.designer.test_editor_socket import in_database, tab
from tests.web import ECHO

pytestmark = pytest.mark.django_db(transaction=True)

MINE = ECHO.replace("lets the caller hear himself,", "says it back,")
THEIRS = ECHO.replace("{after: 60s}", "{after: 90s}")


@pytest.fixture
def flow(alice: Any) -> Flow:
    return services.flow_import(text=ECHO, file_name="echo_test.yaml", author=alice).flow


def save(flow: Flow, user: Any, text: str, base: int) -> Any:
    return in_database(
        lambda: services.version_save(flow=flow, text=text, base=base, author=user, message="x")
    )


async def test_a_stale_draft_is_merged_checked_and_taken_as_one_edit(
    flow: Flow, alice: Any, dora: Any
) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        await editor.ask("text", text=MINE)
        await save(flow, dora, THEIRS, 1)
        assert await editor.ask("save", "conflict", message="mine", base=1)
        shown = (await editor.ask("try", "tried", ask="merge"))["merge"]
        assert shown["conflicts"] == [] and shown["newest"]["author"] == "dora"
        assert [c["kind"] for c in shown["taken"]] == ["row"] and shown["compiles"]
        assert {line["kind"] for line in shown["lines"]} >= {"added", "removed"}
        await editor.ask("try", "tried", ask="take", arguments={"choices": {}, "newest": 2})
        document = await editor.hear("document", origin="merge")
        assert "says it back" in document["text"] and "{after: 90s}" in document["text"]
        assert document["base"]["number"] == 2
        assert (await editor.ask("save", "saved", message="both", base=2))["version"]["number"] == 3
        undone = await editor.ask("undo")
        assert undone["text"] == MINE
        await editor.ask("save", "saved", message="back", base=3)
    origins = await in_database(lambda: list(flow.versions.values_list("origin", flat=True)))
    # The one that was put together of two says so, the next one no more.
    assert origins == ["edit", "merge", "edit", "import"]


async def test_a_conflict_has_to_be_decided_before_it_is_taken(
    flow: Flow, alice: Any, dora: Any
) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        await editor.ask("text", text=ECHO.replace("{after: 60s}", "{after: 30s}"))
        await save(flow, dora, THEIRS, 1)
        shown = (await editor.ask("try", "tried", ask="merge"))["merge"]
        (conflict,) = shown["conflicts"]
        assert "30s" in conflict["mine"] and "90s" in conflict["theirs"] and conflict["both"]
        refused = await editor.ask("try", "refused", ask="take", arguments={"choices": {}})
        assert "which side counts" in refused["message"]
        choices = {"choices": {conflict["key"]: "theirs"}}
        await save(flow, dora, THEIRS + "# more\n", 2)
        late = {**choices, "newest": 2}
        assert (
            "meanwhile"
            in (await editor.ask("try", "refused", ask="take", arguments=late))["message"]
        )
        await editor.ask("try", "tried", ask="take", arguments=choices)
        document = await editor.hear("document", origin="merge")
        assert document["text"] == THEIRS + "# more\n" and document["base"]["number"] == 3


async def test_where_nothing_is_newer_or_a_text_is_broken_it_is_said(
    flow: Flow, alice: Any, dora: Any
) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        refused = await editor.ask("try", "refused", ask="merge")
        assert "nothing to merge" in refused["message"]
        await editor.ask("text", text="a: [")
        await save(flow, dora, THEIRS, 1)
        refused = await editor.ask("try", "refused", ask="merge")
        assert "your text" in refused["message"] and "line" in refused["message"]


async def test_a_text_is_compared_with_the_draft(flow: Flow, alice: Any) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        answer = await editor.ask("try", "tried", ask="compare", arguments={"text": MINE})
        kinds = [line["kind"] for line in answer["lines"]]
        assert kinds.count("removed") == kinds.count("added") == 1 and "gap" in kinds
