"""What the checker finds in sessions without a call: each shipped table with one mistake in it."""

from pathlib import Path

import pytest

from flows.check import deep, examine

FOLDER = Path(__file__).parents[3] / "state_tables"
MISTAKES = {
    # table: (what stands there, what stands there instead, code, what it says)
    "a NOTIFY without an answer": (
        "presence_watcher", "actions: [ProcessNOTIFY]\n", "actions: []\n", "OBL621"),
    "a time that is not renewed": (
        "presence_watcher", "event: RefreshSubscription", "event: Reset", "TMR702"),
    "an end that nobody hears of": (
        "presence_watcher", "Subscribed, role: UAC, event: SubscriptionExpired",
        "Subscribed, role: UAC, event: Reset", "TMR702"),
    "a person who cannot leave": (
        "presence_watcher", "Subscribing, role: UAC, event: UnsubscribeRequest",
        "Subscribing, role: UAC, event: Reset", "COV411"),
    "two SUBSCRIBEs at once": (
        "presence_watcher", "event: UnsubscribeRequest, next_state: Leaving",
        "event: UnsubscribeRequest, actions: [{SendSUBSCRIBE: {expires: 0}}],\n"
        "   next_state: Unsubscribing", "ACT606"),
    "a subscription begun again after its end": (
        "presence_watcher", "{from_state: Leaving, role: UAC, event: SubscriptionAccepted,\n"
        "   actions: [{SendSUBSCRIBE: {expires: 0}}]",
        "{from_state: Leaving, role: UAC, event: SubscriptionAccepted,\n"
        "   actions: [SendSUBSCRIBE]", "ACT608"),
    "a state that waits for nothing": (
        "presence_watcher", "{from_state: Waiting, role: UAC, event: {after: 60s}",
        "{from_state: Waiting, role: UAC, event: Reset", "TMR701"),
    "a challenge that is not answered": (
        "presence_watcher", "actions: [StoreAuthChallenge, SendRequestWithAuth]",
        "actions: [SendRequestWithAuth]", "ACT601"),
    "a SUBSCRIBE that is accepted in silence": (
        "presence_notifier",
        "  actions: [CreateDialog, {SendSIPResponse: {code: 200}}, SendNOTIFY]\n",
        "  actions: [CreateDialog, {SendSIPResponse: {code: 200}}]\n", "OBL623"),
    "an end that the subscriber is not told": (
        "presence_notifier", "actions: [{SendNOTIFY: {state: terminated, reason: timeout}}, ",
        "actions: [", "OBL623"),
    "a renewal that gets no answer": (
        "presence_notifier", "  actions: [{SendSIPResponse: {code: 200}}, SendNOTIFY]\n",
        "  actions: []\n", "OBL621"),
    "a subscriber who is told before he is taken": (
        "presence_notifier",
        "  actions: [CreateDialog, {SendSIPResponse: {code: 200}}, SendNOTIFY]\n",
        "  actions: [CreateDialog, SendNOTIFY, {SendSIPResponse: {code: 200}}]\n", "ACT601"),
    "a subscription that goes on without its subscriber": (
        "presence_notifier", "  actions: [SendNOTIFY, CleanupDialog]\n  next_state: Terminated\n"
        "  publish_events: [SubscriptionTerminated]\n", "  actions: [SendNOTIFY]\n", "TMR701"),
    "a state that stays published": (
        "presence_publisher", "actions: [{SendPUBLISH: {expires: 0}}], next_state: Unpublishing}\n"
        "- {from_state: Publishing",
        "actions: [CleanupDialog], next_state: Terminated, publish_events: [PublicationEnded]}\n"
        "- {from_state: Publishing", "RES507"),
    "two PUBLISHes at once": (
        "presence_publisher", "event: UnpublishState, next_state: Leaving",
        "event: UnpublishState, actions: [{SendPUBLISH: {expires: 0}}], next_state: Leaving",
        "ACT606"),
    "a publication that is not refreshed": (
        "presence_publisher", "event: RefreshPublication", "event: Reset", "TMR702"),
    "a text that is not answered": (
        "message_in", "CreateDialog, ProcessMESSAGE, ", "CreateDialog, ", "OBL621"),
    "a text that is answered twice": (
        "message_in", "ProcessMESSAGE, ", "ProcessMESSAGE, {ProcessMESSAGE: {code: 202}}, ",
        "ACT604"),
    "a text whose fate nobody hears": (
        "message_out", "event: MessageDelivered", "event: Reset", "CMP851"),
    "a refusal that nobody hears": (
        "message_out", "{from_state: Sending, role: UAC, event: MessageFailed",
        "{from_state: Sending, role: UAC, event: Reset", "COV405"),
    "an answer that nobody hears": (
        "keep_alive", "Asking, role: UAC, event: RequestAnswered, next_state",
        "Asking, role: UAC, event: Reset, next_state", "CMP851"),
    "a question that is asked while one waits": (
        "keep_alive", "actions: [CreateDialog, SendOPTIONS]",
        "actions: [CreateDialog, SendOPTIONS, SendOPTIONS]", "ACT606"),
    "a state that is taken without a word": (
        "publication_in", "actions: [CreateDialog, {SendSIPResponse: {code: 200}}, CleanupDialog]",
        "actions: [CreateDialog, CleanupDialog]", "OBL621"),
    "a text that is sent while one waits": (
        "message_out", "actions: [CreateDialog, SendMESSAGE]",
        "actions: [CreateDialog, SendMESSAGE, {SendMESSAGE: {body: again}}]", "ACT606"),
}  # fmt: skip


def found(name: str, old: str, new: str) -> set[str]:
    text = (FOLDER / f"{name}.yaml").read_text("utf-8")
    assert old in text, f"{name} has changed: {old!r}"
    compiled = examine(text.replace(old, new))
    assert compiled.table is not None, compiled.findings
    return {finding.code for finding in (*compiled.findings, *deep.examine(compiled).findings)}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_found(mistake):
    name, old, new, code = mistake
    assert code in found(name, old, new)
