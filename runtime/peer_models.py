"""Whom calls come from and go to: trunks, accounts of phones, where phones are registered.

People change trunks and accounts; nodes write how trunks stand, what became of attempts to use an
account, and the registrations. `PeerTurn` numbers each change, so that a node that looks asks for
nothing it has seen.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class PeerTurn(models.Model):
    """Counts the changes of one kind; taken in the transaction of the change, which orders them."""

    name = models.CharField(primary_key=True, max_length=16)
    number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


class Trunk(models.Model):
    """A peer that calls come from and go to: a provider, another exchange."""

    class Transport(models.TextChoices):
        UDP = "UDP"
        TCP = "TCP"
        TLS = "TLS"

    name = models.CharField(max_length=64, unique=True)
    """Lower case: the host of targets that go through it."""
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField(default=0)
    """0: what transport and name service say."""
    transport = models.CharField(max_length=3, choices=Transport.choices, default=Transport.UDP)
    proxy = models.CharField(max_length=260, blank=True, default="")
    realm = models.CharField(max_length=128, blank=True, default="")
    user = models.CharField(max_length=128, blank=True, default="")
    secret = models.TextField(blank=True, default="")
    """The password, sealed by `runtime.sealing`; never shown."""
    caller = models.CharField(max_length=256, blank=True, default="")
    """Who calls out through it are from; empty: as their flow says."""
    sources = models.TextField(blank=True, default="")
    """Networks its calls come from, one for each line."""
    trusted = models.BooleanField(default=False)
    """P-Asserted-Identity of its calls is believed."""
    in_calls = models.PositiveIntegerField(default=0)
    in_rate = models.FloatField(default=0.0)
    out_calls = models.PositiveIntegerField(default=0)
    out_rate = models.FloatField(default=0.0)
    every = models.PositiveIntegerField(default=30)
    """Seconds between two questions whether it is there; 0: it is not asked."""
    enabled = models.BooleanField(default=True)
    note = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TrunkRegistration(models.Model):
    """That we want to be registered with a trunk, and the session that does it."""

    trunk = models.OneToOneField(Trunk, on_delete=models.CASCADE, related_name="registration")
    flow_name = models.CharField(max_length=64)
    session = models.CharField(max_length=128)
    """The last one; one that ended with its node is begun again."""
    tried_at = models.FloatField()
    """Seconds since the epoch."""

    def __str__(self) -> str:
        return f"{self.trunk_id} {self.flow_name}"


class TrunkStanding(models.Model):
    """How a trunk stands as one node sees it. Times are seconds since the epoch."""

    trunk = models.ForeignKey(Trunk, on_delete=models.CASCADE, related_name="standings")
    node = models.CharField(max_length=64)
    state = models.CharField(max_length=4, blank=True, default="")
    """`up`, `down`, or empty while nobody knows."""
    since = models.FloatField(default=0.0)
    checked = models.FloatField(default=0.0)
    code = models.PositiveIntegerField(default=0)
    milliseconds = models.FloatField(default=0.0)
    error = models.CharField(max_length=200, blank=True, default="")
    calls_in = models.PositiveIntegerField(default=0)
    calls_out = models.PositiveIntegerField(default=0)
    told_at = models.FloatField(default=0.0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trunk", "node"], name="one_standing_on_each_node")
        ]

    def __str__(self) -> str:
        return f"{self.trunk} on {self.node}: {self.state or 'unknown'}"


class TrunkMark(models.Model):
    """A trunk went up or down, as one node saw it."""

    trunk = models.ForeignKey(Trunk, on_delete=models.CASCADE, related_name="marks")
    node = models.CharField(max_length=64)
    at = models.FloatField()
    state = models.CharField(max_length=4)
    code = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.trunk} {self.state} on {self.node}"


class TrunkCall(models.Model):
    """A session went through a trunk; the newest of each are kept."""

    trunk = models.ForeignKey(Trunk, on_delete=models.CASCADE, related_name="calls")
    session = models.CharField(max_length=128)
    direction = models.CharField(max_length=3)
    at = models.FloatField()

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.session} {self.direction} {self.trunk}"


class Account(models.Model):
    """What a phone registers and calls with."""

    user = models.CharField(max_length=64)
    realm = models.CharField(max_length=128)
    md5 = models.CharField(max_length=32)
    sha256 = models.CharField(max_length=64)
    """H(user:realm:password) by algorithm: the password itself is kept nowhere."""
    display = models.CharField(max_length=100, blank=True, default="")
    note = models.TextField(blank=True, default="")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    password_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["realm", "user"]
        constraints = [
            models.UniqueConstraint(fields=["user", "realm"], name="one_account_of_a_name")
        ]

    def __str__(self) -> str:
        return f"{self.user}@{self.realm}"


class AccountUse(models.Model):
    """What became of attempts to use an account, as one node saw them."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="uses")
    node = models.CharField(max_length=64)
    accepted = models.BigIntegerField(default=0)
    accepted_at = models.FloatField(default=0.0)
    wrong = models.BigIntegerField(default=0)
    wrong_at = models.FloatField(default=0.0)
    source = models.CharField(max_length=128, blank=True, default="")
    until = models.FloatField(default=0.0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "node"], name="one_use_on_each_node")
        ]

    def __str__(self) -> str:
        return f"{self.account} on {self.node}: {self.wrong} wrong"


class Registration(models.Model):
    """One place where a user is reached (`runtime.node.location.Binding`)."""

    key = models.CharField(primary_key=True, max_length=40)
    user = models.CharField(max_length=255)
    realm = models.CharField(max_length=128)
    contact = models.TextField()
    transport = models.CharField(max_length=4)
    remote = models.CharField(max_length=64, blank=True, default="")
    agent = models.CharField(max_length=128, blank=True, default="")
    node = models.CharField(max_length=64)
    since = models.FloatField()
    refreshed = models.FloatField()
    expires = models.FloatField()
    """Seconds since the epoch."""
    binding = models.TextField()
    """All of it, as JSON."""
    turn = models.BigIntegerField(db_index=True)
    gone = models.BooleanField(default=False)
    """It is no more; the row stays a while, so that other nodes hear of it."""

    class Meta:
        indexes = [models.Index(fields=["realm", "user"], name="registrations_by_user")]

    def __str__(self) -> str:
        return f"{self.user}@{self.realm} at {self.contact}"


class PeerPolicy(models.Model):
    """What those may do who show no account: a single row."""

    realm = models.CharField(max_length=128, default="callsmith")
    anybody_calls = models.BooleanField(default=True)
    anybody_asks = models.BooleanField(default=False)
    strong = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"policy of {self.realm}"
