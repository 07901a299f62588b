"""The calls about peers: trunks, accounts of phones, and where phones are registered."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, structs

from designer.errors import Refused
from runtime import accounts, bridge, registering, registrations, trunks
from runtime.api.declare import Call, operation
from runtime.api.problems import Problem
from runtime.api.shapes import Paging, Placed, Sent, Told
from runtime.models import Account as AccountRow
from runtime.models import Trunk as TrunkRow
from runtime.node.api import CallRefused

Name = Annotated[str, Meta(min_length=1, max_length=63)]
Line = Annotated[str, Meta(max_length=260)]
Password = Annotated[str, Meta(max_length=256, description="Written, never read back.")]
Count = Annotated[int, Meta(ge=0, le=100_000, description="On each node; 0 for any number.")]
Rate = Annotated[float, Meta(ge=0, le=10_000, description="A second, on each node; 0 for any.")]
Reason = Annotated[str, Meta(min_length=1, max_length=2000, description="It is kept.")]
Epoch = Annotated[float, Meta(description="Seconds since 1970; 0 for never.")]


class TrunkSettings(Sent, kw_only=True):
    """What may be said of a trunk; what is left out stays as it is."""

    host: Line | UnsetType = UNSET
    port: Annotated[int, Meta(ge=0, le=65535)] | UnsetType = UNSET
    transport: Literal["UDP", "TCP", "TLS"] | UnsetType = UNSET
    proxy: Line | UnsetType = UNSET
    realm: Line | UnsetType = UNSET
    user: Line | UnsetType = UNSET
    password: Password | UnsetType = UNSET
    caller: Line | UnsetType = UNSET
    sources: Annotated[list[str], Meta(max_length=64)] | UnsetType = UNSET
    trusted: bool | UnsetType = UNSET
    in_calls: Count | UnsetType = UNSET
    in_rate: Rate | UnsetType = UNSET
    out_calls: Count | UnsetType = UNSET
    out_rate: Rate | UnsetType = UNSET
    every: Annotated[int, Meta(ge=0, le=86_400)] | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    note: Annotated[str, Meta(max_length=2000)] | UnsetType = UNSET


class NewTrunk(TrunkSettings, kw_only=True):
    """A trunk to add."""

    name: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=63,
            description="Small letters, digits, hyphens: calls to sip:NUMBER@NAME go through it.",
        ),
    ]
    host: Annotated[str, Meta(min_length=1, max_length=260)]


class TrunkOnNode(Told):
    """How a trunk stands as one node sees it."""

    node: str
    state: Annotated[str, Meta(description="up, down, or empty while nobody knows.")]
    since: Epoch
    checked: Epoch
    code: Annotated[int, Meta(description="Of the last answer to OPTIONS; 0 for none.")]
    milliseconds: float
    error: str
    calls_in: int
    calls_out: int


class Trunk(Told):
    """A peer that calls come from and go to; its password is never told."""

    name: str
    host: str
    port: int
    transport: str
    proxy: str
    realm: str
    user: str
    has_password: bool
    caller: str
    sources: list[str]
    trusted: bool
    in_calls: int
    in_rate: float
    out_calls: int
    out_rate: float
    every: int
    enabled: bool
    note: str
    state: Annotated[
        str, Meta(description="up, down, partly, waiting, unasked (not watched) or off.")
    ]
    nodes: list[TrunkOnNode]


class NewAccount(Sent):
    """An account of a phone to add."""

    user: Annotated[str, Meta(min_length=1, max_length=64)]
    realm: Annotated[str, Meta(max_length=128, description="Empty: the installation's.")] = ""
    password: Annotated[str, Meta(max_length=128, description="Empty: one is made.")] = ""
    display: Annotated[str, Meta(max_length=100)] = ""
    note: Annotated[str, Meta(max_length=2000)] = ""


class AccountChange(Sent):
    """What shall be different of an account."""

    enabled: bool | None = None
    display: Annotated[str, Meta(max_length=100)] | None = None
    note: Annotated[str, Meta(max_length=2000)] | None = None


class NewPassword(Sent):
    """A new password."""

    password: Annotated[str, Meta(max_length=128, description="Empty: one is made.")] = ""


class Account(Told):
    """What a phone registers and calls with."""

    id: int
    user: str
    realm: str
    display: str
    note: str
    enabled: bool
    created_at: str
    password_at: str
    accepted: Annotated[int, Meta(description="Attempts with the right password, all nodes.")]
    wrong: Annotated[int, Meta(description="Attempts with a wrong one.")]
    stopped_until: Epoch


class AccountMade(Account):
    """An account with its password, told this one time."""

    password: str


class AccountsWanted(Paging):
    """Which accounts."""

    query: Annotated[str, Meta(max_length=200, description="Words of user, name or note.")] = ""


class RegistrationsWanted(Paging):
    """Which registrations."""

    query: Annotated[str, Meta(max_length=200, description="Words of user, address, phone.")] = ""


class Registration(Told):
    """One place where a user is reached."""

    id: str
    user: str
    realm: str
    contact: str
    transport: str
    address: Annotated[str, Meta(description="Empty for a browser.")]
    agent: str
    node: str
    since: Epoch
    refreshed: Epoch
    expires: Epoch


class RegistrationEnd(Sent):
    """A registration to end."""

    reason: Reason


class AnybodyPolicy(Sent):
    """What those may do who show no account."""

    anybody_calls: Annotated[bool, Meta(description="Calls from anybody are taken.")]
    anybody_asks: Annotated[
        bool, Meta(description="So are MESSAGE, SUBSCRIBE, PUBLISH, REFER outside a call.")
    ]
    strong: Annotated[bool, Meta(description="Digests are of SHA-256 alone.")] = False
    realm: Annotated[str, Meta(max_length=128, description="Of new accounts; empty: stays.")] = ""


class Anybody(Told):
    """What those may do who show no account."""

    anybody_calls: bool
    anybody_asks: bool
    strong: bool
    realm: str


class TrunkRegistering(Sent):
    """How a trunk is registered."""

    flow: Annotated[str, Meta(max_length=64, description="Empty: the only one that does.")] = ""


# -- trunks ----------------------------------------------------------------------------------------


@operation("trunk.view", list[Trunk])
def list_trunks(call: Call) -> Any:
    """List the trunks with how they stand."""
    return [trunks.as_message(each) for each in trunks.listed()]


@operation("trunk.manage", Trunk, body=NewTrunk, status=201)
def add_trunk(call: Call) -> Any:
    """Add a trunk."""
    given, password = _settings(call.body)
    name = given.pop("name")
    made = trunks.trunk_add(name=name, given=given, password=password or "", user=call.user)
    return trunks.as_message(made)


@operation("trunk.view", Trunk)
def get_trunk(call: Call, trunk: str) -> Any:
    """Tell how a trunk stands and what it may."""
    return trunks.as_message(_trunk(trunk))


@operation("trunk.manage", Trunk, body=TrunkSettings)
def change_trunk(call: Call, trunk: str) -> Any:
    """Change a trunk, from the next call on. An empty password takes it away."""
    given, password = _settings(call.body)
    found = trunks.trunk_change(trunk=_trunk(trunk), given=given, password=password, user=call.user)
    return trunks.as_message(found)


@operation("trunk.manage", list[Trunk])
def remove_trunk(call: Call, trunk: str) -> Any:
    """Remove a trunk, its password and its history; answers those that are left."""
    trunks.trunk_remove(trunk=_trunk(trunk), user=call.user)
    return list_trunks.function(call)


@operation("trunk.manage", Placed, body=TrunkRegistering, asks_node=True)
def register_trunk(call: Call, trunk: str) -> Any:
    """Let a flow register our address with a trunk.

    When its node comes back, it does so again.
    """
    flow = call.body.flow or registering.only_flow()
    call.require("call.place", flow)
    return {"session": registering.register(trunk=_trunk(trunk), flow=flow, user=call.user)}


@operation("trunk.manage", Trunk, asks_node=True)
def unregister_trunk(call: Call, trunk: str) -> Any:
    """Remove our address from a trunk; the session that registers it does that."""
    found = _trunk(trunk)
    registering.unregister(trunk=found, user=call.user)
    return trunks.as_message(found)


@operation("trunk.manage", Trunk, asks_node=True)
def test_trunk(call: Call, trunk: str) -> Any:
    """Ask a trunk now whether it is there.

    What it says changes how it stands a moment later.
    """
    found = _trunk(trunk)
    try:
        bridge.ask(lambda node: node.ask_trunk(found.name))
    except CallRefused as unknown:
        raise Refused(f"It cannot be asked: {unknown}.") from None
    return trunks.as_message(found)


def _settings(body: TrunkSettings) -> tuple[dict[str, Any], str | None]:
    given = {name: value for name, value in structs.asdict(body).items() if value is not UNSET}
    return given, given.pop("password", None)


def _trunk(name: str) -> TrunkRow:
    try:
        return trunks.named(name)
    except Refused as missing:
        raise Problem(404, missing.message) from None


# -- accounts --------------------------------------------------------------------------------------


@operation("account.view", list[Account], query=AccountsWanted, paged=True)
def list_accounts(call: Call) -> Any:
    """List the accounts of phones."""
    found = accounts.listed(call.query.query)
    return [_told(each) for each in call.page_of(found)]


@operation("account.manage", AccountMade, body=NewAccount, status=201)
def add_account(call: Call) -> Any:
    """Add an account; its password is told this one time."""
    made, secret = accounts.account_add(**structs.asdict(call.body), by=call.user)
    return {**_told(made), "password": secret}


@operation("account.view", Account)
def get_account(call: Call, account: int) -> Any:
    """Tell of an account."""
    return _told(_account(account))


@operation("account.manage", Account, body=AccountChange)
def change_account(call: Call, account: int) -> Any:
    """Disable an account, enable it, or change what it is called."""
    found, body = _account(account), call.body
    if body.display is not None or body.note is not None:
        accounts.account_change(
            account=found,
            display=found.display if body.display is None else body.display,
            note=found.note if body.note is None else body.note,
            by=call.user,
        )
    if body.enabled is not None and body.enabled != found.enabled:
        accounts.account_switch(account=found, enabled=body.enabled, by=call.user)
    return _told(found)


@operation("account.manage", AccountMade, body=NewPassword)
def renew_password(call: Call, account: int) -> Any:
    """Give an account a new password, told this one time."""
    found = _account(account)
    secret = accounts.password_renew(account=found, password=call.body.password, by=call.user)
    return {**_told(found), "password": secret}


@operation("account.manage", Account)
def remove_account(call: Call, account: int) -> Any:
    """Remove an account and its registrations; answers what it was."""
    found = _account(account)
    told = _told(found)
    accounts.account_remove(account=found, by=call.user)
    return told


@operation("account.view", Anybody)
def get_policy(call: Call) -> Any:
    """Tell what those may do who show no account."""
    return _policy()


@operation("account.manage", Anybody, body=AnybodyPolicy)
def set_policy(call: Call) -> Any:
    """Say what those may do who show no account, from the next call on."""
    accounts.policy_set(**structs.asdict(call.body), by=call.user)
    return _policy()


def _policy() -> dict[str, Any]:
    held = accounts.policy()
    return {name: getattr(held, name) for name in Anybody.__struct_fields__}


def _account(key: int) -> AccountRow:
    found = AccountRow.objects.filter(pk=key).first()
    if found is None:
        raise Problem(404, "There is no such account.")
    return found


def _told(account: AccountRow) -> dict[str, Any]:
    return {"id": account.pk, **accounts.as_message(account)}


# -- registrations ---------------------------------------------------------------------------------


@operation("account.view", list[Registration], query=RegistrationsWanted, paged=True)
def list_registrations(call: Call) -> Any:
    """List who is registered where, on all nodes."""
    found = registrations.listed(call.query.query)
    return [registrations.as_message(each) for each in call.page_of(found)]


@operation("account.manage", Registration, body=RegistrationEnd)
def end_registration(call: Call, key: str) -> Any:
    """End a registration; the phone may register again. Answers what it was."""
    row = registrations.remove(key=key, reason=call.body.reason, by=call.user)
    return registrations.as_message(row)
