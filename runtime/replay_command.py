"""The verb `replay`: recorded calls against a version or a file, before it is deployed."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from designer.commands import DONE, ERRORS, UNUSABLE, answer, refuse

LIMIT = 100


class Unusable(Exception):
    """There is nothing to play, or nothing to play on; the text says which."""


def add_parser(verbs: Any, finish: Any) -> None:
    """Add the verb to the command line's parser."""
    parser = verbs.add_parser("replay", help="play recorded calls against a version or a file")
    parser.add_argument("flow", metavar="FLOW", help="whose calls are played")
    parser.add_argument("sessions", nargs="*", metavar="SESSION", help="the newest ones if none")
    on = parser.add_mutually_exclusive_group()
    on.add_argument("--version", type=int, help="play on this one (the newest by default)")
    on.add_argument("--file", metavar="FILE", help="play on this file, which is not kept")
    parser.add_argument(
        "--limit", type=int, default=LIMIT, help=f"how many of the newest ({LIMIT})"
    )
    finish(parser, run)


def run(options: Namespace) -> int:
    """Play recorded calls: 0 all would go as they went, 1 one would not, 2 unusable."""
    from flows import plugins
    from flows.semantics import Program
    from runtime import trying

    plugins.load()
    try:
        on, table = _table(options)
        program = Program(table)
        if options.sessions:
            tried = [trying.try_call(program, each) for each in _sessions(options)]
        else:
            tried = list(trying.newest(program, options.flow, max(1, options.limit)))
        if not tried:
            raise Unusable(f"There is no recorded call of {options.flow} that is over.")
    except Unusable as problem:
        return refuse(options, str(problem), UNUSABLE)
    changed = [each for each in tried if each.changes]
    compared = sum(not each.why for each in tried)
    data = {
        "flow": options.flow,
        "on": on,
        "digest": table.digest,
        "compared": compared,
        "changed": len(changed),
        "calls": [each.as_dict() for each in tried],
    }
    lines = [f"{each.session:<24} {change}" for each in changed for change in each.changes]
    lines += [f"{each.session:<24} not compared: {each.why}" for each in tried if each.why]
    lines.append(f"{len(changed)} of {compared} calls would go otherwise on {on}.")
    answer(options, data, "\n".join(lines))
    return ERRORS if changed else DONE


def _table(options: Namespace) -> tuple[str, Any]:
    from designer import selectors
    from flows.compile import compile_text
    from flows.dialects import import_text

    flow = selectors.flow_named(options.flow)
    if flow is None:
        raise Unusable(f"There is no flow named {options.flow}.")
    if options.file:
        on, table = options.file, compile_text(import_text(_read(options.file)).text).table
    else:
        number = options.version
        version = (
            selectors.newest_version(flow) if number is None else selectors.version_of(flow, number)
        )
        if version is None:
            raise Unusable(f"{flow.name} has no version {number or 'yet'}.")
        on, table = version.label, selectors.compiled_version(version).table
    if table is None:
        raise Unusable(f"{on} does not compile; `check` says why.")
    return on, table


def _read(name: str) -> str:
    try:
        return Path(name).read_bytes().decode()
    except OSError as error:
        raise Unusable(f"{name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Unusable(f"{name} is no text in UTF-8.") from None


def _sessions(options: Namespace) -> list[Any]:
    from runtime import audit

    found = []
    for name in options.sessions:
        session = audit.session_of(name)
        if session is None or session.flow_name != options.flow:
            raise Unusable(f"The record knows no session {name} of {options.flow}.")
        found.append(session)
    return found
