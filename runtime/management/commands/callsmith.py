"""`manage.py callsmith VERB ...`: the verbs of the `callsmith` command line."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.module_loading import import_string


class Command(BaseCommand):
    help = "The verbs of the callsmith command line: check, import, deploy, route, call ..."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        # The verbs bring their own parser; Django's would refuse what it does not know.
        sys.exit(import_string("config.cli.main")(argv[2:]))

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", nargs="*")

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(import_string("config.cli.main")(options["verb"]))
