"""People and projects: who there is, what they are everywhere, and what they are in a project."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from designer import people as services
from designer.access import ROLES, change, page
from designer.errors import Refused
from designer.models import Flow, Project
from designer.views.shell import done, flow_or_404, refused, show


@page("people.manage")
def people(request: HttpRequest) -> HttpResponse:
    """Show accounts, roles and projects. Context: people [Person], projects, roles, flows."""
    return _shown(request)


def _shown(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    projects = Project.objects.prefetch_related("flows", "memberships__user")
    context = {
        "people": services.people(),
        "projects": [(project, _members(project)) for project in projects],
        "roles": [(role, said) for role, (said, _) in ROLES.items()],
        "flows": Flow.objects.select_related("project").order_by("name"),
        **more,
    }
    answer = show(request, "designer/people.html", context, status=status)
    if "secret" in more:
        # The password is for the eyes that asked, and for no cache on the way.
        answer.headers["Cache-Control"] = "no-store"
    return answer


def _members(project: Project) -> list[tuple[Any, list[str]]]:
    roles: dict[Any, list[str]] = {}
    for membership in project.memberships.all():
        roles.setdefault(membership.user, []).append(membership.role)
    return sorted(roles.items(), key=lambda each: each[0].get_username())


@change("people.manage")
def person_add(request: HttpRequest) -> HttpResponse:
    """Make an account; its password is shown with this answer only. POST: username, full_name."""
    username, full = request.POST.get("username", ""), request.POST.get("full_name", "")
    try:
        user, secret = services.person_add(username=username, full_name=full, by=request.user)
    except Refused as refusal:
        return _shown(request, 409, problem=refusal.message, username=username, full_name=full)
    return _shown(request, made=user, secret=secret)


@change("people.manage")
def person_password(request: HttpRequest) -> HttpResponse:
    """Give an account a new password, shown with this answer only. POST: username."""
    try:
        user, secret = services.password_renew(
            username=request.POST.get("username", ""), by=request.user
        )
    except Refused as refusal:
        return refused(request, refusal, "people")
    return _shown(request, made=user, secret=secret, renewed=True)


@change("people.manage")
def person_lock(request: HttpRequest) -> HttpResponse:
    """Lock an account or open it again. POST: username, locked (1 or 0)."""
    username, locked = request.POST.get("username", ""), request.POST.get("locked") == "1"
    word = "is locked: it opens nothing any more" if locked else "is open again"
    return _done(
        request,
        lambda: services.person_lock(username=username, locked=locked, by=request.user),
        f"{username} {word}.",
    )


@change("people.manage")
def person_roles(request: HttpRequest) -> HttpResponse:
    """Let somebody be exactly this everywhere. POST: username, role (any number of times)."""
    username, roles = request.POST.get("username", ""), request.POST.getlist("role")
    return _done(
        request,
        lambda: services.roles_set(username=username, roles=roles, by=request.user),
        f"{username} is {', '.join(roles) or 'nothing everywhere'} from now on.",
    )


@change("people.manage")
def project_add(request: HttpRequest) -> HttpResponse:
    """Make a project. POST: project, description."""
    name = request.POST.get("project", "")
    return _done(
        request,
        lambda: services.project_add(
            name=name, description=request.POST.get("description", ""), by=request.user
        ),
        f"The project {name} is there. Put flows and people into it.",
    )


@change("people.manage")
def project_delete(request: HttpRequest) -> HttpResponse:
    """Remove a project without flows. POST: project."""
    name = request.POST.get("project", "")
    return _done(
        request,
        lambda: services.project_delete(name=name, by=request.user),
        f"The project {name} is gone.",
    )


@change("people.manage")
def project_member(request: HttpRequest) -> HttpResponse:
    """Let somebody be exactly this in a project. POST: project, username, role (any number)."""
    project, username = request.POST.get("project", ""), request.POST.get("username", "")
    roles = request.POST.getlist("role")
    said = f"is {', '.join(roles)} in {project}" if roles else f"is not in {project} any more"
    return _done(
        request,
        lambda: services.members_set(
            project=project, username=username, roles=roles, by=request.user
        ),
        f"{username} {said}.",
    )


@change("people.manage")
def flow_move(request: HttpRequest, name: str) -> HttpResponse:
    """Put a flow into a project, or with an empty name out of all. POST: project."""
    project = request.POST.get("project", "")
    said = f"is in {project}" if project else "is seen by everybody"
    flow = flow_or_404(name)
    return _done(
        request,
        lambda: services.flow_move(flow=flow, project=project, by=request.user),
        f"{name} {said}.",
    )


def _done(request: HttpRequest, act: Callable[[], Any], message: str) -> HttpResponse:
    try:
        act()
    except Refused as refusal:
        return refused(request, refusal, "people")
    return done(request, message, {}, "people")
