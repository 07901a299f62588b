"""Reviews held against deployments: what a flow asks for bars the way until it is there.

A way back to what ran before is never barred. Whoever may force a deployment passes over what is
missing with a reason; that is recorded, and kept with the deployment and the review.
"""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save
from django.urls import reverse

from designer import auditing
from designer.access import may
from designer.errors import Refused
from designer.naming import person_name
from designer.reviews import gate as reviews
from designer.reviews import services
from runtime import deployments
from runtime.models import Deployment

GATE = "review"


def register() -> None:
    """Ask before each deployment, and close the review of what was deployed."""
    deployments.add_gate(GATE, gate)
    post_save.connect(_deployed, sender=Deployment, dispatch_uid="reviewing")


def gate(wish: deployments.Wish) -> list[dict[str, Any]]:
    """Forbid a version that lacks what its flow asks for, unless somebody may pass over it."""
    version = wish.version
    current = deployments.current(version.flow)
    if wish.back or (current is not None and current.version_id == version.pk):
        return []
    found = reviews.lacks(version)
    if not found:
        return []
    missing = " ".join(lack.sentence for lack in found)
    if not wish.reason:
        page = reverse("flow_reviews", args=[version.flow.name])
        raise Refused(
            f"{version} is not deployed without a reason: {version.flow.name} asks for a review."
            f" {missing} {page} is where others look at it."
        )
    if wish.user is not None and not may(wish.user, "deployment.force", version.flow):
        raise Refused(
            f"{version} is not deployed: {version.flow.name} asks for a review, and your account"
            f" may not pass over it. {missing}"
        )
    by = wish.by_name or (person_name(wish.user) if wish.user else "command line")
    auditing.record(
        "review.override",
        user=wish.user,
        by_name=by,
        flow=version.flow,
        subject=version.label,
        reason=wish.reason,
        detail={"digest": version.digest, "lacks": [lack.as_dict() for lack in found]},
    )
    services.overridden(version, by_user=wish.user, by_name=by, reason=wish.reason)
    return [
        {"code": "", "gate": GATE, "severity": "gate", "line": 0, "message": lack.sentence}
        for lack in found
    ]


def _deployed(sender: Any, instance: Deployment, created: bool, **sent: Any) -> None:
    if created:
        services.deployed(instance.version, instance.by_name)
