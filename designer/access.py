"""Who may do what: one table for pages, sockets and the API.

An act needs a log-in and, where the table says so, a permission. An act that is not in the table
does not exist: asking for it is our own mistake and fails.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

PERMISSIONS: dict[str, str | None] = {
    # act: the permission it needs, None = whoever is logged in
    "flow.view": None,
    "flow.create": "designer.add_flow",
    "draft.edit": "designer.change_draft",
    "version.save": "designer.add_version",
    "check.control": "designer.add_version",
    "deployment.view": None,
    "deployment.make": "runtime.add_deployment",
    "deployment.force": "runtime.force_deployment",
    "route.view": None,
    "route.change": "runtime.change_route",
    "call.view": None,
    "call.place": "runtime.place_call",
    "call.send": "runtime.send_event",
    "phone.use": "runtime.place_call",
    "metrics.view": None,
    "token.own": None,
}

View = Callable[..., HttpResponse]


def may(user: Any, act: str) -> bool:
    """Say whether the user may do this; KeyError for an act that is not in the table."""
    permission = PERMISSIONS[act]
    if not getattr(user, "is_authenticated", False) or not user.is_active:
        return False
    return permission is None or bool(user.has_perm(permission))


def rights(user: Any) -> dict[str, bool]:
    """Return the answers a page needs to show or hide its buttons."""
    return {
        "edit": may(user, "draft.edit"),
        "create": may(user, "flow.create"),
        "save": may(user, "version.save"),
        "check": may(user, "check.control"),
        "deploy": may(user, "deployment.make"),
        "force": may(user, "deployment.force"),
        "route": may(user, "route.change"),
        "call": may(user, "call.place"),
        "send": may(user, "call.send"),
        "phone": may(user, "phone.use"),
    }


def page(act: str) -> Callable[[View], View]:
    """Make a view a page: read by GET, by whoever may do the act."""
    return _guarded(act, require_safe)


def change(act: str) -> Callable[[View], View]:
    """Make a view a change: by POST only, by whoever may do the act."""
    return _guarded(act, require_POST)


def form(act: str) -> Callable[[View], View]:
    """Make a view a page with a form: shown by GET, sent by POST, for whoever may do the act."""
    return _guarded(act, require_http_methods(["GET", "HEAD", "POST"]))


def _guarded(act: str, method: Callable[[View], View]) -> Callable[[View], View]:
    assert act in PERMISSIONS, act

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not may(request.user, act):
                raise PermissionDenied(f"Your account may not do this ({PERMISSIONS[act]}).")
            return view(request, *args, **kwargs)

        guarded = login_required(method(checked))
        guarded.act = act  # type: ignore[attr-defined]
        return guarded

    return decorate
