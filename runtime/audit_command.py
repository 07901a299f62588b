"""`callsmith audit`: acts of people and of the product, proof, heads."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from designer.commands import DONE, ERRORS, answer, refuse

MOST = 200


def add_parser(verbs: Any, finish: Callable[..., None]) -> None:
    """Add the verb to the command line's parser."""
    acts = verbs.add_parser("audit", help="who did what, and whether the record holds")
    acts = acts.add_subparsers(dest="act", metavar="list|verify|heads", required=True)
    parser = acts.add_parser("list", help="acts of people and of the product, newest first")
    for name, said in (
        ("who", "part of who did it"),
        ("act", "what, as deployment.make"),
        ("flow", "about this flow"),
        ("since", "a date (UTC), or how long ago: 2h"),
        ("until", "as --since"),
    ):
        parser.add_argument(f"--{name}", default="", help=said)
    parser.add_argument("--limit", type=int, default=50, help="how many (50, at most 200)")
    finish(parser, acts_list)
    parser = acts.add_parser("verify", help="compare everything with its chain")
    parser.add_argument("--kept", type=Path, metavar="FILE", help="heads that were kept")
    finish(parser, verify)
    finish(acts.add_parser("heads", help="the newest link of each chain, to be kept"), heads)


def acts_list(options: Namespace) -> int:
    """List acts, masked."""
    from runtime import acts_list as acts

    wanted = acts.ActFilter.of(vars(options))
    found = acts.acts(wanted)[: max(1, min(options.limit, MOST))]
    lines = [
        {**acts.line_of(each), "when": each.at.isoformat(timespec="seconds")} for each in found
    ]
    text = [
        f"{each['when']}  {each['by']:<16} {each['act']:<18} {each['flow']:<20}"
        f" {each['subject']}{'  ' + each['reason'] if each['reason'] else ''}"
        for each in lines
    ]
    answer(options, {"acts": lines}, "\n".join(text) or "Nobody did anything like that.")
    return DONE


def verify(options: Namespace) -> int:
    """Walk through the chains: 0 all of it holds, 1 a link is broken."""
    from runtime import verifying
    from runtime.management.commands.audit_verify import lines_of

    kept = {}
    if options.kept is not None:
        try:
            kept = json.loads(options.kept.read_text())
        except (OSError, ValueError) as error:
            return refuse(options, f"{options.kept} holds no heads: {error}")
    report = verifying.verify(kept)
    answer(options, report.as_message(), "\n".join(lines_of(report)))
    return DONE if report.ok else ERRORS


def heads(options: Namespace) -> int:
    """Print the heads as JSON, whether asked for JSON or not."""
    from runtime import blocks

    found = blocks.heads()
    answer(options, found, json.dumps(found, indent=2))
    return DONE
