"""Reviews of a flow: the list with what the flow asks for, one of them, and every act in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from designer import behaviour, comparing, facts, selectors, verdicts
from designer.access import change, may, page
from designer.errors import Refused
from designer.models import Comment, Flow, Review, Version
from designer.required import Check
from designer.reviews import gate, places, rules, services
from designer.reviews.places import Thread
from designer.reviews.rules import Rule
from designer.reviews.standing import Standing, standing_of, standings, writers_of
from designer.views.shell import done, flow_or_404, refused, show
from designer.views.versions import version_or_404
from flows import anchors

MOST_LISTED = 100
MOST_REASONS = 3
"""Of one kind that are said one by one."""


@page("flow.view")
def flow_reviews(request: HttpRequest, name: str) -> HttpResponse:
    """Show the reviews of a flow. Context: flow, standings, rule, versions, chosen, reviewers."""
    flow = flow_or_404(name)
    found = Review.objects.filter(flow=flow).select_related("flow", "version", "base")
    wanted = request.GET.get("version", "")
    newest = selectors.newest_version(flow)
    chosen = selectors.version_of(flow, int(wanted)) if _number(wanted) else newest
    rule, open_ = rules.rule_of(flow), services.open_review(flow)
    context = {
        "flow": flow,
        "standings": standings(found.order_by("-number")[:MOST_LISTED]),
        "rule": rule,
        "levels": [("low", rule.low), ("medium", rule.medium), ("high", rule.high)],
        "may_rule": may(request.user, "review.rule", flow),
        "versions": list(selectors.versions_of(flow)[:20]),
        "chosen": chosen or newest,
        "open": open_,
        "open_stale": open_ is not None and bool(standing_of(open_).stale),
        "reviewers": reviewers_of(flow, request.user),
    }
    return show(request, "designer/reviews.html", context, nav="flows")


@page("flow.view")
def flow_review(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Show one review. Context: flow, review, standing, tables, lines, threads, noticed, checks,
    people, rights of the reader, boot."""
    flow = flow_or_404(name)
    review = review_or_404(flow, number)
    if request.GET.get("part") == "pulse":
        return JsonResponse({"stamp": _stamp(review)})
    old = review.base.text if review.base is not None else ""
    new = review.version.text
    tables = comparing.compared(old, new) if review.base is not None else _first(new)
    standing = standing_of(review)
    found = behaviour.compared(old, new) if review.base is not None else None
    checks = gate.checks_of(review.version, review.base)
    context = {
        "flow": flow,
        "review": review,
        "version": review.version,
        "base": review.base,
        "standing": standing,
        "tables": tables,
        "counts": _counts(tables),
        "lines": selectors.compare(old, new),
        "noticed": _noticed(flow, found),
        "reasons": _reasons(review),
        "behaviour": found,
        "checks": checks,
        "open_checks": sum(check.holds_back for check in checks),
        "newest": selectors.newest_version(flow),
        "is_deployed": _is_deployed(flow, review.version),
        **_said(review, tables),
        **_people(request, review, standing, checks),
        "boot": _boot(review, tables),
    }
    _deploying(context)
    return show(request, "designer/review.html", context, nav="flows")


@page("flow.view")
def version_lacks(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Tell what a version lacks before it may be deployed: `{"required", "lacks", "review"}`."""
    flow = flow_or_404(name)
    found = gate.lacks(version_or_404(flow, number))
    return JsonResponse({**gate.way_of(flow), "lacks": [lack.as_dict() for lack in found]})


@change("review.request")
def review_request(request: HttpRequest, name: str) -> HttpResponse:
    """Ask for a review of a version, or ask again in the one that is open."""
    flow = flow_or_404(name)
    wanted = request.POST.get("version", "")
    if not _number(wanted):
        raise Http404(f"{name} has no version {wanted[:20]}.")
    version = version_or_404(flow, int(wanted))
    keys = [int(key) for key in request.POST.getlist("reviewer") if _number(key)]
    try:
        review = services.review_request(
            version=version,
            user=request.user,
            message=request.POST.get("message", ""),
            reviewers=list(get_user_model().objects.filter(pk__in=keys, is_active=True)),
        )
    except Refused as refusal:
        return refused(request, refusal, "flow_reviews", name)
    said = f"Review {review.number} is asked for: {version.label} of {name}."
    return done(request, said, {"review": review.number}, "flow_review", name, review.number)


@change("review.judge")
def review_judge(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Approve, or ask for changes."""
    verdict = request.POST.get("verdict", "")
    words = {"approved": "You approved it.", "changes": "Changes are asked for."}

    def act(review: Review) -> str:
        services.review_judge(
            review=review,
            user=request.user,
            verdict=verdict,
            note=request.POST.get("note", ""),
            digest=request.POST.get("digest", ""),
        )
        return words[verdict]

    return _acted(request, name, number, act)


@change("review.request")
def review_withdraw(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Close a review without a verdict."""

    def act(review: Review) -> str:
        services.review_withdraw(review=review, user=request.user)
        return f"Review {review.number} is withdrawn. What was said in it stays."

    return _acted(request, name, number, act)


@change("comment.write")
def review_comment(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Say something of a row, a state or the whole, or answer somebody."""
    made: list[Comment] = []

    def act(review: Review) -> str:
        parent = None
        if request.POST.get("parent"):
            parent = comment_or_404(review, request.POST["parent"])
        made.append(
            services.comment_add(
                review=review,
                user=request.user,
                text=request.POST.get("text", ""),
                anchor=places.anchor_from(request.POST.get("place", "")),
                parent=parent,
            )
        )
        return ""

    return _acted(request, name, number, act, lambda: f"#c-{made[0].pk}")


@change("comment.write")
def comment_act(request: HttpRequest, name: str, number: int, comment: int) -> HttpResponse:
    """Say that what was meant is done, or open it again."""
    resolved = request.POST.get("act") != "reopen"

    def act(review: Review) -> str:
        said = comment_or_404(review, str(comment))
        services.comment_resolve(comment=said, user=request.user, resolved=resolved)
        return ""

    return _acted(request, name, number, act, lambda: f"#c-{comment}")


@change("comment.write")
def review_pass(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Pass over a check with a reason; who may depends on the check."""

    def act(review: Review) -> str:
        services.pass_over(
            review=review,
            user=request.user,
            key=request.POST.get("key", ""),
            reason=request.POST.get("reason", ""),
        )
        return "It is kept that this check need not pass, and why."

    return _acted(request, name, number, act, lambda: "#checks")


@change("review.rule")
def review_rule(request: HttpRequest, name: str) -> HttpResponse:
    """Say what a flow asks for before calls take a version."""
    flow = flow_or_404(name)
    counts = {level: request.POST.get(level, "") for level in ("low", "medium", "high")}
    try:
        whole = request.POST.get("of") == "project"
        if request.POST.get("act") == "clear":
            rule = rules.rule_set(flow=flow, user=request.user, rule=None)
        elif not all(_number(count) for count in counts.values()):
            raise Refused("How many people approve is a number from 0 to 5.")
        else:
            low, medium, high = map(int, counts.values())
            wanted = Rule("required" in request.POST, low, medium, high)
            rule = rules.rule_set(flow=flow, user=request.user, rule=wanted, project=whole)
    except Refused as refusal:
        return refused(request, refusal, "flow_reviews", name)
    return done(request, rule.words, {"required": rule.required}, "flow_reviews", name)


def review_or_404(flow: Flow, number: int) -> Review:
    """Return a review of the flow; Http404 if there is none of this number."""
    found = Review.objects.filter(flow=flow, number=number) if number < 2**31 else None
    review = found.select_related("flow", "version", "base").first() if found else None
    if review is None:
        raise Http404(f"{flow.name} has no review {number}.")
    return review


def comment_or_404(review: Review, key: str) -> Comment:
    """Return a comment of the review; Http404 if there is none with this key."""
    found = review.comments.filter(pk=int(key)).first() if _number(key) else None
    if found is None:
        raise Http404(f"{review} has no such comment.")
    return found


def reviewers_of(flow: Flow, asker: Any) -> list[Any]:
    """Return who may judge reviews of a flow, apart from who asks, by name."""
    people = get_user_model().objects.filter(is_active=True).order_by("username")
    return [p for p in people if p.pk != asker.pk and may(p, "review.judge", flow)]


def _acted(
    request: HttpRequest,
    name: str,
    number: int,
    act: Callable[[Review], str],
    place: Callable[[], str] | None = None,
) -> HttpResponse:
    """Do an act of a review and go back to its page, at the place it was about."""
    review = review_or_404(flow_or_404(name), number)
    try:
        word = act(review)
    except Refused as refusal:
        return refused(request, refusal, "flow_review", name, number)
    if place is None or word:
        return done(request, word, {"review": number}, "flow_review", name, number)
    return redirect(reverse("flow_review", args=[name, number]) + place())


def _number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 10


def _first(text: str) -> comparing.Comparison | None:
    """The comparison of a first version with an empty flow."""
    return comparing.compared(services.NOTHING, text)


def _stamp(review: Review) -> str:
    """A word that changes with everything a reader of the page would want to see."""
    standing = standing_of(review)
    said = review.comments.order_by("-pk").values_list("pk", flat=True).first()
    resolved = review.comments.exclude(resolved_at=None).count()
    judged = review.judgements.order_by("-pk").values_list("pk", flat=True).first()
    passed = review.passed_over.count()
    # Of the checks only the one that people wait for: the others are asked when the page is.
    checked = verdicts.verdict_of(review.version).state
    return f"{review.version_id}.{standing.state}.{said}.{resolved}.{judged}.{passed}.{checked}"


def _said(review: Review, tables: comparing.Comparison | None) -> dict[str, Any]:
    """Put what was said beside the change it is about; the rest stands apart."""
    threads = places.threads_of(review)
    rows, placed = [], set()
    for change_ in tables.changes.real if tables is not None else []:
        of = [thread for thread in threads if _about(thread, change_)]
        of = [thread for thread in of if thread.number not in placed]
        placed |= {thread.number for thread in of}
        rows.append((change_, of))
    return {
        "rows": rows,
        "elsewhere": [thread for thread in threads if thread.number not in placed],
        "unresolved": sum(not thread.resolved for thread in threads),
        "said": len(threads),
    }


def _about(thread: Thread, change_: Any) -> bool:
    place = thread.place
    if place is None or place.kind != change_.subject:
        return False
    if place.kind == anchors.ROW:
        return place.what == (
            change_.new_row if place.side == anchors.NEW else change_.old_row
        ) and (place.side == anchors.NEW or change_.new_row is None)
    return place.what in (change_.new_state, change_.old_state)


def _noticed(flow: Flow, found: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return what callers will notice, each with the address that plays it."""
    told = []
    for each in (found or {}).get("noticed", []):
        run = {"run": comparing.run_of(each)}
        query = urlencode({"mode": "simulate", "run": comparing.packed(run)})
        events = each["events"]
        told.append({
            **each,
            "before": events[:-3] if len(events) > 4 else [],
            "shown": events[-3:-1] if len(events) > 4 else events[:-1],
            "last": events[-1] if events else None,
            "play": f"{reverse('flow', args=[flow.name])}?{query}",
        })  # fmt: skip
    return told


def _people(
    request: HttpRequest, review: Review, standing: Standing, checks: list[Check]
) -> dict[str, Any]:
    """Who judged, who was asked and has not yet, and what the reader may do."""
    spoke = {vote.judgement.by_id for vote in standing.votes}
    writers = writers_of(review.version, review.base)
    me = request.user.pk
    judges = may(request.user, "review.judge", review.flow)
    return {
        "waiting": [person for person in review.reviewers.all() if person.pk not in spoke],
        "me": me,
        "wrote": me in writers,
        "may_judge": judges and me not in writers and standing.open and not standing.stale,
        "may_ask": may(request.user, "review.request", review.flow),
        "may_pass": standing.open and judges and me not in writers,
        "may_answer": standing.open and may(request.user, "review.request", review.flow),
        "past": review.judgements.exclude(
            digest=review.version.digest, base_digest=review.base_digest
        ).select_related("version"),
        "rounds": list(review.rounds.select_related("version", "base")),
        "overridden": review.passed_over.filter(key=services.APPROVAL).last(),
    }


def _reasons(review: Review) -> list[dict[str, Any]]:
    """Return the reasons of the risk by their kind, the gravest first, with what they speak of."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for reason in review.risk.get("reasons", []):
        kinds.setdefault((reason["level"], reason["kind"]), []).append(reason["words"])
    return [
        {
            "level": level,
            "kind": kind,
            "words": words[:MOST_REASONS],
            "more": len(words) - MOST_REASONS,
        }
        for (level, kind), words in kinds.items()
    ]


def _counts(tables: comparing.Comparison | None) -> dict[str, int]:
    """How many rows of the picture are added, removed, changed and the same."""
    kinds = Counter(row["kind"] for row in tables.marks["rows"].values()) if tables else Counter()
    return {kind: kinds[kind] for kind in ("added", "removed", "changed", "same")}


def _is_deployed(flow: Flow, version: Version) -> bool:
    deployed = facts.runtime().deployed().get(flow.name)
    return deployed is not None and deployed.digest == version.digest


def _boot(review: Review, tables: comparing.Comparison | None) -> dict[str, Any] | None:
    if tables is None:
        return None
    return {
        "dot": tables.dot,
        "marks": tables.marks,
        "lines": tables.lines,
        "stamp": _stamp(review),
    }


def _deploying(context: dict[str, Any]) -> None:
    """Put what the dialog that deploys asks for."""
    selectors.judged([context["version"]])
    context["deployed"] = facts.runtime().deployed().get(context["flow"].name)
    lacks = gate.lacks(context["version"]) if not context["is_deployed"] else []
    context["lacks"] = lacks
