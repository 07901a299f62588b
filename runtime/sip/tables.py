"""The four transaction machines as tables: RFC 3261 figures 5 to 8 as amended by RFC 6026.

Everything that decides a transition stands in this file; `transaction.py` only looks it up. A pair
(state, event) that is not in a table is ignored there: the RFC draws no arrow for it. Events are
the class of a response ("1xx", "2xx", "3xx" for 300 to 699), the kind of a request ("request",
"ACK"), the letter of a timer, or "error" for a transport that failed.

Four timers are ours. R repeats the 2xx to an INVITE until its ACK comes; RFC 3261 13.3.1.4 gives
that to the UAS core, but it lives exactly as long as the state Accepted. X ends a client INVITE
that was CANCELled (RFC 3261 9.1), or whose call was ended by a BYE, and got no final response
within 64*T1. N says 100 to a request other than INVITE that nobody has answered by the time its
client repeats it every T2, not before (RFC 4320 4.1); U forgets it 64*T1 later: its client has
given up by then.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


class State(enum.Enum):
    """Where a transaction stands."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    TERMINATED = "terminated"


class Act(enum.Enum):
    """What a transition does, in written order, after the new state was entered."""

    SEND = "send the response given by the user"
    RESEND = "send the last message again"
    ACK = "acknowledge a final response that is no 2xx"
    TELL = "hand the message to the user"
    TELL_TIMEOUT = "tell the user that nobody answered"
    TELL_FAILURE = "tell the user that the transport failed"
    TELL_LATE = "tell the user that the request has waited long"


class Wait(enum.Enum):
    """How long a timer runs (RFC 3261, table 4)."""

    T1 = "T1"
    T2 = "T2"
    LIFE = "64*T1"
    T1_UNRELIABLE = "T1, not over a reliable transport"
    T4 = "T4, 0 over a reliable transport"
    D = "at least 32 s, 0 over a reliable transport"
    J = "64*T1, 0 over a reliable transport"
    LATE = "T2 - T1: when timer E of the client has grown to T2"


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine: its first state, its arrows, and the timers armed on entering a state."""

    first: State
    arrows: Mapping[tuple[State, str], tuple[State, tuple[Act, ...]]]
    timers: Mapping[State, tuple[tuple[str, Wait], ...]]
    kept: Mapping[State, tuple[str, ...]]
    "Timers that run on when the state is entered; all others are stopped."


_S = State
_END = (_S.TERMINATED, ())
_TIMEOUT = (_S.TERMINATED, (Act.TELL_TIMEOUT,))
_FAILURE = (_S.TERMINATED, (Act.TELL_FAILURE,))

INVITE_CLIENT: Final = Machine(
    first=_S.CALLING,
    arrows={
        (_S.CALLING, "A"): (_S.CALLING, (Act.RESEND,)),
        (_S.CALLING, "B"): _TIMEOUT,
        (_S.CALLING, "1xx"): (_S.PROCEEDING, (Act.TELL,)),
        (_S.CALLING, "2xx"): (_S.ACCEPTED, (Act.TELL,)),
        (_S.CALLING, "3xx"): (_S.COMPLETED, (Act.ACK, Act.TELL)),
        (_S.CALLING, "error"): _FAILURE,
        (_S.PROCEEDING, "1xx"): (_S.PROCEEDING, (Act.TELL,)),
        (_S.PROCEEDING, "2xx"): (_S.ACCEPTED, (Act.TELL,)),
        (_S.PROCEEDING, "3xx"): (_S.COMPLETED, (Act.ACK, Act.TELL)),
        (_S.PROCEEDING, "X"): _TIMEOUT,
        (_S.PROCEEDING, "error"): _FAILURE,
        (_S.COMPLETED, "3xx"): (_S.COMPLETED, (Act.ACK,)),
        (_S.COMPLETED, "D"): _END,
        (_S.COMPLETED, "error"): _FAILURE,
        (_S.ACCEPTED, "2xx"): (_S.ACCEPTED, (Act.TELL,)),
        (_S.ACCEPTED, "M"): _END,
        (_S.ACCEPTED, "error"): (_S.ACCEPTED, (Act.TELL_FAILURE,)),
    },
    timers={
        _S.CALLING: (("A", Wait.T1_UNRELIABLE), ("B", Wait.LIFE)),
        _S.COMPLETED: (("D", Wait.D),),
        _S.ACCEPTED: (("M", Wait.LIFE),),
    },
    kept={_S.PROCEEDING: ("X",)},
)

NON_INVITE_CLIENT: Final = Machine(
    first=_S.TRYING,
    arrows={
        (_S.TRYING, "E"): (_S.TRYING, (Act.RESEND,)),
        (_S.TRYING, "F"): _TIMEOUT,
        (_S.TRYING, "1xx"): (_S.PROCEEDING, (Act.TELL,)),
        (_S.TRYING, "2xx"): (_S.COMPLETED, (Act.TELL,)),
        (_S.TRYING, "3xx"): (_S.COMPLETED, (Act.TELL,)),
        (_S.TRYING, "error"): _FAILURE,
        (_S.PROCEEDING, "E"): (_S.PROCEEDING, (Act.RESEND,)),
        (_S.PROCEEDING, "F"): _TIMEOUT,
        (_S.PROCEEDING, "1xx"): (_S.PROCEEDING, (Act.TELL,)),
        (_S.PROCEEDING, "2xx"): (_S.COMPLETED, (Act.TELL,)),
        (_S.PROCEEDING, "3xx"): (_S.COMPLETED, (Act.TELL,)),
        (_S.PROCEEDING, "error"): _FAILURE,
        (_S.COMPLETED, "K"): _END,
    },
    timers={
        _S.TRYING: (("E", Wait.T1_UNRELIABLE), ("F", Wait.LIFE)),
        _S.COMPLETED: (("K", Wait.T4),),
    },
    kept={_S.PROCEEDING: ("E", "F")},
)

INVITE_SERVER: Final = Machine(
    first=_S.PROCEEDING,
    arrows={
        (_S.PROCEEDING, "request"): (_S.PROCEEDING, (Act.RESEND,)),
        (_S.PROCEEDING, "1xx"): (_S.PROCEEDING, (Act.SEND,)),
        (_S.PROCEEDING, "2xx"): (_S.ACCEPTED, (Act.SEND,)),
        (_S.PROCEEDING, "3xx"): (_S.COMPLETED, (Act.SEND,)),
        (_S.PROCEEDING, "error"): _FAILURE,
        (_S.COMPLETED, "request"): (_S.COMPLETED, (Act.RESEND,)),
        (_S.COMPLETED, "G"): (_S.COMPLETED, (Act.RESEND,)),
        (_S.COMPLETED, "H"): _TIMEOUT,
        (_S.COMPLETED, "ACK"): (_S.CONFIRMED, ()),
        (_S.COMPLETED, "error"): _FAILURE,
        (_S.CONFIRMED, "ACK"): (_S.CONFIRMED, ()),
        (_S.CONFIRMED, "I"): _END,
        (_S.ACCEPTED, "request"): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, "2xx"): (_S.ACCEPTED, (Act.SEND,)),
        (_S.ACCEPTED, "R"): (_S.ACCEPTED, (Act.RESEND,)),
        (_S.ACCEPTED, "ACK"): (_S.ACCEPTED, (Act.TELL,)),
        (_S.ACCEPTED, "error"): (_S.ACCEPTED, (Act.TELL_FAILURE,)),
        (_S.ACCEPTED, "L"): _TIMEOUT,
    },
    timers={
        _S.COMPLETED: (("G", Wait.T1_UNRELIABLE), ("H", Wait.LIFE)),
        _S.CONFIRMED: (("I", Wait.T4),),
        _S.ACCEPTED: (("R", Wait.T1), ("L", Wait.LIFE)),
    },
    kept={},
)

NON_INVITE_SERVER: Final = Machine(
    first=_S.TRYING,
    arrows={
        (_S.TRYING, "N"): (_S.TRYING, (Act.TELL_LATE,)),
        (_S.TRYING, "1xx"): (_S.PROCEEDING, (Act.SEND,)),
        (_S.TRYING, "2xx"): (_S.COMPLETED, (Act.SEND,)),
        (_S.TRYING, "3xx"): (_S.COMPLETED, (Act.SEND,)),
        (_S.PROCEEDING, "U"): _END,
        (_S.PROCEEDING, "request"): (_S.PROCEEDING, (Act.RESEND,)),
        (_S.PROCEEDING, "1xx"): (_S.PROCEEDING, (Act.SEND,)),
        (_S.PROCEEDING, "2xx"): (_S.COMPLETED, (Act.SEND,)),
        (_S.PROCEEDING, "3xx"): (_S.COMPLETED, (Act.SEND,)),
        (_S.PROCEEDING, "error"): _FAILURE,
        (_S.COMPLETED, "request"): (_S.COMPLETED, (Act.RESEND,)),
        (_S.COMPLETED, "J"): _END,
        (_S.COMPLETED, "error"): _FAILURE,
    },
    timers={
        _S.TRYING: (("N", Wait.LATE),),
        _S.PROCEEDING: (("U", Wait.LIFE),),
        _S.COMPLETED: (("J", Wait.J),),
    },
    kept={},
)
