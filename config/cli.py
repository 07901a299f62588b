"""The command line: `callsmith VERB ...`, the same as `manage.py callsmith VERB ...`.

`check` reads files and needs neither database nor server, so nothing of Django
is imported before a verb asks for it.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from config.environment import EnvironmentMistake
from designer.commands import UNUSABLE, refuse

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; return its exit code (0 done, 1 refused or errors found, 2 unusable)."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    options = build_parser().parse_args(arguments)
    try:
        needed = options.needs_django
        needed = needed(options) if callable(needed) else needed
        code = with_django(options) if needed else int(options.run(options))
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the answer has seen enough. What is still buffered has no reader either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def with_django(options: argparse.Namespace) -> int:
    """Run a verb that needs settings and database; what is wrong with those is said in words."""
    try:
        setup_django()
    except EnvironmentMistake as mistake:
        return refuse(options, str(mistake), UNUSABLE)
    from django.db import DatabaseError

    try:
        return int(options.run(options))
    except DatabaseError as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        hint = "`make run` sets it up; CALLSMITH_DATA or DATABASE_URL say which one is meant."
        return refuse(options, f"The database cannot be used: {reason}. {hint}", UNUSABLE)


def build_parser() -> argparse.ArgumentParser:
    from designer import commands as designer_commands
    from runtime import commands as runtime_commands

    parser = argparse.ArgumentParser(prog="callsmith", description="Call flows by command line.")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    designer_commands.add_parsers(verbs)
    runtime_commands.add_parsers(verbs)
    return parser


def setup_django() -> None:
    import django

    django.setup()


if __name__ == "__main__":
    sys.exit(main())
