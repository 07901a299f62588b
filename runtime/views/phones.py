"""Phones: their accounts, where they are registered, and who may call without an account."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse

from designer.access import change, page
from designer.errors import Refused
from designer.views.shell import done, refused, show, wants_json
from runtime import accounts as services
from runtime import bridge, registrations
from runtime.models import Account, Registration
from runtime.nodes import span

SHOWN = 200
"""Lines of one page; a search finds the others."""


@page("account.view")
def accounts(request: HttpRequest) -> HttpResponse:
    """Show the accounts. Context: accounts [dict], count, query, policy, counters."""
    return _shown(request)


def _shown(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    query = request.GET.get("q", "")[:200]
    found = services.listed(query)
    rows = list(found.prefetch_related("uses")[:SHOWN])
    places = _places(rows)
    context = {
        "accounts": [_line(each, places.get((each.user, each.realm), 0)) for each in rows],
        "count": found.count(),
        "all": Account.objects.count(),
        "registered": registrations.listed().count(),
        "query": query,
        "policy": services.policy(),
        "counters": _counters(),
        **more,
    }
    answer = show(request, "runtime/accounts.html", context, nav="phones", status=status)
    if "secret" in more:
        # The password is for the eyes that asked, and for no cache on the way.
        answer.headers["Cache-Control"] = "no-store"
    return answer


@page("account.view")
def account(request: HttpRequest, account: int) -> HttpResponse:
    """Show one account: where it is registered, how it was used, what it is called."""
    return _about(request, _found(account))


def _about(request: HttpRequest, found: Account, status: int = 200, **more: Any) -> HttpResponse:
    now = time.time()
    known = Registration.objects.filter(
        user=found.user, realm=found.realm, gone=False, expires__gt=now
    )
    host, port = settings.CALLSMITH.sip
    context = {
        "account": found,
        "registrations": [_place(each, now) for each in known.order_by("-refreshed")],
        "uses": [
            {"row": use, "stopped": span(use.until - now) if use.until > now else ""}
            for use in found.uses.order_by("node")
        ],
        "server": f"{request.get_host().rpartition(':')[0] or host}:{port}",
        **more,
    }
    answer = show(request, "runtime/account.html", context, nav="phones", status=status)
    if "secret" in more:
        answer.headers["Cache-Control"] = "no-store"
    return answer


@change("account.manage")
def account_add(request: HttpRequest) -> HttpResponse:
    """Add an account; its password is shown with this answer only. POST: user, realm, display,
    note, password (made if empty)."""
    sent = {name: request.POST.get(name, "") for name in ("user", "realm", "display", "note")}
    try:
        made, secret = services.account_add(
            **sent, password=request.POST.get("password", ""), by=request.user
        )
    except Refused as refusal:
        if wants_json(request):
            return refused(request, refusal, "accounts")
        return _shown(request, 409, problem=refusal.message, sent=sent)
    return _about(request, made, made=True, secret=secret)


@change("account.manage")
def account_password(request: HttpRequest, account: int) -> HttpResponse:
    """Give an account a new password, shown with this answer only. POST: password (or none)."""
    found = _found(account)
    try:
        secret = services.password_renew(
            account=found, password=request.POST.get("password", ""), by=request.user
        )
    except Refused as refusal:
        return refused(request, refusal, "account", found.pk)
    return _about(request, found, secret=secret)


@change("account.manage")
def account_change(request: HttpRequest, account: int) -> HttpResponse:
    """Change what an account is called. POST: display, note."""
    found = _found(account)
    services.account_change(
        account=found,
        display=request.POST.get("display", ""),
        note=request.POST.get("note", ""),
        by=request.user,
    )
    return done(request, f"{found.user} is changed.", {}, "account", found.pk)


@change("account.manage")
def account_switch(request: HttpRequest, account: int) -> HttpResponse:
    """Disable an account or enable it again. POST: enabled (1 or 0)."""
    found = _found(account)
    enabled = request.POST.get("enabled") == "1"
    services.account_switch(account=found, enabled=enabled, by=request.user)
    word = (
        "may register and call again"
        if enabled
        else "registers and calls no more; it was signed off"
    )
    return done(request, f"{found.user} {word}.", {"enabled": enabled}, "account", found.pk)


@change("account.manage")
def account_remove(request: HttpRequest, account: int) -> HttpResponse:
    """Remove an account."""
    found = _found(account)
    services.account_remove(account=found, by=request.user)
    return done(request, f"{found.user} is removed.", {"removed": found.user}, "accounts")


@change("account.manage")
def account_policy(request: HttpRequest) -> HttpResponse:
    """Say what those may do who show no account. POST: anybody_calls, anybody_asks,
    strong (1), realm."""
    try:
        services.policy_set(
            anybody_calls=request.POST.get("anybody_calls") == "1",
            anybody_asks=request.POST.get("anybody_asks") == "1",
            strong=request.POST.get("strong") == "1",
            realm=request.POST.get("realm", ""),
            by=request.user,
        )
    except Refused as refusal:
        return refused(request, refusal, "accounts")
    return done(request, "It counts from the next call on, on every node.", {}, "accounts")


@page("account.view")
def registered(request: HttpRequest) -> HttpResponse:
    """Show who is registered where. Context: lines [dict], count, query."""
    now = time.time()
    query = request.GET.get("q", "")[:200]
    found = registrations.listed(query)
    context = {
        "lines": [_place(each, now) for each in found[:SHOWN]],
        "count": found.count(),
        "registered": registrations.listed().count(),
        "all": Account.objects.count(),
        "query": query,
    }
    return show(request, "runtime/registrations.html", context, nav="phones")


@change("account.manage")
def registration_remove(request: HttpRequest, key: str) -> HttpResponse:
    """End a registration. POST: reason."""
    try:
        row = registrations.remove(
            key=key, reason=request.POST.get("reason", "")[:2000], by=request.user
        )
    except Refused as refusal:
        return refused(request, refusal, "registrations")
    said = f"{row.user} is reached at {row.contact} no more. The phone may register again."
    return done(request, said, {"removed": key}, "registrations")


def _found(key: int) -> Account:
    found = Account.objects.filter(pk=key).first()
    if found is None:
        raise Http404("There is no such account.")
    return found


def _line(found: Account, places: int) -> dict[str, Any]:
    now = time.time()
    uses = list(found.uses.all())
    until = max((use.until for use in uses), default=0.0)
    return {
        "account": found,
        "places": places,
        "wrong": sum(use.wrong for use in uses),
        "wrong_at": max((use.wrong_at for use in uses), default=0.0),
        "stopped": span(until - now) if until > now else "",
    }


def _places(rows: list[Account]) -> dict[tuple[str, str], int]:
    known = registrations.listed().filter(user__in=[each.user for each in rows])
    places: dict[tuple[str, str], int] = {}
    for key in known.values_list("user", "realm"):
        places[key] = places.get(key, 0) + 1
    return places


def _place(row: Registration, now: float) -> dict[str, Any]:
    return {
        "row": row,
        "left": span(max(0.0, row.expires - now)),
        "heard": span(now - row.refreshed),
    }


def _counters() -> dict[str, int]:
    """Return what the node of this page counted since its start; empty without one."""
    node = bridge.current_node()
    if node is None or not hasattr(node, "signalling"):
        return {}
    return dict(node.signalling.screening.counters)
