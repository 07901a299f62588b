"""One deployment: its page, and what a person does while it takes calls in steps."""

from __future__ import annotations

import hashlib
import re

from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone

from designer.access import change, page
from designer.errors import Refused
from designer.views.shell import done, frame, refused, show
from runtime.models import Deployment, Route
from runtime.ramps import services, showing

_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="[^"]*"')


@page("deployment.view")
def deployment(request: HttpRequest, deployment: int) -> HttpResponse:
    """Show how a deployment does. `?part=1&seen=HASH` asks for its content: 204 if it is that."""
    found = _deployment_or_404(deployment)
    context = showing.context_of(found, timezone.now())
    context["routes"] = Route.objects.filter(flow=found.flow).order_by("position", "pk")
    frame_ = frame(request, found.flow)
    content = render_to_string("runtime/_deployment.html", {**frame_, **context}, request=request)
    seen = hashlib.sha256(_TOKEN.sub("", content).encode()).hexdigest()[:16]
    if "part" not in request.GET:
        return show(
            request, "runtime/deployment.html", {**context, "seen": seen}, nav="deployments"
        )
    if request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    return HttpResponse(content, headers={"X-Seen": seen})


@change("ramp.control")
def ramp_control(request: HttpRequest, deployment: int) -> HttpResponse:
    """Control a deployment in steps. POST: act (hold, resume, go, back), reason."""
    ramp = showing.ramp_of(_deployment_or_404(deployment))
    if ramp is None:
        raise Http404("This deployment takes no calls in steps.")
    act = services.ACTS.get(request.POST.get("act", ""))
    try:
        if act is None:
            raise Refused("What to do is one of hold, resume, go and back.")
        after = act(ramp=ramp, user=request.user, reason=request.POST.get("reason", "")[:2000])
    except Refused as refusal:
        return refused(request, refusal, "deployment", deployment)
    mark = after.marks.last()
    data = {"state": after.state, "percent": after.percent, "reason": after.reason}
    return done(request, mark.sentence if mark else "", data, "deployment", deployment)


def _deployment_or_404(key: int) -> Deployment:
    found = showing.deployment_of(key)
    if found is None:
        raise Http404("There is no such deployment.")
    return found
