"""The verb `shadow`: a version judges the living calls of its flow, muted."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from designer.commands import DONE, ERRORS, UNUSABLE, answer, refuse

if TYPE_CHECKING:
    from designer.models import Version
    from runtime.shadows import Found


def add_parser(verbs: Any, finish: Any) -> None:
    """Add the verb to the command line's parser."""
    parser = verbs.add_parser("shadow", help="let a version judge living calls, muted")
    parser.add_argument("flow", metavar="FLOW")
    parser.add_argument(
        "version", metavar="VERSION", type=int, nargs="?", help="its number (the newest by default)"
    )
    parser.add_argument(
        "--share", type=int, metavar="PERCENT", help="begin: of the new calls, 1 to 100"
    )
    parser.add_argument(
        "--most", type=int, default=500, help="calls a node follows at a time (500)"
    )
    parser.add_argument("--stop", action="store_true", help="let no version judge any more")
    parser.add_argument("--reason", default="", metavar="TEXT", help="it is kept")
    finish(parser, run)


def run(options: Namespace) -> int:
    """Begin, stop or tell: 0 no difference, 1 refused or calls differ, 2 there is no such thing."""
    from designer import selectors
    from designer.errors import Refused
    from flows import plugins
    from runtime import shadows

    plugins.load()
    flow = selectors.flow_named(options.flow)
    if flow is None:
        return refuse(options, f"There is no flow named {options.flow}.", UNUSABLE)
    running = shadows.running_of(flow)
    version: Version | None
    if options.version is None and options.share is None and running is not None:
        version = running.version
    elif options.version is None:
        version = selectors.newest_version(flow)
    else:
        version = selectors.version_of(flow, options.version)
    if version is None:
        return refuse(options, f"{flow.name} has no version {options.version or 'yet'}.", UNUSABLE)
    try:
        if options.stop:
            shadows.stop(flow, by_name="command line", why=options.reason)
        elif options.share is not None:
            shadows.start(
                version, share=options.share, most=options.most, reason=options.reason,
                by_name="command line",
            )  # fmt: skip
    except Refused as refusal:
        return refuse(options, refusal.message)
    found = shadows.found_of(version)
    answer(options, {"flow": flow.name, **found.as_dict()}, _as_text(found))
    return ERRORS if found.differed and options.share is None and not options.stop else DONE


def _as_text(found: Found) -> str:
    lines = []
    for line in found.lines:
        lines.append(f"{line.count:>6}  {line.event}: {', '.join(line.said)}")
        lines.append(f"        was {line.was_name or 'no row'}: {line.was}")
        lines.append(f"        now {line.row_name or 'no row'}: {line.now}")
        lines += [f"        {session} at step {step}" for session, step in line.samples]
    lines += [f"{each.node} judges no calls: {each.error}" for each in found.errors]
    lines.append(found.sentence)
    return "\n".join(lines)
