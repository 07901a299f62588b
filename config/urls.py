"""The address space: pages of the designer first, then those of the runtime."""

from django.urls import include, path

urlpatterns = [
    path("", include("designer.urls")),
    path("", include("runtime.urls")),
]
