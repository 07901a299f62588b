"""Who may do what: one table for pages, sockets and the API.

An act needs a log-in and, where the table says so, a permission. Somebody has a permission either
everywhere (Django's permissions; the roles below are groups of them) or in one project, by a role
there. A flow in a project is seen by whoever has a role in it, and by those who see every project.
An act that is not in the table does not exist: asking for it is our own mistake and fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from designer.models import Flow, Membership, Project

PERMISSIONS: dict[str, str | None] = {
    # act: the permission it needs, None = whoever is logged in and sees the flow
    "flow.view": None,
    "flow.create": "designer.add_flow",
    "draft.edit": "designer.change_draft",
    "version.save": "designer.add_version",
    "check.control": "designer.add_version",
    "scenario.edit": "designer.change_draft",
    "review.request": "designer.request_review",
    "review.judge": "designer.judge_review",
    "review.rule": "designer.manage_people",
    "comment.write": "designer.write_comment",
    "deployment.view": None,
    "deployment.make": "runtime.add_deployment",
    "deployment.force": "runtime.force_deployment",
    "ramp.control": "runtime.control_ramp",
    "route.view": None,
    "route.change": "runtime.change_route",
    "trunk.view": None,
    "trunk.manage": "runtime.change_trunk",
    "account.view": None,
    "account.manage": "runtime.change_account",
    "call.view": None,
    "call.place": "runtime.place_call",
    "call.send": "runtime.send_event",
    "call.hangup": "runtime.hangup_call",
    "call.inject": "runtime.inject_event",
    "call.pin": "runtime.pin_call",
    "call.migrate": "runtime.migrate_call",
    "call.export": "runtime.export_call",
    "call.unmask": "runtime.unmask_call",
    "phone.use": "runtime.place_call",
    "node.view": None,
    "node.drain": "runtime.drain_node",
    "audit.view": "designer.view_auditentry",
    "audit.export": "designer.export_auditentry",
    "audit.erase": "runtime.add_erasure",
    "recording.change": "runtime.change_recording",
    "metrics.view": None,
    "token.own": None,
    "people.manage": "designer.manage_people",
}

EVERYWHERE = frozenset(
    {"people.manage", "node.drain", "audit.erase", "trunk.manage", "account.manage"}
)
"""Acts that touch all projects at once, so that a role in one of them is not enough."""
SEES_ALL = "designer.view_flow"
"""The permission to see the flows of every project."""

_VIEWER = (SEES_ALL,)
ROLES: dict[str, tuple[str, tuple[str, ...]]] = {
    # role: (what it is for, the permissions it has)
    "viewer": ("Looks at flows, calls and deployments.", _VIEWER),
    "editor": (
        "Draws flows, saves versions, asks for reviews.",
        (
            *_VIEWER,
            "designer.add_flow",
            "designer.change_draft",
            "designer.add_version",
            "designer.change_scenario",
            "designer.request_review",
            "designer.write_comment",
        ),
    ),
    "reviewer": (
        "Approves versions of others, or asks for changes.",
        (*_VIEWER, "designer.judge_review", "designer.write_comment"),
    ),
    "deployer": (
        "Lets new calls take a version, in steps or at once, and takes it back.",
        (
            *_VIEWER,
            "runtime.add_deployment",
            "runtime.control_ramp",
            "runtime.change_route",
            "designer.request_review",
        ),
    ),
    "operator": (
        "Places calls, helps calls that run, takes nodes out and in, keeps trunks and phones.",
        (
            *_VIEWER,
            "runtime.place_call",
            "runtime.send_event",
            "runtime.hangup_call",
            "runtime.inject_event",
            "runtime.pin_call",
            "runtime.migrate_call",
            "runtime.drain_node",
            "runtime.change_trunk",
            "runtime.change_account",
        ),
    ),
    "auditor": (
        "Reads who did what, exports calls, may see the numbers of callers.",
        (
            *_VIEWER,
            "designer.view_auditentry",
            "designer.export_auditentry",
            "runtime.export_call",
            "runtime.unmask_call",
        ),
    ),
}
"""What people can be, everywhere or in a project. Deploying is never implied by editing."""
_ALL = tuple(sorted({permission for _, given in ROLES.values() for permission in given}))
ROLES["administrator"] = (
    "Does all of it, passes over errors with a reason, gives people their roles.",
    (
        *_ALL,
        "runtime.force_deployment",
        "runtime.change_recording",
        "runtime.add_erasure",
        "designer.manage_people",
    ),
)

View = Callable[..., HttpResponse]


def may(user: Any, act: str, flow: Flow | str | None = None) -> bool:
    """Say whether the user may do this, to this flow if one is named.

    Without a flow it is asked for everything: a role in one project is not enough then. KeyError
    for an act that is not in the table.
    """
    permission = PERMISSIONS[act]
    if not _active(user):
        return False
    everywhere = permission is None or bool(user.has_perm(permission))
    project = _project_of(flow)
    if project is None:
        return everywhere
    roles = roles_in(user, project)
    if not roles and not user.has_perm(SEES_ALL):
        return False
    return everywhere or permission in _given(roles)


def may_somewhere(user: Any, act: str) -> bool:
    """Say whether there is any flow, or project, where the user may do this."""
    permission = PERMISSIONS[act]
    if may(user, act):
        return True
    return (
        act not in EVERYWHERE
        and _active(user)
        and permission in _given(role for roles in _roles(user).values() for role in roles)
    )


def visible_flows(user: Any) -> QuerySet[Flow]:
    """Return the flows that the user may look at."""
    if not _active(user):
        return Flow.objects.none()
    if user.has_perm(SEES_ALL):
        return Flow.objects.all()
    return Flow.objects.filter(Q(project=None) | Q(project__in=list(_roles(user))))


def projects_for(user: Any, act: str) -> list[Project]:
    """Return the projects whose flows the user may do this to."""
    if may(user, act) and user.has_perm(SEES_ALL):
        return list(Project.objects.all())
    wanted = PERMISSIONS[act]
    everywhere = may(user, act)
    known = [key for key, roles in _roles(user).items() if everywhere or wanted in _given(roles)]
    return list(Project.objects.filter(pk__in=known))


def hidden_names(user: Any) -> list[str]:
    """Return the names of flows that the user may not look at; most people have none."""
    if _active(user) and user.has_perm(SEES_ALL):
        return []
    seen = visible_flows(user).values("pk")
    return list(Flow.objects.exclude(pk__in=seen).values_list("name", flat=True))


def roles_in(user: Any, project: int) -> frozenset[str]:
    """Return the roles that the user has in the project with this key."""
    return _roles(user).get(project, frozenset())


def rights(user: Any, flow: Flow | None = None) -> dict[str, bool]:
    """Return the answers a page needs to show or hide its buttons: for its flow, or anywhere."""

    def can(act: str) -> bool:
        return may_somewhere(user, act) if flow is None else may(user, act, flow)

    return {
        "edit": can("draft.edit"),
        "create": can("flow.create"),
        "save": can("version.save"),
        "check": can("check.control"),
        "ask": can("review.request"),
        "judge": can("review.judge"),
        "comment": can("comment.write"),
        "deploy": can("deployment.make"),
        "force": can("deployment.force"),
        "ramp": can("ramp.control"),
        "route": can("route.change"),
        "call": can("call.place"),
        "send": can("call.send"),
        "hangup": can("call.hangup"),
        "inject": can("call.inject"),
        "pin": can("call.pin"),
        "migrate": can("call.migrate"),
        "phone": may_somewhere(user, "phone.use"),
        "audit": may_somewhere(user, "audit.view"),
        "people": may(user, "people.manage"),
        "drain": may(user, "node.drain"),
        "trunks": may(user, "trunk.manage"),
        "accounts": may(user, "account.manage"),
    }


def _active(user: Any) -> bool:
    return bool(getattr(user, "is_authenticated", False) and user.is_active)


def _project_of(flow: Flow | str | None) -> int | None:
    if isinstance(flow, str):
        found: int | None = (
            Flow.objects.filter(name=flow).values_list("project_id", flat=True).first()
        )
        return found
    return flow.project_id if flow is not None else None


def _given(roles: Iterable[str]) -> set[str]:
    return {permission for role in roles if role in ROLES for permission in ROLES[role][1]}


def _roles(user: Any) -> dict[int, frozenset[str]]:
    """Return the user's roles by project, asked for once in the life of the object, as Django does
    with permissions: whoever keeps a user for long fetches it anew before an act."""
    kept: dict[int, frozenset[str]] | None = getattr(user, "_roles_by_project", None)
    if kept is None:
        kept = {}
        for project, role in Membership.objects.filter(user=user).values_list("project", "role"):
            kept[project] = kept.get(project, frozenset()) | {role}
        user._roles_by_project = kept
    return kept


# -- views -----------------------------------------------------------------------------------------

_flow_of: dict[str, Callable[[str], str | None]] = {"name": lambda name: name}
"""By the name of a view's argument: how the flow is found that the page is about."""


def tells_flow(argument: str, find: Callable[[str], str | None]) -> None:
    """Say how a view's argument leads to the name of a flow, so that its project is asked."""
    _flow_of[argument] = find


def flow_asked(arguments: dict[str, Any]) -> str | None:
    """Return the name of the flow that a view's arguments lead to, None if to none."""
    for argument, find in _flow_of.items():
        if argument in arguments:
            return find(str(arguments[argument]))
    return None


def page(act: str) -> Callable[[View], View]:
    """Make a view a page: read by GET, by whoever may do the act."""
    return _guarded(act, require_safe)


def change(act: str) -> Callable[[View], View]:
    """Make a view a change: by POST only, by whoever may do the act."""
    return _guarded(act, require_POST)


def form(act: str) -> Callable[[View], View]:
    """Make a view a page with a form: shown by GET, sent by POST, for whoever may do the act."""
    return _guarded(act, require_http_methods(["GET", "HEAD", "POST"]))


def demand(user: Any, act: str, flow: Flow | str | None = None) -> None:
    """PermissionDenied unless the user may do this; Http404 for a flow they may not even see."""
    if flow is not None and not may(user, "flow.view", flow):
        raise Http404("There is nothing here.")
    if not may(user, act, flow):
        raise PermissionDenied(f"Your account may not do this ({PERMISSIONS[act]}).")


def _guarded(act: str, method: Callable[[View], View]) -> Callable[[View], View]:
    assert act in PERMISSIONS, act

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            flow = flow_asked(kwargs)
            if flow is None and request.method == "POST":
                # A form that names its flow in what it sends.
                flow = request.POST.get("flow", "")[:64] or None
            if flow is not None:
                demand(request.user, act, flow)
            elif not may_somewhere(request.user, act):
                raise PermissionDenied(f"Your account may not do this ({PERMISSIONS[act]}).")
            return view(request, *args, **kwargs)

        guarded = login_required(method(checked))
        guarded.act = act  # type: ignore[attr-defined]
        return guarded

    return decorate
