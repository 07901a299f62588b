"""The editor's socket as conversations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError
from django.utils.functional import SimpleLazyObject

from designer import consumers, selectors, services, walks
from designer.models import Draft, Flow, Version
from designer.routing import websocket_urlpatterns
from tests.conftest import eventually
from tests.web import BROKEN, ECHO, LEAKING, WebsocketCommunicator, checked

pytestmark = pytest.mark.django_db(transaction=True)

FOLLOW = consumers.EditorConsumer.follow_draft
ROUTER = URLRouter(websocket_urlpatterns)


class Tab:
    """A tab of the editor: says frames and waits for the kind of answer it wants."""

    def __init__(self, socket: WebsocketCommunicator) -> None:
        self.socket = socket
        self.seq = 0
        self.heard: list[dict[str, Any]] = []

    async def say(self, kind: str, **more: Any) -> int:
        self.seq += 1
        await self.socket.send_json_to({"type": kind, "seq": self.seq, **more})
        return self.seq

    async def hear(self, kind: str, **wanted: Any) -> dict[str, Any]:
        while True:
            frame = await self.socket.receive_json_from(timeout=5)
            self.heard.append(frame)
            if frame["type"] == kind and all(frame.get(k) == v for k, v in wanted.items()):
                return frame

    async def ask(self, kind: str, answer: str = "document", **more: Any) -> dict[str, Any]:
        return await self.hear(answer, seq=await self.say(kind, **more))


@asynccontextmanager
async def tab(user: Any, name: str = "echo_test") -> AsyncIterator[Tab]:
    socket = WebsocketCommunicator(ROUTER, f"/ws/flows/{name}/edit")
    # As the middleware gives it: an object that stands for the account.
    socket.scope["user"] = SimpleLazyObject(lambda: user)
    connected, _ = await socket.connect(timeout=5)
    assert connected
    try:
        yield Tab(socket)
    finally:
        await socket.disconnect(timeout=5)


async def in_database(act: Callable[[], Any]) -> Any:
    return await database_sync_to_async(act)()


@pytest.fixture
def flow(alice: Any) -> Flow:
    return services.flow_import(text=ECHO, file_name="echo_test.yaml", author=alice).flow


async def test_opening_shows_text_picture_and_findings(flow: Flow, alice: Any) -> None:
    async with tab(alice) as editor:
        opened = await editor.hear("document")
        assert (opened["origin"], opened["text"], opened["revision"]) == ("open", ECHO, 0)
        assert opened["compiles"] and opened["findings"] == [] and opened["dot"]
        assert opened["picture"]["initial"] == "Idle" and opened["base"]["number"] == 1
        assert not opened["can_undo"] and opened["latest"]["author"] == "alice"


async def test_typing_is_answered_with_findings_and_without_the_text(
    flow: Flow, alice: Any
) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        answer = await editor.ask("text", text=ECHO.replace("StartEcho", "StartEchoo"))
        assert answer["origin"] == "text" and "text" not in answer
        assert answer["errors"] >= 1 and not answer["compiles"] and answer["can_undo"]
        assert any("StartEcho" in finding["message"] for finding in answer["findings"])


async def test_a_broken_text_has_no_picture_and_names_its_line(flow: Flow, alice: Any) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        answer = await editor.ask("text", text=BROKEN)
        assert answer["dot"] is None and answer["picture"] is None
        assert answer["findings"][0]["line"] >= 1 and answer["findings"][0]["code"] == "SYN001"


async def test_an_edit_on_the_diagram_rewrites_only_its_lines(flow: Flow, alice: Any) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        arguments = {"name": "Active", "new_name": "Talking"}
        answer = await editor.ask("edit", operation="rename_state", arguments=arguments)
        assert "Talking" in answer["text"] and "Active" not in answer["text"].split()
        before, after = ECHO.splitlines(), answer["text"].splitlines()
        assert len(before) == len(after)
        assert all("Active" in old for old, new in zip(before, after, strict=True) if old != new)


async def test_the_fix_of_a_finding_is_one_edit_that_can_be_undone(flow: Flow, alice: Any) -> None:
    async with tab(alice) as one:
        await one.hear("document")
        typed = await one.ask("text", text=ECHO.replace("StartEcho", "StartEko"))
        finding = next(f for f in typed["findings"] if f["code"] == "NAM105")
        mended = await one.ask("edit", **finding["fix"])
        assert len(mended["findings"]) == len(typed["findings"]) - 1
        stale = await one.ask("edit", "refused", **finding["fix"])
        assert "changed" in stale["message"]
        undone = await one.ask("undo")
        assert [f["code"] for f in undone["findings"]] == [f["code"] for f in typed["findings"]]


async def test_an_edit_that_makes_no_sense_is_refused_and_changes_nothing(
    flow: Flow, alice: Any
) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        for operation, arguments in [("delete_row", {"row": 999}), ("explode", {})]:
            refusal = await editor.ask("edit", "refused", operation=operation, arguments=arguments)
            assert refusal["message"]
        assert not (await editor.ask("text", text=ECHO))["can_undo"]


async def test_one_history_goes_over_text_and_diagram(flow: Flow, alice: Any) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        await editor.ask("text", text=ECHO + "# typed\n")
        edited = await editor.ask("edit", operation="add_state", arguments={"name": "Lobby"})
        assert "Lobby" in edited["text"] and "# typed" in edited["text"]
        first = await editor.ask("undo")
        assert first["text"] == ECHO + "# typed\n" and first["can_redo"]
        assert (await editor.ask("undo"))["text"] == ECHO
        assert (await editor.ask("undo", "refused"))["message"] == "There is nothing to undo."
        assert (await editor.ask("redo"))["text"] == ECHO + "# typed\n"


async def test_the_history_survives_a_reload(flow: Flow, alice: Any) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        await editor.ask("text", text=ECHO + "# typed\n")
    async with tab(alice) as editor:
        opened = await editor.hear("document")
        assert opened["text"] == ECHO + "# typed\n" and opened["can_undo"]
        assert (await editor.ask("undo"))["text"] == ECHO


async def test_a_browser_that_disconnects_in_mid_edit_leaves_its_draft(
    flow: Flow, alice: Any
) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        await editor.say("text", text=ECHO + "# half a tho")
    draft = await in_database(lambda: Draft.objects.get(user=alice, flow=flow))
    assert draft.text == ECHO + "# half a tho"


async def test_a_draft_is_written_a_moment_after_the_change(flow: Flow, alice: Any) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        await editor.ask("text", text=ECHO + "# kept\n")
        await eventually(lambda: in_database(Draft.objects.filter(user=alice).exists))


async def test_a_draft_survives_the_process(flow: Flow, alice: Any) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        await editor.ask("text", text=ECHO + "# kept\n")
    consumers.desks = consumers.Desks()
    async with tab(alice) as editor:
        assert (await editor.hear("document"))["text"] == ECHO + "# kept\n"


async def test_the_ways_back_and_forth_survive_the_process_and_a_save(
    flow: Flow, alice: Any
) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        await editor.ask("edit", operation="add_state", arguments={"name": "Lobby"})
        await editor.ask("edit", operation="add_state", arguments={"name": "Attic"})
        undone = await editor.ask("undo")
    consumers.desks = consumers.Desks()
    async with tab(alice) as editor:
        opened = await editor.hear("document")
        assert opened["can_undo"] and opened["can_redo"]
        assert "Attic" in (await editor.ask("redo"))["text"]
        await editor.ask("save", "saved", message="both", base=1)
    consumers.desks = consumers.Desks()
    async with tab(alice) as editor:
        assert (await editor.hear("document"))["can_undo"]
        assert (await editor.ask("undo"))["text"] == undone["text"]
        assert (await editor.ask("undo"))["text"] == ECHO


async def test_saving_makes_a_version_and_ends_the_draft(
    flow: Flow, alice: Any, rung: list[int]
) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        await editor.ask("text", text=ECHO + "# two\n")
        saved = await editor.ask("save", "saved", message="Add a remark", base=1)
        assert saved["version"]["number"] == 2 and saved["version"]["message"] == "Add a remark"
        version = await in_database(lambda: Version.objects.get(flow=flow, number=2))
        assert version.text == ECHO + "# two\n" and rung[-1] == version.pk
    assert not await in_database(Draft.objects.exists)


async def test_saving_over_somebody_elses_version_is_refused_with_a_way_to_compare(
    flow: Flow, alice: Any, dora: Any
) -> None:
    async with tab(alice) as mine, tab(dora) as hers:
        await mine.hear("document")
        await hers.hear("document")
        await mine.ask("text", text=ECHO + "# mine\n")
        await hers.ask("text", text=ECHO + "# hers\n")
        await hers.ask("save", "saved", message="hers", base=1)
        newer = await mine.hear("newer")
        assert newer["latest"]["author"] == "dora"
        conflict = await mine.ask("save", "conflict", message="mine", base=1)
        assert conflict["latest"]["number"] == 2
        assert conflict["compare"] == "/flows/echo_test/compare/draft/2/"
        draft = await in_database(lambda: selectors.draft_of(flow, alice))
        assert draft.text == ECHO + "# mine\n"
        assert await in_database(flow.versions.count) == 2
        # Having compared, she saves on top of it knowingly.
        saved = await mine.ask("save", "saved", message="mine", base=2)
        assert saved["version"]["number"] == 3


async def test_a_desk_without_changes_follows_a_newer_version(
    flow: Flow, alice: Any, dora: Any
) -> None:
    async with tab(alice) as mine, tab(dora) as hers:
        await mine.hear("document")
        await hers.hear("document")
        await hers.ask("text", text=ECHO + "# hers\n")
        await hers.ask("save", "saved", message="", base=1)
        followed = await mine.hear("document", origin="merge")
        assert followed["text"] == ECHO + "# hers\n" and followed["base"]["number"] == 2


async def test_two_tabs_of_one_person_show_the_same_text(flow: Flow, alice: Any) -> None:
    async with tab(alice) as one, tab(alice) as two:
        await one.hear("document")
        await two.hear("document")
        await one.ask("text", text=ECHO + "# one\n")
        merged = await two.hear("document", origin="merge")
        assert merged["text"] == ECHO + "# one\n" and merged["seq"] is None
        await two.ask("undo")
        assert (await one.hear("document", origin="merge"))["text"] == ECHO


async def test_discarding_goes_back_to_the_newest_version_and_can_be_undone(
    flow: Flow, alice: Any
) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        await editor.ask("text", text=ECHO + "# draft\n")
        discarded = await editor.ask("discard")
        assert discarded["text"] == ECHO
        assert (await editor.ask("undo"))["text"] == ECHO + "# draft\n"


async def test_people_see_who_else_is_here(flow: Flow, alice: Any, dora: Any) -> None:
    async with tab(alice) as mine:
        await mine.hear("document")
        async with tab(dora) as hers:
            await hers.hear("presence")
            people = await mine.hear(
                "presence",
                people=[{"name": "alice", "initials": "A"}, {"name": "dora", "initials": "D"}],
            )
            assert people
        await mine.hear("presence", people=[{"name": "alice", "initials": "A"}])


async def test_who_may_only_look_can_change_nothing(flow: Flow, vera: Any) -> None:
    async with tab(vera) as editor:
        await editor.hear("document")
        for kind, more in [
            ("text", {"text": "x"}),
            ("edit", {"operation": "add_state", "arguments": {"name": "X"}}),
            ("undo", {}),
            ("redo", {}),
            ("discard", {}),
            ("save", {"message": "", "base": 1}),
            ("deploy", {"version": 1, "reason": ""}),
        ]:
            refusal = await editor.ask(kind, "refused", **more)
            assert "Your account" in refusal["message"], kind
    assert not await in_database(Draft.objects.exists)
    assert await in_database(flow.versions.count) == 1


async def test_a_designer_may_save_but_not_deploy(flow: Flow, dora: Any) -> None:
    async with tab(dora) as editor:
        await editor.hear("document")
        refusal = await editor.ask("deploy", "refused", version=1, reason="")
        assert "Your account" in refusal["message"]


async def test_deploying_over_the_socket_tells_all_tabs(flow: Flow, alice: Any, dora: Any) -> None:
    async with tab(alice) as mine, tab(dora) as hers:
        await mine.hear("document")
        await hers.hear("document")
        await mine.say("deploy", version=1, reason="")
        told = await hers.hear("deployment")
        assert (told["version"], told["by"], told["nodes"]) == (1, "alice", [])


async def test_a_right_that_is_taken_away_ends_at_once(flow: Flow, dora: Any) -> None:
    async with tab(dora) as editor:
        await editor.hear("document")
        await editor.ask("text", text=ECHO + "# two\n")
        await in_database(dora.user_permissions.clear)
        refusal = await editor.ask("save", "refused", message="", base=1)
        assert "Your account" in refusal["message"]
    assert await in_database(flow.versions.count) == 1


async def test_a_draft_waits_for_a_database_that_is_away(
    flow: Flow, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**arguments: Any) -> Any:
        raise OperationalError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(services, "draft_save", away)
        async with tab(alice) as editor:
            await editor.hear("document")
            await editor.ask("text", text=ECHO + "# patient\n")
    assert not await in_database(Draft.objects.exists)
    desk = await consumers.desks.at(flow, alice)
    await desk.keep()
    draft = await in_database(lambda: Draft.objects.get(user=alice))
    assert draft.text == ECHO + "# patient\n"


async def test_what_is_no_frame_ends_the_conversation_with_a_reason(flow: Flow, alice: Any) -> None:
    socket = WebsocketCommunicator(ROUTER, "/ws/flows/echo_test/edit")
    socket.scope["user"] = alice
    await socket.connect(timeout=5)
    editor = Tab(socket)
    await editor.hear("presence")
    await socket.send_to(text_data="{nonsense")
    assert "cannot be read" in (await editor.hear("refused"))["message"]
    closed = await socket.receive_output(timeout=5)
    assert closed["type"] == "websocket.close"
    await socket.disconnect(timeout=5)


async def test_nobody_and_nowhere_are_refused(flow: Flow, alice: Any) -> None:
    for user, name in [(AnonymousUser(), "echo_test"), (alice, "nothing")]:
        socket = WebsocketCommunicator(ROUTER, f"/ws/flows/{name}/edit")
        socket.scope["user"] = user
        connected, _ = await socket.connect(timeout=5)
        assert not connected
        await socket.disconnect()


def large(rows: int) -> str:
    return "".join(
        f"- {{from_state: S{n}, role: UAS, event: DialogBYE, next_state: S{n + 1}}}\n"
        for n in range(rows)
    )


async def test_a_burst_of_typing_is_answered_for_its_last_text(flow: Flow, alice: Any) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        for number in range(20):
            await editor.say("text", text=f"{large(400)}# {number}\n")
        await editor.hear("document", seq=editor.seq)
        answers = [f for f in editor.heard if f["type"] == "document" and f["seq"]]
        assert len(answers) < 20
        assert (await editor.ask("undo"))["text"] == ECHO


async def test_a_large_table_is_drawn_beside_the_loop(flow: Flow, alice: Any) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.001)

    async with tab(alice) as editor:
        await editor.hear("document")
        ticking = asyncio.create_task(tick())
        answer = await editor.ask("text", text=large(400))
        ticking.cancel()
        assert len(answer["picture"]["rows"]) == 400 and ticks > 3


async def test_a_tab_sees_the_table_as_it_asks_for_it_and_others_as_they_do(
    flow: Flow, alice: Any
) -> None:
    async with tab(alice) as mine, tab(alice) as other:
        opened = await mine.hear("document")
        assert opened["drawn"]["role"] is None and opened["drawn"]["usual"]
        seen = await mine.ask("view", "view", role="UAC", failures=False, fold=["Nowhere"])
        assert seen["dot"] != opened["dot"]
        assert seen["drawn"]["role"] == "UAC" and not seen["drawn"]["failures"]
        text = opened["text"].replace("name: echo_test", "name: echo_tests")
        edited = await mine.ask("text", text=text)
        assert edited["dot"] == seen["dot"]
        assert (await other.hear("document", origin="merge"))["dot"] == opened["dot"]


async def test_a_pause_in_typing_brings_what_one_side_does_wrong(
    flow: Flow, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers.EditorConsumer, "follow_draft", FOLLOW)
    monkeypatch.setattr(walks, "PAUSE", 0.01)
    own = walks.Walks()
    monkeypatch.setattr(consumers, "walks", own)
    try:
        async with tab(alice) as editor:
            assert (await editor.hear("walk", state="done"))["findings"] == []
            leaking = await editor.ask("text", text=LEAKING)
            assert leaking["errors"] == 0
            told = await editor.hear("walk", state="done", revision=leaking["revision"])
            (found,) = told["findings"]
            assert found["code"] == "RES501" and found["trace"][-1]["event"].startswith("Dialog")
            # What mends it is one edit, and one undo takes it back.
            mended = await editor.ask("edit", **found["fix"])
            told = await editor.hear("walk", state="done", revision=mended["revision"])
            assert told["findings"] == [] and told["complete"]
            assert (await editor.ask("undo"))["text"] == LEAKING
            # A second tab is told at once what is known.
            await editor.hear("walk", state="done")
            async with tab(alice) as second:
                again = await second.hear("walk", state="done")
                assert [f["code"] for f in again["findings"]] == ["RES501"]
    finally:
        await own.close()


async def test_the_fix_of_a_version_s_finding_goes_through_the_socket(
    flow: Flow, alice: Any
) -> None:
    version = await in_database(
        lambda: services.version_save(flow=flow, text=LEAKING, base=1, author_name="a")
    )
    verdict = await in_database(lambda: checked(version))
    fix = next(f["fix"] for f in verdict.detail["findings"] if f["code"] == "RES501")
    async with tab(alice) as editor:
        opened = await editor.hear("document")
        told = await editor.hear("check")
        assert opened["text"] == LEAKING and told["verdict"] == "errors"
        mended = await editor.ask("edit", **fix)
        assert mended["text"] != LEAKING and mended["can_undo"]
        assert (await editor.ask("undo"))["text"] == LEAKING


async def test_a_check_is_cancelled_and_asked_for_again_from_the_editor(
    flow: Flow, alice: Any, vera: Any
) -> None:
    async with tab(alice) as editor, tab(vera) as other:
        assert (await editor.hear("check"))["verdict"] == "queued"
        refused = await other.ask("check", "refused", version=1, act="cancel")
        assert "may look" in refused["message"]
        await editor.ask("check", "checking", version=1, act="cancel")
        told = await other.hear("check", verdict="cancelled")
        assert told["version"] == 1 and told["detail"]["by"] == "alice"
        await editor.ask("check", "checking", version=1, act="again")
        await other.hear("check", verdict="queued")
        refused = await editor.ask("check", "refused", version=9, act="cancel")
        assert "has no version 9" in refused["message"]
        # Whoever missed a word asks how it stands.
        await other.ask("check", "checking", version=1, act="look")
        assert [f["verdict"] for f in other.heard if f["type"] == "check"][-1] == "queued"
