"""The verb `convert`: a file of another tool made native, with a report of each element."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any


def add_parser(verbs: Any, finish: Any) -> None:
    """Add the verb to the command line's parser."""
    parser = verbs.add_parser("convert", help="make a file of another tool native, with a report")
    parser.add_argument("file", metavar="FILE", help="YAML, SCXML or XState JSON; - is the input")
    parser.add_argument("--output", metavar="FILE", help="else the standard output")
    parser.add_argument("--keep-original", action="store_true", help="below, as comments")
    finish(parser, run, needs_django=False)


def run(options: Namespace) -> int:
    """Make a file native: 0 nothing was lost, 1 something could not be kept, 2 unusable.

    The native text goes to the output, the report to standard error.
    """
    from dataclasses import asdict

    from designer.commands import DONE, ERRORS, STANDARD_INPUT, UNUSABLE, refuse
    from flows import imports, plugins
    from flows.document import MAX_BYTES

    plugins.load()
    try:
        if options.file == STANDARD_INPUT:
            raw = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(options.file).open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            return refuse(options, f"{options.file} is larger than 1 MiB.", UNUSABLE)
        original = raw.decode()
        made = imports.convert(original)
        if options.keep_original and made.text != original:
            made = made.with_original(original)
        if options.output:
            Path(options.output).write_bytes(made.text.encode())
    except OSError as error:
        return refuse(options, f"{error.filename} cannot be used: {error.strerror}", UNUSABLE)
    except UnicodeDecodeError:
        return refuse(options, f"{options.file} is no text in UTF-8.", UNUSABLE)
    except imports.ImportRefused as problem:
        return refuse(options, f"{options.file}: {problem}", UNUSABLE)
    counts = made.counts
    if options.format == "json":
        report = [asdict(told) for told in made.report]
        data = {"dialect": made.dialect, "text": made.text, "report": report, "counts": counts}
        print(json.dumps(data))
    else:
        if not options.output:
            print(made.text, end="")
        for told in made.report:
            if told.verdict != imports.KEPT:
                where = f"{options.file}:{told.line}: {told.verdict}"
                print(
                    f"{where}: {told.element}: {told.message}".replace(": : ", ": "),
                    file=sys.stderr,
                )
        said = f"{counts['kept']} kept, {counts['changed']} changed, {counts['lost']} lost"
        print(f"{options.file} is {made.dialect}: {said}", file=sys.stderr)
    return ERRORS if counts["lost"] else DONE
