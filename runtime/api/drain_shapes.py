"""What is sent and answered about calls on the old version, and about acts on running calls."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from runtime.api.shapes import Digest, FlowName, Moment, Number, Seconds, Sent, Told
from runtime.drain.orders import MOST, MOST_PATIENCE

Why = Annotated[str, Meta(min_length=1, max_length=2000, description="Why; it is kept and shown.")]
Older = Annotated[float, Meta(ge=0, le=1e8, description="Seconds in their state, at least.")]
AtMost = Annotated[int, Meta(ge=1, le=MOST, description="Calls it is done to at most.")]
Mapping = Annotated[
    dict[str, str], Meta(description="State of the old version to a state of the new one.")
]
StateName = Annotated[str, Meta(max_length=200, description="Only calls in this state.")]

# -- sent ------------------------------------------------------------------------------------------


class OldCallsWanted(Sent, kw_only=True):
    """Beside which version calls are old."""

    version: Annotated[int, Meta(ge=0, description="0: what new calls take.")] = 0


class Migration(Sent, kw_only=True):
    """Which calls shall go over to which version, and where."""

    version: Annotated[int, Meta(ge=0, description="0: the one new calls take.")] = 0
    mapping: Mapping = {}
    state: StateName = ""
    older: Older = 0.0


class MigrationOrder(Migration, kw_only=True):
    """The same, to be done."""

    at_most: AtMost
    reason: Why
    patience: Annotated[
        float, Meta(ge=0, le=MOST_PATIENCE, description="Seconds to wait for a quiet point.")
    ] = 60.0
    force: Annotated[bool, Meta(description="Pass over errors of the version.")] = False


class Correction(Sent, kw_only=True):
    """What shall be done to the calls that are stuck in a state: an event, or another state."""

    state: Annotated[str, Meta(min_length=1, max_length=200)]
    older: Older = 0.0
    event: Annotated[str, Meta(max_length=128)] = ""
    fields: dict[str, Any] = {}
    to_state: Annotated[str, Meta(max_length=200)] = ""


class CorrectionOrder(Correction, kw_only=True):
    """The same, to be done."""

    at_most: AtMost
    reason: Why


class OrderAct(Sent, kw_only=True):
    """What to do about an order."""

    act: Literal["stop"]


class NewDeadline(Sent, kw_only=True):
    """What shall become of old calls when their time is up."""

    act: Literal["wait", "migrate", "end"]
    after_seconds: Annotated[
        int, Meta(ge=0, le=30 * 24 * 3600, description="After their version was replaced.")
    ] = 3600
    reason: Annotated[str, Meta(max_length=2000)] = ""


class HangUp(Sent, kw_only=True):
    """Why a call is ended, and how."""

    reason: Why
    force: Annotated[bool, Meta(description="Without its row for HangupCall.")] = False


class Injection(Sent, kw_only=True):
    """An event for a call."""

    event: Annotated[str, Meta(min_length=1, max_length=128)]
    fields: dict[str, Any] = {}
    reason: Why


class Pin(Sent, kw_only=True):
    """Whether a call stays on its version."""

    reason: Why
    off: Annotated[bool, Meta(description="Let it go again.")] = False


class Move(Sent, kw_only=True):
    """Where a call shall go."""

    version: Annotated[int, Meta(ge=0, description="0: the one new calls take.")] = 0
    mapping: Mapping = {}
    reason: Why


# -- answered --------------------------------------------------------------------------------------


class OldState(Told, kw_only=True):
    """The old calls in one state."""

    state: str
    calls: int
    oldest: Annotated[float, Meta(description="Seconds since the oldest of them began.")]
    longest: Annotated[float, Meta(description="Seconds the longest stay lasts.")]
    expected: Annotated[str, Meta(description="When they leave it, in words, if that is known.")]
    how: Literal["timer", "learned", ""]
    untimed: Annotated[int, Meta(description="Calls without a timer that leads out of it.")]


class OldCall(Told, kw_only=True):
    """One call on an old version."""

    session: str
    node: str
    version: int | None
    digest: Digest
    role: str
    state: str
    since: Seconds
    started: Seconds
    caller: str
    callee: str
    waits: str
    pinned: Annotated[str, Meta(description="By whom and why; empty if it is not.")]
    unquiet: Annotated[str, Meta(description="Why it could not be moved just now.")]


class OldCalls(Told, kw_only=True):
    """Who still runs another version."""

    flow: FlowName
    version: Number | None
    digest: str
    calls: int
    silent: Annotated[list[str], Meta(description="Nodes that did not answer.")]
    states: list[OldState]
    sessions: Annotated[list[OldCall], Meta(description="The oldest 200.")]


class JudgedState(Told, kw_only=True):
    """Where calls in a state go on."""

    state: str
    role: str
    version: int | None
    digest: Digest
    calls: int
    verdict: Literal["safe", "needs mapping"]
    target: str
    how: Literal["same name", "renamed", "chosen", ""]
    why: str
    code: str
    suggestion: str
    timers: str
    choices: list[str]


class JudgedCall(Told, kw_only=True):
    """What would become of one call."""

    session: str
    node: str
    version: int | None
    digest: Digest
    role: str
    state: str
    since: Seconds
    started: Seconds
    caller: str
    callee: str
    verdict: Literal["safe", "needs mapping", "blocked"]
    target: str
    why: str
    waits: Annotated[bool, Meta(description="Blocked only until it comes to a quiet point.")]


class Against(Told, kw_only=True):
    """What the comparison of two versions warns of."""

    code: str
    message: str
    against: str


class DryRun(Told, kw_only=True):
    """What a migration would do."""

    version: Number
    digest: Digest
    counts: dict[str, int]
    errors: Annotated[int, Meta(description="Errors of the version; it is refused over them.")]
    warnings: list[Against]
    silent: list[str]
    states: list[JudgedState]
    calls: list[JudgedCall]


class CorrectionFound(Told, kw_only=True):
    """What a corrective move would do."""

    does: str
    counts: dict[str, int]
    silent: list[str]
    calls: list[JudgedCall]


class Order(Told, kw_only=True):
    """Something that is done to running calls."""

    order: int
    flow: FlowName
    act: Literal["migrate", "move", "send", "end"]
    title: Annotated[str, Meta(description="What is done, as a heading.")]
    version: int | None
    scope: str
    reason: str
    by: str
    at: Moment
    stopped: Annotated[str, Meta(description="By whom; empty if nobody did.")]
    total: int
    waiting: int
    settled: int
    over: bool
    counts: dict[str, int]


class OrderedCall(Told, kw_only=True):
    """What became of an order for one call."""

    session: str
    node: str
    state: str
    status: Literal["waiting", "done", "missed", "refused", "over", "pinned", "stopped"]
    why: str
    to_state: str
    attempts: int
    at: Moment


class OrderWithCalls(Order, kw_only=True):
    """An order with what became of each call."""

    calls: list[OrderedCall]


class Deadline(Told, kw_only=True):
    """What becomes of old calls when their time is up."""

    flow: FlowName
    act: Literal["wait", "migrate", "end"]
    after_seconds: int
    by: str
    words: str


class HungUp(Told, kw_only=True):
    """How a call was ended."""

    how: Literal["row", "force"]
    state: str
    ended: Annotated[bool, Meta(description="It is over; a row may wait for the peer first.")]
    row: int | None = None
    why: str = ""


class Injected(Told, kw_only=True):
    """An event was given to a call."""

    sent: str


class Pinned(Told, kw_only=True):
    """Whether a call stays on its version."""

    pinned: bool


class Moved(Told, kw_only=True):
    """Where a call is now."""

    session: str
    status: Literal["moved", "waiting", "already"]
    why: str
    digest: Digest
    state: str
    order: Annotated[int | None, Meta(description="The order that goes on with it.")] = None
