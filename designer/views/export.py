"""A flow as a file: its table in the formats of other tools, or its picture."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse

from designer import pictures, rendering, selectors
from designer.access import page
from designer.errors import Refused
from designer.models import Flow
from designer.views.shell import flow_or_404
from flows.export import FORMATS

YAML = "yaml"


@page("flow.view")
def flow_export(request: HttpRequest, name: str, form: str) -> HttpResponse:
    """Give the draft (or `?version=n`) as a file, drawn as `?role`, `?fold` and the others say."""
    flow = flow_or_404(name)
    text, called = _text(request, flow)
    drawn = rendering.drawing(text)
    try:
        content, media_type, suffix = _written(request, drawn, form)
    except Refused as refused:
        return HttpResponse(refused.message, status=409, content_type="text/plain; charset=utf-8")
    answer = HttpResponse(content, content_type=media_type)
    answer["Content-Disposition"] = f'attachment; filename="{called}{suffix}"'
    return answer


def _text(request: HttpRequest, flow: Flow) -> tuple[str, str]:
    """The text that is asked for, and what its file is called."""
    asked = request.GET.get("version", "")
    if asked:
        version = selectors.version_of(flow, int(asked)) if asked.isdigit() else None
        if version is None:
            raise Http404(f"{flow.name} has no version {asked}.")
        return version.text, f"{flow.name}-v{version.number}"
    draft = selectors.draft_of(flow, request.user)
    latest = selectors.newest_version(flow)
    if draft is not None:
        return draft.text, flow.name
    if latest is None:
        raise Http404(f"{flow.name} has no text yet.")
    return latest.text, flow.name


def _written(
    request: HttpRequest, drawn: rendering.Drawing, form: str
) -> tuple[bytes | str, str, str]:
    if form == YAML:
        return drawn.text, "application/yaml", ".yaml"
    if drawn.table is None:
        raise Refused("This text cannot be read as a table yet; mend what the problems name first.")
    if form in FORMATS:
        known = FORMATS[form]
        return known.write(drawn.table), f"{known.media_type}; charset=utf-8", known.suffix
    if form in pictures.MEDIA_TYPES:
        dot = rendering.seen(drawn.text, rendering.asked_of(request.GET))["dot"]
        return pictures.picture(dot, form), pictures.MEDIA_TYPES[form], f".{form}"
    raise Http404(f"There is no format {form}.")
