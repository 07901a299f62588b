#!/usr/bin/env python
"""Run Django's administrative commands for Callsmith."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.management import execute_from_command_line

        from config.environment import EnvironmentMistake

        try:
            execute_from_command_line(sys.argv)
        except EnvironmentMistake as mistake:
            sys.exit(str(mistake))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
