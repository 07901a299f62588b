"""What is kept of reviews: rounds of texts, what people said, and how they judged.

A review speaks of one flow and goes on over several versions: each time it is asked for again it
is a new round, with another text or against another base. A judgement is about one round's two
hashes and about no other text, so that it says nothing any more as soon as either changes.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

_PERSON = settings.AUTH_USER_MODEL


class ReviewRule(models.Model):
    """What a flow, or all flows of a project, ask for before calls take a version."""

    flow = models.OneToOneField(
        "designer.Flow", null=True, on_delete=models.CASCADE, related_name="review_rule"
    )
    project = models.OneToOneField(
        "designer.Project", null=True, on_delete=models.CASCADE, related_name="review_rule"
    )
    required = models.BooleanField(default=False)
    """Whether a version goes live without the approvals only by force, with a reason."""
    low = models.PositiveSmallIntegerField(default=1)
    medium = models.PositiveSmallIntegerField(default=1)
    high = models.PositiveSmallIntegerField(default=2)
    """How many people have to approve a change of this risk."""

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(flow__isnull=False, project__isnull=True)
                | models.Q(flow__isnull=True, project__isnull=False),
                name="a_rule_of_one_flow_or_project",
            )
        ]

    def __str__(self) -> str:
        return f"what {self.flow or self.project} asks for"


class Review(models.Model):
    """A review of what changed in a flow. At most one of a flow is open."""

    class Closed(models.TextChoices):
        WITHDRAWN = "withdrawn", "withdrawn"
        DEPLOYED = "deployed", "deployed"

    flow = models.ForeignKey("designer.Flow", on_delete=models.PROTECT, related_name="reviews")
    number = models.PositiveIntegerField()
    version = models.ForeignKey("designer.Version", on_delete=models.PROTECT, related_name="+")
    """What is under review now; those before it are in `rounds`."""
    base = models.ForeignKey(
        "designer.Version", null=True, on_delete=models.PROTECT, related_name="+"
    )
    """What it is held against: deployed at that moment, else the version it was made from."""
    asked_by = models.ForeignKey(_PERSON, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_by_name = models.CharField(max_length=150)
    asked_at = models.DateTimeField(default=timezone.now)
    message = models.TextField(blank=True, default="")
    reviewers: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        _PERSON, related_name="reviews_asked", blank=True
    )
    """Who in particular is asked; empty: whoever may judge."""
    risk = models.JSONField(default=dict)
    """`flows.risk.Risk.as_dict` of the two texts."""
    closed = models.CharField(max_length=10, choices=Closed.choices, blank=True, default="")
    closed_at = models.DateTimeField(null=True)
    closed_by_name = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        ordering = ["flow", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["flow", "number"], name="one_review_per_number"),
            models.UniqueConstraint(
                fields=["flow"], condition=models.Q(closed=""), name="one_open_review_per_flow"
            ),
        ]

    def __str__(self) -> str:
        return f"review {self.number} of {self.flow.name}"

    @property
    def base_digest(self) -> str:
        """The hash of what it is held against, empty if it is the first of its flow."""
        return self.base.digest if self.base is not None else ""


class Round(models.Model):
    """One asking of a review: which text, against which, by whom. Written once."""

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="rounds")
    version = models.ForeignKey("designer.Version", on_delete=models.PROTECT, related_name="+")
    base = models.ForeignKey(
        "designer.Version", null=True, on_delete=models.PROTECT, related_name="+"
    )
    by_name = models.CharField(max_length=150)
    message = models.TextField(blank=True, default="")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["review", "pk"]

    def __str__(self) -> str:
        return f"{self.review}: {self.version.label}"


class Judgement(models.Model):
    """What one person decided about one text against one other. Written once."""

    class Verdict(models.TextChoices):
        APPROVED = "approved", "approved"
        CHANGES = "changes", "asks for changes"

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="judgements")
    by = models.ForeignKey(_PERSON, null=True, on_delete=models.SET_NULL, related_name="+")
    by_name = models.CharField(max_length=150)
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    note = models.TextField(blank=True, default="")
    version = models.ForeignKey("designer.Version", on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64, db_index=True)
    base_digest = models.CharField(max_length=64, blank=True, default="")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["review", "pk"]

    def __str__(self) -> str:
        return f"{self.by_name}: {self.verdict} v{self.version.number}"


class Comment(models.Model):
    """What somebody said of a row, a state or the whole; an answer has a `parent`."""

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="comments")
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="replies")
    by = models.ForeignKey(_PERSON, null=True, on_delete=models.SET_NULL, related_name="+")
    by_name = models.CharField(max_length=150)
    at = models.DateTimeField(default=timezone.now)
    text = models.TextField()
    mentioned: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        _PERSON, related_name="mentions", blank=True
    )
    kind = models.CharField(max_length=8, default="flow")
    """`row`, `state` or `flow`, see `flows.anchors`."""
    side = models.CharField(max_length=4, default="new")
    row = models.PositiveIntegerField(null=True)
    state = models.CharField(max_length=200, blank=True, default="")
    title = models.CharField(max_length=300, blank=True, default="")
    """How the place was called when it was spoken of."""
    version = models.ForeignKey("designer.Version", on_delete=models.PROTECT, related_name="+")
    base = models.ForeignKey(
        "designer.Version", null=True, on_delete=models.PROTECT, related_name="+"
    )
    """The two texts in which the place is meant."""
    resolved_at = models.DateTimeField(null=True)
    resolved_by_name = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        ordering = ["review", "pk"]

    def __str__(self) -> str:
        return f"{self.by_name} on {self.title or self.review}"


class PassedOver(models.Model):
    """A check that somebody passed over for one text against one other, and why. Written once."""

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="passed_over")
    key = models.SlugField(max_length=40)
    by = models.ForeignKey(_PERSON, null=True, on_delete=models.SET_NULL, related_name="+")
    by_name = models.CharField(max_length=150)
    reason = models.TextField()
    digest = models.CharField(max_length=64)
    base_digest = models.CharField(max_length=64, blank=True, default="")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["review", "pk"]

    def __str__(self) -> str:
        return f"{self.key} of {self.review}"
