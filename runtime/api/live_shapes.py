"""What the API answers about calls as they happen, and about what they did over days."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from runtime.api.shapes import Digest, FlowName, Number, Seconds, Sent, Told

Share = Annotated[float, Meta(ge=0, le=1, description="A part of 1.")]


class StuckWanted(Sent):
    """Whose calls."""

    flow: Annotated[str, Meta(max_length=64, description="Only those of this flow.")] = ""


class InsightWanted(Sent):
    """How far back."""

    days: Annotated[Literal[1, 7, 30], Meta(description="Whole days in UTC, with today.")] = 7


class StuckCall(Told):
    """A living call that needs a look."""

    id: str
    flow: FlowName
    digest: Digest
    role: Literal["UAC", "UAS"]
    caller: str
    callee: str
    state: str
    since: Seconds
    node: str
    why: Annotated[str, Meta(description="In words.")]
    bound: Annotated[
        float | None,
        Meta(description="Seconds that 99 of 100 did not pass; null where nothing moves it on."),
    ]


class Standing(Told):
    """How many calls stand in a state."""

    digest: Digest
    number: Annotated[int | None, Meta(description="The version, if it is known here.")]
    role: Literal["UAC", "UAS"]
    state: str
    calls: int
    since: Annotated[float, Meta(description="When they came, on average; seconds since 1970.")]


class LiveFlow(Told):
    """A flow as its calls stand now, on all nodes."""

    flow: FlowName
    calls: int
    begun: Annotated[int, Meta(description="Calls that began in the last minute.")]
    failed: Annotated[int, Meta(description="Failures in the last hour.")]
    stuck: Annotated[int, Meta(description="Calls that need a look.")]
    states: list[Standing]


class DeadRow(Told):
    """A row that did not fire. Rows are counted from 0."""

    row: int
    label: str
    state: str
    role: str
    guards: list[str]
    to: str | None
    line: int
    since: Annotated[int | None, Meta(description="The version it came with, if that is known.")]


class Unexpected(Told):
    """An event that met no row."""

    event: str
    state: str
    role: str
    count: int
    versions: list[Number]
    calls: Annotated[list[str], Meta(description="Some sessions it happened in, newest first.")]
    fixed: Annotated[bool, Meta(description="The version that new calls take has a row.")]
    drawn: Annotated[bool, Meta(description="That version has the state.")]
    add: Annotated[str, Meta(description="The query with which the editor begins such a row.")]


class Band(Told):
    """A share of calls, and where it lies with 95 %, however often one looks."""

    part: int
    share: Share
    low: Share
    high: Share


class ComparedVersion(Told):
    """What calls of a version came to."""

    digest: Digest
    number: int | None
    calls: int
    answered: Band
    failed: Band
    unhandled: Band


class Insight(Told):
    """What the record says of a flow over days."""

    flow: FlowName
    days: int
    since: Seconds
    calls: int
    version: Annotated[int | None, Meta(description="The version that rows and states are of.")]
    rows: Annotated[int, Meta(description="How many rows it has.")]
    dead: list[DeadRow]
    unexpected: list[Unexpected]
    versions: list[ComparedVersion]
    verdict: Annotated[str, Meta(description="The two newest versions compared, in a sentence.")]
