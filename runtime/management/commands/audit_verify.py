"""`manage.py audit_verify`: compare every record and act with the chain of digests."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from runtime import blocks, verifying


class Command(BaseCommand):
    help = (
        "Prove that nothing of the record was changed since it was written; name the first broken"
        " link. Exit code 0: all of it holds; 1: a link is broken; 2: it could not be looked at."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object")
        parser.add_argument(
            "--head",
            action="store_true",
            help="only print the heads of the chains as JSON, for somebody outside to keep",
        )
        parser.add_argument(
            "--kept",
            type=Path,
            metavar="FILE",
            help="heads printed before: an end that was cut off since is found",
        )
        parser.add_argument("--quiet", action="store_true", help="no progress")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["head"]:
            self.stdout.write(json.dumps(blocks.heads(), indent=2))
            return
        kept = _kept(options["kept"])
        tell = None if options["quiet"] or options["json"] else _Progress(self.stderr)
        report = verifying.verify(kept, tell)
        if options["json"]:
            self.stdout.write(json.dumps(report.as_message()))
        else:
            for line in lines_of(report):
                self.stdout.write(line)
        if not report.ok:
            sys.exit(1)


def lines_of(report: verifying.Report) -> list[str]:
    """Return what was found in words."""
    if report.broken is not None:
        broken = report.broken
        return [
            f"BROKEN at {broken['chain']}, epoch {broken['epoch']}, number {broken['number']}",
            *([f"  {broken['subject']}"] if broken["subject"] else []),
            f"  {broken['what']}",
        ]
    lines = [f"{report.records:,} records of calls and {report.acts:,} acts are as written."]
    if report.erased:
        lines.append(f"{report.erased:,} records were erased by a rule; acts tell which and when.")
    if report.not_kept:
        lines.append(f"{report.not_kept:,} records were never stored: their flows keep less.")
    if report.before:
        lines.append(f"{report.before:,} rows are older than the chain; nothing is proved of them.")
    if report.waiting:
        lines.append(f"{report.waiting:,} acts of the last moment are not in the chain yet.")
    for name, head in report.heads.items():
        lines.append(f"head of {name}: {head['link']} (block {head['position']})")
    return lines


class _Progress:
    def __init__(self, out: Any) -> None:
        self._out = out
        self._next = 0.0

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() >= self._next or done == total:
            self._next = time.monotonic() + 1.0
            self._out.write(f"{done:,} of {total:,}", ending="\n" if done == total else "\r")
            self._out.flush()


def _kept(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        kept = json.loads(path.read_text())
        return {
            name: {"position": int(h["position"]), "link": h["link"]} for name, h in kept.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(f"{path} holds no heads: {error}", returncode=2) from error
