"""The verbs `trunk` and `account`: whom calls come from and go to."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from designer.commands import DONE, ERRORS, answer, refuse

_NUMBERS = ("in_calls", "in_rate", "out_calls", "out_rate", "every")


def add_parsers(verbs: Any, finish: Callable[..., None]) -> None:
    """Add the verbs to the command line's parser."""
    _add_trunk(verbs, finish)
    _add_account(verbs, finish)


def _add_trunk(verbs: Any, finish: Callable[..., None]) -> None:
    trunk = verbs.add_parser("trunk", help="the peers that calls come from and go to")
    acts = trunk.add_subparsers(
        dest="act", metavar="list|add|edit|remove|test|register|unregister|reseal", required=True
    )
    finish(acts.add_parser("list", help="with how each stands: 1 if one does not answer"), trunks)
    parser = acts.add_parser("add", help="add one; calls to sip:NUMBER@NAME go through it")
    parser.add_argument("name")
    parser.add_argument("host", metavar="HOST[:PORT]")
    _settings(parser)
    finish(parser, trunk_add)
    parser = acts.add_parser("edit", help="change what is named, from the next call on")
    parser.add_argument("name")
    parser.add_argument("--host", metavar="HOST[:PORT]")
    _settings(parser)
    switch = parser.add_mutually_exclusive_group()
    switch.add_argument("--enable", action="store_true", help="take and carry calls again")
    switch.add_argument("--disable", action="store_true", help="take and carry no new calls")
    finish(parser, trunk_edit)
    parser = acts.add_parser("remove", help="with its password and history; calls go on")
    parser.add_argument("name")
    finish(parser, trunk_remove)
    parser = acts.add_parser("test", help="ask it now whether it is there: 1 if it is not")
    parser.add_argument("name")
    finish(parser, trunk_test)
    parser = acts.add_parser("register", help="let a flow register our address with it, for good")
    parser.add_argument("name")
    parser.add_argument("--flow", default="", help="the only one that registers, if not named")
    finish(parser, trunk_register)
    parser = acts.add_parser("unregister", help="remove our address from it")
    parser.add_argument("name")
    finish(parser, trunk_unregister)
    parser = acts.add_parser(
        "reseal", help="seal all passwords by the present secret key, after it was changed"
    )
    finish(parser, trunk_reseal)


def _settings(parser: ArgumentParser) -> None:
    parser.add_argument("--transport", choices=("UDP", "TCP", "TLS"), help="to the trunk")
    parser.add_argument("--proxy", metavar="HOST:PORT", help="where requests are sent instead")
    parser.add_argument("--realm", metavar="TEXT", help="what a challenge has to name")
    parser.add_argument("--user", metavar="TEXT")
    parser.add_argument(
        "--password-stdin", action="store_true", help="read the password from the standard input"
    )
    parser.add_argument("--caller", metavar="ADDRESS", help="who calls out are from")
    parser.add_argument("--source", action="append", metavar="NETWORK", help="repeated")
    parser.add_argument("--trusted", choices=("yes", "no"), help="believe P-Asserted-Identity")
    for name in _NUMBERS:
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, metavar="N")
    parser.add_argument("--note", metavar="TEXT")


def _add_account(verbs: Any, finish: Callable[..., None]) -> None:
    account = verbs.add_parser("account", help="the accounts of phones")
    acts = account.add_subparsers(
        dest="act", metavar="list|add|password|enable|disable|remove|where", required=True
    )
    parser = acts.add_parser("list", help="with how often a wrong password came")
    parser.add_argument("query", nargs="?", default="", help="words of user, name or note")
    finish(parser, account_list)
    parser = acts.add_parser("add", help="add one; its password is printed this one time")
    parser.add_argument("user")
    parser.add_argument("--realm", default="", metavar="TEXT")
    parser.add_argument("--display", default="", metavar="TEXT", help="whose phone it is")
    parser.add_argument("--note", default="", metavar="TEXT")
    _password(parser)
    finish(parser, account_add)
    parser = acts.add_parser("password", help="give it a new one, printed this one time")
    parser.add_argument("user", metavar="USER[@REALM]")
    _password(parser)
    finish(parser, account_password)
    for name, said in (
        ("enable", "let it register and call again"),
        ("disable", "sign its phones off and keep it out"),
        ("remove", "with its registrations; calls go on"),
    ):
        parser = acts.add_parser(name, help=said)
        parser.add_argument("user", metavar="USER[@REALM]")
        finish(parser, {"enable": account_switch, "disable": account_switch}.get(name, _remove))
    parser = acts.add_parser("where", help="who is registered where: 1 if nobody is")
    parser.add_argument("query", nargs="?", default="", help="words of user, address or phone")
    finish(parser, account_where)


def _password(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--password-stdin", action="store_true", help="read it from the standard input"
    )


# -- trunks ----------------------------------------------------------------------------------------


def trunks(options: Namespace) -> int:
    """List the trunks: 1 if one that is watched does not answer."""
    from runtime import trunks as services

    listed = [services.as_message(each) for each in services.listed()]
    lines = [
        f"{each['name']:<20} {each['state']:<8} {each['host']}"
        f"{':' + str(each['port']) if each['port'] else ''} {each['transport']}"
        + "".join(f"\n{'':<20} {node['node']}: {node['error']}" for node in each["nodes"]
                  if node["error"])
        for each in listed
    ]  # fmt: skip
    answer(options, {"trunks": listed}, "\n".join(lines) or "There are no trunks.")
    return ERRORS if any(each["state"] in ("down", "partly") for each in listed) else DONE


def trunk_add(options: Namespace) -> int:
    """Add a trunk: 1 refused."""
    from runtime import trunks as services

    def act() -> tuple[Any, str]:
        made = services.trunk_add(
            name=options.name, given=_given(options), password=_typed(options) or ""
        )
        said = f"{made.name} is there. Calls to sip:NUMBER@{made.name} go through it."
        return services.as_message(made), said

    return _act(options, act)


def trunk_edit(options: Namespace) -> int:
    """Change a trunk: 1 refused."""
    from runtime import trunks as services

    def act() -> tuple[Any, str]:
        given = _given(options)
        if options.enable or options.disable:
            given["enabled"] = bool(options.enable)
        found = services.trunk_change(
            trunk=services.named(options.name), given=given, password=_typed(options)
        )
        return services.as_message(found), f"{found.name} is changed, from the next call on."

    return _act(options, act)


def trunk_remove(options: Namespace) -> int:
    """Remove a trunk: 1 refused."""
    from runtime import trunks as services

    def act() -> tuple[Any, str]:
        services.trunk_remove(trunk=services.named(options.name))
        return {"removed": options.name}, f"{options.name} is removed."

    return _act(options, act)


def trunk_reseal(options: Namespace) -> int:
    """Seal all passwords anew: 1 if one cannot be read."""
    from runtime import trunks as services

    def act() -> tuple[Any, str]:
        count = services.reseal(by_name="command line")
        return {"resealed": count}, f"{count} passwords are sealed by the present key."

    return _act(options, act)


def trunk_test(options: Namespace) -> int:
    """Ask a trunk whether it is there, by the server of this data folder: 1 if it is not."""
    from django.conf import settings

    from designer import control

    try:
        told = control.request(settings.CONTROL_SOCKET, "trunk_test", {"name": options.name})
    except control.ServerAway as away:
        return refuse(options, str(away))
    if "code" not in told:
        return refuse(options, told["error"])
    well = not told["error"] and told["code"]
    said = (
        f"{options.name} answers {told['code']} in {told['milliseconds']:.0f} ms."
        if well
        else f"{options.name} does not answer: {told['error']}."
    )
    answer(options, told, said)
    return DONE if well else ERRORS


def trunk_register(options: Namespace) -> int:
    """Let a flow register with a trunk, and do so again when its node comes back: 1 refused."""
    said = f"{options.name} is being registered."
    return _registering(options, "trunk_register", {"flow": options.flow}, said)


def trunk_unregister(options: Namespace) -> int:
    """Remove the registration with a trunk: 1 refused."""
    return _registering(options, "trunk_unregister", {}, f"{options.name} is being unregistered.")


def _registering(options: Namespace, verb: str, more: dict[str, str], said: str) -> int:
    from django.conf import settings

    from designer import control

    try:
        told = control.request(settings.CONTROL_SOCKET, verb, {"name": options.name, **more})
    except control.ServerAway as away:
        return refuse(options, str(away))
    if "error" in told:
        return refuse(options, told["error"])
    answer(options, told, f"{said} Session {told['session']}." if "session" in told else said)
    return DONE


def _given(options: Namespace) -> dict[str, Any]:
    names = ("host", "transport", "proxy", "realm", "user", "caller", "note", *_NUMBERS)
    given = {name: getattr(options, name) for name in names}
    given = {name: value for name, value in given.items() if value is not None}
    if options.source is not None:
        given["sources"] = [each for each in options.source if each]
    if options.trusted is not None:
        given["trusted"] = options.trusted == "yes"
    return given


def _typed(options: Namespace) -> str | None:
    return sys.stdin.readline().rstrip("\r\n") if options.password_stdin else None


# -- accounts --------------------------------------------------------------------------------------


def account_list(options: Namespace) -> int:
    """List the accounts."""
    from runtime import accounts

    listed = [
        accounts.as_message(each)
        for each in accounts.listed(options.query).prefetch_related("uses")
    ]
    lines = [
        f"{each['user']}@{each['realm']:<24} {'enabled' if each['enabled'] else 'disabled':<8}"
        f" {each['wrong']:>6} wrong  {each['display']}".rstrip()
        for each in listed
    ]
    answer(options, {"accounts": listed}, "\n".join(lines) or "There are no accounts.")
    return DONE


def account_add(options: Namespace) -> int:
    """Add an account and print its password: 1 refused."""
    from runtime import accounts

    def act() -> tuple[Any, str]:
        made, secret = accounts.account_add(
            user=options.user,
            realm=options.realm,
            display=options.display,
            note=options.note,
            password=_typed(options) or "",
        )
        return {**accounts.as_message(made), "password": secret}, secret

    return _act(options, act)


def account_password(options: Namespace) -> int:
    """Give an account a new password and print it: 1 refused."""
    from runtime import accounts

    def act() -> tuple[Any, str]:
        found = accounts.named(options.user)
        secret = accounts.password_renew(account=found, password=_typed(options) or "")
        return {**accounts.as_message(found), "password": secret}, secret

    return _act(options, act)


def account_switch(options: Namespace) -> int:
    """Disable an account or enable it again: 1 refused."""
    from runtime import accounts

    def act() -> tuple[Any, str]:
        found = accounts.named(options.user)
        accounts.account_switch(account=found, enabled=options.act == "enable")
        word = "may register and call again" if found.enabled else "is signed off"
        return accounts.as_message(found), f"{found.user} {word}."

    return _act(options, act)


def _remove(options: Namespace) -> int:
    """Remove an account: 0 removed, 1 refused."""
    from runtime import accounts

    def act() -> tuple[Any, str]:
        found = accounts.named(options.user)
        accounts.account_remove(account=found)
        return {"removed": options.user}, f"{found.user} is removed."

    return _act(options, act)


def account_where(options: Namespace) -> int:
    """List who is registered where: 1 if nobody is."""
    from runtime import registrations

    listed = [registrations.as_message(each) for each in registrations.listed(options.query)]
    lines = [
        f"{each['user']:<16} {each['transport']:<4} {each['address'] or 'a browser':<24}"
        f" {each['node']:<12} {each['agent']}".rstrip()
        for each in listed
    ]
    answer(options, {"registrations": listed}, "\n".join(lines) or "Nobody is registered.")
    return DONE if listed else ERRORS


def _act(options: Namespace, act: Callable[[], tuple[Any, str]]) -> int:
    from designer.errors import Refused

    try:
        data, said = act()
    except Refused as refusal:
        return refuse(options, refusal.message)
    answer(options, data, said)
    return DONE
