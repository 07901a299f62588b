import asyncio

import pytest

from runtime.adapters.simulated import SimulatedLeg
from runtime.executor.machine import Machine
from runtime.executor.step import Event
from runtime.node.journal import DoneRecord, StepRecord
from runtime.node.session import MAX_PENDING, Session
from tests.runtime.node.tables import ECHO, program, table


class Shell:
    """The node as a session sees it, with a clock that the test turns."""

    action_limit = 5.0

    def __init__(self):
        self.time = 1000.0
        self.log = []
        self.armed = {}
        self.tasks = set()
        self.steps = []
        self.gone = []

    def now(self):
        return self.time

    def record(self, session, record):
        self.log.append(record)

    def arm(self, session, when):
        session.armed = when

    def hold(self, work):
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def stepped(self, session, step, done):
        self.steps.append((step, done))

    def ended(self, session):
        self.gone.append(session)


class LoggingLeg(SimulatedLeg):
    """Says in the shell's own log when an action is done, to compare with the journal."""

    def __init__(self, log, **more):
        super().__init__(**more)
        self.log = log

    def _do(self, call):
        super()._do(call)
        self.log.append(call.name)


@pytest.fixture
def shell():
    return Shell()


def begin(shell, built=ECHO, leg=None, life=86400.0):
    machine = Machine(program(built), "s1", "UAS", shell.time, life)
    leg = leg or SimulatedLeg()
    return Session(shell, machine, leg, flow="echo", caller="sip:a@x", callee="sip:b@y"), leg


def names(leg):
    return [name for name, _ in leg.performed]


def steps(shell):
    return [record.step for record in shell.log if isinstance(record, StepRecord)]


def test_a_whole_call_walks_through_the_table(shell):
    session, leg = begin(shell)
    session.post(Event("IncomingCall", {"from": "sip:a@x"}, 1))
    assert session.state == "Answering"
    assert leg.performed[-1] == ("SendSIPResponse", {"code": 200})
    session.post(Event("DialogACK"))
    assert session.state == "Active"
    session.post(Event("DialogBYE"))
    assert session.ended and session.outcome == "completed"
    assert shell.gone == [session]
    assert leg.released == [None]
    assert [step.sequence for step in steps(shell)] == [1, 2, 3]


def test_the_step_is_in_the_journal_before_its_first_effect(shell):
    leg = LoggingLeg(shell.log)
    session, _ = begin(shell, leg=leg)
    session.post(Event("IncomingCall", {}, 1))
    assert isinstance(shell.log[0], StepRecord)
    assert shell.log[1] == "CreateDialog"
    assert isinstance(shell.log[-1], DoneRecord)


def test_results_and_durations_of_actions_are_recorded(shell):
    session, _ = begin(shell)
    session.post(Event("IncomingCall", {}, 1))
    step, done = shell.steps[0]
    assert done.sequence == step.sequence == 1
    assert [result.ok for result in done.results] == [True] * 5
    assert all(result.microseconds >= 0 for result in done.results)


def test_a_step_without_actions_has_no_done_record(shell):
    session, _ = begin(shell)
    session.post(Event("DtmfDetected", {"digit": "1"}))
    assert len(shell.log) == 1
    assert shell.steps[0][1] is None
    assert session.unhandled == 1


def test_a_failing_action_puts_action_failed_first(shell):
    session, leg = begin(shell, leg=SimulatedLeg(failing={"GenerateLocalSDP": "no_common_codec"}))
    session.post(Event("IncomingCall", {}, 1))
    assert names(leg)[-3:] == ["SendSIPResponse", "CleanupMedia", "CleanupDialog"]
    assert leg.performed[-3][1] == {"code": 488}
    assert session.outcome == "failed"
    failed = steps(shell)[1]
    assert failed.event == "ActionFailed"
    assert failed.fields["action"] == "GenerateLocalSDP"
    assert failed.fields["reason"] == "no_common_codec"
    first = shell.steps[0][1]
    assert [result.ok for result in first.results] == [True, True, True, False]


async def test_action_failed_overtakes_what_arrived_meanwhile(shell):
    leg = SimulatedLeg(failing={"GenerateLocalSDP": "lost"})
    leg.waiting["GenerateLocalSDP"] = asyncio.get_running_loop().create_future()
    session, _ = begin(shell, leg=leg)
    session.post(Event("IncomingCall", {}, 1))
    session.post(Event("DialogBYE"))
    leg.waiting["GenerateLocalSDP"].set_result(None)
    await asyncio.gather(*shell.tasks)
    assert [step.event for step in steps(shell)] == ["IncomingCall", "ActionFailed"]
    assert session.state == "Failed"


async def test_events_wait_while_an_action_is_awaited(shell):
    leg = SimulatedLeg()
    leg.waiting["GenerateLocalSDP"] = asyncio.get_running_loop().create_future()
    session, _ = begin(shell, leg=leg)
    session.post(Event("IncomingCall", {}, 1))
    session.post(Event("DialogACK"))
    session.post(Event("HangupCall"))
    assert len(steps(shell)) == 1
    assert len(shell.tasks) == 1
    leg.waiting["GenerateLocalSDP"].set_result(None)
    await asyncio.gather(*shell.tasks)
    assert [step.to_state for step in steps(shell)] == ["Answering", "Active", "Terminating"]
    assert not shell.tasks


async def test_an_action_that_takes_too_long_fails(shell):
    shell.action_limit = 0.01
    leg = SimulatedLeg()
    leg.waiting["GenerateLocalSDP"] = asyncio.get_running_loop().create_future()
    session, _ = begin(shell, leg=leg)
    session.post(Event("IncomingCall", {}, 1))
    await asyncio.gather(*shell.tasks)
    assert "0.01 s" in steps(shell)[1].fields["reason"]
    assert session.state == "Failed"


def test_a_timer_fires_as_an_event(shell):
    session, leg = begin(shell)
    session.post(Event("IncomingCall", {}, 1))
    session.post(Event("DialogACK"))
    assert session.armed == shell.time + 60
    shell.time += 61
    session.due()
    assert session.state == "Terminating"
    assert session.armed == shell.time + 32
    assert steps(shell)[-1].event == "after"


def test_a_deadline_that_moved_meanwhile_does_nothing(shell):
    session, _ = begin(shell)
    session.post(Event("IncomingCall", {}, 1))
    session.post(Event("DialogACK"))
    session.due()
    assert session.state == "Active"
    assert len(steps(shell)) == 2


def test_a_session_has_a_maximum_life(shell):
    session, leg = begin(shell, life=600.0)
    shell.time += 600
    session.due()
    assert session.outcome == "expired"
    assert leg.released == [None]


def test_an_unanswered_request_gets_the_answer_of_the_rule(shell):
    session, leg = begin(shell)
    session.post(Event("IncomingCall", {}, 1))
    session.post(Event("InfoReceived", {}, 2))
    assert leg.answered == [(2, 469)]
    assert not session.ended


def test_an_unhandled_invite_is_answered_and_ends_the_session(shell):
    session, leg = begin(shell, built=table(("Idle", "MakeCall", [], "Active")))
    session.post(Event("IncomingCall", {}, 7))
    assert leg.answered == [(7, 480)]
    assert session.outcome == "unhandled"


def test_a_stale_event_is_left_out(shell):
    session, leg = begin(shell)
    leg.stale.add("DialogCANCEL")
    session.post(Event("DialogCANCEL", {}, 1))
    assert shell.log == []


def test_our_own_mistake_ends_the_session_and_shows_in_its_audit(shell):
    class Broken(SimulatedLeg):
        def perform(self, call, event):
            raise ZeroDivisionError("oops")

    session, leg = begin(shell, leg=Broken())
    session.post(Event("IncomingCall", {}, 1))
    assert session.outcome == "error"
    assert leg.released == [500]
    last = steps(shell)[-1]
    assert (last.kind, last.event, last.outcome) == ("error", "InternalError", "error")
    assert "ZeroDivisionError: oops" in last.fields["error"]
    assert last.sequence == 2


async def test_our_own_mistake_in_an_awaited_action_ends_the_session_too(shell):
    class Broken(SimulatedLeg):
        async def perform_later(self):
            raise KeyError("x")

        def perform(self, call, event):
            return self.perform_later()

    session, leg = begin(shell, leg=Broken())
    session.post(Event("IncomingCall", {}, 1))
    await asyncio.gather(*shell.tasks)
    assert session.outcome == "error"


async def test_ending_a_session_from_outside_cancels_what_it_awaits(shell):
    leg = SimulatedLeg()
    leg.waiting["GenerateLocalSDP"] = asyncio.get_running_loop().create_future()
    session, _ = begin(shell, leg=leg)
    session.post(Event("IncomingCall", {}, 1))
    await asyncio.sleep(0)
    session.end("NodeStopping", "shutdown", 503)
    await asyncio.gather(*shell.tasks, return_exceptions=True)
    assert session.outcome == "shutdown"
    assert leg.released == [503]
    assert [step.event for step in steps(shell)] == ["IncomingCall", "NodeStopping"]


def test_nothing_is_taken_after_the_end(shell):
    session, _ = begin(shell)
    session.post(Event("IncomingCall", {}, 1))
    session.post(Event("DialogACK"))
    session.post(Event("DialogBYE"))
    before = len(shell.log)
    session.post(Event("DialogBYE"))
    session.due()
    session.end("NodeStopping", "shutdown", 503)
    assert len(shell.log) == before
    assert shell.gone == [session]


async def test_a_flood_of_events_is_cut_and_counted(shell):
    leg = SimulatedLeg()
    leg.waiting["GenerateLocalSDP"] = asyncio.get_running_loop().create_future()
    session, _ = begin(shell, leg=leg)
    session.post(Event("IncomingCall", {}, 1))
    for number in range(MAX_PENDING + 5):
        session.post(Event("InfoReceived", {}, 100 + number))
    assert session.dropped == 5
    assert leg.answered == [(100 + MAX_PENDING + n, 503) for n in range(5)]
    await asyncio.sleep(0)
    session.end("NodeStopping", "shutdown", 503)
    await asyncio.gather(*shell.tasks, return_exceptions=True)


def test_timers_that_fell_due_together_fire_one_by_one(shell):
    built = table(
        ("Idle", "IncomingCall", [], "Ringing"),
        ("Ringing", 10.0, ["PlayTone"]),
        ("Ringing", 20.0, ["StopPlayback"]),
        ("Ringing", 30.0, [], "Terminated"),
    )
    session, leg = begin(shell, built=built)
    session.post(Event("IncomingCall", {}, 1))
    shell.time += 100
    session.due()
    assert names(leg) == ["PlayTone", "StopPlayback"]
    assert session.ended
