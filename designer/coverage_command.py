"""The verb `coverage`: which rows of a version were exercised, by tests and by recorded calls."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from designer.coverage import Coverage

DONE, OPEN, UNUSABLE = 0, 1, 2


def add_parser(verbs: Any, finish: Any) -> None:
    """Add the verb to the command line's parser."""
    parser = verbs.add_parser("coverage", help="say which rows of a version were exercised")
    parser.add_argument("flow", metavar="FLOW")
    parser.add_argument("--version", type=int, help="its number (the newest one by default)")
    parser.add_argument(
        "--base", type=int, help="rows count as changed against this one (what runs by default)"
    )
    parser.add_argument("--verbose", action="store_true", help="name the covered rows as well")
    finish(parser, run)


def run(options: Namespace) -> int:
    """Say it: 0 every changed row is covered, 1 one is not, 2 there is no such version."""
    from designer import coverage, selectors
    from designer.commands import answer, refuse

    flow = selectors.flow_named(options.flow)
    if flow is None:
        return refuse(options, f"There is no flow named {options.flow}.", UNUSABLE)
    number = options.version
    version = (
        selectors.newest_version(flow) if number is None else selectors.version_of(flow, number)
    )
    if version is None:
        said = "yet" if number is None else number
        return refuse(options, f"{flow.name} has no version {said}.", UNUSABLE)
    base = coverage.usual_base(version)
    if options.base is not None:
        base = selectors.version_of(flow, options.base)
        if base is None:
            return refuse(options, f"{flow.name} has no version {options.base}.", UNUSABLE)
    found = coverage.coverage_of(version, base)
    answer(options, {"flow": flow.name, **found.as_dict()}, _as_text(found, options.verbose))
    return DONE if found.changed_covered == len(found.changed) else OPEN


def _as_text(found: Coverage, verbose: bool) -> str:
    rows = found.rows if verbose else found.open
    lines = [
        f"  {'~' if row.changed else ' '} line {row.line:>4}  T{row.tests} C{row.calls}"
        f"  {row.words}"
        for row in rows
    ]
    if found.base is not None:
        lines.append(
            f"{found.changed_covered} of {len(found.changed)} rows changed since"
            f" {found.base.label} are covered."
        )
    lines.append(
        f"{found.version}: {found.covered} of {found.total} rows covered;"
        f" by tests {found.by_tests}, by {found.looked} recorded calls {found.by_calls}."
    )
    return "\n".join(lines)
