"""docs/guide/cli.md, made of the parser itself: `python -m config.guide` writes it."""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

from config.cli import build_parser

PAGE = Path(__file__).resolve().parent.parent / "docs" / "guide" / "cli.md"
HEAD = """\
# The command line

`./callsmith VERB ...` is the product without the browser, with the same rules. This page is made
of the parser (`make docs`); `callsmith VERB --help` says the same.

Every verb answers in text, and with `--json` in JSON on the standard output. Why something was
refused stands on the standard error, or in JSON as `{"error": ...}`.

| Exit code | Means |
| --- | --- |
| 0 | done; nothing is wrong |
| 1 | refused, or what was looked for was found: an error, a difference, a call that changed |
| 2 | a file, a flow or the database cannot be used |
| 130 | stopped by Ctrl-C |

## A folder that git likes

```
callsmith export --all flows/       # one file per flow, exactly the text of its newest version
git -C flows diff                   # unchanged flows are not written
callsmith import flows/             # versions of what changed only, by file:NAME; all or none
```

## Before a deployment

```
callsmith check --deep flows/support.yaml && callsmith test flows/support.yaml
callsmith replay support --file flows/support.yaml    # what recorded calls would do otherwise
callsmith import flows/ && callsmith deploy support --wait
callsmith rollback support --wait                     # and back
```

## For programs

```
TOKEN=$(callsmith token add alice nightly --days 90)  # for the API; printed this one time
```

See [the JSON API](json-api.md).
"""


def page() -> str:
    """Return the whole page."""
    return HEAD + "".join(_verbs(build_parser(), "callsmith"))


def _verbs(parser: argparse.ArgumentParser, before: str) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            told = {each.dest: each.help or "" for each in action._choices_actions}
            for name, verb in action.choices.items():
                yield from _verb(verb, f"{before} {name}", told.get(name, ""))


def _verb(parser: argparse.ArgumentParser, name: str, about: str) -> Iterator[str]:
    run = parser.get_default("run")
    if run is None:
        yield from _verbs(parser, name)
        return
    yield f"\n## {name}\n\n{about[:1].upper()}{about[1:]}.\n\n{_said(run)}\n\n"
    yield "| | |\n| --- | --- |\n"
    for action in parser._actions:
        if not isinstance(action, argparse._HelpAction):
            yield f"| `{_name(action)}` | {_meaning(action)} |\n"


def _said(run: object) -> str:
    return " ".join((inspect.getdoc(run) or "").split())


def _name(action: argparse.Action) -> str:
    value = str(action.metavar or action.dest)
    if action.option_strings:
        shown = ", ".join(action.option_strings)
        if action.nargs == 0:
            return shown
        choice = "\\|".join(map(str, action.choices)) if action.choices else ""
        return f"{shown} {choice or str(action.metavar or action.dest.upper())}"
    value = value if action.metavar else value.upper()
    value = value.replace("|", "\\|")
    return {"*": f"[{value} ...]", "+": f"{value} ...", "?": f"[{value}]"}.get(
        str(action.nargs), value
    )


def _meaning(action: argparse.Action) -> str:
    told = (action.help or "").replace("|", "\\|")
    shown = action.default not in (None, "", False, argparse.SUPPRESS) and action.choices
    return f"{told} ({action.default} if not said)".strip() if shown else told


def main() -> int:
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
