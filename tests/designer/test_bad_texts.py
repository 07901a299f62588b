"""Texts that nobody should write, typed into the editor: a clear finding, and the draft is kept."""

from __future__ import annotations

import time
from typing import Any

import pytest

from designer import selectors
from designer.models import Flow
from tests.designer.test_editor_socket import flow, in_database, tab
from tests.web import ECHO

__all__ = ["flow"]
pytestmark = pytest.mark.django_db(transaction=True)

LEVELS = "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)
BAD = {
    "an alias bomb": ("a: &a [x, x]\n" + LEVELS, "SYN007"),
    "a deep list": ("[" * 5000, "SYN007"),
    "a hundred thousand nodes": ("- [" + "a, " * 100_000 + "a]\n", "SYN007"),
    "nearly a mebibyte": ("# " + "x" * (1024 * 1024 - 10) + "\n", "SYN003"),
    "tabs": ("transitions:\n\t- {from_state: Idle}\n", "SYN001"),
    "a key twice": (ECHO.replace("name: echo_test", "name: a\nname: b"), "SYN002"),
    "a tag that makes objects": ("!!python/object/apply:os.system [id]\n", "SYN007"),
    "an unknown field": (ECHO + "colour: red\n", ""),
    "a No and an on": (
        "- {from_state: No, role: UAS, event: IncomingCall, on: x, next_state: Active}\n",
        "SYN006",
    ),
    "control characters": ("a: \x1b[31m\n", "SYN001"),
}


@pytest.mark.parametrize("name", sorted(BAD))
async def test_a_bad_text_gets_a_coded_finding_at_once_and_stays_a_draft(
    name: str, flow: Flow, alice: Any
) -> None:
    text, code = BAD[name]
    async with tab(alice) as editor:
        await editor.hear("document")
        began = time.process_time()
        answer = await editor.ask("text", text=text)
        assert time.process_time() - began < 3.0
        codes = {finding["code"] for finding in answer["findings"]}
        assert codes and (not code or code in codes), codes
        assert all(finding["line"] >= 1 and finding["message"] for finding in answer["findings"])
    draft = await in_database(lambda: selectors.draft_of(flow, alice))
    assert draft.text == text


async def test_a_text_of_more_than_a_mebibyte_is_refused_and_the_draft_before_it_is_kept(
    flow: Flow, alice: Any
) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        await editor.ask("text", text=ECHO + "# mine\n")
        refused = await editor.ask("text", "refused", text="# " + "x" * (1 << 20))
        assert "MiB" in refused["message"]
        assert (await editor.ask("undo"))["text"] == ECHO
        await editor.ask("redo")
    draft = await in_database(lambda: selectors.draft_of(flow, alice))
    assert draft.text == ECHO + "# mine\n"


async def test_a_character_no_database_keeps_is_refused_in_words(flow: Flow, alice: Any) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        refused = await editor.ask("text", "refused", text="a: \x00\n")
        assert "characters that no file can keep" in refused["message"]
        assert (await editor.ask("text", text=ECHO))["errors"] == 0
