"""The way back, whatever took calls last: a version, or a candidate beside it."""

from __future__ import annotations

from typing import Any

from designer import selectors
from designer.errors import Refused
from designer.models import Flow
from runtime import deployments
from runtime.models import Deployment
from runtime.ramps import services as ramps


def roll_back(*, flow: Flow, user: Any = None, by_name: str = "", reason: str = "") -> Deployment:
    """Let new calls take the version again that ran before the current one; Refused if none did.

    While a version is ramped up beside another it is the candidate that is taken back.
    """
    ramp = deployments.ramp_of(flow)
    if ramp is not None:
        ramps.back(ramp=ramp, user=user, by_name=by_name, reason=reason)
        return ramp.stable
    deployment = deployments.current(flow)
    if deployment is None:
        raise Refused(f"{flow.name} is not deployed, so there is nothing to roll back.")
    number = deployments.before(deployment)
    version = selectors.version_of(flow, number)
    if version is None:
        raise Refused(f"No other version of {flow.name} was ever deployed before this one.")
    return deployments.deploy(version=version, user=user, by_name=by_name, reason=reason, back=True)
