"""The designer's sockets."""

from django.urls import re_path

from designer.consumers import EditorConsumer

websocket_urlpatterns = [
    re_path(r"^ws/flows/(?P<name>[A-Za-z0-9_-]{1,64})/edit$", EditorConsumer.as_asgi()),
]
