"""Call flows of RFC 3665 and RFC 5407 and the scenarios of a phone, each as the part of SIPp.

`calls` says which side places the call. `acts` says what the people at our side do: once a session
is in a state, the event. The table is `call_with_hold` unless another is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.sip.scenario import Step, callee, caller

SIPP, OURS = "SIPp", "ours"


@dataclass(frozen=True)
class Flow:
    """One flow: what SIPp does, what people do, how our session ends."""

    name: str
    source: str
    """Clause or scenario it comes from."""
    calls: str
    steps: tuple[Step, ...]
    acts: Mapping[str, str] = field(default_factory=dict)
    outcome: str = "completed"
    table: str = "call_with_hold"
    slow: bool = False
    """Takes 64*T1."""
    fragile: bool = False
    """SIPp cannot play it where messages are lost or reordered."""

    @property
    def scenario(self) -> str:
        """SIPp's part as XML."""
        return caller(*self.steps) if self.calls == SIPP else callee(*self.steps)


ACCEPT = {"Ringing": "AcceptCall"}
CALL = ("> INVITE sdp", "< 100?", "< 180")
ANSWERED = (*CALL, "< 200", "> ACK")
HANGUP = ("> BYE", "< 200")
HUNG_UP = ("< BYE", "> 200")
RING = ("< INVITE", "> 180")
TALK = (*RING, "> 200 sdp", "< ACK")


def refused(code: int) -> Flow:
    name = f"a_call_is_refused_with_{code}"
    steps = ("< INVITE", f"> {code}", "< ACK")
    return Flow(name, "RFC 3665 3.9-3.11, S16", OURS, steps, outcome="failed")


FLOWS = (
    # -- RFC 3665 3.1: a session, in both roles, ended by each side
    Flow("caller_hangs_up", "RFC 3665 3.1, S2", SIPP, (*ANSWERED, *HANGUP), ACCEPT),
    Flow(
        "callee_hangs_up",
        "RFC 3665 3.1",
        SIPP,
        (*ANSWERED, *HUNG_UP),
        {**ACCEPT, "Active": "HangupCall"},
    ),
    Flow(
        "we_call_and_hang_up",
        "RFC 3665 3.1, S1",
        OURS,
        (*TALK, *HUNG_UP),
        {"Active": "HangupCall"},
    ),
    Flow("we_call_and_they_hang_up", "RFC 3665 3.1, S1", OURS, (*TALK, *HANGUP)),
    Flow(
        "we_call_and_are_answered_at_once",
        "S4",
        OURS,
        ("< INVITE", "> 200 sdp", "< ACK", *HANGUP),
    ),
    Flow(
        "we_hear_early_media",
        "S15",
        OURS,
        ("< INVITE", "> 183 sdp", "> 200 sdp", "< ACK", *HUNG_UP),
        {"Active": "HangupCall"},
    ),
    # -- RFC 3665 3.7: the session is changed
    Flow(
        "the_caller_moves_its_media",
        "RFC 3665 3.7",
        SIPP,
        (*ANSWERED, "> INVITE sdp", "< 100?", "< 200", "> ACK", *HANGUP),
        ACCEPT,
        fragile=True,
    ),
    Flow(
        "the_caller_holds_and_resumes",
        "S6",
        SIPP,
        (
            *ANSWERED,
            "> INVITE sendonly",
            "< 100?",
            "< 200",
            "> ACK",
            "> INVITE sendrecv",
            "< 100?",
            "< 200",
            "> ACK",
            *HANGUP,
        ),
        ACCEPT,
        fragile=True,
    ),
    Flow(
        "we_hold_and_hang_up",
        "S6",
        OURS,
        (*TALK, "< INVITE", "> 200 recvonly", "< ACK", *HUNG_UP),
        {"Active": "HoldCall", "OnHold": "HangupCall"},
    ),
    # -- RFC 3665 3.8 to 3.11: no session
    Flow(
        "no_answer_and_the_caller_gives_up",
        "RFC 3665 3.8, S13",
        SIPP,
        (*CALL, "> CANCEL", "< 200", "< 487", "> ACK"),
        outcome="cancelled",
        fragile=True,
    ),
    Flow(
        "we_are_busy",
        "RFC 3665 3.9, S3",
        SIPP,
        (*CALL, "< 486", "> ACK"),
        {"Ringing": "RejectCall"},
        outcome="rejected",
    ),
    Flow(
        "no_answer_and_we_give_up",
        "RFC 3665 3.8, S13",
        OURS,
        (*RING, "< CANCEL", "> 200", "> 487 invite", "< ACK"),
        {"Ringing": "HangupCall"},
        outcome="cancelled",
        fragile=True,
    ),
    Flow(
        "we_give_up_before_it_rings",
        "S13",
        OURS,
        (*RING, "< CANCEL", "> 200", "> 487 invite", "< ACK"),
        {"Initiating": "HangupCall"},
        outcome="cancelled",
        fragile=True,
    ),
    Flow(
        "we_give_up_in_early_media",
        "S13",
        OURS,
        ("< INVITE", "> 183 sdp", "< CANCEL", "> 200", "> 487 invite", "< ACK"),
        {"EarlyMedia": "HangupCall"},
        outcome="cancelled",
        fragile=True,
    ),
    refused(404),
    refused(480),
    refused(486),
    refused(500),
    refused(503),
    refused(600),
    refused(603),
    # -- RFC 5407 3.1: the callee between its 200 and the ACK
    Flow(
        "the_cancel_meets_our_200",
        "RFC 5407 3.1.2",
        SIPP,
        (*CALL, "< 200", "> CANCEL", "< 200", "> ACK", *HANGUP),
        ACCEPT,
        fragile=True,
    ),
    Flow(
        "a_bye_comes_while_it_rings",
        "RFC 5407 3.1.3",
        SIPP,
        (*CALL, "> BYE", "< 200", "< 487", "> ACK"),
        outcome="cancelled",
        fragile=True,
    ),
    Flow(
        "the_bye_overtakes_the_ack",
        "RFC 5407 3.1.6",
        SIPP,
        (*CALL, "< 200", *HANGUP),
        ACCEPT,
        fragile=True,
    ),
    Flow(
        "we_hang_up_before_the_ack",
        "RFC 5407 3.2.4, S14",
        SIPP,
        (*ANSWERED, *HUNG_UP),
        {**ACCEPT, "Answering": "HangupCall"},
    ),
    Flow(
        "the_ack_never_comes",
        "RFC 3261 13.3.1.4, S14",
        SIPP,
        (*CALL, "< 200", *HUNG_UP),
        ACCEPT,
        slow=True,
    ),
    # -- RFC 5407 3.2: both sides have hung up
    Flow(
        "both_hang_up_at_once",
        "RFC 5407 3.2.1",
        SIPP,
        (*ANSWERED, "< BYE", "> BYE", "< 200"),
        {**ACCEPT, "Active": "HangupCall"},
        fragile=True,
    ),
    # -- RFC 3261 9.1, 13.2.2.4: the 200 and our CANCEL cross
    Flow(
        "the_200_crosses_our_cancel",
        "RFC 5407 3.1.2, S13",
        OURS,
        (*RING, "< CANCEL", "> 200", "> 200 invite sdp", "< ACK", *HUNG_UP),
        {"Ringing": "HangupCall"},
        fragile=True,
    ),
)
BY_NAME = {flow.name: flow for flow in FLOWS}
