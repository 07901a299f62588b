"""The runtime's verbs of the command line: deploy, rollback, route, call, send, sessions, steps,
conform, replay.

What is stored is written and read here; what only the running node can do is asked of the server
over the control socket.
"""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from designer.commands import DONE, ERRORS, UNUSABLE, answer, finish, refuse
from runtime import (
    audit_command,
    call_commands,
    drain_commands,
    history_commands,
    live_commands,
    nodes_command,
    peer_commands,
    replay_command,
    route_commands,
    shadow_command,
)
from runtime.ramps import verbs as ramp_verbs

WAIT_SECONDS = 30.0
CHECK_SECONDS = 120.0
"""How long --wait waits for the deeper check, which takes a minute at most once it runs."""
CALL_SECONDS = 4 * 3600.0
LOOK_EVERY = 0.05
WELL = ("completed", "cancelled")


def add_parsers(verbs: Any) -> None:
    """Add the verbs to the command line's parser."""
    parser = verbs.add_parser("deploy", help="let new calls take a version of a flow")
    parser.add_argument("flow")
    parser.add_argument("--version", type=int, help="its number (the newest one by default)")
    parser.add_argument(
        "--wait",
        action="store_true",
        help="for its deeper check, then until each node runs it",
    )
    parser.add_argument(
        "--reason", "--force", dest="reason", metavar="TEXT", default="",
        help="pass over its errors; it is kept and shown",
    )  # fmt: skip
    ramp_verbs.add_deploy_options(parser)
    finish(parser, deploy)
    ramp_verbs.add_parser(verbs, finish)
    parser = verbs.add_parser("rollback", help="let new calls take the version before again")
    parser.add_argument("flow")
    parser.add_argument("--wait", action="store_true", help="until each node runs it")
    parser.add_argument(
        "--reason", metavar="TEXT", default="", help="it is kept and shown, and passes over errors"
    )
    finish(parser, rollback)
    route_commands.add_parsers(verbs, finish)
    peer_commands.add_parsers(verbs, finish)
    parser = verbs.add_parser("call", help="place a call that a flow drives")
    parser.add_argument("flow")
    parser.add_argument("target", metavar="sip:USER@HOST")
    parser.add_argument("--wait", action="store_true", help="until the call is over")
    finish(parser, call)
    parser = verbs.add_parser("begin", help="begin a session of a flow with an event")
    parser.add_argument("flow")
    parser.add_argument("event", help="SendMessage, StartSubscription, StartRegistration ...")
    parser.add_argument("fields", nargs="*", metavar="key=value")
    parser.add_argument("--caller", default="", metavar="sip:USER@HOST", help="who it is from")
    parser.add_argument("--wait", action="store_true", help="until the session is over")
    finish(parser, begin)
    parser = verbs.add_parser("send", help="send an event to a session")
    parser.add_argument("session")
    parser.add_argument("event")
    parser.add_argument("fields", nargs="*", metavar="key=value")
    finish(parser, send)
    parser = verbs.add_parser("sessions", help="list sessions, newest first")
    parser.add_argument(
        "query", nargs="*", help="4930 row:answer event:ReferReceived outcome:failed since:2h ..."
    )
    parser.add_argument("--live", action="store_true", help="only those that live in the node")
    finish(parser, sessions)
    parser = verbs.add_parser("steps", help="list the steps of a session")
    parser.add_argument("session")
    finish(parser, steps)
    nodes_command.add_parsers(verbs, finish)
    parser = verbs.add_parser("conform", help="hold what calls did against their versions")
    parser.add_argument("sessions", nargs="*", metavar="SESSION", help="the newest ones if none")
    parser.add_argument("--flow", default="", help="only calls of this flow")
    parser.add_argument("--limit", type=int, default=100, help="how many of the newest (100)")
    finish(parser, conform)
    drain_commands.add_parsers(verbs, finish)
    live_commands.add_parsers(verbs, finish)
    replay_command.add_parser(verbs, finish)
    audit_command.add_parser(verbs, finish)
    call_commands.add_parsers(verbs, finish)
    history_commands.add_parsers(verbs, finish)
    shadow_command.add_parser(verbs, finish)


def deploy(options: Namespace) -> int:
    """Deploy a version: 0 done, 1 refused.

    With --wait it is checked before, and 0 means that each node runs exactly this hash.
    """
    from designer import selectors, verdicts
    from designer.errors import Refused
    from runtime import deployments

    flow = selectors.flow_named(options.flow)
    if flow is None:
        return refuse(options, f"There is no flow named {options.flow}.")
    number = options.version
    version = (
        selectors.newest_version(flow) if number is None else selectors.version_of(flow, number)
    )
    if version is None:
        return refuse(options, f"{flow.name} has no version {number or 'yet'}.")
    away = _server_away()
    if options.wait and not away and not _checked(version):
        return refuse(
            options,
            f"{version} {verdicts.verdict_of(version).word} after {CHECK_SECONDS:.0f} s."
            " Nothing was deployed. Without --wait it goes live unchecked, and that is kept.",
        )
    if options.ramp is not None:
        return ramp_verbs.start(options, version)
    try:
        deployment = deployments.deploy(version=version, reason=options.reason)
    except Refused as refusal:
        return refuse(options, refusal.message)
    return _deployed(options, deployment, away)


def rollback(options: Namespace) -> int:
    """Deploy the version that ran before: 0 done, 1 refused.

    It is not checked first: it ran before, and whoever rolls back is in a hurry.
    """
    from designer import selectors
    from designer.errors import Refused
    from runtime import rollback

    flow = selectors.flow_named(options.flow)
    if flow is None:
        return refuse(options, f"There is no flow named {options.flow}.")
    away = _server_away()
    try:
        deployment = rollback.roll_back(flow=flow, reason=options.reason)
    except Refused as refusal:
        return refuse(options, refusal.message)
    return _deployed(options, deployment, away)


def _deployed(options: Namespace, deployment: Any, away: str) -> int:
    """Say what was deployed; with --wait once each node runs it."""
    from designer import verdicts

    flow, version = deployment.flow, deployment.version
    data = {"flow": flow.name, "version": version.number, "digest": version.digest}
    verdict = verdicts.verdict_of(version)
    data.update(forced=deployment.forced, unchecked=deployment.unchecked)
    data["check"] = verdict.as_message()
    said = f"New calls of {flow.name} take v{version.number} {version.digest[:12]}."
    said += f" {verdict.sentence}"
    if not options.wait:
        answer(options, data, f"{said} {away} Then it is loaded." if away else said)
        return DONE
    if away:
        # What a node said before it stopped is no word about now.
        return refuse(options, f"{said} No node has loaded it: {away}")
    told = _until(lambda: _answered(deployment), WAIT_SECONDS) or nodes_progress(deployment)
    bad = [each for each in told if each["state"] != "runs"]
    if not told:
        return refuse(options, f"{said} No node has loaded it within {WAIT_SECONDS:.0f} s.")
    if bad:
        return refuse(options, f"{said} {' '.join(_said_by(each) for each in bad)}")
    data.update(node=told[0]["node"], milliseconds=told[0]["milliseconds"], nodes=told)
    loaded = " ".join(_said_by(each) for each in told)
    answer(options, data, f"{said} {loaded}")
    return DONE


def nodes_progress(deployment: Any) -> list[dict[str, Any]]:
    """Return what each node says to a deployment, as it stands now."""
    from runtime import nodes
    from runtime.models import Deployment

    return nodes.progress(Deployment.objects.get(pk=deployment.pk))


def _answered(deployment: Any) -> list[dict[str, Any]]:
    """Return what the nodes say once nobody has to be waited for, else nothing."""
    told = nodes_progress(deployment)
    return [] if any(each["state"] == "waiting" for each in told) else told


def _said_by(told: dict[str, Any]) -> str:
    match told["state"]:
        case "runs":
            return f"{told['node']} loaded it in {told['milliseconds']:.1f} ms."
        case "lost":
            return f"{told['node']} is lost, nothing heard for {told['seconds']:.0f} s."
        case "waiting":
            return f"{told['node']} has not answered for {told['seconds']:.0f} s."
        case _:
            return f"{told['node']} did not load it: {told['error'] or 'it runs another'}."


def _checked(version: Any) -> bool:
    """Wait for the deeper check of a version; say whether it is over, however it ended."""
    from designer import tasks, verdicts

    tasks.check_outdated([version])
    person = sys.stderr.isatty()

    def over() -> bool:
        verdict = verdicts.verdict_of(version)
        if verdict.running and person:
            print(f"\r{version} {verdict.word}: {verdict.percent} %", end="", file=sys.stderr)
        return not verdict.running

    ended = bool(_until(over, CHECK_SECONDS))
    if person:
        print("\r\033[K", end="", file=sys.stderr)
    return ended


def _server_away() -> str:
    """Say that no server runs here, or nothing; with Redis the nodes may be on other machines."""
    from django.conf import settings

    if settings.CALLSMITH.redis_url:
        return ""
    error: str = _ask("health", {}).get("error", "")
    return error


def call(options: Namespace) -> int:
    """Place a call through the running server; with --wait return when it is over."""
    return _begun(options, _ask("call", {"flow": options.flow, "target": options.target}))


def begin(options: Namespace) -> int:
    """Begin a session through the running server; with --wait return when it is over."""
    fields, mistaken = _fields(options.fields)
    if mistaken:
        return refuse(options, mistaken, 2)
    asked = {"flow": options.flow, "event": options.event, "fields": fields}
    return _begun(options, _ask("begin", {**asked, "caller": options.caller or None}))


def _begun(options: Namespace, placed: dict[str, Any]) -> int:
    from runtime import audit

    if "error" in placed:
        return refuse(options, placed["error"])
    session = placed["session"]
    if not options.wait:
        answer(options, placed, session)
        return DONE

    def over() -> Any:
        stored = audit.session_of(session)
        return stored if stored is not None and stored.ended_at is not None else None

    ended = _until(over, CALL_SECONDS)
    if ended is None:
        return refuse(options, f"The call {session} is not over yet.")
    answer(
        options,
        {"session": session, "outcome": ended.outcome, "state": ended.state, "steps": ended.steps},
        f"{session} {ended.outcome} in {ended.state}",
    )
    return DONE if ended.outcome in WELL else ERRORS


def send(options: Namespace) -> int:
    """Send an event through the running server."""
    fields, mistaken = _fields(options.fields)
    if mistaken:
        return refuse(options, mistaken, 2)
    sent = _ask("send", {"session": options.session, "event": options.event, "fields": fields})
    if "error" in sent:
        return refuse(options, sent["error"])
    answer(options, sent, f"{options.event} was sent to {options.session}.")
    return DONE


def _fields(typed: list[str]) -> tuple[dict[str, str], str]:
    """Return fields typed as key=value, and what is wrong about them; empty if nothing is."""
    fields = {}
    for each in typed:
        name, equals, value = each.partition("=")
        if not equals:
            return {}, f"{each} is no field: write key=value."
        fields[name] = value
    return fields, ""


def sessions(options: Namespace) -> int:
    """List sessions: those of the record that match, or with --live those of the running node."""
    from runtime import audit, search
    from runtime.search import CallFilter

    if options.live:
        given = _ask("sessions", {})
        if "error" in given:
            return refuse(options, given["error"])
        lines = given["sessions"]
    else:
        wanted = CallFilter.of({"q": " ".join(options.query)})
        lines = [audit.stored_summary(each) for each in search.sessions(wanted)[: search.PAGE_SIZE]]
    text = [
        f"{each['id']:<24} {each['flow']:<20} {each['role']:<4} {each['state']:<16}"
        f" {each['outcome'] or 'live':<12} {each['steps']:>4} steps  {each['caller']}"
        for each in lines
    ]
    answer(options, {"sessions": lines}, "\n".join(text) or "There are no sessions.")
    return DONE


def steps(options: Namespace) -> int:
    """List the steps of a session, oldest first."""
    from runtime import audit

    session = audit.session_of(options.session)
    if session is None:
        return refuse(options, f"The record knows no session {options.session}.")
    lines = audit.steps_of(session.pk)
    text = [_step_text(line, lines[0]["time"]) for line in lines]
    data = {"session": audit.stored_summary(session), "steps": lines}
    answer(options, data, "\n".join(text))
    return DONE


def conform(options: Namespace) -> int:
    """Hold recorded calls against their own versions: 0 all conform, 1 one contradicts."""
    from runtime import audit, conformance

    if options.sessions:
        known = [audit.session_of(name) for name in options.sessions]
        for name, session in zip(options.sessions, known, strict=True):
            if session is None:
                return refuse(options, f"The record knows no session {name}.", UNUSABLE)
        verdicts = [conformance.of_session(session) for session in known if session is not None]
    else:
        verdicts = list(conformance.newest(max(1, options.limit), options.flow))
    lines = [f"{each.session:<24} {each.flow:<20} {_conformed(each)}" for each in verdicts]
    data = {"sessions": [each.as_dict() for each in verdicts]}
    answer(options, data, "\n".join(lines) or "There are no calls that are over.")
    return ERRORS if any(each.conforms is False for each in verdicts) else DONE


def _conformed(verdict: Any) -> str:
    said = f"{verdict.text}, {verdict.steps} steps"
    return said if verdict.conforms is not False else f"{said}. {verdict.why} [META995]"


def _step_text(line: dict[str, Any], begin: float) -> str:
    done = len(line["results"])
    actions = ", ".join(
        name if index >= done else f"{name} {line['results'][index][1] / 1000:.1f} ms"
        for index, name in enumerate(line["actions"])
    )
    where = f"{line['from_state']} -> {line['to_state']}"
    row = f"row {line['row']}" if line["row"] >= 0 else line["kind"]
    return (
        f"{line['sequence']:>4} {line['time'] - begin:>9.3f} {line['event']:<24} {row:<10}"
        f" {where:<28} {actions}"
    ).rstrip()


def _ask(verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Ask the running server; its absence is an error like any other."""
    from django.conf import settings

    from designer import control

    try:
        return control.request(settings.CONTROL_SOCKET, verb, arguments)
    except control.ServerAway as away:
        return {"error": str(away)}


def _until(condition: Callable[[], Any], seconds: float) -> Any:
    """Return what the condition gives once it gives something; None when time is up."""
    deadline = time.monotonic() + seconds
    while True:
        given = condition()
        if given or time.monotonic() > deadline:
            return given or None
        time.sleep(LOOK_EVERY)
