"""Calls played through the shipped tables, event by event."""

from pathlib import Path

import pytest

from flows.compile import compile_text
from runtime.executor.machine import Machine, Program
from runtime.executor.step import Event

FOLDER = Path(__file__).parents[2] / "state_tables"

SDP = {"sdp": "v=0"}
OK = ("Dialog200OK", {"code": 200, "method": "INVITE", **SDP})
BYE_OK = ("Dialog200OK", {"code": 200, "method": "BYE"})
BUSY = ("Dialog4xxFailure", {"code": 486, "method": "INVITE"})
HELD = ("ReinviteReceived", {**SDP, "direction": "sendonly"})
BACK = ("ReinviteReceived", {**SDP, "direction": "sendrecv"})

# flow, role, what happens (name, or name and fields, or seconds to wait), states passed, outcome
CALLS = {
    "echo": (
        *("echo_test", "UAS"),
        ["IncomingCall", "DialogACK", 60, BYE_OK],
        "Answering Active Terminating Terminated",
        "completed",
    ),
    "echo refused for want of a codec": (
        *("echo_test", "UAS"),
        ["IncomingCall", ("ActionFailed", {"action": "GenerateLocalSDP"})],
        "Answering Failed",
        "failed",
    ),
    "a media process that dies ends no call": (
        *("echo_test", "UAS"),
        ["IncomingCall", "DialogACK", "MediaLost", "MediaFlowEstablished", "DialogBYE"],
        "Answering Active Active Active Terminated",
        "completed",
    ),
    "outgoing, hung up by us": (
        *("basic_call", "UAC"),
        ["MakeCall", "Dialog180Ringing", OK, "HangupCall", BYE_OK],
        "Initiating Ringing Active Terminating Terminated",
        "completed",
    ),
    "outgoing, answered without ringing, hung up by the far side": (
        *("basic_call", "UAC"),
        ["MakeCall", OK, "DialogBYE"],
        "Initiating Active Terminated",
        "completed",
    ),
    "outgoing with early media, busy after all": (
        *("basic_call", "UAC"),
        ["MakeCall", ("Dialog183SessionProgress", SDP), "Dialog180Ringing", BUSY],
        "Initiating EarlyMedia EarlyMedia Failed",
        "failed",
    ),
    "outgoing, given up while ringing": (
        *("basic_call", "UAC"),
        ["MakeCall", "Dialog180Ringing", "HangupCall", "Dialog487RequestTerminated"],
        "Initiating Ringing Cancelling Cancelled",
        "cancelled",
    ),
    "outgoing, given up before anything came back": (
        *("basic_call", "UAC"),
        ["MakeCall", "HangupCall", "Dialog180Ringing", "Dialog487RequestTerminated"],
        "Initiating CancelPending Cancelling Cancelled",
        "cancelled",
    ),
    "the 200 crosses our CANCEL": (
        *("basic_call", "UAC"),
        ["MakeCall", "Dialog180Ringing", "HangupCall", OK, BYE_OK],
        "Initiating Ringing Cancelling Terminating Terminated",
        "completed",
    ),
    "nobody answers": (
        *("basic_call", "UAC"),
        ["MakeCall", "Dialog180Ringing", 60, "Dialog487RequestTerminated"],
        "Initiating Ringing Cancelling Cancelled",
        "cancelled",
    ),
    "the far side does not exist": (
        *("basic_call", "UAC"),
        ["MakeCall", ("DialogTimeout", {"method": "INVITE"})],
        "Initiating Failed",
        "failed",
    ),
    "incoming, accepted": (
        *("basic_call", "UAS"),
        ["IncomingCall", "AcceptCall", "DialogACK", "DialogBYE"],
        "Ringing Answering Active Terminated",
        "completed",
    ),
    "incoming, rejected": (
        *("basic_call", "UAS"),
        ["IncomingCall", "RejectCall"],
        "Ringing Failed",
        "rejected",
    ),
    "incoming, the caller gives up": (
        *("basic_call", "UAS"),
        ["IncomingCall", "DialogCANCEL"],
        "Ringing Cancelled",
        "cancelled",
    ),
    "incoming, nobody accepts": (
        *("basic_call", "UAS"),
        ["IncomingCall", 45],
        "Ringing Failed",
        "failed",
    ),
    "hung up by us before the ACK": (
        *("basic_call", "UAS"),
        ["IncomingCall", "AcceptCall", "HangupCall", "DialogACK", BYE_OK],
        "Ringing Answering HangingUp Terminating Terminated",
        "completed",
    ),
    "held and resumed by us": (
        *("call_with_hold", "UAC"),
        ["MakeCall", OK, "HoldCall", OK, "ResumeCall", OK, "HangupCall", OK, BYE_OK],
        "Initiating Active Holding OnHold Resuming Active Terminating Terminating Terminated",
        "completed",
    ),
    "held and resumed by the far side": (
        *("call_with_hold", "UAS"),
        ["IncomingCall", "AcceptCall", "DialogACK", HELD, "DialogACK", BACK, "DialogBYE"],
        "Ringing Answering Active HeldByPeer HeldByPeer Active Terminated",
        "completed",
    ),
    "glare on hold, the calling side waits longer": (
        *("call_with_hold", "UAC"),
        ["MakeCall", OK, "HoldCall", "ReinviteGlare", BACK, 3, OK, "DialogBYE"],
        "Initiating Active Holding HoldGlare HoldGlare Holding OnHold Terminated",
        "completed",
    ),
    "hold refused": (
        *("call_with_hold", "UAC"),
        ["MakeCall", OK, "HoldCall", ("Dialog4xxFailure", {"code": 488}), "DialogBYE"],
        "Initiating Active Holding Active Terminated",
        "completed",
    ),
    "hold finds the call gone": (
        *("call_with_hold", "UAC"),
        ["MakeCall", OK, "HoldCall", ("Dialog4xxFailure", {"code": 481}), BYE_OK],
        "Initiating Active Holding Terminating Terminated",
        "completed",
    ),
    "greeting heard to its end, and once more on 1": (
        *("auto_attendant_stub", "UAS"),
        [
            *("IncomingCall", "DialogACK", ("DtmfDetected", {"digit": "1"})),
            *(("DtmfDetected", {"digit": "7"}), "PlayFinished", BYE_OK),
        ],
        "Answering Greeting Greeting Greeting Terminating Terminated",
        "completed",
    ),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_goes_through_the_states_it_should(call):
    flow, role, happenings, states, outcome = call
    compiled = compile_text((FOLDER / f"{flow}.yaml").read_text("utf-8"))
    assert compiled.table is not None
    now = 1000.0
    machine = Machine(Program(compiled.table), "s", role, now)
    passed, step = [], None
    for happening in happenings:
        now += 0.1
        if isinstance(happening, int):
            now += happening
            step = machine.expire(now)
        else:
            name, fields = happening if isinstance(happening, tuple) else (happening, {})
            step = machine.receive(Event(name, fields), now)
        assert step is not None and step.kind != "unhandled", happening
        passed.append(step.to_state)
    assert " ".join(passed) == states
    assert step is not None and step.ended and step.outcome == outcome
