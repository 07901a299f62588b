"""All addresses of the API, in the order in which the document and the page show them."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path

from runtime.api import (
    acts,
    comparisons,
    designs,
    drains,
    live,
    onecall,
    peers,
    proofs,
    ramps,
    reviews,
    routing,
    runs,
)
from runtime.api.declare import Call, Resource, operation

PREFIX = "/api/"
TAGS = {
    "Flows": "What an operator edits: a name, its versions, its scenarios.",
    "Versions": "Immutable texts. A save names the version it was made from.",
    "Reviews": "What others say of a version before calls take it: comments, approvals, checks.",
    "Deployments": "Which version new calls take; calls that run keep theirs.",
    "Routes": "Which calls take which flow.",
    "Peers": "Whom calls come from and go to: trunks, accounts of phones, where they are.",
    "Sessions": "What calls do and did: their steps, their messages, and acts on them.",
    "Nodes": "Who takes calls, how each does, and taking one out of the calls.",
    "Audit": "Who did what, and whether all of it is as it was written.",
    "Server": "How the server does, and what this document says.",
}


@operation("flow.view", dict[str, Any])
def get_document(call: Call) -> Any:
    """Get this description as an OpenAPI 3.1 document."""
    from runtime.api.openapi import document

    return document(call.request.build_absolute_uri(PREFIX.rstrip("/")))


RESOURCES = [
    Resource("flows", "api_flows", "Flows", GET=designs.list_flows, POST=designs.create_flow),
    Resource("flows/<flow:name>", "api_flow", "Flows", GET=designs.get_flow),
    Resource(
        "flows/<flow:name>/scenarios",
        "api_scenarios",
        "Flows",
        GET=designs.list_scenarios,
        POST=proofs.write_scenario,
    ),
    Resource(
        "flows/<flow:name>/scenarios/text",
        "api_scenario",
        "Flows",
        GET=proofs.get_scenario,
        DELETE=proofs.delete_scenario,
    ),
    Resource(
        "flows/<flow:name>/scenarios/run",
        "api_scenarios_run",
        "Flows",
        POST=designs.run_scenarios,
    ),
    Resource("check", "api_check_text", "Flows", POST=designs.check_text),
    Resource(
        "flows/<flow:name>/versions",
        "api_versions",
        "Versions",
        GET=designs.list_versions,
        POST=designs.save_version,
    ),
    Resource(
        "flows/<flow:name>/versions/<int:number>",
        "api_version",
        "Versions",
        GET=designs.get_version,
    ),
    Resource(
        "flows/<flow:name>/versions/<int:number>/restore",
        "api_restore",
        "Versions",
        POST=designs.restore_version,
    ),
    Resource(
        "flows/<flow:name>/versions/<int:number>/check",
        "api_check",
        "Versions",
        GET=designs.get_check,
        POST=designs.control_check,
    ),
    Resource(
        "flows/<flow:name>/versions/<int:number>/tests",
        "api_tests",
        "Versions",
        GET=proofs.get_tests,
        POST=proofs.control_tests,
    ),
    Resource(
        "flows/<flow:name>/versions/<int:number>/mutants",
        "api_mutants",
        "Versions",
        GET=proofs.get_mutants,
        POST=proofs.control_mutants,
    ),
    Resource(
        "flows/<flow:name>/versions/<int:number>/replay",
        "api_replay",
        "Versions",
        GET=proofs.get_replay,
        POST=proofs.control_replay,
    ),
    Resource(
        "flows/<flow:name>/versions/<int:number>/shadow",
        "api_shadow",
        "Versions",
        GET=proofs.get_shadow,
        POST=proofs.control_shadow,
    ),
    Resource(
        "flows/<flow:name>/versions/<int:number>/coverage",
        "api_coverage",
        "Versions",
        GET=proofs.get_coverage,
    ),
    Resource(
        "flows/<flow:name>/compare/<slug:left>/<slug:right>",
        "api_compare",
        "Versions",
        GET=comparisons.compare,
    ),
    Resource(
        "flows/<flow:name>/reviews",
        "api_reviews",
        "Reviews",
        GET=reviews.list_reviews,
        POST=reviews.request_review,
    ),
    Resource(
        "flows/<flow:name>/reviews/<int:number>", "api_review", "Reviews", GET=reviews.get_review
    ),
    Resource(
        "flows/<flow:name>/reviews/<int:number>/judge",
        "api_review_judge",
        "Reviews",
        POST=reviews.judge_review,
    ),
    Resource(
        "flows/<flow:name>/reviews/<int:number>/comments",
        "api_review_comments",
        "Reviews",
        POST=reviews.comment_review,
    ),
    Resource("deployments", "api_deployments", "Deployments", GET=runs.list_deployments),
    Resource(
        "flows/<flow:name>/deploy",
        "api_deploy",
        "Deployments",
        GET=runs.get_deployment,
        POST=runs.deploy,
    ),
    Resource("flows/<flow:name>/rollback", "api_rollback", "Deployments", POST=runs.roll_back),
    Resource("flows/<flow:name>/old-calls", "api_old_calls", "Deployments", GET=drains.old_calls),
    Resource("flows/<flow:name>/migration", "api_migration", "Deployments", POST=drains.migrate),
    Resource(
        "flows/<flow:name>/migration/dry-run",
        "api_migration_dry_run",
        "Deployments",
        POST=drains.dry_run,
    ),
    Resource("flows/<flow:name>/correction", "api_correction", "Deployments", POST=drains.correct),
    Resource(
        "flows/<flow:name>/correction/dry-run",
        "api_correction_dry_run",
        "Deployments",
        POST=drains.correction,
    ),
    Resource(
        "flows/<flow:name>/deadline",
        "api_deadline",
        "Deployments",
        GET=drains.get_deadline,
        POST=drains.choose_deadline,
    ),
    Resource("flows/<flow:name>/orders", "api_orders", "Deployments", GET=drains.list_orders),
    Resource(
        "flows/<flow:name>/orders/<int:order>",
        "api_order",
        "Deployments",
        GET=drains.get_order,
        POST=drains.stop_order,
    ),
    Resource(
        "flows/<flow:name>/ramp",
        "api_ramp",
        "Deployments",
        GET=ramps.get_ramp,
        POST=ramps.start_ramp,
    ),
    Resource(
        "flows/<flow:name>/ramp/control",
        "api_ramp_control",
        "Deployments",
        POST=ramps.control_ramp,
    ),
    Resource(
        "routes",
        "api_routes",
        "Routes",
        GET=routing.list_routes,
        POST=routing.add_route,
        PATCH=routing.move_route,
        DELETE=routing.delete_route,
    ),
    Resource("routes/test", "api_route_test", "Routes", GET=routing.test_route),
    Resource("trunks", "api_trunks", "Peers", GET=peers.list_trunks, POST=peers.add_trunk),
    Resource(
        "trunks/<slug:trunk>",
        "api_trunk",
        "Peers",
        GET=peers.get_trunk,
        PATCH=peers.change_trunk,
        DELETE=peers.remove_trunk,
    ),
    Resource("trunks/<slug:trunk>/test", "api_trunk_test", "Peers", POST=peers.test_trunk),
    Resource(
        "trunks/<slug:trunk>/registration",
        "api_trunk_registration",
        "Peers",
        POST=peers.register_trunk,
        DELETE=peers.unregister_trunk,
    ),
    Resource("accounts", "api_accounts", "Peers", GET=peers.list_accounts, POST=peers.add_account),
    Resource(
        "accounts/<int:account>",
        "api_account",
        "Peers",
        GET=peers.get_account,
        PATCH=peers.change_account,
        DELETE=peers.remove_account,
    ),
    Resource(
        "accounts/<int:account>/password",
        "api_account_password",
        "Peers",
        POST=peers.renew_password,
    ),
    Resource("anybody", "api_anybody", "Peers", GET=peers.get_policy, POST=peers.set_policy),
    Resource("registrations", "api_registrations", "Peers", GET=peers.list_registrations),
    Resource(
        "registrations/<slug:key>/end",
        "api_registration_end",
        "Peers",
        POST=peers.end_registration,
    ),
    Resource(
        "sessions",
        "api_sessions",
        "Sessions",
        GET=runs.list_sessions,
        POST=runs.begin_session,
    ),
    Resource("sessions/<str:id>", "api_session", "Sessions", GET=runs.get_session),
    Resource("sessions/<str:id>/steps", "api_steps", "Sessions", GET=runs.list_steps),
    Resource("sessions/<str:id>/wire", "api_wire", "Sessions", GET=runs.list_wire),
    Resource("sessions/<str:id>/call", "api_call", "Sessions", GET=onecall.get_call),
    Resource(
        "sessions/<str:id>/steps/<int:sequence>/why", "api_why", "Sessions", GET=onecall.get_why
    ),
    Resource(
        "sessions/<str:id>/compare/<str:other>",
        "api_call_compare",
        "Sessions",
        GET=onecall.compare_calls,
    ),
    Resource("sessions/<str:id>/export", "api_call_export", "Sessions", GET=onecall.export_call),
    Resource("sessions/<str:id>/events", "api_events", "Sessions", POST=runs.send_event),
    Resource("sessions/<str:id>/hangup", "api_hangup", "Sessions", POST=drains.hang_up),
    Resource("sessions/<str:id>/inject", "api_inject", "Sessions", POST=drains.inject),
    Resource("sessions/<str:id>/pin", "api_pin", "Sessions", POST=drains.pin),
    Resource("sessions/<str:id>/move", "api_move", "Sessions", POST=drains.move),
    Resource("stuck", "api_stuck", "Sessions", GET=live.list_stuck),
    Resource("flows/<flow:name>/live", "api_live", "Sessions", GET=live.get_live),
    Resource("flows/<flow:name>/insight", "api_insight", "Sessions", GET=live.get_insight),
    Resource("calls", "api_calls", "Sessions", POST=runs.place_call),
    Resource("nodes", "api_nodes", "Nodes", GET=runs.list_nodes),
    Resource("nodes/<str:node>", "api_node", "Nodes", GET=runs.get_node, DELETE=runs.forget_node),
    Resource("nodes/<str:node>/drain", "api_node_drain", "Nodes", POST=runs.drain_node),
    Resource("nodes/<str:node>/undrain", "api_node_undrain", "Nodes", POST=runs.undrain_node),
    Resource("audit", "api_audit", "Audit", GET=acts.list_acts),
    Resource("audit/chain", "api_chain", "Audit", GET=acts.get_chain),
    Resource("openapi.json", "api_document", "Server", GET=get_document),
]


def patterns() -> list[URLPattern]:
    """Return the URL patterns of all resources."""
    return [path(each.route, each.view(), name=each.name) for each in RESOURCES]
