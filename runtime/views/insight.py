"""What the record says of a flow over days, on its diagram and in lists."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from designer import rendering
from designer.access import page
from designer.views.shell import flow_or_404, show
from runtime import audit, insight
from runtime.consumers.live import same_rows


@page("call.view")
def flow_insight(request: HttpRequest, name: str) -> HttpResponse:
    """Show rows nobody needs, events nobody expected, versions compared. ?days= is 1, 7 or 30.

    Context: flow, told (`runtime.insight.insight`), ranges, boot.
    """
    flow = flow_or_404(name)
    told = insight.insight(flow, insight.days_of(request.GET.get("days")))
    digest = told["digest"]
    drawing = rendering.drawing(audit.text_of(digest))
    places = {other: same_rows(other, digest) for other in told["fired"] if other != digest}
    boot = {
        "dot": drawing.dot,
        "picture": drawing.picture,
        "heat": told["heat"],
        "fired": {
            other: {
                place: count
                for row, count in rows.items()
                if (place := row if other == digest else places[other].get(row)) is not None
            }
            for other, rows in told["fired"].items()
        },
        "numbers": {other: told["numbers"].get(other) for other in told["heat"]},
        "days": told["days"],
    }
    context = {
        "flow": flow,
        "told": told,
        "ranges": insight.RANGES,
        "editor": reverse("flow", args=[flow.name]),
        "boot": boot,
    }
    return show(request, "runtime/insight.html", context, nav="live")
