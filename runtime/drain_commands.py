"""Verbs about calls on the old version and acts on running calls.

What they show and do is asked of the running server: only nodes know how their calls stand.
"""

from __future__ import annotations

import getpass
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from typing import Any

from designer.commands import DONE, ERRORS, UNUSABLE, answer, refuse

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
Run = Callable[[Namespace], int]


def add_parsers(verbs: Any, finish: Callable[[ArgumentParser, Run], None]) -> None:
    """Add the verbs to the command line's parser."""
    parser = verbs.add_parser("old-calls", help="list the calls that run an old version of a flow")
    parser.add_argument("flow")
    parser.add_argument("--version", type=int, help="old is what runs another one than this")
    finish(parser, old_calls)
    parser = verbs.add_parser("migrate", help="move running calls of a flow to a version")
    parser.add_argument("flow")
    parser.add_argument("--to", type=int, metavar="N", help="the version (what new calls take)")
    _add_choice(parser)
    finish(parser, migrate)
    parser = verbs.add_parser("correct", help="help calls that are stuck in a state")
    parser.add_argument("flow")
    parser.add_argument("--event", default="", help="give them this event")
    parser.add_argument("--to-state", default="", help="or let them go on in this state")
    parser.add_argument("--field", action="append", default=[], metavar="NAME=VALUE")
    _add_choice(parser, mapping=False)
    finish(parser, correct)
    parser = verbs.add_parser("order", help="show what became of an order about running calls")
    parser.add_argument("order", type=int)
    parser.add_argument("--stop", action="store_true", help="do nothing more of it")
    finish(parser, order)
    parser = verbs.add_parser("deadline", help="what becomes of calls on an old version")
    parser.add_argument("flow")
    parser.add_argument("act", nargs="?", choices=["wait", "migrate", "end"])
    parser.add_argument("--after", default="1h", metavar="TIME", help="such as 30m (1h)")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why; it is kept")
    finish(parser, deadline)
    parser = verbs.add_parser("hangup", help="end a call, by its row or by force")
    parser.add_argument("session")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; it is kept")
    parser.add_argument("--force", action="store_true", help="without its row for HangupCall")
    finish(parser, hangup)
    parser = verbs.add_parser("inject", help="give a call an event, for repair")
    parser.add_argument("session")
    parser.add_argument("event")
    parser.add_argument("fields", nargs="*", metavar="key=value")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; it is kept")
    finish(parser, inject)
    parser = verbs.add_parser("pin", help="keep a call on its version")
    parser.add_argument("session")
    parser.add_argument("--off", action="store_true", help="let it go again")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; it is kept")
    finish(parser, pin)
    parser = verbs.add_parser("move", help="move one call to another version")
    parser.add_argument("session")
    parser.add_argument("--to", type=int, metavar="N", help="the version (what new calls take)")
    parser.add_argument("--map", action="append", default=[], metavar="OLD=NEW")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; it is kept")
    finish(parser, move)


def _add_choice(parser: ArgumentParser, *, mapping: bool = True) -> None:
    if mapping:
        parser.add_argument(
            "--map", action="append", default=[], metavar="OLD=NEW", help="where a state goes on"
        )
        parser.add_argument("--state", default="", help="only calls in this state")
    else:
        parser.add_argument("--state", required=True, help="of the calls in this state")
    parser.add_argument("--older", default="0s", metavar="TIME", help="in it for so long, as 10m")
    parser.add_argument("--dry-run", action="store_true", help="change nothing, say what would be")
    parser.add_argument("--at-most", type=int, default=0, metavar="N", help="calls, at most")
    parser.add_argument("--patience", default="60s", metavar="TIME", help="for a quiet point (60s)")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why; it is kept")
    parser.add_argument("--force", action="store_true", help="pass over errors of the version")


def old_calls(options: Namespace) -> int:
    """List the calls that run an old version: by state, then one by one."""
    told = _operate("old_calls", flow=options.flow, version=options.version)
    if "error" in told:
        return refuse(options, told["error"])
    lines = [f"{told['calls']} calls of {told['flow']} do not run v{told['version']}."]
    for each in told["states"]:
        waits = each["expected"] or "no timer armed"
        lines.append(
            f"  {each['state']:<20} {each['calls']:>5}  oldest {each['oldest']:>8.0f} s  {waits}"
        )
    for each in told["sessions"]:
        pinned = f"  pinned by {each['pinned']}" if each["pinned"] else ""
        lines.append(
            f"{each['session']:<24} v{each['version'] or '?':<4} {each['role']:<4}"
            f" {each['state']:<20} {each['waits']}{pinned}"
        )
    answer(options, told, "\n".join(lines + _silent(told)))
    return DONE


def migrate(options: Namespace) -> int:
    """Move calls to a version: 0 done or given, 1 refused or (dry run) not all are safe."""
    asked = _asked(options)
    if isinstance(asked, str):
        return refuse(options, asked, UNUSABLE)
    asked |= {"version": options.to}
    if not options.dry_run:
        return _order(options, "migrate", asked)
    told = _operate("dry_run", **asked)
    if "error" in told:
        return refuse(options, told["error"])
    lines = [f"To v{told['version']}: {_counts(told)}."]
    lines += [f"  {each['code']}: {each['message']}" for each in told["warnings"]]
    if told["errors"]:
        lines.append(f"v{told['version']} has {told['errors']} errors: it is refused over them.")
    for each in told["states"]:
        goes = f"-> {each['target']}" if each["target"] else f"-> ? (--map {each['state']}=...)"
        lines.append(
            f"  {each['state']:<20} {each['role']:<4} {each['calls']:>5} {goes:<24}"
            f" {each['verdict']}: {each['why']}"
        )
    lines += [f"{x['session']:<24} {x['verdict']:<14} {x['why']}" for x in told["calls"]]
    answer(options, told, "\n".join(lines + _silent(told)))
    return DONE if told["counts"]["safe"] == len(told["calls"]) else ERRORS


def correct(options: Namespace) -> int:
    """Help calls that are stuck: 0 done or given, 1 refused or (dry run) not all can be helped."""
    asked, fields = _asked(options), _pairs(options.field)
    if isinstance(asked, str) or isinstance(fields, str):
        return refuse(options, asked if isinstance(asked, str) else str(fields), UNUSABLE)
    asked |= {"event": options.event, "to_state": options.to_state, "fields": fields}
    if not options.dry_run:
        return _order(options, "correct", asked)
    told = _operate("correction", **asked)
    if "error" in told:
        return refuse(options, told["error"])
    lines = [f"{told['does']}: {_counts(told)}."]
    lines += [f"{x['session']:<24} {x['verdict']:<14} {x['why']}" for x in told["calls"]]
    answer(options, told, "\n".join(lines + _silent(told)))
    return DONE if told["counts"]["safe"] == len(told["calls"]) else ERRORS


def _order(options: Namespace, act: str, asked: dict[str, Any]) -> int:
    if options.at_most < 1:
        return refuse(options, "Say to how many calls at most: --at-most N.", UNUSABLE)
    told = _operate(act, **asked, at_most=options.at_most, reason=options.reason)
    if "error" in told:
        return refuse(options, told["error"])
    said = f"Order {told['order']} is about {told['total']} calls;"
    answer(options, told, f"{said} `callsmith order {told['order']}` shows what becomes of them.")
    return DONE


def order(options: Namespace) -> int:
    """Show an order, or stop it: 0 all done, 1 something was not."""
    told = _operate("order", order=options.order, stop=options.stop)
    if "error" in told:
        return refuse(options, told["error"])
    lines = [f"{told['settled']} of {told['total']} calls settled: {_counts(told)}."]
    lines += [
        f"{x['session']:<24} {x['status']:<8} {x['state']} -> {x['to_state'] or '?'}  {x['why']}"
        for x in told["calls"]
    ]
    answer(options, told, "\n".join(lines))
    return DONE if told["counts"].get("done", 0) == told["total"] else ERRORS


def deadline(options: Namespace) -> int:
    """Show or choose what becomes of calls on an old version."""
    seconds = _seconds(options.after)
    if seconds is None:
        return refuse(options, f"{options.after} is no time: write 90s, 30m or 2h.", UNUSABLE)
    told = _operate(
        "deadline", flow=options.flow, act=options.act, after_seconds=round(seconds),
        reason=options.reason,
    )  # fmt: skip
    return _say(options, told, told.get("words", ""))


def hangup(options: Namespace) -> int:
    """End a call and say how: by which row, or by force."""
    told = _operate("hang_up", session=options.session, reason=options.reason, force=options.force)
    how = f"row {told.get('row')}" if told.get("how") == "row" else f"force, {told.get('why')}"
    return _say(options, told, f"{options.session} was hung up by {how}.")


def inject(options: Namespace) -> int:
    """Give a call an event."""
    fields = _pairs(options.fields)
    if isinstance(fields, str):
        return refuse(options, fields, UNUSABLE)
    told = _operate(
        "inject", session=options.session, event=options.event, fields=fields,
        reason=options.reason,
    )  # fmt: skip
    return _say(options, told, f"{options.event} was given to {options.session}.")


def pin(options: Namespace) -> int:
    """Keep a call on its version, or let it go."""
    told = _operate("pin", session=options.session, reason=options.reason, off=options.off)
    what = "may be moved again" if options.off else "stays on its version"
    return _say(options, told, f"{options.session} {what}.")


def move(options: Namespace) -> int:
    """Move a call to another version, now or at its next quiet point."""
    mapping = _pairs(options.map)
    if isinstance(mapping, str):
        return refuse(options, mapping, UNUSABLE)
    told = _operate(
        "move", session=options.session, version=options.to, mapping=mapping,
        reason=options.reason,
    )  # fmt: skip
    if told.get("status") == "waiting":
        said = f"waits for a quiet point ({told['why']}): order {told['order']}"
    else:
        said = f"goes on in {told.get('state')}"
    return _say(options, told, f"{options.session} {said}.")


def _say(options: Namespace, told: dict[str, Any], text: str) -> int:
    if "error" in told:
        return refuse(options, told["error"])
    answer(options, told, text)
    return DONE


def _asked(options: Namespace) -> dict[str, Any] | str:
    older, patience = _seconds(options.older), _seconds(options.patience)
    if older is None or patience is None:
        return "A time is written as 90s, 30m or 2h."
    mapping = _pairs(getattr(options, "map", []))
    if isinstance(mapping, str):
        return mapping
    return {
        "flow": options.flow, "mapping": mapping, "state": options.state, "older": older,
        "patience": patience, "force": options.force,
    }  # fmt: skip


def _pairs(written: Sequence[str]) -> dict[str, str] | str:
    """Return what NAME=VALUE says, or a sentence about the first that says nothing."""
    pairs = {}
    for each in written:
        name, equals, value = each.partition("=")
        if not equals or not name:
            return f"{each} is not written as NAME=VALUE."
        pairs[name] = value
    return pairs


def _seconds(written: str) -> float | None:
    unit = UNITS.get(written[-1:])
    try:
        seconds = float(written[:-1] if unit is not None else written) * (unit or 1.0)
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e9 else None


def _counts(told: dict[str, Any]) -> str:
    return ", ".join(f"{count} {what}" for what, count in told["counts"].items()) or "no call"


def _silent(told: dict[str, Any]) -> list[str]:
    return [f"{name} does not answer: its calls are missing." for name in told["silent"]]


def _operate(operation: str, /, **given: Any) -> dict[str, Any]:
    from runtime.commands import _ask

    return _ask(
        "operate", {"operation": operation, "by": f"{getpass.getuser()} (command line)", **given}
    )
