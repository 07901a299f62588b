"""The roles of `designer.access.ROLES` as people have them: groups of Django, and memberships."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

from designer.access import ROLES


def keep_groups(**sent: Any) -> None:
    """Hold a group for each role at the permissions of the table; what else exists is left alone.

    Runs after each migration, when all permissions are there; before the last app's it finds less
    and the last run completes it.
    """
    from django.apps import apps
    from django.contrib.auth.management import create_permissions

    for label in ("designer", "runtime"):
        create_permissions(apps.get_app_config(label), verbosity=0)
    known = {f"{p.content_type.app_label}.{p.codename}": p for p in _permissions()}
    for role, (_, permissions) in ROLES.items():
        group = Group.objects.get_or_create(name=role)[0]
        group.permissions.set([known[name] for name in permissions if name in known])


def _permissions() -> list[Permission]:
    wanted = Q()
    for permission in {name for _, given in ROLES.values() for name in given}:
        app, codename = permission.split(".")
        wanted |= Q(content_type__app_label=app, codename=codename)
    return list(Permission.objects.select_related("content_type").filter(wanted))
