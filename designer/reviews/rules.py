"""What a flow asks for before calls take a version: its own rule, its project's, else none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from designer import auditing
from designer.access import may
from designer.errors import Refused
from designer.models import Flow
from designer.reviews.models import ReviewRule
from flows import risk

MOST_APPROVERS = 5


@dataclass(frozen=True, slots=True)
class Rule:
    """How many people have to approve, and whether a version waits for them."""

    required: bool = False
    low: int = 1
    medium: int = 1
    high: int = 2
    source: str = "default"
    """`flow`, `project` or `default`."""

    def needed(self, level: str) -> int:
        """Return how many people other than the author approve a change of this risk."""
        known = {risk.LOW: self.low, risk.MEDIUM: self.medium, risk.HIGH: self.high}
        return known.get(level, 0)

    @property
    def words(self) -> str:
        """What it asks for, in one sentence."""
        if not self.required:
            return "A review may be asked for; a version can be deployed without one."
        return (
            "A version is deployed once its checks pass and others approved it:"
            f" {_people(self.low)} for low risk, {_people(self.medium)} for medium,"
            f" {_people(self.high)} for high."
        )


DEFAULT = Rule()
"""A lone operator is not kept waiting for somebody who is not there."""


def rule_of(flow: Flow) -> Rule:
    """Return what holds for a flow."""
    found = ReviewRule.objects.filter(flow=flow).first()
    if found is not None:
        return _read(found, "flow")
    if flow.project_id is not None:
        found = ReviewRule.objects.filter(project_id=flow.project_id).first()
        if found is not None:
            return _read(found, "project")
    return DEFAULT


def rules_of(flows: list[Flow]) -> dict[int, Rule]:
    """Return what holds for each of the flows, by their primary keys, in two queries."""
    own = {r.flow_id: r for r in ReviewRule.objects.filter(flow__in=flows)}
    projects = {flow.project_id for flow in flows if flow.project_id is not None}
    shared = {r.project_id: r for r in ReviewRule.objects.filter(project_id__in=projects)}
    rules = {}
    for flow in flows:
        if flow.pk in own:
            rules[flow.pk] = _read(own[flow.pk], "flow")
        elif flow.project_id in shared:
            rules[flow.pk] = _read(shared[flow.project_id], "project")
        else:
            rules[flow.pk] = DEFAULT
    return rules


def rule_set(
    *, flow: Flow, user: Any, by_name: str = "", rule: Rule | None, project: bool = False
) -> Rule:
    """Give a flow a rule of its own, or with `project` all flows of its project one.

    None takes the flow's own away, so that its project's holds again.
    """
    if user is not None and not may(user, "review.rule", flow):
        raise Refused("Your account may not say what a flow asks for.")
    if project and flow.project_id is None:
        raise Refused(f"{flow.name} belongs to no project.")
    of: dict[str, Any] = {"project": flow.project} if project else {"flow": flow}
    with transaction.atomic():
        if rule is None:
            ReviewRule.objects.filter(**of).delete()
        else:
            counts = {"low": rule.low, "medium": rule.medium, "high": rule.high}
            if not all(0 <= count <= MOST_APPROVERS for count in counts.values()):
                raise Refused(f"A change is approved by 0 to {MOST_APPROVERS} people.")
            ReviewRule.objects.update_or_create(
                **of, defaults={"required": rule.required, **counts}
            )
        now = rule_of(flow)
        subject = f"project {flow.project}: {rule.words}" if project and rule else now.words
        auditing.record("review.rule", user=user, by_name=by_name, flow=flow, subject=subject)
    return now


def _read(found: ReviewRule, source: str) -> Rule:
    return Rule(found.required, found.low, found.medium, found.high, source)


def _people(count: int) -> str:
    return "nobody" if count == 0 else "1 person" if count == 1 else f"{count} people"
