"""The verb `list`: the flows as the first page shows them."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

DONE = 0


def add_parser(verbs: Any, finish: Any) -> None:
    """Add the verb to the command line's parser."""
    finish(verbs.add_parser("list", help="list the flows: saved, deployed, live"), run)


def run(options: Namespace) -> int:
    """List the flows by name: always 0."""
    from designer import selectors
    from designer.commands import answer

    lines = selectors.flow_lines(None)
    data = [
        {
            "name": line.name,
            "status": line.status["key"],
            "version": line.version_label,
            "deployed": line.deployed_label,
            "live_calls": line.live_calls,
            "errors": line.errors,
            "warnings": line.warnings,
            "description": line.description,
        }
        for line in lines
    ]
    text = [_text(line) for line in lines]
    answer(options, {"flows": data}, "\n".join(text) or "There are no flows.")
    return DONE


def _text(line: Any) -> str:
    deployed = f"{line.deployed_label} deployed" if line.deployed_label else "-"
    live = f"{line.live_calls} live"
    errors = f"  {line.errors} errors" if line.errors else ""
    return (
        f"{line.name:<24} {line.status['label']:<13} {line.version_label or '-':<5}"
        f" {deployed:<14} {live}{errors}"
    )
