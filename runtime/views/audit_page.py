"""The audit: what people did and the product by itself, whether all of it is as it was written, and
what is kept for how long."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse

from designer import auditing, jobs
from designer.access import change, hidden_names, may, may_somewhere, page, visible_flows
from designer.errors import Refused
from designer.models import Flow
from designer.naming import person_name
from designer.views.shell import done, flow_or_404, refused, show
from runtime import acts_list, blocks, retention, unmasking, upkeep
from runtime.acts_list import ActFilter
from runtime.models import Recording
from runtime.replay_runs import spaced

FORMS = {
    "csv": ("text/csv", acts_list.as_csv),
    "json": ("application/json", acts_list.as_json),
}
DAYS = ("values_days", "messages_days", "steps_days", "outcome_days")
MOST_DAYS = 36_500


@page("audit.view")
def audit(request: HttpRequest) -> HttpResponse:
    """Show the acts that match and how the chain stands. Context: acts, filter, chain, kept."""
    wanted = ActFilter.of(request.GET)
    found = acts_list.acts(wanted, hidden_names(request.user))
    rows = list(acts_list.before(found, request.GET.get("before"))[: acts_list.PAGE_SIZE + 1])
    more, rows = len(rows) > acts_list.PAGE_SIZE, rows[: acts_list.PAGE_SIZE]
    shown = unmasking.lifted(request)
    flows = list(visible_flows(request.user).select_related("recording").order_by("name"))
    context = {
        "acts": [
            {**acts_list.line_of(each, masked=not shown), "link": acts_list.link_of(each)}
            for each in rows
        ],
        "filter": wanted,
        "older": wanted.as_query(before=rows[-1].pk) if more else "",
        "query": wanted.as_query(),
        "paged": bool(request.GET.get("before")),
        "words": sorted(set(acts_list.WORDS.values())),
        "flows": [flow.name for flow in flows],
        "chain": _spoken(chain_state()),
        "kept": [_kept(request.user, flow) for flow in flows],
        "levels": Recording.Level.choices,
        "may_export": may_somewhere(request.user, "audit.export"),
        "may_erase": may_somewhere(request.user, "audit.erase"),
    }
    return show(request, "runtime/audit.html", context, nav="audit")


def chain_state() -> dict[str, Any]:
    """Return how the chain stands: {"state", "percent", "report", "at", "heads"}.

    State: `never`, `running`, `ok`, `broken`, `failed`.
    """
    task = upkeep.last_verified()
    heads = [{"name": name, **head} for name, head in blocks.heads().items()]
    report = (task.detail.get("report") or {}) if task is not None else {}
    told = {"heads": heads, "report": report, "percent": 0, "at": None, "why": ""}
    if task is None:
        return {**told, "state": "never"}
    if jobs.waits(task):
        return {**told, "state": "running", "percent": round(task.progress * 100)}
    told["at"] = task.finished_at.timestamp() if task.finished_at else None
    if not report:
        return {**told, "state": "failed", "why": task.detail.get("error", "It was broken off.")}
    return {**told, "state": "ok" if report["ok"] else "broken"}


def _spoken(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state of the chain with its counts as people read them."""
    report = {
        name: spaced(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in state["report"].items()
    }
    return {**state, "report": report}


def _kept(user: Any, flow: Flow) -> dict[str, Any]:
    recording = getattr(flow, "recording", None) or Recording(flow=flow)
    days = [getattr(recording, name) for name in DAYS]
    return {
        "flow": flow.name,
        "level": recording.level,
        "words": recording.get_level_display(),
        "days": dict(zip(DAYS, days, strict=True)),
        "rules": _rules(days),
        "may": may(user, "recording.change", flow),
    }


def _rules(days: list[int | None]) -> str:
    names = ("media and values", "messages", "steps", "the whole call")
    told = [f"{name} {count} d" for name, count in zip(names, days, strict=True) if count]
    return ", ".join(told) or "For ever"


@page("audit.export")
def audit_export(request: HttpRequest, form: str) -> HttpResponse:
    """Hand out the acts that match as a file: csv or json, masked unless numbers are shown."""
    if form not in FORMS:
        raise Http404(f"There is no form of export named {form[:20]}.")
    wanted = ActFilter.of(request.GET)
    masked = not unmasking.lifted(request)
    auditing.record(
        "audit.export",
        user=request.user,
        subject=form,
        detail={"filter": wanted.as_query(), "masked": masked},
    )
    media, lines = FORMS[form]
    found = acts_list.acts(wanted, hidden_names(request.user))[: acts_list.MOST_EXPORTED]
    text = "".join(lines(found.iterator(chunk_size=1000), masked=masked))
    answer = HttpResponse(text, content_type=f"{media}; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="audit.{form}"'
    answer["Cache-Control"] = "no-store"
    return answer


@change("audit.view")
def audit_verify(request: HttpRequest) -> HttpResponse:
    """Let a worker compare everything with the chain."""
    with transaction.atomic():
        upkeep.verify_request()
    return done(request, "The record is being compared with its chain.", {}, "audit")


@change("recording.change")
def audit_recording(request: HttpRequest, name: str) -> HttpResponse:
    """Say what is kept of a flow's calls. POST: level, and days for each part (empty: for ever)."""
    flow = flow_or_404(name)
    try:
        level = Recording.Level(_number(request.POST.get("level", "")) or 0)
        told = {key: _number(request.POST.get(key, "")) for key in DAYS}
    except ValueError:
        wrong = Refused("Days are whole numbers from 1; empty means for ever.")
        return refused(request, wrong, "audit")
    with transaction.atomic():
        Recording.objects.update_or_create(flow=flow, defaults={"level": level, **told})
        auditing.record(
            "recording.change",
            user=request.user,
            flow=flow,
            subject=str(level.label),
            reason=request.POST.get("reason", ""),
            detail={"level": int(level), **told},
        )
    return done(request, f"{flow.name} keeps: {level.label}.", {"level": int(level)}, "audit")


def _number(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text[:9]) <= MOST_DAYS:
        raise ValueError(text)
    return int(text)


@change("audit.erase")
def audit_erase(request: HttpRequest) -> HttpResponse:
    """Take a person out of the record. POST: number, reason."""
    number, reason = request.POST.get("number", "")[:128], request.POST.get("reason", "")
    try:
        gone = retention.erase_person(number, by_name=person_name(request.user), reason=reason)
    except Refused as refusal:
        return refused(request, refusal, "audit")
    words = f"{gone.sessions} calls name nobody any more; {gone.rows} rows are gone."
    return done(request, words, {"sessions": gone.sessions, "rows": gone.rows}, "audit")
