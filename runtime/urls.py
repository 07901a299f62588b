"""The runtime's pages, then the API, then what machines ask."""

from django.urls import include, path

from runtime.api import pages, resources
from runtime.views import (
    call_list,
    calls,
    deployments,
    health,
    live,
    nodes,
    onecall,
    proofs,
    ramps,
    routes,
)

urlpatterns = [
    path("flows/<flow:name>/live/", live.flow_live, name="flow_live"),
    path("flows/<flow:name>/live/figures/", live.flow_figures, name="flow_figures"),
    path("live/", live.live, name="live"),
    path("flows/<flow:name>/deploy/", deployments.flow_deploy, name="flow_deploy"),
    path("flows/<flow:name>/versions/<int:number>/replay/", proofs.flow_replay, name="flow_replay"),
    path(
        "flows/<flow:name>/versions/<int:number>/replay/state/",
        proofs.flow_replay_state,
        name="flow_replay_state",
    ),
    path(
        "flows/<flow:name>/versions/<int:number>/replay/again/",
        proofs.flow_replay_act,
        {"act": "again"},
        name="flow_replay_again",
    ),
    path(
        "flows/<flow:name>/versions/<int:number>/replay/cancel/",
        proofs.flow_replay_act,
        {"act": "cancel"},
        name="flow_replay_cancel",
    ),
    path("flows/<flow:name>/fires/", calls.flow_fires, name="flow_fires"),
    path("calls/", call_list.calls, name="calls"),
    path("calls/place/", calls.call_place, name="call_place"),
    path("calls/<str:id>/", onecall.call, name="call"),
    path("calls/<str:id>/model/", onecall.call_model, name="call_model"),
    path("calls/<str:id>/messages/", onecall.call_messages, name="call_messages"),
    path("calls/<str:id>/steps/<int:sequence>/", onecall.call_moment, name="call_moment"),
    path("calls/<str:id>/simulate/", proofs.call_simulate, name="call_simulate"),
    path("calls/<str:id>/send/", calls.call_send, name="call_send"),
    path("routes/", routes.routes, name="routes"),
    path("routes/add/", routes.route_add, name="route_add"),
    path("routes/move/", routes.route_move, name="route_move"),
    path("routes/delete/", routes.route_delete, name="route_delete"),
    path("deployments/", deployments.deployments, name="deployments"),
    path("deployments/<int:deployment>/control/", ramps.ramp_control, name="ramp_control"),
    path("nodes/", nodes.nodes, name="nodes"),
    path("nodes/<str:node>/drain/", nodes.node_drain, name="node_drain"),
    path("nodes/<str:node>/undrain/", nodes.node_undrain, name="node_undrain"),
    path("nodes/<str:node>/forget/", nodes.node_forget, name="node_forget"),
    path("api/", pages.api, name="api"),
    path("api/", include(resources.patterns())),
    path("api/<path:rest>", pages.nothing, name="api_nothing"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
