"""What the designer keeps: flows, their immutable versions, people's drafts, and running tasks.

A version is the truth: its exact text and the hash over it. Nothing here knows calls or nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from designer.errors import VersionIsImmutable
from designer.reviews.models import (
    Comment,
    Judgement,
    PassedOver,
    Review,
    ReviewRule,
    Round,
)

if TYPE_CHECKING:
    from designer.verdicts import Verdict

__all__ = [
    "AccessToken",
    "AuditEntry",
    "Comment",
    "Draft",
    "DraftHistory",
    "Flow",
    "Judgement",
    "Membership",
    "PassedOver",
    "Project",
    "Review",
    "ReviewRule",
    "Round",
    "Scenario",
    "Task",
    "Version",
]

FLOW_NAME = r"^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?$"
RESERVED_NAMES = frozenset({"new"})
"""Names that would hide a page of the product."""


class Project(models.Model):
    """A folder of flows with people of its own: who has no role in it does not see it."""

    name = models.SlugField(max_length=64, unique=True)
    description = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]
        permissions = [("manage_people", "Can give people roles and make projects")]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A role that somebody has in one project; roles for everything are groups of Django."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=16)
    """A key of `designer.access.ROLES`."""

    class Meta:
        ordering = ["project", "user", "role"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "user", "role"], name="one_membership_per_role"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} in {self.project}"


class Flow(models.Model):
    """The named thing an operator edits."""

    name = models.SlugField(
        max_length=64,
        unique=True,
        validators=[
            RegexValidator(
                FLOW_NAME,
                "A flow name has letters, digits, - and _ and begins with one of the former.",
            )
        ],
    )
    description = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    project = models.ForeignKey(Project, null=True, on_delete=models.PROTECT, related_name="flows")
    """Where it belongs; a flow in no project is seen by everybody who is logged in."""

    class Meta:
        ordering = ["name"]
        permissions = [
            ("request_review", "Can ask for a review"),
            ("judge_review", "Can approve versions and ask for changes"),
            ("write_comment", "Can comment on versions"),
        ]

    def __str__(self) -> str:
        return self.name


class Version(models.Model):
    """One saved text of a flow. Rows are written once and never changed."""

    class Origin(models.TextChoices):
        EDIT = "edit", "edited"
        MERGE = "merge", "merged"
        IMPORT = "import", "imported"
        RESTORE = "restore", "restored"
        FILE = "file", "from a file"

    flow = models.ForeignKey(Flow, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    text = models.TextField()
    digest = models.CharField(max_length=64, db_index=True)
    """SHA-256 of the text's UTF-8 bytes, in hexadecimal."""
    author_name = models.CharField(max_length=150)
    """Who saved it, kept as text: it outlives the account."""
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    message = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    origin = models.CharField(max_length=8, choices=Origin.choices, default=Origin.EDIT)
    compiles = models.BooleanField()
    errors = models.PositiveIntegerField()
    warnings = models.PositiveIntegerField()
    report = models.JSONField(default=dict)
    """What the checker said when it was saved: {"findings": [Finding.as_dict()]}."""
    renames = models.JSONField(default=list)
    """States that got another name in it: [[old, new]], in the order in which that was done."""

    if TYPE_CHECKING:
        # What `selectors.judged` and `inbox.reviewed` put beside a version, for pages.
        verdict: Verdict
        problems: tuple[int, int]
        reviewed: dict[str, Any] | None

    class Meta:
        ordering = ["flow", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["flow", "number"], name="one_version_per_number")
        ]

    def __str__(self) -> str:
        return f"{self.flow.name} v{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the row; only the account of a deleted author may be let go of later."""
        if not self._state.adding:
            raise VersionIsImmutable(f"Version {self.number} is saved already and never changes.")
        super().save(*args, **kwargs)

    @property
    def label(self) -> str:
        return f"v{self.number}"

    @property
    def deployable(self) -> bool:
        return self.compiles and self.errors == 0


class Draft(models.Model):
    """The text a person is working on: one per person and flow, kept until it is discarded."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="drafts"
    )
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="drafts")
    text = models.TextField()
    base = models.ForeignKey(Version, null=True, on_delete=models.PROTECT, related_name="+")
    """The version it started from; saving is refused when a newer one exists."""
    renames = models.JSONField(default=list)
    """States that were renamed in it, in order: [[old name, new name]]."""
    merged = models.BooleanField(default=False)
    """Another version was merged into it since its person saved."""
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "flow"], name="one_draft_per_user_and_flow")
        ]

    def __str__(self) -> str:
        return f"draft of {self.flow.name} by {self.user}"


class Scenario(models.Model):
    """A run of the simulator kept with its flow, and what was expected of it: a small test."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="scenarios")
    name = models.CharField(max_length=200)
    text = models.TextField()
    """A file of one scenario, as `designer.scenario_files` writes it."""
    changed_by = models.CharField(max_length=150, blank=True, default="")
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["flow", "name"]
        constraints = [
            models.UniqueConstraint(fields=["flow", "name"], name="one_scenario_per_name")
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.flow.name}"


class ScenarioResult(models.Model):
    """What became of one scenario on one text: kept by both hashes, so that it is played once."""

    digest = models.CharField(max_length=64)
    """SHA-256 of the version's text."""
    scenario = models.CharField(max_length=64)
    """SHA-256 of the scenario's text."""
    contract = models.CharField(max_length=64)
    """Of the language it was played with (`flows.check.contract`); with another it is stale."""
    holds = models.BooleanField()
    steps = models.PositiveIntegerField(default=0)
    rows = models.JSONField(default=list)
    """The rows of the version that fired, by their index."""
    differences = models.JSONField(default=list)
    """[[number of the input from 1, 0 for all of it, what was otherwise]]."""
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["digest", "scenario"], name="one_result_per_text_and_scenario"
            )
        ]

    def __str__(self) -> str:
        return f"{self.scenario[:12]} on {self.digest[:12]}: {self.holds}"


class DraftHistory(models.Model):
    """The steps back and forth of a person's text, so that an undo outlives the process.

    It stays when the draft becomes a version: the text is the same, and so are the ways back.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    """SHA-256 of the text the steps begin at; they mean nothing for another one."""
    steps = models.BinaryField()
    """`designer.history.History.dump`, bounded there."""
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "flow"], name="one_history_per_user_and_flow")
        ]

    def __str__(self) -> str:
        return f"history of {self.flow.name} by {self.user}"


class Task(models.Model):
    """A piece of work for the worker. This row is the truth, the broker is only the bell."""

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    kind = models.CharField(max_length=32)
    key = models.CharField(max_length=128, unique=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    progress = models.FloatField(default=0.0)
    """Share of the work done, 0 to 1."""
    detail = models.JSONField(default=dict)
    heartbeat = models.DateTimeField(default=timezone.now)
    """Last sign of life: of the worker, or of the bell that called for one."""
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    worker = models.CharField(max_length=64, blank=True, default="")
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["state", "heartbeat"], name="task_state_heartbeat")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}: {self.state}"


class AccessToken(models.Model):
    """What a program shows instead of a password: it may do what its person may do, until it ends.

    Only a hash is kept. The secret has 256 random bits, so one SHA-256 hides it: there is no list
    of likely ones to try.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="access_tokens"
    )
    name = models.CharField(max_length=100)
    """What it is for, in its person's words; one of each name that still lives."""
    begins = models.CharField(max_length=16)
    """The first characters, by which a person knows it again."""
    digest = models.CharField(max_length=64, unique=True)
    """SHA-256 of the whole token, in hexadecimal."""
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    """When it was last shown, to the minute."""

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "name"],
                condition=models.Q(revoked_at__isnull=True),
                name="one_unrevoked_token_per_name",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"


class AuditEntry(models.Model):
    """An act of a person, or of the product by itself, that others have to live with.

    Written once by `designer.auditing.record`, in the transaction of the act it tells of.
    """

    at = models.DateTimeField(default=timezone.now, db_index=True)
    act = models.CharField(max_length=48)
    """What was done: a key of `designer.access.PERMISSIONS`, or a dotted word beside them."""
    by_name = models.CharField(max_length=150)
    """Who did it, kept as text: it outlives the account."""
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    flow_name = models.CharField(max_length=64, blank=True, default="", db_index=True)
    subject = models.CharField(max_length=200, blank=True, default="")
    """What it was done to: `v42`, a session's id, a node's name."""
    reason = models.TextField(blank=True, default="")
    detail = models.JSONField(default=dict)
    number = models.BigIntegerField(null=True, unique=True)
    """Place in the chain of acts; None until it is sealed, a moment after the act."""
    seal = models.CharField(max_length=64, blank=True, default="", db_default="")
    """Shows, until it is in the chain, that the product wrote it (`designer.auditing`)."""
    salt = models.BigIntegerField(null=True)
    """In the digest of subject, reason and detail, and nowhere else."""
    values_digest = models.BinaryField(null=True)
    """Stands for subject, reason and detail once they are erased."""

    class Meta:
        ordering = ["-pk"]
        permissions = [("export_auditentry", "Can export the audit")]

    def __str__(self) -> str:
        return f"{self.by_name}: {self.act} {self.subject}".strip()
