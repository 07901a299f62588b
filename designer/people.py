"""People: how they are named, which accounts there are, and who has which role where.

A role everywhere is a group of Django that `designer.roles` holds at the table of
`designer.access.ROLES`; a role in one project is a membership. Each change is recorded.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import transaction

from designer import auditing
from designer.access import ROLES
from designer.errors import Refused
from designer.models import Flow, Membership, Project
from designer.naming import person_name

ADMINISTRATOR = "administrator"
PASSWORD_BYTES = 12
"""Random bytes of a password that is made for somebody: 16 characters."""


@dataclass(frozen=True, slots=True)
class Person:
    """An account as the page of people shows it."""

    user: User
    name: str
    roles: tuple[str, ...]
    """What they are everywhere, in the order of the table."""
    everything: bool
    """A superuser may do all of it, whatever the roles say."""
    projects: tuple[tuple[str, str], ...]
    """(project, role)"""


def people() -> list[Person]:
    """Return all accounts, those that are locked last."""
    found = get_user_model().objects.prefetch_related("groups", "memberships__project")
    return [_person(user) for user in found.order_by("-is_active", "username")]


def _person(user: Any) -> Person:
    groups = {group.name for group in user.groups.all()}
    return Person(
        user=user,
        name=person_name(user),
        roles=tuple(role for role in ROLES if role in groups),
        everything=user.is_superuser,
        projects=tuple((each.project.name, each.role) for each in user.memberships.all()),
    )


def person_named(username: str) -> User:
    """Return the account of this name; Refused if there is none."""
    user: User | None = get_user_model().objects.filter(username=username[:150]).first()
    if user is None:
        raise Refused(f"There is no account named {username[:40]}.")
    return user


@transaction.atomic
def person_add(*, username: str, full_name: str = "", by: Any) -> tuple[User, str]:
    """Make an account and return it with its password, which is kept as a hash only."""
    first, _, last = full_name.strip().partition(" ")
    user = get_user_model()(username=username.strip(), first_name=first, last_name=last)
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    user.set_password(password)
    try:
        user.full_clean()
    except ValidationError as problem:
        raise Refused(" ".join(problem.messages)) from None
    user.save()
    auditing.record("people.add", user=by, subject=user.username)
    return user, password


@transaction.atomic
def password_renew(*, username: str, by: Any) -> tuple[User, str]:
    """Give an account a new password, returned once; whoever was logged in with the old is out."""
    user = person_named(username)
    if user.is_superuser and not by.is_superuser:
        raise Refused("Only somebody who may do everything renews this password.")
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    user.set_password(password)
    user.save(update_fields=["password"])
    auditing.record("people.password", user=by, subject=user.username)
    return user, password


@transaction.atomic
def person_lock(*, username: str, locked: bool, by: Any) -> User:
    """Lock an account, or open it again; nobody locks themselves or the last administrator."""
    user = person_named(username)
    if locked and user.pk == by.pk:
        raise Refused("Nobody locks their own account: somebody else has to.")
    if user.is_superuser and not by.is_superuser:
        raise Refused("Only somebody who may do everything locks this account.")
    user.is_active = not locked
    user.save(update_fields=["is_active"])
    _somebody_left()
    auditing.record("people.lock" if locked else "people.unlock", user=by, subject=user.username)
    return user


@transaction.atomic
def roles_set(*, username: str, roles: Collection[str], by: Any) -> User:
    """Let somebody be exactly this, everywhere; Refused if no administrator would be left."""
    user = person_named(username)
    _known(roles)
    before = sorted(user.groups.filter(name__in=ROLES).values_list("name", flat=True))
    user.groups.remove(*Group.objects.filter(name__in=set(ROLES) - set(roles)))
    user.groups.add(*Group.objects.filter(name__in=roles))
    _somebody_left()
    auditing.record(
        "people.roles",
        user=by,
        subject=user.username,
        detail={"before": before, "after": sorted(roles)},
    )
    return user


# -- projects --------------------------------------------------------------------------------------


def project_named(name: str) -> Project:
    """Return the project of this name; Refused if there is none."""
    project = Project.objects.filter(name=name[:64]).first()
    if project is None:
        raise Refused(f"There is no project named {name[:40]}.")
    return project


@transaction.atomic
def project_add(*, name: str, description: str = "", by: Any) -> Project:
    """Make a project, with no flows and nobody in it."""
    project = Project(name=name.strip(), description=description.strip())
    try:
        project.full_clean()
    except ValidationError as problem:
        raise Refused(" ".join(problem.messages)) from None
    project.save()
    auditing.record("project.add", user=by, subject=project.name)
    return project


@transaction.atomic
def project_delete(*, name: str, by: Any) -> None:
    """Remove a project that holds no flows; its memberships go with it."""
    project = project_named(name)
    held = project.flows.count()
    if held:
        raise Refused(f"{held} flows are in {project.name}. Move them elsewhere first.")
    auditing.record("project.delete", user=by, subject=project.name)
    project.delete()


@transaction.atomic
def members_set(*, project: str, username: str, roles: Collection[str], by: Any) -> Project:
    """Let somebody be exactly this in a project; no role takes them out of it."""
    here, user = project_named(project), person_named(username)
    _known(roles)
    before = sorted(
        Membership.objects.filter(project=here, user=user).values_list("role", flat=True)
    )
    Membership.objects.filter(project=here, user=user).exclude(role__in=roles).delete()
    for role in roles:
        Membership.objects.get_or_create(project=here, user=user, role=role)
    auditing.record(
        "project.member",
        user=by,
        subject=f"{here.name}: {user.username}",
        detail={"before": before, "after": sorted(roles)},
    )
    return here


@transaction.atomic
def flow_move(*, flow: Flow, project: str, by: Any) -> Flow:
    """Put a flow into a project, or with an empty name where everybody sees it."""
    before = flow.project.name if flow.project else ""
    flow.project = project_named(project) if project else None
    flow.save(update_fields=["project"])
    auditing.record("flow.move", user=by, flow=flow, detail={"before": before, "after": project})
    return flow


def _known(roles: Collection[str]) -> None:
    unknown = set(roles) - set(ROLES)
    if unknown:
        raise Refused(f"There is no role {sorted(unknown)[0][:40]}.")


def _somebody_left() -> None:
    """Refused, which takes the change back, if nobody could give roles any more."""
    active = get_user_model().objects.filter(is_active=True)
    if not (
        active.filter(is_superuser=True).exists()
        or active.filter(groups__name=ADMINISTRATOR).exists()
    ):
        raise Refused("Nobody would be left who may give roles. Make another administrator first.")
