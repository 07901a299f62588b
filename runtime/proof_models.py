"""What is kept of candidates: recorded calls played on them, and living calls beside them."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from designer.models import Flow, Version


class ReplayRun(models.Model):
    """Recorded calls of a flow on one of its versions: the newest such run of the version.

    The work itself is a Task; this is what came out as far as it is, so that it is gone on with.
    """

    version = models.OneToOneField(Version, on_delete=models.CASCADE, related_name="replay_run")
    limit = models.PositiveIntegerField()
    """How many of the newest calls were asked for."""
    by_name = models.CharField(max_length=150)
    asked_at = models.DateTimeField(default=timezone.now)
    total = models.PositiveIntegerField(default=0)
    """How many there were when it began."""
    looked = models.PositiveIntegerField(default=0)
    cursor_time = models.FloatField(null=True)
    cursor_id = models.CharField(max_length=128, blank=True, default="")
    """The last call that was looked at: the next one is older."""
    report = models.JSONField(default=dict)
    """`runtime.replaying.Report`."""
    milliseconds = models.FloatField(default=0.0)
    """Time spent on it, without waiting for a worker."""
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"recorded calls on {self.version}"


class Shadow(models.Model):
    """A version that judges the living calls of its flow, muted. Every node follows these rows."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="shadows")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="shadows")
    share = models.PositiveSmallIntegerField()
    """Percent of the new sessions that are judged, 1 to 100."""
    most = models.PositiveIntegerField()
    """Sessions that one node follows at a time; what comes beyond is counted as left out."""
    by_name = models.CharField(max_length=150)
    reason = models.TextField(blank=True, default="")
    started_at = models.DateTimeField(default=timezone.now)
    stopped_at = models.DateTimeField(null=True)
    stopped_by = models.CharField(max_length=150, blank=True, default="")
    why_stopped = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["flow"],
                condition=models.Q(stopped_at__isnull=True),
                name="one_running_shadow_per_flow",
            )
        ]

    def __str__(self) -> str:
        return f"{self.version} beside the calls of {self.flow.name}"


class ShadowCount(models.Model):
    """What one node counted for a shadow; grows, over restarts of the node too."""

    shadow = models.ForeignKey(Shadow, on_delete=models.CASCADE, related_name="counts")
    node = models.CharField(max_length=64)
    followed = models.PositiveIntegerField(default=0)
    """Sessions that were begun to be judged."""
    same = models.PositiveIntegerField(default=0)
    """Those that ended without a difference."""
    differed = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)
    """Those of the share that were not followed, because so many were already."""
    steps = models.PositiveBigIntegerField(default=0)
    living = models.PositiveIntegerField(default=0)
    """Sessions it follows now."""
    error = models.TextField(blank=True, default="")
    """Why the node judges no calls, or empty."""
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["node"]
        constraints = [
            models.UniqueConstraint(fields=["shadow", "node"], name="one_count_per_node_and_shadow")
        ]

    def __str__(self) -> str:
        return f"{self.node}: {self.differed} of {self.followed}"


class ShadowDifference(models.Model):
    """Living calls that a shadow would have taken otherwise, first in this way."""

    shadow = models.ForeignKey(Shadow, on_delete=models.CASCADE, related_name="differences")
    key = models.CharField(max_length=64)
    """SHA-256 of the fields that say which difference it is."""
    ran = models.CharField(max_length=64)
    """SHA-256 of the text that the calls ran."""
    was_row = models.IntegerField()
    row = models.IntegerField()
    event = models.TextField()
    kinds = models.JSONField(default=list)
    early = models.FloatField(null=True)
    final = models.BooleanField(default=True)
    count = models.PositiveIntegerField(default=0)
    samples = models.JSONField(default=list)
    """[[session, number of the step]] of the first few."""
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-count", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["shadow", "key"], name="one_line_per_difference_and_shadow"
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} times at {self.event}"
