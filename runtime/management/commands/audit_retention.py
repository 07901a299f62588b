"""`manage.py audit_retention`: take out what no rule keeps, or what names a person."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from designer.errors import Refused
from runtime import retention


class Command(BaseCommand):
    help = "Apply the rules of all flows about how long their calls are kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")
        parser.add_argument("--erase", metavar="NUMBER", help="everything that names this caller")
        parser.add_argument("--reason", default="", help="why they are erased; it is kept")

    def handle(self, *args: Any, **options: Any) -> None:
        dry = options["dry_run"]
        try:
            if options["erase"]:
                done = [
                    retention.erase_person(
                        options["erase"],
                        by_name=getpass.getuser(),
                        reason=options["reason"],
                        dry=dry,
                    )
                ]
            else:
                done = retention.run(dry=dry)
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        for each in done:
            rows = "" if dry else f", {each.rows:,} rows"
            word = "would go" if dry else "gone"
            self.stdout.write(f"{each.rule}: {each.sessions:,} calls{rows} {word}")
        if not done:
            self.stdout.write("Nothing is older than the rules say.")
