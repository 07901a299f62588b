"""How often what happened: the steps of each day added up, so that questions about weeks are cheap.

Written by `runtime.counting` alone. Nothing in it names a call or a person, so it stays when the
steps themselves are forgotten.
"""

from __future__ import annotations

from django.db import models


class StepCount(models.Model):
    """How many steps of one day were alike."""

    flow_name = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    role = models.CharField(max_length=4)
    from_state = models.TextField()
    to_state = models.TextField()
    event = models.TextField()
    row = models.IntegerField()
    kind = models.CharField(max_length=10)
    day = models.IntegerField()
    """Days since 1970, in UTC."""
    count = models.BigIntegerField()
    established = models.BigIntegerField(default=0)
    """Of them, those that said that a call was answered."""
    failed = models.BigIntegerField(default=0)
    """Of them, those that ended their session as nobody wished."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "flow_name",
                    "day",
                    "digest",
                    "role",
                    "from_state",
                    "to_state",
                    "event",
                    "row",
                    "kind",
                ],
                name="one_count_of_alike_steps",
            )
        ]

    def __str__(self) -> str:
        return f"{self.flow_name} {self.from_state} {self.event}: {self.count}"


class StepsCounted(models.Model):
    """How far the steps are added up: a single row."""

    counted = models.BigIntegerField(default=0)
    """The key of the last step that is in the counts."""
    seen = models.BigIntegerField(default=0)
    """The newest key some time ago; what was being written beside it then is there by now."""
    seen_at = models.FloatField(default=0.0)
    """When that was, in seconds since the epoch."""

    def __str__(self) -> str:
        return f"counted up to {self.counted}"
