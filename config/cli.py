"""The command line: `callsmith VERB ...`, the same as `manage.py callsmith VERB ...`.

`check` reads files and needs neither database nor server, so nothing of Django
is imported before a verb asks for it.
"""

import argparse
import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; return its exit code (0 done, 1 refused or errors found, 2 unusable)."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.needs_django:
        setup_django()
    return int(options.run(options))


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
