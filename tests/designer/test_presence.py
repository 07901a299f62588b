"""Who has a flow open: told by the tabs themselves, over whatever processes they hang on."""

from __future__ import annotations

from typing import Any

import pytest
from channels.layers import get_channel_layer

from designer import notices, services
from designer.models import Flow
from designer.presence import EXPIRES_SECONDS, Roster
from tests.designer.test_editor_socket import tab
from tests.web import ECHO


def here(tab: str, name: str, *, user: int = 1, here: bool = True) -> dict[str, Any]:
    return {"tab": tab, "user": user, "name": name, "initials": name[0].upper(), "here": here}


def test_two_tabs_of_one_person_are_one_and_the_last_that_goes_takes_him_along() -> None:
    roster = Roster()
    roster.heard(here("a", "dora", user=2), 0)
    roster.heard(here("b", "alice"), 0)
    roster.heard(here("c", "alice"), 0)
    assert [person["name"] for person in roster.people(0)] == ["alice", "dora"]
    assert roster.news(0) is not None and roster.news(1) is None
    roster.heard(here("b", "alice", here=False), 2)
    assert roster.news(2) is None
    roster.heard(here("c", "alice", here=False), 3)
    assert roster.news(3) == [{"name": "dora", "initials": "D"}]


def test_a_tab_that_is_silent_is_forgotten_as_its_process_may_be_dead() -> None:
    roster = Roster()
    roster.heard(here("a", "alice"), 0)
    roster.heard(here("b", "dora", user=2), 50)
    assert len(roster.people(EXPIRES_SECONDS)) == 2
    assert [person["name"] for person in roster.people(EXPIRES_SECONDS + 1)] == ["dora"]


@pytest.fixture
def flow(alice: Any) -> Flow:
    return services.flow_import(text=ECHO, file_name="echo_test.yaml", author=alice).flow


@pytest.mark.django_db(transaction=True)
async def test_a_tab_of_another_process_is_shown_and_asked_for(flow: Flow, alice: Any) -> None:
    layer = get_channel_layer()
    group = notices.flow_group("echo_test")
    await layer.group_add(group, "elsewhere!tab")
    async with tab(alice) as mine:
        await mine.hear("presence", people=[{"name": "alice", "initials": "A"}])
        types = {(await layer.receive("elsewhere!tab"))["type"] for _ in range(2)}
        assert types == {"flow.here", "flow.where"}
        told = {"type": "flow.here", **here("far", "dora", user=77)}
        await layer.group_send(group, told)
        both = [{"name": "alice", "initials": "A"}, {"name": "dora", "initials": "D"}]
        await mine.hear("presence", people=both)
        await layer.group_send(group, {**told, "here": False})
        await mine.hear("presence", people=[{"name": "alice", "initials": "A"}])
