"""Who is on which row: advisory marks, told over the channel layer."""

from __future__ import annotations

from typing import Any

import pytest

from designer import services
from designer.models import Flow
from tests.designer.test_editor_socket import tab
from tests.web import ECHO

pytestmark = pytest.mark.django_db(transaction=True)

ROW = {"kind": "row", "id": "answer"}


@pytest.fixture
def flow(alice: Any) -> Flow:
    return services.flow_import(text=ECHO, file_name="echo_test.yaml", author=alice).flow


async def test_others_are_told_where_somebody_is_and_that_he_is_gone(
    flow: Flow, alice: Any, dora: Any
) -> None:
    async with tab(dora) as watching:
        await watching.hear("document")
        async with tab(alice) as editor:
            await editor.hear("document")
            await editor.say("cursor", at=ROW)
            told = await watching.hear("cursor")
            assert (told["initials"], told["at"], told["name"]) == ("A", ROW, "alice")
            await editor.ask("edit", operation="delete_row", arguments={"row": 3})
        gone = await watching.hear("cursor", at=None)
        assert gone["tab"] == told["tab"]


async def test_a_tab_that_opens_later_learns_where_the_others_are(
    flow: Flow, alice: Any, dora: Any
) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        await editor.say("cursor", at=ROW)
        await editor.ask("try", "tried", ask="scenarios")
        async with tab(dora) as late:
            assert (await late.hear("cursor"))["at"] == ROW


async def test_own_tabs_and_long_words_are_no_marks(flow: Flow, alice: Any, dora: Any) -> None:
    async with tab(alice) as one, tab(alice) as other, tab(dora) as watching:
        for each in (one, other, watching):
            await each.hear("document")
        await one.say("cursor", at=ROW)
        assert (await watching.hear("cursor"))["at"] == ROW
        await one.say("cursor", at={"kind": "x" * 5000})
        # Whoever opens a tab asks the others, so the first place may be told once more.
        while (await watching.hear("cursor"))["at"] is not None:
            pass
        await other.ask("try", "tried", ask="scenarios")
        assert "cursor" not in [frame["type"] for frame in other.heard]
