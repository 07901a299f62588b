"""Where the command palette can go from any page: the flows and the pages of the rules."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import reverse

from designer.access import page, visible_flows
from flows.check.catalogue import catalogue


@page("flow.view")
def find(request: HttpRequest) -> JsonResponse:
    """Answer {"flows": [{name, description, url}], "rules": [{code, rule, url}]}."""
    flows = [
        {"name": name, "description": description, "url": reverse("flow", args=[name])}
        for name, description in visible_flows(request.user).values_list("name", "description")
    ]
    rules = [
        {"code": entry.code, "rule": entry.rule, "url": reverse("rule", args=[entry.code])}
        for entry in catalogue().values()
    ]
    return JsonResponse({"flows": flows, "rules": rules})
