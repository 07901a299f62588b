"""The address space of a further node: how it does, and nothing else. Phones take its /sip."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from runtime.views import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]


def _plainly(status: int, said: str) -> HttpResponse:
    return HttpResponse(f"{said}\n", status=status, content_type="text/plain; charset=utf-8")


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _plainly(400, "The request could not be read.")


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _plainly(403, str(exception) or "You may not do this.")


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _plainly(404, "This node serves no pages; the server of this installation does.")


def handler500(request: HttpRequest) -> HttpResponse:
    return _plainly(500, "This went wrong on our side; the log of the node says more.")
