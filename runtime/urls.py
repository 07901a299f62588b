"""The runtime's pages, then the API, then what machines ask."""

from django.urls import include, path

from runtime.api import views as api
from runtime.views import calls, deployments, health, routes

api_patterns = [
    path("flows", api.flows, name="api_flows"),
    path("flows/<flow:name>/versions", api.versions, name="api_versions"),
    path("flows/<flow:name>/versions/<int:number>/check", api.check, name="api_check"),
    path("flows/<flow:name>/deploy", api.deploy, name="api_deploy"),
    path("routes", api.all_routes, name="api_routes"),
    path("sessions", api.sessions, name="api_sessions"),
    path("sessions/<str:id>/steps", api.steps, name="api_steps"),
    path("sessions/<str:id>/events", api.events, name="api_events"),
    path("calls", api.calls, name="api_calls"),
]

urlpatterns = [
    path("flows/<flow:name>/live/", calls.flow_live, name="flow_live"),
    path("flows/<flow:name>/deploy/", deployments.flow_deploy, name="flow_deploy"),
    path("flows/<flow:name>/fires/", calls.flow_fires, name="flow_fires"),
    path("calls/", calls.calls, name="calls"),
    path("calls/place/", calls.call_place, name="call_place"),
    path("calls/<str:id>/", calls.call, name="call"),
    path("calls/<str:id>/send/", calls.call_send, name="call_send"),
    path("routes/", routes.routes, name="routes"),
    path("routes/add/", routes.route_add, name="route_add"),
    path("routes/delete/", routes.route_delete, name="route_delete"),
    path("deployments/", deployments.deployments, name="deployments"),
    path("api/", include(api_patterns)),
    path("healthz", health.healthz, name="healthz"),
    path("metrics", health.metrics, name="metrics"),
]
