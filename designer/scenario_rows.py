"""The scenarios kept with a flow: written, renamed and let go by people, each act whole or not.

Whatever changes them has the newest version's tests played anew, as far as they are changed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from designer import auditing, scenario_runs
from designer.errors import Refused
from designer.models import Flow, Scenario
from designer.naming import person_name
from designer.scenario_files import problems, read_scenarios, write_scenarios

LONGEST_NAME = 200
LONGEST_TEXT = 256 << 10
"""Characters of one scenario."""
MOST_KEPT = 500


def usable_name(name: str) -> str:
    """Return the name without space around it; Refused if it is none."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or "\x00" in name:
        raise Refused(f"A test needs a name of 1 to {LONGEST_NAME} characters.")
    return name


def scenario_of(flow: Flow, name: str) -> Scenario | None:
    """Return the flow's scenario of this name."""
    return Scenario.objects.filter(flow=flow, name=name).first()


def keep(flow: Flow, name: str, text: str, *, user: Any = None, by_name: str = "") -> Scenario:
    """Keep a file of one scenario under a name, in place of what was kept under it."""
    name = usable_name(name)
    by = by_name or (person_name(user) if user is not None else "command line")
    if Scenario.objects.filter(flow=flow).exclude(name=name).count() >= MOST_KEPT:
        raise Refused(f"A flow keeps at most {MOST_KEPT} tests. Let one go first.")
    with transaction.atomic():
        kept, _ = Scenario.objects.update_or_create(
            flow=flow,
            name=name,
            defaults={"text": text, "changed_by": by, "updated_at": timezone.now()},
        )
        auditing.record("scenario.edit", user=user, by_name=by, flow=flow, subject=name)
        scenario_runs.request_newest(flow)
    return kept


def write(
    flow: Flow, text: str, *, before: Scenario | None = None, user: Any = None
) -> list[Scenario]:
    """Keep what somebody wrote: each scenario of the text under its own name.

    With `before` the text is that one scenario as it is now, perhaps by another name. Refused says
    what is wrong; names that are taken already are.
    """
    found = _read(text)
    if before is not None and len(found) != 1:
        raise Refused("This text holds more than the one test that was opened.")
    names = [usable_name(each.name) for each in found]
    others = Scenario.objects.filter(flow=flow, name__in=names)
    if before is not None:
        others = others.exclude(pk=before.pk)
    taken = others.values_list("name", flat=True).first()
    if taken is not None or len(set(names)) < len(names):
        twice = taken or next(name for name in names if names.count(name) > 1)
        raise Refused(f"A test named “{twice}” is there already. Choose another name.")
    with transaction.atomic():
        if before is not None and before.name != names[0]:
            Scenario.objects.filter(pk=before.pk).update(name=names[0])
        return [
            keep(flow, name, write_scenarios(flow.name, [each]), user=user)
            for name, each in zip(names, found, strict=True)
        ]


def rename(kept: Scenario, name: str, *, user: Any = None) -> Scenario:
    """Give a scenario another name; Refused if that is taken."""
    (scenario,) = read_scenarios(kept.text).scenarios
    text = write_scenarios(kept.flow.name, [replace(scenario, name=usable_name(name))])
    return write(kept.flow, text, before=kept, user=user)[0]


def drop(flow: Flow, name: str, *, user: Any = None) -> None:
    """Let a scenario go; one that is gone already is none."""
    with transaction.atomic():
        gone, _ = Scenario.objects.filter(flow=flow, name=name).delete()
        if gone:
            auditing.record(
                "scenario.edit", user=user, flow=flow, subject=name, detail={"deleted": True}
            )


def _read(text: str) -> list[Any]:
    if len(text) > LONGEST_TEXT:
        raise Refused(f"A test is at most {LONGEST_TEXT >> 10} KiB long.")
    wrong = problems(text)
    if wrong:
        raise Refused(f"Line {wrong[0][0]}: {wrong[0][1]}")
    found = read_scenarios(text).scenarios
    if not found:
        raise Refused("This text holds no test.")
    return found
