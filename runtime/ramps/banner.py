"""The sentence on top of a deployment's page: what is true now, what follows, until when."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from runtime.models import Deployment, Ramp
from runtime.ramps import judging

SILENT = timedelta(seconds=20)
"""Without a look for so long, and three times the usual pause, the page says so."""

State = Ramp.State


def banner_of(deployment: Deployment, ramp: Ramp | None, now: datetime) -> dict[str, str]:
    """Return kind, mark, head, text and aside of the banner."""
    if ramp is None:
        return _banner_at_once(deployment)
    number, old = ramp.deployment.version.number, ramp.stable.version.number
    if ramp.state == State.BACK:
        since = clock(ramp.ended_at)
        return _said("err", "undo", f"v{number} was rolled back at {since}.", ramp.reason,
                     f"New calls take v{old}")  # fmt: skip
    if ramp.state == State.PROMOTED:
        if deployment.superseded_at is not None:
            return _banner_at_once(deployment)
        return _said("ok", "check", f"v{number} takes all new calls.", ramp.reason, "")
    if _silent(ramp, now):
        return _said(
            "warn", "warning", "Nobody looks at the figures.",
            "The worker has not answered for a while. Nothing passes meanwhile, and nothing is"
            " rolled back by itself. Look after the worker, or roll back by hand.",
            _last_look(ramp),
        )  # fmt: skip
    return _banner_active(ramp)


def _banner_active(ramp: Ramp) -> dict[str, str]:
    number = ramp.deployment.version.number
    head = str(ramp.judgement.get("head") or "The figures are looked at in a moment.")
    told = str(ramp.judgement.get("sentence") or "")
    aside = "Rolls back by itself past the limit, in under 2 s"
    if ramp.state == State.WAITING:
        return _said("warn", "clock", f"The ramp waits: {head[:1].lower()}{head[1:]}"
                     if not head.startswith("v") else head, told, aside)  # fmt: skip
    if ramp.state == State.HELD:
        return _said("warn", "paused", ramp.reason, f"{head} {told}".strip(), aside)
    ok = ramp.judgement.get("verdict") == judging.PASS
    then = f"{next_share(ramp)} at {clock(_ends(ramp))} if all figures pass."
    share = "the test callers" if not ramp.percent else f"{ramp.percent:g} % of new calls"
    kind, mark = ("ok", "check") if ok else ("accent", "clock")
    told = f"{head} {told}".strip()
    return _said(kind, mark, f"v{number} takes {share}.", told, f"Next: {then}")


def _banner_at_once(deployment: Deployment) -> dict[str, str]:
    number = deployment.version.number
    if deployment.superseded_at is None:
        return _said("ok", "check", f"v{number} takes all new calls.",
                     f"Since {moment(deployment.at)}, by {deployment.by_name}.", "")  # fmt: skip
    until = f"until {moment(deployment.superseded_at)}"
    told = f"It took them from {moment(deployment.at)} {until}."
    return _said("", "ring", f"v{number} takes no new calls.", told, "")


def _said(kind: str, mark: str, head: str, text: str, aside: str) -> dict[str, str]:
    return {"kind": kind, "mark": mark, "head": head, "text": text, "aside": aside}


def _silent(ramp: Ramp, now: datetime) -> bool:
    last = max(ramp.step_at, ramp.judged_at or ramp.step_at)
    return now - last > max(SILENT, timedelta(seconds=3 * ramp.every))


def _last_look(ramp: Ramp) -> str:
    return (
        f"Last look {clock(ramp.judged_at)}" if ramp.judged_at else "No look since the step began"
    )


def next_share(ramp: Ramp) -> str:
    """Return the share of the next step, as it is shown."""
    if ramp.step + 1 < len(ramp.steps):
        return f"{ramp.steps[ramp.step + 1]['percent']:g} %"
    return "100 %"


def _ends(ramp: Ramp) -> datetime:
    return ramp.step_at + timedelta(seconds=float(ramp.steps[ramp.step]["seconds"]))


def clock(at: datetime | None) -> str:
    """Return a time of today, with seconds while it is young; empty for none."""
    return timezone.localtime(at).strftime("%H:%M:%S" if _short(at) else "%H:%M") if at else ""


def _short(at: datetime) -> bool:
    return timezone.now() - at < timedelta(minutes=5)


def moment(at: datetime) -> str:
    """Return day and time."""
    return timezone.localtime(at).strftime("%-d %b %Y %H:%M")
