"""Verbs about calls as they happen, and about what they did over days."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from designer.commands import DONE, answer, refuse

Run = Callable[[Namespace], int]


def add_parsers(verbs: Any, finish: Callable[[ArgumentParser, Run], None]) -> None:
    """Add the verbs to the command line's parser."""
    parser = verbs.add_parser("stuck", help="list living calls that need a look")
    parser.add_argument("flow", nargs="?", default="", help="only those of this flow")
    finish(parser, stuck)
    parser = verbs.add_parser("insight", help="rows nobody needs, events nobody expected")
    parser.add_argument("flow")
    parser.add_argument("--days", type=int, choices=[1, 7, 30], default=7, help="with today (7)")
    finish(parser, insight)


def stuck(options: Namespace) -> int:
    """List the calls that stand too long, or that nothing can move on."""
    from django.conf import settings

    from designer import control

    try:
        told = control.request(settings.CONTROL_SOCKET, "stuck", {"flow": options.flow})
    except control.ServerAway as away:
        return refuse(options, str(away))
    if "error" in told:
        return refuse(options, told["error"])
    now = time.time()
    lines = [
        f"{each['id']:<24} {each['flow']:<20} {each['state']:<16} {each['node']:<10}"
        f" {now - each['since']:>8.0f} s  {each['why']}"
        for each in told["calls"]
    ]
    answer(options, told, "\n".join(lines) or "No call needs a look.")
    return DONE


def insight(options: Namespace) -> int:
    """Tell what the record says of a flow over days."""
    from designer import selectors
    from runtime import insight as found

    flow = selectors.flow_named(options.flow)
    if flow is None:
        return refuse(options, f"There is no flow named {options.flow}.")
    told = found.insight(flow, options.days)
    days = "today" if options.days == 1 else f"in {options.days} days"
    lines = [f"{flow.name}: {told['calls']} calls {days}. {told['verdict']}"]
    lines += [f"without a row  {_unexpected(each)}" for each in told["unexpected"]]
    lines += [f"never fired    {_dead(each)}" for each in told["dead"]]
    hidden = ("heat", "fired", "numbers", "digest")
    data = {name: value for name, value in told.items() if name not in hidden}
    answer(options, data, "\n".join(lines))
    return DONE


def _unexpected(each: dict[str, Any]) -> str:
    fixed = ", a row since" if each["fixed"] else ""
    call = f", as in {each['calls'][0]}" if each["calls"] else ""
    return f"{each['count']:>6} x {each['event']} in {each['state']} ({each['role']}){fixed}{call}"


def _dead(each: dict[str, Any]) -> str:
    guards = f" if {' and '.join(each['guards'])}" if each["guards"] else ""
    where = "any state" if each["state"] == "*" else each["state"]
    return f"line {each['line']:<5} {each['label']}{guards} in {where} ({each['role']})"
