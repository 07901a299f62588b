"""One deployment: its page, and what a person does while it takes calls in steps."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse

from designer.access import change
from designer.errors import Refused
from designer.views.shell import done, refused
from runtime.models import Deployment
from runtime.ramps import services


@change("ramp.control")
def ramp_control(request: HttpRequest, deployment: int) -> HttpResponse:
    """Control a deployment in steps. POST: act (hold, resume, go, back), reason."""
    found = Deployment.objects.filter(pk=deployment).select_related("ramp", "flow").first()
    ramp = getattr(found, "ramp", None)
    if ramp is None:
        raise Http404("This deployment takes no calls in steps.")
    act = services.ACTS.get(request.POST.get("act", ""))
    try:
        if act is None:
            raise Refused("What to do is one of hold, resume, go and back.")
        after = act(ramp=ramp, user=request.user, reason=request.POST.get("reason", "")[:2000])
    except Refused as refusal:
        return refused(request, refusal, "deployments")
    mark = after.marks.last()
    data = {"state": after.state, "percent": after.percent, "reason": after.reason}
    return done(request, mark.sentence if mark else "", data, "deployments")
