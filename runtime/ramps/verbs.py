"""The verbs of the command line for deployments in steps: `deploy --ramp`, and `ramp`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from designer.commands import DONE, ERRORS, answer, refuse

WAITS = 3
"""Exit code: it is on, and nothing is decided."""
STEPS = "careful"


def add_deploy_options(parser: Any) -> None:
    """Let `deploy` begin in steps."""
    parser.add_argument(
        "--ramp", metavar="STEPS", nargs="?", const=STEPS,
        help="in steps: careful (the usual one), quick, test, or `5 %% 20 min, 25 %% 30 min`",
    )  # fmt: skip
    for name, metavar, about in (
        ("source", "NETWORK", "with --ramp: only calls from this network"),
        ("number", "PATTERN", "with --ramp: only calls to these numbers"),
        ("caller", "PATTERN", "with --ramp: a test caller, who always takes it"),
        ("limit", "FIGURE=N", "with --ramp: watch this figure, and how far it may be worse"),
    ):
        parser.add_argument(f"--{name}", metavar=metavar, action="append", default=[], help=about)


def add_parser(verbs: Any, finish: Callable[..., None]) -> None:
    """Add the verb `ramp`."""
    parser = verbs.add_parser("ramp", help="say how a deployment in steps does, or control it")
    parser.add_argument("flow")
    acts = parser.add_mutually_exclusive_group()
    acts.add_argument("--hold", dest="act", action="store_const", const="hold",
                      help="stay at this step")  # fmt: skip
    acts.add_argument("--resume", dest="act", action="store_const", const="resume",
                      help="let it go on by itself again")  # fmt: skip
    acts.add_argument("--go", dest="act", action="store_const", const="go",
                      help="go to the next step now")  # fmt: skip
    acts.add_argument("--back", dest="act", action="store_const", const="back",
                      help="take the version back")  # fmt: skip
    parser.add_argument("--reason", metavar="TEXT", default="", help="it is kept and shown")
    finish(parser, ramp)


def start(options: Namespace, version: Any) -> int:
    """Begin to deploy a version in steps: 0 begun, 1 refused."""
    from designer.errors import Refused
    from runtime.ramps import services
    from runtime.ramps.plan import Plan, read_steps
    from runtime.ramps.telling import as_data

    try:
        plan = Plan(
            steps=read_steps(options.ramp),
            sources=tuple(options.source),
            numbers=tuple(options.number),
            callers=tuple(options.caller),
            limits=dict(_limit(each) for each in options.limit),
        )
        begun = services.start(version=version, plan=plan, reason=options.reason)
    except Refused as refusal:
        return refuse(options, refusal.message)
    answer(options, as_data(begun), begun.marks.last().sentence)  # type: ignore[union-attr]
    return DONE


def ramp(options: Namespace) -> int:
    """Tell how the last deployment in steps does, after an act if one is asked for.

    0 it is done or passes so far, 1 refused or rolled back, 3 undecided, waiting or held.
    """
    from designer import selectors
    from designer.errors import Refused
    from runtime.ramps import services
    from runtime.ramps.telling import as_data

    flow = selectors.flow_named(options.flow)
    if flow is None:
        return refuse(options, f"There is no flow named {options.flow}.")
    found = services.newest(flow)
    if found is None:
        return refuse(options, f"{flow.name} was never deployed in steps.")
    if options.act:
        try:
            services.ACTS[options.act](ramp=found, reason=options.reason)
        except Refused as refusal:
            return refuse(options, refusal.message)
        found = services.newest(flow)
        assert found is not None
    answer(options, as_data(found), "\n".join(lines(found)))
    if options.act:
        return DONE
    return code_of(found)


def code_of(found: Any) -> int:
    """Return the exit code that tells how a ramp stands."""
    if found.state == "back":
        return ERRORS
    passes = found.judgement.get("verdict") == "pass" and found.state == "running"
    return DONE if found.state == "promoted" or passes else WAITS


def lines(found: Any) -> list[str]:
    """Return how a ramp stands, for people: a sentence, then a line for each figure."""
    from runtime.ramps import judging
    from runtime.ramps.figures import FIGURES
    from runtime.ramps.telling import sentence_of

    state = {"back": "rolled back", "promoted": "done"}.get(found.state, found.state)
    number, old = found.deployment.version.number, found.stable.version.number
    said = [
        f"{found.flow.name} v{number} {state} at {found.percent:g} % beside v{old}."
        f" {sentence_of(found)}".rstrip()
    ]
    for each in found.judgement.get("figures", []):
        figure = FIGURES[each["key"]]
        said.append(
            f"  {figure.title:<31} v{old} {judging.value(figure, each['stable']):>8}"
            f"  v{number} {judging.value(figure, each['candidate']):>8}"
            f"  {judging.signed(figure, each['difference']):>9}  {each['verdict']}"
        )
    return said


def _limit(text: str) -> tuple[str, float]:
    from designer.errors import Refused

    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError:
        raise Refused(f"--limit {text} is no limit: write answered=0.05.") from None
