"""What is sent to the API and what it answers. The OpenAPI document is made of these."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from flows.document import MAX_BYTES
from runtime.search import SORTS, STATES

MOST_PER_PAGE = 200

FlowName = Annotated[str, Meta(min_length=1, max_length=64, description="The name of a flow.")]
Digest = Annotated[str, Meta(description="SHA-256 of a text's UTF-8 bytes, in hexadecimal.")]
Moment = Annotated[str, Meta(description="A moment in ISO 8601, in UTC.")]
Seconds = Annotated[float, Meta(description="Seconds since 1970, in UTC.")]
Number = Annotated[int, Meta(ge=1, lt=2**31, description="The number of a version, from 1.")]
Text = Annotated[
    str, Meta(max_length=MAX_BYTES, description="A flow as YAML, byte by byte as it is kept.")
]
Reason = Annotated[
    str, Meta(max_length=2000, description="Why; it is kept and shown, and passes over errors.")
]
Pattern = Annotated[
    str, Meta(max_length=128, description="Characters of a number, ? for one, * for any.")
]


class Sent(Struct, forbid_unknown_fields=True, kw_only=True):
    """Something that is sent; a member that is not declared is refused."""


class Told(Struct, forbid_unknown_fields=True, kw_only=True):
    """Something that is answered; it has no other members."""


# -- sent ------------------------------------------------------------------------------------------


class Paging(Sent):
    """Which part of a list."""

    page: Annotated[int, Meta(ge=1, le=1_000_000, description="From 1.")] = 1
    size: Annotated[int, Meta(ge=1, le=MOST_PER_PAGE, description="How many on a page.")] = 50


class NumbersWanted(Sent):
    """Whether numbers and names of callers are told."""

    numbers: Annotated[
        str,
        Meta(
            max_length=500,
            description="Why they are wanted unmasked; needs the permission and is recorded.",
        ),
    ] = ""


class SessionsWanted(Paging):
    """Which sessions, in which order."""

    flow: Annotated[str, Meta(max_length=64, description="Only those of this flow.")] = ""
    q: Annotated[
        str,
        Meta(
            max_length=200,
            description="Part of a number or name, how an id begins, a Call-ID; or `field:value`.",
        ),
    ] = ""
    show: Literal[STATES] = "all"  # type: ignore[valid-type]
    sort: Literal[tuple(SORTS)] = "newest"  # type: ignore[valid-type]
    number: Annotated[str, Meta(max_length=200, description="Part of either party.")] = ""
    caller: Annotated[str, Meta(max_length=200, description="Part of the caller.")] = ""
    callee: Annotated[str, Meta(max_length=200, description="Part of the callee.")] = ""
    version: Annotated[int, Meta(ge=0, le=10**8, description="Of the flow; 0 for any.")] = 0
    state: Annotated[str, Meta(max_length=200, description="The last state it was in.")] = ""
    outcome: Annotated[str, Meta(max_length=32, description="How it ended.")] = ""
    call_id: Annotated[str, Meta(max_length=200, description="The SIP Call-ID.")] = ""
    row: Annotated[
        str, Meta(max_length=200, description="A row that fired: its id, or its place from 1.")
    ] = ""
    event: Annotated[
        str, Meta(max_length=200, description="An event no row was there for; `*` for any.")
    ] = ""
    since: Annotated[
        str, Meta(max_length=40, description="A date and time (UTC), or how long ago: `2 h`.")
    ] = ""
    until: Annotated[str, Meta(max_length=40, description="As `since`.")] = ""
    numbers: Annotated[
        str,
        Meta(
            max_length=500,
            description="Why they are wanted unmasked; needs the permission and is recorded.",
        ),
    ] = ""


class CopyWanted(Sent):
    """Which form of a copy."""

    form: Literal["text", "svg", "html", "pcap", "json"] = "html"


class ActsWanted(Sent):
    """Which acts."""

    who: Annotated[str, Meta(max_length=200, description="Part of who did it.")] = ""
    act: Annotated[str, Meta(max_length=200, description="Its name, as `deployment.make`.")] = ""
    flow: Annotated[str, Meta(max_length=64, description="Only those about this flow.")] = ""
    q: Annotated[str, Meta(max_length=200, description="Part of subject or reason.")] = ""
    since: Annotated[
        str, Meta(max_length=40, description="A date and time (UTC), or how long ago: `2 h`.")
    ] = ""
    until: Annotated[str, Meta(max_length=40, description="As `since`.")] = ""
    before: Annotated[
        int, Meta(ge=0, le=2**62, description="Only older ones than the act with this id.")
    ] = 0
    size: Annotated[int, Meta(ge=1, le=MOST_PER_PAGE, description="How many at most.")] = 50


class DeploymentsWanted(Paging):
    """Which deployments."""

    flow: Annotated[str, Meta(max_length=64, description="Only those of this flow.")] = ""


class NewFlow(Sent):
    """A flow to be made."""

    name: FlowName
    text: Text | UnsetType = UNSET
    project: str = ""
    """Where it belongs; empty, everybody sees it."""


class TextSent(Sent):
    """A text to look at; nothing is kept."""

    text: Text


class NewVersion(Sent):
    """A text to be saved as the next version."""

    text: Text
    base: Annotated[
        int | None,
        Meta(description="The number of the version it was made from; null if there is none."),
    ]
    message: Annotated[str, Meta(max_length=2000, description="What changed, and why.")] = ""


class CheckAct(Sent):
    """What shall become of a deeper check."""

    act: Literal["cancel", "again"]


class NewDeployment(Sent):
    """Which version new calls shall take."""

    version: Annotated[
        int, Meta(ge=0, lt=2**31, description="Its number; 0 or left out means the newest.")
    ] = 0
    reason: Reason = ""


class RollBack(Sent):
    """A way back to the version that ran before."""

    reason: Reason = ""


class NewRamp(Sent):
    """A version that shall take a growing share of the new calls."""

    version: Annotated[
        int, Meta(ge=0, lt=2**31, description="Its number; 0 or left out means the newest.")
    ] = 0
    steps: Annotated[
        str,
        Meta(
            max_length=400,
            description="`careful`, `quick`, `test`, or steps such as `5 % 20 min, 25 % 30 min`.",
        ),
    ] = ""
    sources: Annotated[
        list[str], Meta(max_length=100, description="Networks; only calls from them are in scope.")
    ] = []
    numbers: Annotated[
        list[str], Meta(max_length=100, description="Patterns of called numbers in scope.")
    ] = []
    callers: Annotated[
        list[str], Meta(max_length=100, description="Patterns of test callers, always in.")
    ] = []
    limits: Annotated[
        dict[str, float],
        Meta(description="How far each figure may be worse: a share of 1, or seconds. Only these"
             " are watched; the usual ones if it is empty."),
    ] = {}  # fmt: skip
    every: Annotated[float, Meta(ge=0, le=3600, description="Seconds between looks; 0: usual.")] = 0
    reason: Reason = ""


class RampAct(Sent):
    """What shall become of a deployment in steps."""

    act: Annotated[
        Literal["hold", "resume", "go", "back"],
        Meta(description="Stay at this step, go on by itself, go on now, take it back."),
    ]
    reason: Reason = ""


class NewCall(Sent):
    """A call to be placed."""

    flow: FlowName
    target: Annotated[str, Meta(max_length=512, description="Whom to call: a SIP address.")]
    node: Annotated[
        str, Meta(max_length=64, description="The node that places it; empty: this server's.")
    ] = ""


class NewSession(Sent):
    """A session that begins with an event."""

    flow: FlowName
    event: Annotated[
        str, Meta(max_length=128, description="What it begins with: SendMessage, MakeCall ...")
    ]
    fields: Annotated[dict[str, Any], Meta(description="The event's fields, by their names.")] = {}
    caller: Annotated[
        str, Meta(max_length=512, description="Who it is from: a SIP address; empty: the node.")
    ] = ""
    node: Annotated[
        str, Meta(max_length=64, description="The node it lives on; empty: this server's.")
    ] = ""


class NewEvent(Sent):
    """An event for a session."""

    event: Annotated[str, Meta(max_length=128, description="Its name in the language.")]
    fields: Annotated[dict[str, Any], Meta(description="Its fields, by their names.")] = {}


class ScenariosWanted(Sent):
    """On which version scenarios are played."""

    version: Annotated[
        int, Meta(ge=0, lt=2**31, description="Its number; 0 or left out means the newest.")
    ] = 0


class NewScenario(Sent):
    """Scenarios to be kept with a flow."""

    text: Annotated[str, Meta(max_length=1 << 18, description="A file of scenarios.")]
    replace: Annotated[
        str, Meta(max_length=200, description="The name under which the old one is kept, if any.")
    ] = ""


class ScenarioNamed(Sent):
    """Which scenario, by its name."""

    name: Annotated[str, Meta(max_length=200)]


class ReplayAct(Sent):
    """What shall become of the recorded calls on a version."""

    act: Literal["cancel", "again"]
    calls: Annotated[int, Meta(ge=1, le=100_000, description="How many of the newest.")] = 5000


class ShadowAct(Sent):
    """What shall become of a shadow."""

    act: Literal["start", "stop"]
    share: Annotated[int, Meta(ge=1, le=100, description="Percent of the new calls.")] = 20
    most: Annotated[
        int, Meta(ge=1, le=20_000, description="Calls that one node follows at a time.")
    ] = 500
    reason: Reason = ""


class CoverageWanted(Sent):
    """Against what rows count as changed."""

    base: Annotated[
        int, Meta(ge=0, lt=2**31, description="A version's number; 0 or left out: the usual one.")
    ] = 0


# -- answered --------------------------------------------------------------------------------------


class Problem(Struct, kw_only=True):
    """Why a call was refused (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: Annotated[str, Meta(description="One sentence for a person.")]


class Flow(Told):
    """A flow: what is saved, deployed and live."""

    name: FlowName
    description: str
    status: Literal["live", "draft", "undeployed", "invalid"]
    version: Annotated[str, Meta(description="The newest version, like v3; empty if none.")]
    deployed: Annotated[str, Meta(description="The version new calls take; empty if none.")]
    live_calls: int
    errors: Annotated[int, Meta(description="Errors of the newest version, as far as known.")]
    warnings: int


class Check(Told):
    """The deeper check of a version: how it stands, and what it found when it is over."""

    state: Annotated[
        str,
        Meta(
            description="passed, errors, limited (no error, and not everything was seen), running,"
            " queued, failed, cancelled, stale (by an older checker) or unknown."
        ),
    ]
    progress: Annotated[float, Meta(description="Share of the work that is done, 0 to 1.")]
    errors: int | UnsetType = UNSET
    warnings: int | UnsetType = UNSET
    explored: Annotated[int, Meta(description="States searched.")] | UnsetType = UNSET
    complete: bool | UnsetType = UNSET
    limits: Annotated[list[str], Meta(description="What cut it short.")] | UnsetType = UNSET
    seconds: float | UnsetType = UNSET
    searched: int | UnsetType = UNSET
    left: int | None | UnsetType = UNSET
    tier: int | UnsetType = UNSET
    bounds: Any = UNSET
    digest: Digest | UnsetType = UNSET
    contract: Annotated[str, Meta(description="Hash of the checker.")] | UnsetType = UNSET
    error: str | UnsetType = UNSET
    by: str | UnsetType = UNSET


class Place(Told):
    """A place in a text."""

    line: int
    column: int


class Finding(Told):
    """Something the checker says about a text."""

    code: str
    severity: Literal["error", "warning", "info"]
    line: int
    column: int
    end_line: int
    end_column: int
    message: str
    explanation: str
    row: int | None
    state: str | None
    confidence: str
    fix: dict[str, Any] | None
    trace: Annotated[list[dict[str, Any]], Meta(description="Events that lead to it.")]
    docs: str
    related: list[Place]


class CheckWithFindings(Check, kw_only=True):
    """The deeper check of a version with what it found."""

    findings: list[Finding]


class VersionSummary(Told):
    """An immutable version of a flow, without its text."""

    number: Number
    digest: Digest
    author: str
    message: str
    created_at: Moment
    errors: int
    warnings: int
    compiles: bool


class ComparedSide(Told):
    """One of two compared texts."""

    key: str
    version: int | None


class ChangeAspect(Told):
    """One thing that is otherwise, in a sentence."""

    kind: str
    words: str
    before: str
    after: str
    cosmetic: bool


class TableChange(Told):
    """One row, state or field of the head that is otherwise. Rows are counted from 0."""

    subject: Literal["row", "state", "flow"]
    how: Literal["added", "removed", "changed"]
    sign: str
    title: str
    words: str
    aspects: list[ChangeAspect]
    old_row: int | None
    new_row: int | None
    old_state: str | None
    new_state: str | None
    cosmetic: bool


class TableChanges(Told):
    """All changes; `cosmetic` are those without effect on calls."""

    added: int
    removed: int
    changed: int
    changes: list[TableChange]
    cosmetic: list[TableChange]


class Comparison(Told):
    """Two texts compared by rows and by what calls do."""

    left: ComparedSide
    right: ComparedSide
    same_text: bool
    tables: TableChanges | None
    behaviour: dict[str, Any] | None


class VersionLine(VersionSummary):
    """A version in a list, with its deeper check."""

    check: Check


class Version(VersionSummary):
    """A version as a whole."""

    text: Text
    origin: Literal["edit", "import", "restore", "file"]
    parent: Annotated[int | None, Meta(description="The version it was made from.")]
    findings: Annotated[list[Finding], Meta(description="What the checker said at the save.")]
    check: Check


class NewerVersion(Problem):
    """Somebody saved in between; nothing was saved."""

    newest: Version | UnsetType = UNSET


class Checked(Told):
    """What the checker says of a text at once."""

    digest: Digest
    compiles: bool
    errors: int
    warnings: int
    findings: list[Finding]


class NodeAnswer(Told):
    """What a node says to a deployment, or that it says nothing."""

    node: str
    digest: Annotated[str, Meta(description="What it runs since; empty without an answer.")]
    milliseconds: float
    error: Annotated[str, Meta(description="Why it did not load it, or empty.")]
    at: Annotated[str, Meta(description="When it answered, in ISO 8601; empty if it did not.")]
    state: Annotated[
        Literal["runs", "failed", "waiting", "lost", "past"],
        Meta(description="`past`: of a deployment, or a node, that is over."),
    ]
    seconds: Annotated[float, Meta(description="How long it has been waiting or lost.")]


class Deployment(Told):
    """Somebody let new calls take a version."""

    type: Literal["deployment"]
    flow: FlowName
    version: Number
    digest: Digest
    by: str
    at: Moment
    forced: Annotated[bool, Meta(description="It passed over errors.")]
    reason: str
    overridden: Annotated[int, Meta(description="How many errors it passed over.")]
    standing: Annotated[str, Meta(description="What the deeper check had said then.")]
    unchecked: bool
    before: Annotated[int | None, Meta(description="The version a roll back leads to.")]
    nodes: list[NodeAnswer]


class RampStep(Told):
    """One step of a deployment in steps."""

    percent: Annotated[float, Meta(description="Share of the callers in scope.")]
    seconds: Annotated[float, Meta(description="How long at least, before the next.")]


class RampFigure(Told):
    """One figure of both versions, compared since the step began."""

    key: str
    verdict: Literal["not worse", "better", "undecided", "missing", "worse"]
    stable: float | None
    candidate: float | None
    difference: Annotated[float | None, Meta(description="Candidate less stable.")]
    low: Annotated[float | None, Meta(description="Where the difference begins at the least.")]
    high: float | None
    limit: Annotated[float, Meta(description="How far it may be worse.")]
    allowed: Annotated[float, Meta(description="How far the band may reach at this step.")]
    stable_calls: int
    candidate_calls: int
    needs: Annotated[int | None, Meta(description="About so many more calls decide it.")]


class RampMark(Told):
    """Something that happened to a deployment in steps."""

    at: Moment
    what: Literal["began", "step", "waiting", "held", "resumed", "promoted", "back"]
    percent: float
    by: str
    sentence: str


class Ramp(Told):
    """A version that takes a growing share of the new calls, and how it does."""

    deployment: int
    flow: FlowName
    version: Number
    digest: Digest
    beside: Annotated[int, Meta(description="The version that takes the other calls.")]
    state: Literal["running", "waiting", "held", "promoted", "back"]
    percent: float
    step: Annotated[int, Meta(ge=1, description="Where it is among the steps, from 1.")]
    steps: list[RampStep]
    sources: list[str]
    numbers: list[str]
    callers: list[str]
    limits: dict[str, float]
    every: float
    began_at: Moment
    step_at: Moment
    looked_at: Annotated[str | None, Meta(description="When the figures were last looked at.")]
    ended_at: str | None
    verdict: Literal["", "pass", "fail", "undecided", "missing"]
    sentence: str
    figures: list[RampFigure]
    calls: Annotated[int, Meta(description="Measured calls of the version in this step.")]
    history: list[RampMark]


class PastDeployment(Deployment):
    """A deployment of the history."""

    superseded_at: Annotated[str | None, Meta(description="When another took its place.")]


class Act(Told):
    """Something a person did, or the product by itself. Numbers of callers are masked."""

    id: int
    at: Seconds
    by: str
    act: Annotated[str, Meta(description="Its name, as `deployment.make`.")]
    words: Annotated[str, Meta(description="The same for people.")]
    flow: str
    subject: str
    reason: str
    detail: dict[str, Any]
    number: Annotated[int | None, Meta(description="Its place in the chain of acts.")]
    erased: Annotated[bool, Meta(description="Its words were erased with a person.")]


class Head(Told):
    """The newest link of one chain."""

    name: str
    position: int
    link: Digest
    at: Seconds
    epoch: int
    number: int


class Chain(Told):
    """How the chain of digests stands, as it was compared last."""

    state: Literal["never", "running", "ok", "broken", "failed"]
    at: Annotated[float | None, Meta(description="When that was, seconds since 1970.")]
    records: Annotated[int, Meta(description="Records of calls that are as they were written.")]
    acts: int
    erased: Annotated[int, Meta(description="Records that were erased by rules.")]
    broken: Annotated[
        dict[str, Any] | None,
        Meta(description="The first broken link: chain, epoch, number, subject, what."),
    ]
    heads: list[Head]


class Session(Told):
    """One SIP usage, driven by one version of a flow."""

    id: str
    flow: str
    digest: Digest
    number: Annotated[int | None, Meta(description="The version, if it is known here.")]
    role: Literal["UAC", "UAS"]
    caller: str
    callee: str
    state: str
    since: Annotated[float, Meta(description="When the state was entered, seconds since 1970.")]
    started: Seconds
    ended: float | None
    steps: int
    unhandled: Annotated[int, Meta(description="Events that no row was there for.")]
    outcome: Annotated[str, Meta(description="Empty while it lives.")]
    unjournalled: Annotated[bool, Meta(description="Something of it could not be kept.")]
    live: bool


ActionResult = Annotated[
    tuple[bool, int, str | None],
    Meta(description="Whether it was done, in how many microseconds, and what failed."),
]


class Step(Told):
    """One decision: an event, the row that fired, and what was done."""

    sequence: int
    time: Seconds
    event: str
    fields: dict[str, Any]
    row: Annotated[int, Meta(description="Index of the row from 0; -1 if none fired.")]
    row_id: str
    from_state: str
    to_state: str
    role: str
    actions: list[str]
    results: Annotated[list[ActionResult], Meta(description="Of each action that was done.")]
    published: list[str]
    kind: str
    digest: Digest
    answer: Annotated[int | None, Meta(description="The SIP status it was answered with.")]
    line: Annotated[int | None, Meta(description="Line of the row in the text.")]
    guards: list[str]


class Wire(Told):
    """One SIP message as it stood on the wire."""

    time: Seconds
    direction: str
    transport: str
    local: str
    remote: str
    summary: str
    data: str


class CallCopy(Told):
    """A file made of a call."""

    name: str
    media_type: str
    base64: Annotated[str, Meta(description="Its bytes.")]


class Placed(Told):
    """A call that was placed."""

    session: str


class EventSent(Told):
    """An event that was sent."""

    sent: str


class NodeFlow(Told):
    """What a node runs of one flow."""

    flow: FlowName
    digest: Annotated[str, Meta(description="What new calls take there; empty: nothing.")]
    wanted: Annotated[str, Meta(description="What is deployed; empty: nothing.")]
    drifts: Annotated[bool, Meta(description="It runs something else than what is deployed.")]
    failure: Annotated[str, Meta(description="Why its last load failed, or empty.")]


class Node(Told):
    """A node, as it last said of itself."""

    node: str
    state: Literal["ready", "refusing", "draining", "stopped", "lost"]
    trouble: Annotated[str, Meta(description="Why it takes no new call, or empty.")]
    kind: Annotated[Literal["serve", "node"], Meta(description="`serve`: it serves pages too.")]
    epoch: Annotated[int, Meta(description="The number of its start.")]
    host: str
    address: Annotated[str, Meta(description="Where it listens for SIP over UDP and TCP.")]
    http: Annotated[str, Meta(description="Where it tells how it does.")]
    software: str
    started_at: Moment
    heartbeat_seconds: Annotated[float, Meta(description="Since it was last heard of.")]
    sessions: Annotated[int, Meta(description="Calls that live on it.")]
    max_sessions: int
    loop_delay_ms: Annotated[float, Meta(description="Longest delay of its event loop lately.")]
    tls_address: Annotated[str, Meta(description="Where it listens for SIP over TLS, if it does.")]
    new_calls_percent: Annotated[
        int, Meta(description="Of new calls that it takes: 100 without overload.")
    ]
    busy_percent: Annotated[int, Meta(description="Of its time that the event loop uses.")]
    connections: Annotated[int, Meta(description="TCP and TLS connections of phones and peers.")]
    browsers: Annotated[int, Meta(description="Browsers that are connected as phones.")]
    refused_as_too_many: Annotated[
        int, Meta(description="Requests and connections beyond the rate of their source.")
    ]
    refused_under_overload: Annotated[int, Meta(description="Requests that gave way to others.")]
    malformed: Annotated[int, Meta(description="Messages that could not be read.")]
    journal_lag_bytes: Annotated[int, Meta(description="Journal not in the database yet.")]
    flows: list[NodeFlow]
    drained_by: Annotated[str, Meta(description="Who lets it take no new calls, or empty.")]
    drain_reason: str


class NodeReason(Sent):
    """Why somebody changes a node."""

    reason: Annotated[str, Meta(max_length=2000, description="It is kept and shown.")] = ""


class ScenarioLine(Told):
    """A scenario kept with a flow."""

    name: str
    description: str
    inputs: int
    by: str
    at: Moment


class Difference(Told):
    """What went otherwise than expected."""

    step: int
    message: str


class ScenarioResult(Told):
    """What became of one scenario."""

    name: str
    holds: bool
    steps: int
    differences: list[Difference]


class ScenarioRun(Told):
    """What became of all scenarios of a flow on one version."""

    flow: FlowName
    version: Number
    digest: Digest
    rows: int
    fired: Annotated[list[int], Meta(description="Indexes of the rows that fired.")]
    holds: bool
    scenarios: list[ScenarioResult]


ScenarioName = Annotated[str, Meta(description="The name of a scenario.")]


class ScenarioText(Told):
    """A scenario as it is kept."""

    name: ScenarioName
    text: Annotated[str, Meta(description="A file of this one scenario.")]


class TestLine(Told):
    """How one scenario stands on a version."""

    name: ScenarioName
    state: Literal["holds", "fails", "unknown"]
    inputs: int
    steps: int
    differences: list[Difference]


class Tests(Told):
    """How the scenarios of a flow stand on a version."""

    version: Number
    state: Literal["none", "passed", "failed", "running", "unknown"]
    total: int
    held: int
    failed: int
    unknown: Annotated[int, Meta(description="Not played on this text yet.")]
    sentence: str
    tests: list[TestLine]


class CoverageRow(Told):
    """One row and who exercised it."""

    row: int
    name: str
    line: int
    tests: Annotated[int, Meta(description="In how many scenarios it was taken.")]
    calls: Annotated[int, Meta(description="In how many recorded calls it was taken.")]
    by: Literal["tests", "calls", "both", "none"]
    changed: bool


class Coverage(Told):
    """Which rows of a version were exercised."""

    version: Number
    digest: Digest
    base: int | None
    total: int
    covered: int
    by_tests: int
    by_calls: int
    calls_looked_at: int
    changed: Annotated[int, Meta(description="Rows that are otherwise than in the base.")]
    changed_covered: int
    sentence: str
    rows: list[CoverageRow]


class CallSample(Told):
    """A call, and the recorded step that differs first."""

    session: str
    step: int


class CallDifference(Told):
    """Calls that a version would take otherwise, first in the same way."""

    event: str
    row: Annotated[int, Meta(description="Of the version; -1 if none takes the event.")]
    row_name: str
    was_row: Annotated[int, Meta(description="The row that the calls took; -1 if none.")]
    was_name: str
    was: Annotated[str, Meta(description="What the calls did.")]
    now: Annotated[str, Meta(description="What the version would have done.")]
    kinds: Annotated[
        list[str], Meta(description="outcome, message, action, published, state: what differs.")
    ]
    count: int
    final: Annotated[
        bool, Meta(description="What follows in the record says nothing about the version.")
    ]
    ran: Annotated[str, Meta(description="The version the calls ran.")]
    samples: list[CallSample]


class Replay(Told):
    """Recorded calls on a version."""

    version: Number
    digest: Digest
    state: Literal["none", "running", "passed", "failed", "unknown"]
    asked: int
    total: int
    looked: int
    compared: int
    same: int
    changed: int
    unusable: Annotated[dict[str, int], Meta(description="Calls left out, by the reason.")]
    steps: int
    steps_left: Annotated[int, Meta(description="Steps behind a difference, not compared.")]
    kinds: dict[str, int]
    sentence: str
    differences: list[CallDifference]


class ShadowNode(Told):
    """What one node counted for a shadow."""

    node: str
    followed: int
    same: int
    differed: int
    left_out: Annotated[int, Meta(description="Not followed: so many were followed already.")]
    error: Annotated[str, Meta(description="Why it judges no calls, or empty.")]


class Shadow(Told):
    """What a version found beside living calls."""

    version: Number
    digest: Digest
    state: Literal["none", "running", "stopped"]
    share: int
    most: int
    by: str
    started_at: Moment | None
    stopped_at: Moment | None
    followed: int
    living: int
    same: int
    differed: int
    left_out: int
    sentence: str
    nodes: list[ShadowNode]
    differences: list[CallDifference]


class Survivor(Told):
    """A small change of a row that no test notices."""

    row: int
    line: int
    kind: Literal["guard", "action", "target", "published"]
    words: str


class Mutants(Told):
    """Which small changes of a version its tests notice."""

    version: Number
    state: Literal["none", "running", "done", "failed"]
    stale: Annotated[bool, Meta(description="The tests have changed since.")]
    total: int
    looked: int
    killed: Annotated[int, Meta(description="Changes that a test notices.")]
    bare: Annotated[int, Meta(description="Changes of rows that no test takes.")]
    sentence: str
    survivors: list[Survivor]
