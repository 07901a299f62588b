"""The designer's verbs of the command line: check files, import them as versions.

`check` and `schema` need neither database nor settings: only the language is imported for them.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from designer import (
    convert_command,
    coverage_command,
    folder_commands,
    list_command,
    review_command,
    scenario_commands,
    token_commands,
)

DONE, ERRORS, UNUSABLE = 0, 1, 2
STOPPED = 130
"""What shells call a program that Ctrl-C ended."""
STANDARD_INPUT = "-"
EXPORTS = ("dot", "mermaid", "markdown", "csv", "svg", "pdf", "png")
DEEP_SECONDS = 60.0
DEEPER_SECONDS = 600.0
"""A file that takes longer is walked no further, and that is said (META992)."""


def add_parsers(verbs: Any) -> None:
    """Add the verbs to the command line's parser."""
    parser = verbs.add_parser("check", help="say what is wrong with YAML files")
    parser.add_argument("files", nargs="*", metavar="FILE", help="- is the standard input")
    parser.add_argument("--explain", metavar="CODE", help="say all about one code, and stop")
    parser.add_argument(
        "--deep", action="store_true", help="walk through everything calls can do as well"
    )
    parser.add_argument(
        "--deeper",
        action="store_true",
        help="the same with lost and repeated messages, and mutants for properties: minutes",
    )
    parser.add_argument("--fix", action="store_true", help="mend in the files what is plain")
    parser.add_argument(
        "--color", choices=["auto", "always", "never"], default="auto", help="for people"
    )
    finish(parser, check, needs_django=False, formats=("text", "json", "sarif"))
    parser = verbs.add_parser("schema", help="print the JSON Schema of call flows, for editors")
    finish(parser, schema, needs_django=False)
    parser = verbs.add_parser("diff", help="say what a new version does otherwise than the old")
    parser.add_argument("old", metavar="OLD")
    parser.add_argument("new", metavar="NEW")
    parser.add_argument("--cosmetic", action="store_true", help="name changes without effect too")
    finish(parser, diff, needs_django=False)
    parser = verbs.add_parser("export", help="write all flows as files, or a file as a picture")
    parser.add_argument("file", metavar="FILE", nargs="?", help="- is the standard input")
    parser.add_argument(
        "--all", metavar="DIR", help="write the newest version of each flow into this folder"
    )
    parser.add_argument("--json", action="store_true", help="with --all: answer as JSON")
    parser.add_argument("--format", choices=EXPORTS, default="mermaid", help="of a picture")
    parser.add_argument("--output", metavar="FILE", help="instead of the standard output")
    parser.add_argument("--role", choices=["UAC", "UAS"], help="only what this role takes")
    parser.set_defaults(run=export, needs_django=lambda options: options.all is not None)
    parser = verbs.add_parser("import", help="make files new versions of their flows")
    parser.add_argument(
        "files", nargs="+", metavar="FILE|DIR", help="of a folder each file .yaml is one flow"
    )
    parser.add_argument("--name", help="the flow's name (one file only)")
    finish(parser, folder_commands.import_files)
    list_command.add_parser(verbs, finish)
    scenario_commands.add_parser(verbs, finish)
    coverage_command.add_parser(verbs, finish)
    review_command.add_parser(verbs, finish)
    convert_command.add_parser(verbs, finish)
    token_commands.add_parser(verbs, finish)


def finish(
    parser: ArgumentParser,
    run: Any,
    *,
    needs_django: bool | Callable[[Namespace], bool] = True,
    formats: Sequence[str] = ("text", "json"),
) -> None:
    """Give a verb what all verbs have: the format of its answer, and the function that does it."""
    parser.add_argument("--format", choices=formats, default="text", help="of the answer")
    parser.add_argument(
        "--json", dest="format", action="store_const", const="json", help="as --format json"
    )
    parser.set_defaults(run=run, needs_django=needs_django)


def answer(options: Namespace, data: dict[str, Any], text: str) -> None:
    """Print the answer as the caller wants it."""
    print(json.dumps(data, default=str) if options.format == "json" else text)


def refuse(options: Namespace, message: str, code: int = ERRORS) -> int:
    """Say why a verb was not done and return the exit code."""
    if options.format == "json":
        print(json.dumps({"error": message}))
    else:
        print(message, file=sys.stderr)
    return code


def refuse_aloud(message: str, code: int) -> int:
    """Say it on standard error, whatever the format of the answer, and return the exit code."""
    print(message, file=sys.stderr)
    return code


def check(options: Namespace) -> int:
    """Check files: 0 no errors, 1 errors, 2 a file cannot be used, 130 stopped by Ctrl-C."""
    from flows import plugins, report

    plugins.load()
    if options.explain:
        return _explain(options)
    if not options.files:
        return refuse(options, "Name the files to check, or a code to --explain.", UNUSABLE)
    if options.fix:
        problem = _mend_files(options)
        if problem:
            return refuse(options, problem, UNUSABLE)
    judged: list[Any] = []
    try:
        for name in options.files:
            judged.append(_judge(name, _tier(options)))
    except KeyboardInterrupt:
        # What was judged is told; the rest is unknown, which no exit code of a verdict says.
        print(_judgement(options, judged))
        rest = ", ".join(options.files[len(judged) :])
        return refuse_aloud(f"Stopped. Not checked to the end: {rest}.", STOPPED)
    print(_judgement(options, judged))
    return report.exit_code(judged)


def _judgement(options: Namespace, judged: Sequence[Any]) -> str:
    from flows import report
    from flows.sarif import as_sarif
    from flows.terminal import as_terminal

    if options.format == "sarif":
        return as_sarif(judged)
    if options.format == "json":
        return report.as_json(judged)
    person = options.color == "always" or (options.color == "auto" and sys.stdout.isatty())
    if not person:
        return report.as_text(judged)
    return as_terminal(judged, colour=options.color == "always" or "NO_COLOR" not in os.environ)


def _explain(options: Namespace) -> int:
    from flows.check.catalogue import catalogue, explained

    try:
        text = explained(options.explain)
    except KeyError as unknown:
        return refuse(options, unknown.args[0], UNUSABLE)
    entry = catalogue()[options.explain.upper()]
    answer(options, {"code": entry.code, "severity": entry.severity.value, "text": text}, text)
    return DONE


def _mend_files(options: Namespace) -> str:
    """Mend each file that can be read in place; say on standard error what was done."""
    from flows.dialects import NATIVE, import_text
    from flows.document import MAX_BYTES
    from flows.mend import mend

    for name in options.files:
        path = Path(name)
        if name == STANDARD_INPUT:
            return "--fix writes files; the standard input is none."
        try:
            if path.stat().st_size > MAX_BYTES:
                continue
            text = path.read_bytes().decode()
            if import_text(text).dialect != NATIVE:
                continue
            done = mend(text)
            if done.mended:
                path.write_bytes(done.text.encode())
        except UnicodeDecodeError:
            continue
        except OSError as error:
            return f"{name} cannot be mended: {error.strerror}"
        for finding in done.mended:
            print(f"{name}:{finding.place.line}: mended {finding.code}", file=sys.stderr)
    return ""


def schema(options: Namespace) -> int:
    """Print the JSON Schema that editors complete and check call flows by."""
    from flows import plugins
    from flows.schema import json_schema

    plugins.load()
    text = json.dumps(json_schema(), indent=1, ensure_ascii=False)
    print(text)
    return DONE


def _tier(options: Namespace) -> int:
    """How deep to look: 1 the text, 2 all orders of events, 3 with more patience."""
    return 3 if options.deeper else 2 if options.deep else 1


def _judge(name: str, tier: int = 1) -> Any:
    from flows import report
    from flows.check.deep import Bounds
    from flows.document import MAX_BYTES

    try:
        # One byte more than allowed is enough to be told that it is too much.
        if name == STANDARD_INPUT:
            raw = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
        text = raw.decode(errors="replace") if len(raw) > MAX_BYTES else raw.decode()
    except OSError as error:
        return report.unusable(name, f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        return report.unusable(name, "is no text in UTF-8")
    bounds = None
    if tier > 1:
        ends = time.monotonic() + (DEEP_SECONDS if tier == 2 else DEEPER_SECONDS)
        bounds = Bounds(late=lambda: time.monotonic() > ends)
    return report.judge(name, text, datetime.date.today(), bounds, max(tier, 2))


def diff(options: Namespace) -> int:
    """Compare two files: 0 calls go on as before, 1 they do something else, 2 unusable."""
    from flows import changes, difference, plugins
    from flows.compile import compile_text
    from flows.dialects import import_text

    plugins.load()
    tables = []
    for name in (options.old, options.new):
        try:
            text = Path(name).read_bytes().decode()
        except OSError as error:
            return refuse(options, f"{name} cannot be read: {error.strerror}", UNUSABLE)
        except UnicodeDecodeError:
            return refuse(options, f"{name} is no text in UTF-8.", UNUSABLE)
        table = compile_text(import_text(text).text).table
        if table is None:
            return refuse(options, f"{name} does not compile; `check` says why.", UNUSABLE)
        tables.append(table)
    rows = changes.changes(tables[0], tables[1])
    found = difference.difference(tables[0], tables[1])
    told = f"{changes.as_text(rows, cosmetic=options.cosmetic)}\n\n{difference.as_text(found)}"
    answer(options, {**found.as_dict(), "rows": rows.as_dict()}, told)
    return DONE if found.change in (difference.SAME, difference.REFINEMENT) else ERRORS


def export(options: Namespace) -> int:
    """Write all flows into a folder, or one file in another format."""
    if (options.all is None) == (options.file is None):
        return refuse_aloud("Name a FILE to draw, or --all DIR to write all flows.", UNUSABLE)
    if options.all is None:
        return export_file(options)
    options.format = "json" if options.json else "text"
    return folder_commands.export_all(options)


def export_file(options: Namespace) -> int:
    """Write one file in another format: 0 done, 1 no picture, 2 unusable."""
    from designer import pictures
    from designer.errors import Refused
    from flows import plugins
    from flows.compile import compile_text
    from flows.draw import dot
    from flows.export import FORMATS

    plugins.load()
    try:
        if options.file == STANDARD_INPUT:
            raw = sys.stdin.buffer.read()
        else:
            raw = Path(options.file).read_bytes()
        compiled = compile_text(raw.decode())
        table = compiled.table or compiled.sketch
        if table is None:
            print(f"{options.file} cannot be read as a table; `check` says why.", file=sys.stderr)
            return UNUSABLE
        if options.format in pictures.MEDIA_TYPES:
            content = pictures.picture(dot(table, role=options.role), options.format)
        elif options.format == "dot":
            content = dot(table, role=options.role).encode()
        else:
            content = FORMATS[options.format].write(table).encode()
        if options.output:
            Path(options.output).write_bytes(content)
        else:
            sys.stdout.buffer.write(content)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return UNUSABLE
    except UnicodeDecodeError:
        print(f"{options.file} is no text in UTF-8.", file=sys.stderr)
        return UNUSABLE
    except Refused as refused:
        print(refused.message, file=sys.stderr)
        return ERRORS
    return DONE
