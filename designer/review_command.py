"""The verb `review`: how the newest version of a flow stands on its way to a deployment, for CI.

callsmith review support              # 0: nothing is lacking; 1: something is; 2: no such flow
callsmith review support --version 4
callsmith review support --ask --by ada --message "Hold again after 491"
callsmith review support --require --high 2       # what the flow asks for from now on
"""

from __future__ import annotations

from argparse import Namespace
from typing import Any

DONE, LACKING, UNUSABLE = 0, 1, 2


def add_parser(verbs: Any, finish: Any) -> None:
    """Add the verb to the command line's parser."""
    parser = verbs.add_parser("review", help="say what a version lacks before calls take it")
    parser.add_argument("flow", metavar="FLOW")
    parser.add_argument("--version", type=int, default=0, help="instead of the newest")
    parser.add_argument("--ask", action="store_true", help="ask for a review of it (needs --by)")
    parser.add_argument("--by", metavar="NAME", default="", help="the log-in name of who asks")
    parser.add_argument("--message", default="", help="what to look at")
    rule = parser.add_mutually_exclusive_group()
    rule.add_argument("--require", action="store_true", help="let no version pass without a review")
    rule.add_argument("--free", action="store_true", help="take the flow's own rule away")
    for level in ("low", "medium", "high"):
        parser.add_argument(
            f"--{level}", type=int, metavar="N", help=f"with --require: approvals of {level} risk"
        )
    finish(parser, run)


def run(options: Namespace) -> int:
    """Tell how a version stands: 0 if nothing is lacking, 1 if something is, 2 if unusable."""
    from designer import selectors
    from designer.commands import answer, refuse
    from designer.errors import Refused

    flow = selectors.flow_named(options.flow)
    newest = selectors.newest_version(flow) if flow is not None else None
    version = newest
    if flow is not None and options.version:
        version = selectors.version_of(flow, options.version)
    if flow is None or version is None:
        number = f" version {options.version}" if options.version else " version"
        said = f"There is no flow {options.flow}." if flow is None else f"It has no{number}."
        return refuse(options, said, UNUSABLE)
    try:
        _change(options, flow)
        if options.ask:
            _ask(options, version)
    except Refused as refusal:
        return refuse(options, refusal.message, LACKING)
    data, lacks = _told(version)
    answer(options, data, _text(data, lacks))
    return LACKING if lacks else DONE


def _change(options: Namespace, flow: Any) -> None:
    """Set or clear what the flow asks for. Whoever may write the database may."""
    from dataclasses import replace

    from designer.reviews import rules

    if options.free:
        rules.rule_set(flow=flow, user=None, by_name="command line", rule=None)
    if options.require:
        given = {
            level: getattr(options, level)
            for level in ("low", "medium", "high")
            if getattr(options, level) is not None
        }
        rule = replace(rules.rule_of(flow), required=True, **given)
        rules.rule_set(flow=flow, user=None, by_name="command line", rule=rule)


def _ask(options: Namespace, version: Any) -> None:
    from django.contrib.auth import get_user_model

    from designer.errors import Refused
    from designer.reviews import services

    user = get_user_model().objects.filter(username=options.by, is_active=True).first()
    if user is None:
        raise Refused(f"Nobody is called {options.by}." if options.by else "--ask needs --by NAME.")
    services.review_request(version=version, user=user, message=options.message)


def _told(version: Any) -> tuple[dict[str, Any], list[Any]]:
    from designer.models import Review
    from designer.reviews import gate, rules
    from designer.reviews.standing import base_of
    from designer.reviews.telling import line_of

    reviews = Review.objects.filter(flow=version.flow, version__digest=version.digest)
    review = reviews.select_related("flow", "version", "base").order_by("-number").first()
    lacks = gate.lacks(version)
    checks = gate.checks_of(version, base_of(version))
    return {
        "flow": version.flow.name,
        "version": version.number,
        "digest": version.digest,
        "rule": rules.rule_of(version.flow).words,
        "review": line_of(review) if review is not None else None,
        "checks": [check.as_dict() for check in checks],
        "lacks": [lack.as_dict() for lack in lacks],
    }, lacks


def _text(data: dict[str, Any], lacks: list[Any]) -> str:
    review = data["review"]
    lines = [f"{data['flow']} v{data['version']} {data['digest'][:12]}", data["rule"]]
    lines.append(
        f"Review {review['number']}: {review['state']}. {review['sentence']}"
        if review
        else "Nobody asked for a review of it."
    )
    lines += [f"  {c['state']:<11} {c['title']}: {c['sentence']}" for c in data["checks"]]
    if lacks:
        lines += ["Lacking before calls take it:", *(f"  {lack.sentence}" for lack in lacks)]
    else:
        lines.append("Nothing is lacking.")
    return "\n".join(lines)
