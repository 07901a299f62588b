"""The verbs `call-export` and `call-compare`: a recorded call as a file, or beside another one."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from designer.commands import DONE, ERRORS, UNUSABLE, answer, refuse

FORMS = ("text", "svg", "html", "pcap", "json")


def add_parsers(verbs: Any, finish: Any) -> None:
    """Add the verbs to the command line's parser."""
    parser = verbs.add_parser("call-export", help="write a recorded call as a file")
    parser.add_argument("session")
    parser.add_argument("--form", choices=FORMS, default="text", help="of the file (text)")
    parser.add_argument("--output", metavar="FILE", help="standard output if none is named")
    parser.add_argument("--unmask", action="store_true", help="with the numbers of callers")
    parser.add_argument("--reason", metavar="TEXT", default="", help="needed to unmask; it is kept")
    finish(parser, export)
    parser = verbs.add_parser("call-compare", help="find where two recorded calls part")
    parser.add_argument("session")
    parser.add_argument("other", help="another session, or `predicted`")
    finish(parser, compare)


def export(options: Namespace) -> int:
    """Write a copy of a call: 0 written, 1 refused, 2 there is no such call."""
    from designer import auditing
    from runtime.onecall import copies
    from runtime.onecall.legs import call_of
    from runtime.onecall.veil import Veil

    found = call_of(options.session)
    if found is None:
        return refuse(options, f"The record knows no session {options.session}.", UNUSABLE)
    if options.unmask and not options.reason.strip():
        return refuse(options, "To write the numbers of callers say why, with --reason.")
    copy = copies.make(found, options.form, Veil(lifted=options.unmask))
    auditing.record(
        "call.export",
        by_name="command line",
        flow=found.own.session["flow"],
        subject=found.own.id,
        reason=options.reason,
        detail={"form": options.form, "masked": not options.unmask},
    )
    if options.output is None:
        sys.stdout.buffer.write(copy.data)
        return DONE
    try:
        Path(options.output).write_bytes(copy.data)
    except OSError as error:
        return refuse(options, f"{options.output} cannot be written: {error.strerror}", UNUSABLE)
    data = {"file": options.output, "bytes": len(copy.data), "masked": not options.unmask}
    answer(options, data, f"{options.output}: {len(copy.data)} bytes")
    return DONE


def compare(options: Namespace) -> int:
    """Compare two calls: 0 they go alike, 1 they part, 2 there is no such call."""
    from designer.errors import Refused
    from runtime.onecall import comparing
    from runtime.onecall.legs import call_of

    one = call_of(options.session)
    if one is None:
        return refuse(options, f"The record knows no session {options.session}.", UNUSABLE)
    try:
        if options.other == "predicted":
            told = comparing.against_prediction(one.own)
        else:
            other = call_of(options.other)
            if other is None:
                return refuse(options, f"The record knows no session {options.other}.", UNUSABLE)
            told = comparing.compared(one.own, other.own)
    except Refused as refusal:
        return refuse(options, refusal.message, UNUSABLE)
    answer(options, told.as_dict(), told.sentence)
    return DONE if told.same else ERRORS
