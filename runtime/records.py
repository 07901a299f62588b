"""What is kept about the record itself: its chain, what was erased, what each flow keeps how long.

Part of `runtime.models`.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from designer.models import Flow


class ChainBlock(models.Model):
    """The digests of records that were stored together, linked to the block before
    (`runtime.chain`)."""

    chain = models.CharField(max_length=80)
    """A node's name, or `runtime.chain.ACTS`."""
    position = models.BigIntegerField()
    """From 1, without gap."""
    epoch = models.BigIntegerField()
    first = models.BigIntegerField()
    """Number of the first record; the others follow without gap."""
    count = models.IntegerField()
    digests = models.BinaryField()
    link = models.CharField(max_length=64)
    at = models.FloatField()

    class Meta:
        ordering = ["chain", "position"]
        constraints = [
            models.UniqueConstraint(fields=["chain", "position"], name="one_block_per_position")
        ]

    def __str__(self) -> str:
        return f"{self.chain} {self.position}"


class Erasure(models.Model):
    """What was taken out of the record, and by which rule; an act tells of each of them."""

    at = models.DateTimeField(default=timezone.now)
    rule = models.TextField()
    """In words: `support_line: messages after 30 days`."""
    by_name = models.CharField(max_length=150)
    sessions = models.IntegerField(default=0)
    rows = models.IntegerField(default=0)
    places = models.BinaryField()
    """MessagePack: see `runtime.erasing`."""
    digest = models.CharField(max_length=64)
    """SHA-256 of `places`, as the act has it."""

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.rule


class Recording(models.Model):
    """What is kept of a flow's calls, and for how long. A flow without one keeps everything."""

    class Level(models.IntegerChoices):
        OUTCOME = 1, "How calls ended"
        STEPS = 2, "Their steps"
        MESSAGES = 3, "SIP messages too"
        EVERYTHING = 4, "Media and all values too"

    flow = models.OneToOneField(Flow, on_delete=models.CASCADE, related_name="recording")
    level = models.PositiveSmallIntegerField(choices=Level.choices, default=Level.EVERYTHING)
    values_days = models.PositiveIntegerField(null=True)
    """Days after which media records and values of events go; None: they stay."""
    messages_days = models.PositiveIntegerField(null=True)
    steps_days = models.PositiveIntegerField(null=True)
    outcome_days = models.PositiveIntegerField(null=True)
    """Days after which nothing is left of a call."""

    def __str__(self) -> str:
        return f"{self.flow.name}: {self.get_level_display()}"
