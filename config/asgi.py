"""HTTP to Django, WebSockets to the consumers."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402

http = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.conf import settings  # noqa: E402

from config.limits import BodyLimit  # noqa: E402
from designer.routing import websocket_urlpatterns as designer_sockets  # noqa: E402
from runtime.consumers.direct import DirectSend  # noqa: E402
from runtime.routing import phone_urlpatterns  # noqa: E402
from runtime.routing import websocket_urlpatterns as runtime_sockets  # noqa: E402

sockets = [*designer_sockets, *runtime_sockets]
if settings.CALLSMITH.role == "node":
    # Each node serves its own phones; what watches belongs to the pages.
    sockets = phone_urlpatterns

application = ProtocolTypeRouter(
    {
        "http": BodyLimit(http),  # type: ignore[arg-type]
        "websocket": DirectSend(
            AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(sockets)))
        ),
    }
)
