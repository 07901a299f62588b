"""The runtime's sockets: what watches calls, and the phone of the page."""

from django.urls import path, re_path

from runtime.consumers.calls import CallConsumer
from runtime.consumers.live import AllConsumer, FleetConsumer, LiveConsumer
from runtime.consumers.phone import PhoneConsumer

phone_urlpatterns = [path("sip", PhoneConsumer.as_asgi())]
websocket_urlpatterns = [
    re_path(r"^ws/flows/(?P<name>[A-Za-z0-9_-]{1,64})/live$", LiveConsumer.as_asgi()),
    re_path(r"^ws/calls/(?P<id>[A-Za-z0-9_.@-]{1,128})$", CallConsumer.as_asgi()),
    path("ws/flows", FleetConsumer.as_asgi()),
    path("ws/live", AllConsumer.as_asgi()),
    *phone_urlpatterns,
]
