"""Refusing, redirecting and following: what goes out, and what is refused to go out."""

import pytest

from runtime.adapters.port import ActionError
from runtime.adapters.redirection import MOST_HOPS, Redirection, addresses, contact_value
from runtime.executor.step import Event
from runtime.sip.events import CancelReceived, InviteReceived, ResponseReceived
from runtime.sip.message import Response
from tests.runtime.adapters.test_leg import Call


@pytest.fixture
def call(tmp_path):
    return Call(tmp_path, "sip:bob@192.0.2.9")


def moved(*contacts):
    return Response(302, "Moved", [("Contact", value) for value in contacts], b"")


@pytest.mark.parametrize(
    ("contacts", "expected"),
    [
        (["<sip:a@h>;q=0.2, <sip:b@h>;q=0.9"], ["sip:b@h", "sip:a@h"]),
        (["<sip:a@h>", "<sip:b@h>;q=1.0"], ["sip:a@h", "sip:b@h"]),
        (["<tel:+1>, <mailto:x@y>, <sips:a@h>"], ["sips:a@h"]),
        (["<sip:a@h?Replaces=1>, <sip:b@h;method=REGISTER>"], ["sip:a@h"]),
        (["<sip:a@h>;q=9, *, ;;;, <sip:b@"], ["sip:a@h"]),
        ([], []),
    ],
)
def test_the_addresses_of_a_redirection_are_sip_and_best_first(contacts, expected):
    assert addresses(moved(*contacts)) == expected


def test_a_hundred_addresses_are_not_all_kept():
    assert len(addresses(moved(", ".join(f"<sip:{n}@h>" for n in range(100))))) == 16


def test_a_redirection_back_to_where_the_call_was_is_a_loop():
    where = Redirection("sip:a@H:5060")
    where.heard(moved("<sip:a@h>"))
    assert where.next is None
    where.heard(moved("<sip:b@h>"))
    assert where.take() == "sip:b@h"
    where.heard(moved("<sip:b@h;transport=udp>, <sip:a@h>"))
    assert where.take() == "sip:b@h;transport=udp"
    assert where.take() is None


def test_five_redirections_are_followed_and_no_sixth():
    where = Redirection("sip:a@h")
    for hop in range(MOST_HOPS):
        where.heard(moved(f"<sip:{hop}@h>"))
        assert where.take() == f"sip:{hop}@h"
    where.heard(moved("<sip:more@h>"))
    assert where.next is None and where.take() is None


def test_an_address_that_is_refused_leaves_the_next_one_of_the_same_answer():
    where = Redirection("sip:a@h")
    where.heard(moved("<sip:b@h>, <sip:c@h>"))
    assert [where.take(), where.take(), where.take()] == ["sip:b@h", "sip:c@h", None]


def test_several_targets_are_written_by_falling_weight():
    assert contact_value(["sip:a@h"]) == "<sip:a@h>"
    assert contact_value(["sip:a@h", "tel:+1"]) == "<sip:a@h>;q=1.0, <tel:+1>;q=0.9"


@pytest.mark.parametrize(
    "targets", [[], ["nobody"], ["http://a"], ["sip:a@h>\r\nX: y"], ["sip:a@h"] * 11]
)
def test_what_is_no_address_is_not_written(targets):
    with pytest.raises(ValueError):
        contact_value(targets)


# -- answering -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "fields", "code"),
    [
        ({}, {}, 486),
        ({"code": 480}, {}, 480),
        ({"code": 480}, {"code": 603}, 603),
        ({"code": 480}, {"code": 200}, 480),
        ({"code": 480}, {"code": 407}, 480),
    ],
)
async def test_a_call_is_refused_with_the_code_of_the_event_if_a_caller_may_be_told(
    call, arguments, fields, code
):
    call.invited()
    await call.do("SendRejectResponse", Event("RejectCall", fields), **arguments)
    assert call.wire.last(ResponseReceived).code == code
    assert call.leg.unsettled() is None


async def test_a_cancelled_call_is_refused_with_487(call):
    usage = call.invited()
    usage.cancel(now=call.wire.time)
    call.wire.flush()
    assert call.names()[-1] == "DialogCANCEL"
    await call.do("SendRejectResponse", call.event)
    assert call.wire.last(ResponseReceived).code == 487
    with pytest.raises(ActionError, match="no INVITE"):
        await call.do("SendRejectResponse", call.event)


async def test_a_caller_is_sent_to_the_target_of_the_event_else_of_the_action(call):
    call.invited()
    event = Event("RedirectCall", {"target": "sip:carol@192.0.2.7, sip:dave@192.0.2.8"})
    await call.do("SendRedirectResponse", event, target="sip:nobody@192.0.2.6")
    response = call.wire.last(ResponseReceived)
    assert response.code == 302
    assert addresses(response.response) == ["sip:carol@192.0.2.7", "sip:dave@192.0.2.8"]


async def test_a_caller_is_not_sent_to_what_is_no_address(call):
    call.invited()
    for target in ("", "nobody at all", "sip:a@h>\r\nEvil: yes"):
        with pytest.raises(ActionError, match="cannot be sent elsewhere"):
            await call.do("SendRedirectResponse", Event("RedirectCall", {"target": target}))
    await call.do("SendRedirectResponse", Event("RedirectCall"), target="sip:x@h", code=301)
    assert call.wire.last(ResponseReceived).code == 301


# -- following -------------------------------------------------------------------------------------


def refused(call, invite, code, *contacts):
    headers = [("Contact", value) for value in contacts]
    invite.usage.respond(invite.transaction, code, headers=headers, now=call.wire.time)
    call.wire.flush()


async def test_a_redirected_call_goes_on_in_the_same_session_with_the_next_cseq(call):
    first = await call.placed()
    refused(call, first, 302, "<sip:bob@192.0.2.9>, <sip:carol@192.0.2.9>")
    assert call.event.name == "Dialog3xxRedirect"
    assert call.event.fields["contact"] == "sip:carol@192.0.2.9"
    await call.do("RetryWithContact", call.event)
    second = call.wire.last(InviteReceived)
    assert second.request_uri == "sip:carol@192.0.2.9" and second.sdp == first.sdp
    assert second.request.call_id == first.request.call_id
    assert second.request.cseq.number == first.request.cseq.number + 1
    assert second.request.from_.tag == first.request.from_.tag
    assert second.request.to.uri_text == first.request.to.uri_text
    refused(call, second, 486)
    assert call.event.name == "Dialog4xxFailure" and call.event.fields["contact"] is None
    with pytest.raises(ActionError, match="no redirection"):
        await call.do("RetryWithContact", call.event)


async def test_the_next_address_of_a_redirection_is_tried_after_a_refusal(call):
    first = await call.placed()
    refused(call, first, 300, "<sip:c@192.0.2.9>, <sip:d@192.0.2.9>")
    await call.do("RetryWithContact", call.event)
    refused(call, call.wire.last(InviteReceived), 480)
    assert call.event.fields["contact"] == "sip:d@192.0.2.9"
    await call.do("RetryWithContact", call.event)
    invite = call.wire.last(InviteReceived)
    invite.usage.respond(invite.transaction, 200, sdp=b"v=0 theirs\r\n", now=call.wire.time)
    call.wire.flush()
    await call.do("SendACK", call.event)
    await call.do("NegotiateSDPAsUAC", call.event)
    assert ("accept", "v=0 theirs\r\n") in call.link.log
    assert call.leg.unsettled() is None


async def test_an_offer_that_was_answered_early_is_made_anew_for_the_next_address(call):
    first = await call.placed()
    first.usage.respond(first.transaction, 183, sdp=b"v=0 early\r\n", now=call.wire.time)
    call.wire.flush()
    await call.do("NegotiateSDPAsUAC", call.event)
    refused(call, first, 302, "<sip:carol@192.0.2.9>")
    await call.do("RetryWithContact", call.event)
    assert call.wire.last(InviteReceived).sdp == b"v=0 our offer 2\r\n"


async def test_no_redirection_is_nothing_to_follow(call):
    first = await call.placed()
    refused(call, first, 486)
    with pytest.raises(ActionError, match="no redirection"):
        await call.do("RetryWithContact", call.event)
    assert not any(isinstance(h, CancelReceived) for h in call.wire.happened)
