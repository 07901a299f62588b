"""The verbs `history` and `transitions`: what a session did, and what it could do next."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from designer.commands import DONE, UNUSABLE, answer, refuse

Run = Callable[[Namespace], int]


def add_parsers(verbs: Any, finish: Callable[[ArgumentParser, Run], None]) -> None:
    """Add the verbs to the command line's parser."""
    parser = verbs.add_parser("history", help="what a session did: counts, errors, health")
    parser.add_argument("session")
    parser.add_argument("--state", default="", help="only what came in this state")
    parser.add_argument("--errors", action="store_true", help="only what failed or met no row")
    parser.add_argument("--recent", type=int, metavar="N", help="only the last N steps")
    parser.add_argument("--csv", action="store_true", help="the steps as CSV")
    finish(parser, history)
    parser = verbs.add_parser("transitions", help="what a living session could do next")
    parser.add_argument("session")
    finish(parser, transitions)


def history(options: Namespace) -> int:
    """Tell what the record says of a session: 0 told, 2 there is no such session."""
    from runtime import inspecting

    found = inspecting.history_of(options.session)
    if found is None:
        return refuse(options, f"The record knows no session {options.session}.", UNUSABLE)
    shown = inspecting.chosen(found, options.state, options.errors, options.recent)
    if options.csv:
        sys.stdout.write(shown.csv())
        return DONE
    told = inspecting.told(options.session, found, time.time())
    data = {**told, "entries": shown.rows()}
    lines = [
        f"{each.sequence:>5}  {each.state:<16} {each.event:<26} {each.to_state:<16}"
        f" {each.microseconds:>8} us  {each.error}"
        for each in shown
    ]
    answer(options, data, "\n".join([*lines, "", inspecting.sentence(told)]))
    return DONE


def transitions(options: Namespace) -> int:
    """Tell which rows could fire next, and how their guards stand: 0 told, 1 it does not live."""
    from django.conf import settings

    from designer import control

    try:
        told = control.request(settings.CONTROL_SOCKET, "transitions", {"session": options.session})
    except control.ServerAway as away:
        return refuse(options, str(away))
    if "error" in told:
        return refuse(options, told["error"])
    lines = [f"{options.session} is in {told['state']}."]
    lines += [_line(each) for each in told["transitions"]]
    answer(options, told, "\n".join(lines))
    return DONE


def _line(each: dict[str, Any]) -> str:
    event = each["event"] if "seconds" not in each else f"after, in {each['seconds']:.0f} s"
    name = each["id"] or f"line {each['line']}"
    guards = "".join(f"; {guard['text']}: {_held(guard)}" for guard in each["guards"])
    to = f" -> {each['next']}" if each["next"] else ""
    return f"{event:<26} {each['verdict']:<20} {name}{to}{guards}"


def _held(guard: dict[str, Any]) -> str:
    seen = ", ".join(f"{name} = {value}" for name, value in guard["values"].items())
    held = {True: "holds", False: "does not hold", None: "the event decides"}[guard["held"]]
    return f"{held} ({seen})" if seen else held
