"""What the runtime keeps: what is deployed and routed, and the record of every call.

Sessions, steps, wire messages and media records are written by the shipper with plain SQL
(`runtime.sink`) and only read here; deployments and routes are acts of people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from designer.models import Flow, Version
from designer.verdicts import Verdict
from runtime.fields import JsonText
from runtime.node.routes import When
from runtime.records import ChainBlock as ChainBlock
from runtime.records import Erasure as Erasure
from runtime.records import Recording as Recording


class Deployment(models.Model):
    """Somebody let new calls take a version. The newest one of a flow is the desired one."""

    flow = models.ForeignKey(Flow, on_delete=models.PROTECT, related_name="deployments")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="deployments")
    by_name = models.CharField(max_length=150)
    at = models.DateTimeField(default=timezone.now)
    reason = models.TextField(blank=True, default="")
    forced = models.BooleanField(default=False)
    findings_overridden = models.JSONField(default=list)
    """The errors that were passed over, as they stood then."""
    standing = models.CharField(max_length=10, blank=True, default="", db_default="")
    """What the deeper check had said then: a state of `designer.verdicts`. Empty: nobody asked."""
    superseded_at = models.DateTimeField(null=True)
    """When new calls stopped taking it; a ramp's candidate has it until the ramp is done."""

    if TYPE_CHECKING:
        # What the page of deployments puts beside one.
        verdict: Verdict
        chip: tuple[str, str, str]
        progress: list[dict[str, Any]]

    class Meta:
        ordering = ["-pk"]
        permissions = [
            ("force_deployment", "Can deploy a version that has errors"),
            ("control_ramp", "Can hold, go on with and take back deployments in steps"),
            ("drain_node", "Can let a node take no more calls"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["flow"],
                condition=models.Q(superseded_at__isnull=True),
                name="one_desired_deployment_per_flow",
            )
        ]

    def __str__(self) -> str:
        return f"{self.flow.name} v{self.version.number} by {self.by_name}"

    @property
    def unchecked(self) -> bool:
        """It was made without a word of the deeper check."""
        return Verdict(self.standing).unchecked if self.standing else False


class Ramp(models.Model):
    """A candidate beside the stable version of a flow, given its calls in steps.

    The candidate is a deployment like any other, with the answers of the nodes; it is not the
    desired one (`superseded_at` is set) until the ramp has come to its end.
    """

    class State(models.TextChoices):
        RUNNING = "running", "runs"
        WAITING = "waiting", "waits"
        """The step's time is over and something is undecided or missing."""
        HELD = "held", "held"
        """A person stays at this step; worse figures still end the ramp."""
        PROMOTED = "promoted", "done"
        BACK = "back", "rolled back"

    ACTIVE = (State.RUNNING, State.WAITING, State.HELD)

    deployment = models.OneToOneField(Deployment, on_delete=models.CASCADE, related_name="ramp")
    flow = models.ForeignKey(Flow, on_delete=models.PROTECT, related_name="ramps")
    stable = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="+")
    """The deployment in force when it began."""
    salt = models.CharField(max_length=32)
    """Keys the hash that puts callers on a side (`runtime.node.ramp`)."""
    steps = models.JSONField()
    """[{"percent": 0 to 100, "seconds": time before the next}] (`runtime.ramps.plan`)."""
    scope = models.JSONField(default=dict)
    """{"sources": [network], "numbers": [pattern], "callers": [pattern]}; empty: all calls."""
    figures = models.JSONField(default=dict)
    """The limit of each figure that is watched, by its key (`runtime.ramps.figures`)."""
    every = models.FloatField()
    """Seconds from one look at the figures to the next."""
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    step = models.PositiveIntegerField(default=0)
    """Index into `steps`."""
    began_at = models.DateTimeField()
    step_at = models.DateTimeField()
    """When this step began: what is compared is what came since."""
    revision = models.PositiveIntegerField(default=1)
    """Counts what nodes have to follow; they answer each once."""
    reason = models.TextField(blank=True, default="")
    """Why it stands as it stands, as a sentence."""
    judgement = models.JSONField(default=dict)
    """What the last look found (`runtime.ramps.judging`); of this step only."""
    judged_at = models.DateTimeField(null=True)
    rung_at = models.DateTimeField(null=True)
    """When a worker was last called for."""
    worker = models.CharField(max_length=64, blank=True, default="")
    """Who looks at it now: only one does."""
    claimed_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["flow"],
                condition=models.Q(ended_at__isnull=True),
                name="one_ramp_per_flow",
            )
        ]

    def __str__(self) -> str:
        return f"{self.deployment.flow.name}: {self.percent:g} %"

    @property
    def active(self) -> bool:
        return self.ended_at is None

    @property
    def percent(self) -> float:
        """The share the candidate takes at this step."""
        return float(self.steps[self.step]["percent"])


class RampMark(models.Model):
    """Something that happened to a ramp: who or what did it, and why."""

    ramp = models.ForeignKey(Ramp, on_delete=models.CASCADE, related_name="marks")
    at = models.DateTimeField()
    kind = models.CharField(max_length=10)
    """began, step, waiting, held, resumed, promoted or back."""
    step = models.PositiveIntegerField()
    percent = models.FloatField()
    by_name = models.CharField(max_length=150)
    sentence = models.TextField(blank=True, default="")
    calls = models.PositiveIntegerField(default=0)
    """Calls of the candidate in the step that ended here."""

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.kind} at {self.percent:g} %"


class RampCall(models.Model):
    """What one call under a ramp says to the figures; None where it is not known (yet)."""

    ramp = models.ForeignKey(Ramp, on_delete=models.CASCADE, related_name="calls")
    session = models.CharField(max_length=128)
    step = models.PositiveIntegerField()
    candidate = models.BooleanField()
    drawn = models.BooleanField(default=True)
    """It was in scope and no test call: its side was left to chance."""
    started_at = models.FloatField()
    measured_at = models.FloatField()
    settled = models.BooleanField(default=False)
    """Nothing more will become known of it."""
    code = models.PositiveIntegerField(null=True)
    """The final answer to its INVITE."""
    answered = models.BooleanField(null=True)
    delay = models.FloatField(null=True)
    """Seconds from the INVITE to the first ringing or answer."""
    failed = models.BooleanField(null=True)
    one_way = models.BooleanField(null=True)
    unhandled = models.BooleanField(null=True)
    unhandled_events = models.PositiveIntegerField(default=0)
    stuck = models.BooleanField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ramp", "session"], name="one_measure_per_call")
        ]
        indexes = [models.Index(fields=["ramp", "step", "settled"], name="ramp_call_step")]

    def __str__(self) -> str:
        return self.session


class Acknowledgement(models.Model):
    """What a node said about a deployment: it runs this hash, or why it does not."""

    deployment = models.ForeignKey(
        Deployment, on_delete=models.CASCADE, related_name="acknowledgements"
    )
    node = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    milliseconds = models.FloatField(default=0.0)
    error = models.TextField(blank=True, default="")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["node"]
        constraints = [
            models.UniqueConstraint(
                fields=["deployment", "node"], name="one_answer_per_node_and_deployment"
            )
        ]

    def __str__(self) -> str:
        return f"{self.node}: {self.error or self.digest[:12]}"


class DrainPolicy(models.Model):
    """What becomes of calls that still run an old version when their time is up."""

    class Act(models.TextChoices):
        WAIT = "wait", "wait until they end"
        MIGRATE = "migrate", "move them to the version new calls take"
        END = "end", "end them politely"

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="drain_policies")
    deployment = models.ForeignKey(
        Deployment, null=True, on_delete=models.CASCADE, related_name="drain_policies"
    )
    """Only while this deployment is in force; None for all of the flow's."""
    act = models.CharField(max_length=8, choices=Act.choices, default=Act.WAIT)
    after_seconds = models.PositiveIntegerField(default=3600)
    """Counted from when their version was replaced."""
    by_name = models.CharField(max_length=150)
    reason = models.TextField(blank=True, default="")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["flow"],
                condition=models.Q(deployment__isnull=True),
                name="one_drain_policy_per_flow",
            ),
            models.UniqueConstraint(fields=["deployment"], name="one_drain_policy_per_deployment"),
        ]

    def __str__(self) -> str:
        return f"{self.flow.name}: {self.act} after {self.after_seconds} s"


class CallOrder(models.Model):
    """Something to be done to running calls, one or many. Rows are the truth: nodes follow them."""

    class Act(models.TextChoices):
        MIGRATE = "migrate", "move to another version"
        MOVE = "move", "move to another state"
        SEND = "send", "give an event"
        END = "end", "hang up"

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="call_orders")
    act = models.CharField(max_length=8, choices=Act.choices)
    version = models.ForeignKey(Version, null=True, on_delete=models.PROTECT, related_name="+")
    """Where calls are moved to."""
    ways = models.JSONField(default=dict)
    """By digest a call runs, role and state: the state in which it goes on."""
    event = models.TextField(blank=True, default="")
    fields = models.JSONField(default=dict)
    patience = models.FloatField(default=30.0)
    """Seconds a call is waited for until it comes to a quiet point."""
    scope = models.TextField(blank=True, default="")
    """Which calls were meant, in words."""
    reason = models.TextField(blank=True, default="")
    by_name = models.CharField(max_length=150)
    deployment = models.ForeignKey(
        Deployment, null=True, on_delete=models.CASCADE, related_name="call_orders"
    )
    """The deployment whose deadline has come, if no person gave the order."""
    created_at = models.DateTimeField(default=timezone.now)
    stopped_at = models.DateTimeField(null=True)
    stopped_by = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["flow", "-created_at"], name="order_of_flow")]

    def __str__(self) -> str:
        return f"{self.flow.name}: {self.act} by {self.by_name}"


class CallAct(models.Model):
    """What became of an order for one call."""

    class Status(models.TextChoices):
        WAITING = "waiting", "waits for its turn"
        DONE = "done", "done"
        MISSED = "missed", "no quiet point in time"
        REFUSED = "refused", "not possible"
        OVER = "over", "the call ended first"
        PINNED = "pinned", "pinned to its version"
        STOPPED = "stopped", "stopped"

    order = models.ForeignKey(CallOrder, on_delete=models.CASCADE, related_name="acts")
    session = models.CharField(max_length=128)
    node = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    """What it ran when the order was given."""
    state = models.TextField()
    """Where it was then."""
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.WAITING)
    why = models.TextField(blank=True, default="")
    to_state = models.TextField(blank=True, default="")
    attempts = models.PositiveIntegerField(default=0)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["order", "session"], name="one_act_per_order_and_call")
        ]
        indexes = [
            models.Index(
                fields=["node"],
                condition=models.Q(status="waiting"),
                name="act_waiting_at_node",
            )
        ]

    def __str__(self) -> str:
        return f"{self.session}: {self.status}"


class CallPin(models.Model):
    """Somebody keeps this call on the version it runs, whatever is decided for the others."""

    session = models.CharField(primary_key=True, max_length=128)
    node = models.CharField(max_length=64)
    flow_name = models.CharField(max_length=64)
    by_name = models.CharField(max_length=150)
    reason = models.TextField()
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.session} pinned by {self.by_name}"


class Node(models.Model):
    """A node of this installation, as it last said of itself; whether it lives, its age says.

    Times of this table are those of the database, so that clocks of machines need not agree.
    """

    class State(models.TextChoices):
        READY = "ready"
        REFUSING = "refusing"
        DRAINING = "draining"
        STOPPED = "stopped"

    name = models.CharField(primary_key=True, max_length=64)
    epoch = models.BigIntegerField(default=0)
    """Start number: with the name it is unique, and part of every session's id."""
    folder = models.CharField(max_length=32)
    """Which data folder it runs on: the same name on another folder is another node."""
    kind = models.CharField(max_length=8, default="serve")
    """`serve` (with pages) or `node`."""
    host = models.CharField(max_length=255, blank=True, default="")
    address = models.CharField(max_length=128, blank=True, default="")
    """Where it listens for SIP."""
    http = models.CharField(max_length=128, blank=True, default="")
    software = models.CharField(max_length=64, blank=True, default="")
    state = models.CharField(max_length=10, choices=State, default=State.READY)
    trouble = models.TextField(blank=True, default="")
    """Why it takes no new call, in words; empty while it does."""
    started_at = models.DateTimeField(db_default=Now())
    heartbeat_at = models.DateTimeField(db_default=Now())
    sessions = models.PositiveIntegerField(default=0)
    max_sessions = models.PositiveIntegerField(default=0)
    loop_delay = models.FloatField(default=0.0)
    """Longest delay of the event loop since the heartbeat before, milliseconds."""
    journal_lag = models.BigIntegerField(default=0)
    """Bytes of journal that the database does not have yet."""
    sip = models.JSONField(default=dict)
    """How its SIP side does: `sip_figures.summary`."""
    runs = models.JSONField(default=dict)
    """By flow: the digest new calls take."""
    failures = models.JSONField(default=dict)
    """By flow: why its last load failed."""
    drain_wanted = models.BooleanField(default=False)
    """A person asked it to take no new calls; that outlives its restarts."""
    drain_by = models.CharField(max_length=150, blank=True, default="")
    drain_reason = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name}, start {self.epoch}"


class Route(models.Model):
    """Calls to a user like this, under these conditions, take this flow."""

    pattern = models.CharField(max_length=128)
    """Characters, `?` for one and `*` for any number of them."""
    conditions = models.TextField(default="{}", db_default="{}")
    """`runtime.node.routes.When` as JSON, always written the same way, so that it compares."""
    flow = models.ForeignKey(Flow, on_delete=models.PROTECT, related_name="routes")
    position = models.IntegerField()
    """Routes are tried from the lowest position; `*` is always last."""
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["pattern", "conditions"], name="one_route_asks_for_the_same"
            )
        ]

    def __str__(self) -> str:
        return f"{self.pattern} -> {self.flow.name}"

    @property
    def when(self) -> When:
        """What else has to be true of a call."""
        return msgspec.json.decode(self.conditions, type=When)


class Session(models.Model):
    """One SIP usage, in the role UAC or UAS, driven by one version of a flow."""

    id = models.CharField(primary_key=True, max_length=128)
    node = models.CharField(max_length=64)
    epoch = models.BigIntegerField()
    flow_name = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    number = models.PositiveIntegerField(null=True)
    """The version's number, if the database knows one with this hash."""
    role = models.CharField(max_length=4)
    caller = models.TextField(blank=True, default="")
    callee = models.TextField(blank=True, default="")
    started_at = models.FloatField()
    """Seconds since the epoch, as in each step."""
    ended_at = models.FloatField(null=True)
    state = models.TextField()
    outcome = models.CharField(max_length=32, blank=True, default="")
    steps = models.PositiveIntegerField(default=0)
    unhandled = models.PositiveIntegerField(default=0)
    unjournalled = models.BooleanField(default=False)
    erased = models.PositiveSmallIntegerField(default=0, db_default=0)
    """What is gone of it by now (`runtime.retention`): values, messages, steps."""
    caller_key = models.CharField(max_length=128, blank=True, default="", db_default="")
    """What the caller is searched by (`runtime.numbers`)."""
    callee_key = models.CharField(max_length=128, blank=True, default="", db_default="")
    call_id = models.CharField(max_length=255, blank=True, default="", db_default="")
    """The Call-ID of its first SIP message."""

    class Meta:
        ordering = ["-started_at"]
        permissions = [
            ("place_call", "Can place calls and use the phone of the page"),
            ("send_event", "Can send events to calls"),
            ("hangup_call", "Can hang calls up"),
            ("inject_event", "Can give calls events that are not for people"),
            ("pin_call", "Can keep calls on their version"),
            ("migrate_call", "Can move calls to another version"),
            ("export_call", "Can export calls"),
            ("unmask_call", "Can see the numbers of callers"),
        ]
        indexes = [
            models.Index(fields=["-started_at"], name="session_started"),
            models.Index(fields=["flow_name", "-started_at"], name="session_flow_started"),
            models.Index(fields=["ended_at"], name="session_ended"),
            models.Index(fields=["outcome", "-started_at"], name="session_outcome_started"),
            models.Index(
                fields=["-started_at"],
                name="session_unhandled_started",
                condition=models.Q(unhandled__gt=0),
            ),
            models.Index(
                fields=["call_id"], name="session_call_id", condition=~models.Q(call_id="")
            ),
        ]

    def __str__(self) -> str:
        return self.id


class Step(models.Model):
    """One decision of the executor, with what became of its actions."""

    session = models.ForeignKey(
        Session,
        on_delete=models.CASCADE,
        related_name="step_set",
        db_constraint=False,
        db_index=False,
    )
    sequence = models.PositiveIntegerField()
    time = models.FloatField()
    event = models.TextField()
    fields = JsonText(default=dict)
    row = models.IntegerField()
    """Index of the row in the version's table, -1 if none."""
    row_id = models.TextField(blank=True, default="")
    from_state = models.TextField()
    to_state = models.TextField()
    role = models.CharField(max_length=4)
    actions = JsonText(default=list)
    results = JsonText(default=list)
    """For each action done: [ok, microseconds, error or null]."""
    published = JsonText(default=list)
    kind = models.CharField(max_length=10)
    digest = models.CharField(max_length=64)
    answer = models.IntegerField(null=True)
    outcome = models.CharField(max_length=32, blank=True, default="")
    """How the session ended with this step, else empty."""
    node = models.CharField(max_length=64)
    epoch = models.BigIntegerField()
    number = models.BigIntegerField(null=True)
    """Place in the journal of its node and epoch; None for rows from before the chain."""
    done_number = models.BigIntegerField(null=True)
    """The journal's number of the results."""
    salt = models.BigIntegerField(null=True)
    """In the digest of the fields, and nowhere else (`runtime.chain`)."""
    values_digest = models.BinaryField(null=True)
    """Stands for the fields once they are erased."""

    class Meta:
        ordering = ["session", "sequence"]
        constraints = [
            models.UniqueConstraint(fields=["session", "sequence"], name="one_step_per_sequence")
        ]
        indexes = [
            models.Index(fields=["node", "epoch", "number"], name="step_number"),
            models.Index(fields=["row", "time"], name="step_row_time"),
            models.Index(
                fields=["row_id", "time"], name="step_row_id", condition=~models.Q(row_id="")
            ),
            models.Index(
                fields=["event", "time"],
                name="step_unhandled",
                condition=models.Q(kind="unhandled"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.session_id} #{self.sequence} {self.event}"


class WireMessage(models.Model):
    """One SIP message as it stood on the wire."""

    session = models.CharField(max_length=128, blank=True, default="")
    time = models.FloatField()
    direction = models.CharField(max_length=8)
    transport = models.CharField(max_length=16)
    local = models.TextField()
    remote = models.TextField()
    data = models.BinaryField()
    summary = models.TextField(blank=True, default="")
    """The first line, for lists."""
    node = models.CharField(max_length=64)
    epoch = models.BigIntegerField()
    number = models.BigIntegerField(null=True)
    salt = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["time", "pk"]
        indexes = [
            models.Index(fields=["session", "time"], name="wire_session_time"),
            models.Index(fields=["node", "epoch", "number"], name="wire_number"),
        ]

    def __str__(self) -> str:
        return f"{self.direction} {self.summary}"


class MediaRecord(models.Model):
    """Something the media said about a session: ICE, DTLS, digits, statistics."""

    session = models.CharField(max_length=128)
    time = models.FloatField()
    kind = models.TextField()
    detail = JsonText(default=dict)
    node = models.CharField(max_length=64)
    epoch = models.BigIntegerField()
    number = models.BigIntegerField(null=True)
    salt = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["time", "pk"]
        indexes = [
            models.Index(fields=["session", "time"], name="media_session_time"),
            models.Index(fields=["node", "epoch", "number"], name="media_number"),
        ]

    def __str__(self) -> str:
        return f"{self.session} {self.kind}"


class JournalPosition(models.Model):
    """How far a journal's segment has been shipped; written with the rows it speaks of."""

    segment = models.CharField(primary_key=True, max_length=200)
    offset = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.segment} at {self.offset}"


# Candidates, and what is added up, have modules of their own; Django finds models here.
from runtime.count_models import StepCount, StepsCounted  # noqa: E402
from runtime.peer_models import (  # noqa: E402
    Account,
    AccountUse,
    PeerPolicy,
    PeerTurn,
    Registration,
    Trunk,
    TrunkCall,
    TrunkMark,
    TrunkRegistration,
    TrunkStanding,
)
from runtime.proof_models import (  # noqa: E402
    ReplayRun,
    Shadow,
    ShadowCount,
    ShadowDifference,
)

__all__ = [
    "Account",
    "AccountUse",
    "PeerPolicy",
    "PeerTurn",
    "Registration",
    "ReplayRun",
    "Shadow",
    "ShadowCount",
    "ShadowDifference",
    "StepCount",
    "StepsCounted",
    "Trunk",
    "TrunkCall",
    "TrunkMark",
    "TrunkRegistration",
    "TrunkStanding",
]
