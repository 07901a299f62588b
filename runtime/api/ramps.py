"""The calls about deployments in steps."""

from __future__ import annotations

from typing import Any

from django.http import Http404

from designer import selectors
from designer.errors import Refused
from designer.views.shell import flow_or_404
from runtime.api import shapes
from runtime.api.declare import Call, operation
from runtime.models import Ramp
from runtime.ramps import services
from runtime.ramps.plan import EVERY, USUAL, Plan, read_steps
from runtime.ramps.telling import as_data


@operation("deployment.view", shapes.Ramp)
def get_ramp(call: Call, name: str) -> Any:
    """Tell how the newest deployment in steps of a flow does.

    One that is over is told too, with its reason; 404 if the flow never had one.
    """
    return as_data(_newest(name))


@operation("deployment.make", shapes.Ramp, body=shapes.NewRamp)
def start_ramp(call: Call, name: str) -> Any:
    """Let a version take a share of the new calls, growing in steps.

    Its figures are compared with those of the version that runs; worse ones take it back.
    """
    flow, body = flow_or_404(name), call.body
    number = body.version
    version = selectors.version_of(flow, number) if number else selectors.newest_version(flow)
    if version is None:
        raise Refused(f"{name} has no such version.")
    plan = Plan(
        steps=read_steps(body.steps or USUAL),
        sources=tuple(body.sources),
        numbers=tuple(body.numbers),
        callers=tuple(body.callers),
        limits=body.limits,
        every=body.every or EVERY,
    )
    services.start(version=version, plan=plan, user=call.user, reason=body.reason)
    return as_data(_newest(name))


@operation("ramp.control", shapes.Ramp, body=shapes.RampAct)
def control_ramp(call: Call, name: str) -> Any:
    """Hold a deployment in steps, let it go on, go to its next step, or take it back.

    Going to the next step before all figures passed needs a reason.
    """
    ramp = _newest(name)
    services.ACTS[call.body.act](ramp=ramp, user=call.user, reason=call.body.reason)
    return as_data(_newest(name))


def _newest(name: str) -> Ramp:
    found = services.newest(flow_or_404(name))
    if found is None:
        raise Http404(f"{name} was never deployed in steps.")
    return found
