"""What operators do to living sessions: to the right one, at the right moment, on the record."""

import asyncio

import pytest

from flows.compile import compile_text
from flows.semantics import Program
from runtime.adapters.simulated import SimulatedLeg
from runtime.executor.step import Event
from runtime.node.api import EventRefused, NoSuchSession
from runtime.node.config import NodeConfig
from runtime.node.journal import MediaRecord, StepRecord
from runtime.node.loader import Loader
from runtime.node.operations import (
    ALREADY,
    MOVED,
    OVER,
    PINNED,
    WAITED,
    MoveRefused,
    Operations,
    Operator,
)
from runtime.node.supervisor import Supervisor

OLD = """\
callflow: 1
name: line
states: {Idle: {initial: true}, Active: {}, OnHold: {}, Terminated: {final: true}}
transitions:
- {from_state: Idle, role: UAS, event: IncomingCall, actions: [CreateDialog, {SendSIPResponse: {code: 200}}], next_state: Active}
- {from_state: Active, role: UAS, event: HoldCall, actions: [{SendReINVITE: {direction: sendonly}}], next_state: OnHold}
- {from_state: Active, role: UAS, event: HangupCall, actions: [SendBYE, CleanupDialog], next_state: Terminated}
- {from_state: Active, role: UAS, event: MediaLost, actions: [SendBYE, CleanupDialog], next_state: Terminated}
- {from_state: OnHold, role: UAS, event: ResumeCall, next_state: Active}
- {from_state: OnHold, role: UAS, event: {after: 60s}, next_state: Active}
- {from_state: Any, role: UAS, event: DialogBYE, actions: [CleanupDialog], next_state: Terminated}
"""  # noqa: E501
NEW = OLD.replace("OnHold", "Held").replace("60s", "10s")
WAYS = {"UAS": {"Active": "Active", "OnHold": "Held"}}
OLAF = Operator("Olaf", "the hold row is wrong in v1")


class Journal:
    """Keeps records in a list."""

    node, epoch = "n", 1

    def __init__(self):
        self.records = []

    def append(self, record):
        self.records.append(record)


class Clock:
    def __init__(self):
        self.time = 1000.0

    def now(self):
        return self.time

    def follow_wall(self):
        pass


class Texts:
    """The database's texts, by digest."""

    def __init__(self, *texts):
        self.texts = {compile_text(text).table.digest: text for text in texts}

    async def text(self, digest):
        return self.texts.get(digest)


class House:
    """A node's sessions without its wires."""

    def __init__(self, folder):
        self.journal, self.clock = Journal(), Clock()
        config = NodeConfig(folder=folder, sip_host="127.0.0.1", sip_port=0)
        self.supervisor = Supervisor(config, self.journal, self.clock)
        self.operations = Operations(self.supervisor, Loader(folder), Texts(OLD, NEW))
        self.old = Program(compile_text(OLD).table)
        self.new = compile_text(NEW).table.digest

    def begin(self, *events, name="s1"):
        leg = SimulatedLeg()
        session = self.supervisor.begin(
            name, leg, self.old, "UAS", flow="line", caller="a", callee="b"
        )
        for event in ("IncomingCall", *events):
            session.post(Event(event))
        return session, leg

    def steps(self):
        return [each.step for each in self.journal.records if isinstance(each, StepRecord)]

    async def migrate(self, name="s1", ways=WAYS, **more):
        return await self.operations.migrate(name, self.new, ways, OLAF, **more)


async def waits(session):
    """Return when somebody waits for a quiet point of the session."""
    while session.at_rest is None:
        await asyncio.sleep(0)


@pytest.fixture
async def house(tmp_path):
    house = House(tmp_path)
    yield house
    await house.supervisor.close(0.0)


async def test_a_quiet_session_goes_over_at_once_and_says_so_in_its_steps(house):
    session, _ = house.begin("HoldCall")
    house.clock.time += 4
    result = await house.migrate()
    assert (result.status, result.state, result.digest) == (MOVED, "Held", house.new)
    step = house.steps()[-1]
    assert (step.event, step.kind, step.from_state) == ("Migrated", "migrated", "OnHold")
    assert step.fields["operator"] == {
        "act": "migrate", "by": "Olaf", "reason": "the hold row is wrong in v1",
    }  # fmt: skip
    assert step.fields["from_version"] == house.old.table.digest
    assert session.digest == house.new
    assert house.supervisor.versions == {("line", house.new): 1}


async def test_elapsed_time_counts_and_the_new_timer_is_armed(house):
    session, _ = house.begin("HoldCall")
    house.clock.time += 4
    await house.migrate()
    assert session.armed == 1010.0, "10 s from when it was put on hold"
    house.clock.time = 1010.0
    session.due()
    assert session.state == "Active"


async def test_a_session_with_an_open_request_waits_and_goes_over_when_it_is_answered(house):
    session, leg = house.begin("HoldCall")
    leg.open = "our re-INVITE waits for its answer"
    waiting = asyncio.ensure_future(house.migrate(patience=30.0))
    await waits(session)
    assert session.digest == house.old.table.digest
    leg.open = None
    session.post(Event("DtmfDetected", {"digit": "1"}))
    assert session.digest == house.new, "at the quiet point itself, not at the next look"
    assert (await waiting).status == MOVED


async def test_a_session_that_does_not_come_to_rest_is_reported_with_the_reason(house):
    session, leg = house.begin()
    leg.open = "the peer's INVITE waits for its answer"
    result = await house.migrate()
    assert (result.status, result.why) == (WAITED, "the peer's INVITE waits for its answer")
    assert session.at_rest is None and session.digest == house.old.table.digest


async def test_nothing_moves_while_an_action_is_awaited(house):
    session, leg = house.begin()
    leg.waiting["SendReINVITE"] = asyncio.get_running_loop().create_future()
    session.post(Event("HoldCall"))
    assert (await house.migrate()).why == "an action is awaited"
    waiting = asyncio.ensure_future(house.migrate(patience=30.0))
    await waits(session)
    leg.waiting["SendReINVITE"].set_result(None)
    result = await waiting
    assert (result.status, result.state) == (MOVED, "Held"), "from the state it had come to"


async def test_a_state_nobody_mapped_waits_for_one_that_is(house):
    session, _ = house.begin("HoldCall")
    ways = {"UAS": {"Active": "Active"}}
    result = await house.migrate(ways=ways)
    assert (result.status, result.why) == (
        WAITED,
        "nobody said where a session in OnHold goes on",
    )
    waiting = asyncio.ensure_future(house.migrate(ways=ways, patience=30.0))
    await waits(session)
    session.post(Event("ResumeCall"))
    assert (await waiting).status == MOVED


async def test_a_call_that_ends_meanwhile_is_over_and_not_moved(house):
    session, leg = house.begin()
    leg.open = "busy"
    waiting = asyncio.ensure_future(house.migrate(patience=30.0))
    await waits(session)
    session.post(Event("DialogBYE"))
    assert (await waiting).status == OVER


async def test_one_move_of_a_session_at_a_time(house):
    session, leg = house.begin()
    leg.open = "busy"
    waiting = asyncio.ensure_future(house.migrate(patience=30.0))
    await waits(session)
    with pytest.raises(MoveRefused, match="another move"):
        await house.migrate()
    waiting.cancel()


async def test_a_pinned_session_stays_until_it_is_let_go(house):
    house.begin()
    house.operations.pin("s1", Operator("Ada", "the customer waits for exactly this"))
    result = await house.migrate()
    assert (result.status, result.why) == (
        PINNED,
        "pinned to its version by Ada: the customer waits for exactly this",
    )
    assert house.operations.standing("s1").pinned.startswith("Ada")
    house.operations.unpin("s1", OLAF)
    assert (await house.migrate()).status == MOVED
    notes = [each.detail["act"] for each in house.journal.records if isinstance(each, MediaRecord)]
    assert notes == ["pin", "unpin"]


async def test_a_session_that_is_there_already_is_left_alone(house):
    house.begin()
    await house.migrate()
    assert (await house.migrate()).status == ALREADY
    assert [step.kind for step in house.steps()].count("migrated") == 1


async def test_a_version_that_nobody_has_is_refused(house):
    house.begin()
    with pytest.raises(MoveRefused, match="nowhere to be found"):
        await house.operations.migrate("s1", "f" * 64, WAYS, OLAF)
    with pytest.raises(NoSuchSession):
        await house.migrate("s9")


async def test_a_corrective_move_stays_on_its_version_and_begins_the_timers_anew(house):
    session, _ = house.begin("HoldCall")
    house.clock.time += 50
    ways = {"UAS": {"OnHold": "Active"}}
    own = house.old.table.digest
    result = await house.operations.migrate("s1", own, ways, OLAF, anew=True)
    assert (result.status, result.digest, session.state) == (MOVED, own, "Active")
    step = house.steps()[-1]
    assert (step.event, step.fields["operator"]["act"]) == ("Moved", "move")
    assert session.since == 1050.0


async def test_a_hang_up_goes_by_the_row_that_takes_it(house):
    session, leg = house.begin()
    told = house.operations.hang_up("s1", OLAF)
    assert (told["how"], told["row"], told["ended"]) == ("row", 2, True)
    assert leg.performed[-2:] == [("SendBYE", {}), ("CleanupDialog", {})]
    step = house.steps()[-1]
    assert (step.event, step.fields["operator"]["by"]) == ("HangupCall", "Olaf")
    assert session.outcome == "completed"


async def test_without_a_row_it_is_ended_by_force_and_says_which(house):
    session, leg = house.begin("HoldCall")
    told = house.operations.hang_up("s1", OLAF)
    assert told == {
        "how": "force", "why": "OnHold has no row for HangupCall now",
        "state": "OnHold", "ended": True,
    }  # fmt: skip
    step = house.steps()[-1]
    assert (step.event, step.kind, step.ended) == ("OperatorHangup", "forced", True)
    assert leg.released == [None], "the dialog gets its BYE all the same"
    assert (session.outcome, session.unhandled) == ("hangup", 0)


async def test_force_passes_over_the_row(house):
    house.begin()
    assert house.operations.hang_up("s1", OLAF, force=True)["how"] == "force"


async def test_an_injected_event_carries_who_and_why(house):
    session, _ = house.begin()
    house.operations.inject("s1", "HoldCall", {}, OLAF)
    assert session.state == "OnHold"
    assert house.steps()[-1].fields["operator"]["act"] == "inject"


async def test_other_events_are_for_repair_only(house):
    session, _ = house.begin()
    with pytest.raises(EventRefused, match="repair"):
        house.operations.inject("s1", "MediaLost", {}, OLAF)
    house.operations.inject("s1", "MediaLost", {}, OLAF, repair=True)
    assert session.ended


@pytest.mark.parametrize(
    ("event", "fields", "said"),
    [
        ("Nothing", {}, "no event of the language"),
        ("ReinviteReceived", {}, "cannot be made up"),
        ("DialogCANCEL", {}, "cannot be made up"),
        ("MakeCall", {}, "not for a session in the role UAS"),
        ("SendDTMF", {"colour": "red"}, "no field colour"),
    ],
)
async def test_an_event_that_makes_no_sense_is_refused(house, event, fields, said):
    house.begin()
    with pytest.raises(EventRefused, match=said):
        house.operations.inject("s1", event, fields, OLAF, repair=True)


async def test_how_sessions_stand_is_told_in_plain_data(house):
    session, leg = house.begin("HoldCall")
    leg.open = "our re-INVITE waits for its answer"
    house.begin(name="s2")
    first, second = [each.as_dict() for each in house.operations.standings("line")]
    assert first["timers"] == [{"label": "after 1m", "seconds": 60.0, "at": 1060.0}]
    assert (first["unquiet"], first["pinned"]) == ("our re-INVITE waits for its answer", "")
    assert (second["timers"], second["unquiet"]) == ([], None)
    assert list(house.operations.standings("other")) == []
    assert list(house.operations.standings("line", but=[house.old.table.digest])) == []
