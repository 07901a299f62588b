import itertools

import pytest

from runtime.node.location import Location, contact_key
from runtime.node.registrar import Registrar
from runtime.sip.hop import Hop
from runtime.sip.message import Request

NUMBERS = itertools.count(1)
HOP = Hop("WS", "ws1", "127.0.0.1:8000")


REALM = "callsmith"


def register(
    contact="<sip:abc@x.invalid;transport=ws>",
    expires=None,
    user="alice",
    call_id="1",
    cseq=None,
    more=(),
):
    number = next(NUMBERS) if cseq is None else cseq
    headers = [
        ("Via", "SIP/2.0/WS x.invalid;branch=z9hG4bK1"),
        ("From", f"<sip:{user}@example.org>;tag=1"),
        ("To", f"<sip:{user}@example.org>"),
        ("Call-ID", call_id),
        ("CSeq", f"{number} REGISTER"),
        *more,
    ]
    if contact is not None:
        headers.append(("Contact", contact))
    if expires is not None:
        headers.append(("Expires", expires))
    return Request("REGISTER", "sip:example.org", headers, b"", "SIP/2.0")


class Desk:
    """A location with its registrar."""

    def __init__(self):
        self.location = Location("n1")
        self.registrar = Registrar(self.location)

    def register(self, request, hop=HOP, now=0.0):
        return self.registrar.register(request, hop, REALM, now)

    def find(self, user="alice", now=0.0):
        return self.location.find(user, now, REALM)


@pytest.fixture
def location():
    return Desk()


def test_a_registered_user_is_found_at_its_contact(location):
    answer = location.register(register(), HOP, 0.0)
    assert answer.code == 200
    assert answer.headers == [("Contact", "<sip:abc@x.invalid;transport=ws>;expires=600")]
    (found,) = location.find("alice", 1.0)
    assert (found.contact, found.hop("n1"), found.host) == (
        "sip:abc@x.invalid;transport=ws",
        HOP,
        "example.org",
    )
    assert location.find("bob", 1.0) == []


def test_a_binding_ends_with_its_time(location):
    location.register(register(expires="100"), HOP, 0.0)
    assert location.find("alice", 99.0)
    assert location.find("alice", 101.0) == []
    assert len(location.location) == 0


def test_the_contact_says_its_own_time(location):
    contact = "<sip:abc@x.invalid>;expires=120"
    answer = location.register(register(contact, expires="600"), HOP, 0.0)
    assert answer.headers[0][1].endswith("expires=120")


def test_too_short_a_time_is_refused(location):
    answer = location.register(register(expires="10"), HOP, 0.0)
    assert answer == (423, [("Min-Expires", "60")])


def test_zero_and_star_remove(location):
    location.register(register(), HOP, 0.0)
    assert location.register(register(expires="0"), HOP, 1.0) == (200, [])
    location.register(register(), HOP, 2.0)
    assert location.register(register("*"), HOP, 3.0).code == 400
    assert location.register(register("*", expires="0"), HOP, 3.0) == (200, [])
    assert location.find("alice", 4.0) == []


def test_asking_changes_nothing(location):
    location.register(register(), HOP, 0.0)
    answer = location.register(register(contact=None), HOP, 10.0)
    assert answer.headers == [("Contact", "<sip:abc@x.invalid;transport=ws>;expires=590")]


def test_a_closed_connection_takes_its_users_along(location):
    location.register(register(), HOP, 0.0)
    other = Hop("WS", "ws2", "127.0.0.1:8000")
    location.register(register("<sip:def@x.invalid>"), other, 1.0)
    assert location.find("alice", 2.0)[0].hop("n1") == other
    location.location.lost("ws2")
    assert location.find("alice", 2.0)[0].hop("n1") == HOP
    location.location.lost("ws1")
    assert location.find("alice", 2.0) == []


def test_places_of_one_user_are_limited(location):
    for number in range(20):
        location.register(register(f"<sip:u{number}@x.invalid>"), HOP, 0.0)
    assert len(location.location) == 10


UDP = Hop("UDP", ("192.0.2.7", 5062), "198.51.100.1:5060")
STREAM = Hop("TCP", ("192.0.2.7", 40123), "198.51.100.1:5060", "tcp-7")
DEVICE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'


def test_places_are_tried_by_preference_then_the_newest_first(location):
    location.register(register("<sip:desk@192.0.2.7>;q=0.5"), UDP, 0.0)
    location.register(register("<sip:old@192.0.2.8>"), UDP, 1.0)
    location.register(register("<sip:new@192.0.2.9>"), UDP, 2.0)
    assert [each.contact for each in location.find(now=3.0)] == [
        "sip:new@192.0.2.9",
        "sip:old@192.0.2.8",
        "sip:desk@192.0.2.7",
    ]


def test_what_comes_late_over_the_same_call_id_undoes_nothing(location):
    location.register(register(cseq=7), HOP, 0.0)
    assert location.register(register(cseq=7, expires="0"), HOP, 1.0).code == 500
    assert location.register(register("*", cseq=6, expires="0"), HOP, 1.0).code == 500
    assert len(location.find(now=2.0)) == 1
    other = register(cseq=1, call_id="2", expires="0")
    assert location.register(other, HOP, 3.0).code == 200
    assert location.find(now=4.0) == []


def test_either_all_that_a_register_asks_for_is_done_or_nothing(location):
    location.register(register("<sip:a@192.0.2.7>", cseq=5), UDP, 0.0)
    both = register("<sip:b@192.0.2.7>, <sip:a@192.0.2.7>;expires=0", cseq=5)
    assert location.register(both, UDP, 1.0).code == 500
    assert [each.contact for each in location.find(now=2.0)] == ["sip:a@192.0.2.7"]


def test_a_device_that_comes_back_takes_the_place_of_its_old_flow(location):
    flow = f"<sip:a@x.invalid;transport=ws>;reg-id=1;{DEVICE}"
    supported = [("Supported", "path, outbound")]
    location.register(register(flow), HOP, 0.0)
    again = Hop("WS", "ws2", "127.0.0.1:8000")
    moved = flow.replace("sip:a@", "sip:b@")
    answer = location.register(register(moved, call_id="2", more=supported), again, 1.0)
    assert ("Require", "outbound") in answer.headers and len(answer.headers) == 2
    assert "reg-id=1" in answer.headers[0][1] and "urn:uuid" in answer.headers[0][1]
    (found,) = location.find(now=2.0)
    assert found.hop("n1") == again and found.contact.startswith("sip:b@")
    location.location.lost("ws1")
    assert len(location.find(now=2.0)) == 1


def test_two_flows_of_one_device_stand_beside_each_other(location):
    for number in (1, 2):
        location.register(register(f"<sip:a@x.invalid>;reg-id={number};{DEVICE}"), HOP, 0.0)
    assert len(location.find()) == 2


def test_a_phone_behind_a_translator_is_reached_where_it_came_from(location):
    location.register(register("<sip:a@10.0.0.5:5060>"), UDP, 0.0)
    assert location.find()[0].hop("n1") == UDP
    location.register(register("<sip:b@192.0.2.7:5070>"), UDP, 1.0)
    assert location.find(now=2.0)[0].hop("n1").remote == ("192.0.2.7", 5070)


def test_a_stream_is_used_while_it_is_open_and_connected_to_anew_after_that(location):
    location.register(register("<sip:a@10.0.0.5;transport=tcp>"), STREAM, 0.0)
    assert location.find()[0].hop("n1") == STREAM
    location.location.lost("tcp-7")
    assert location.find()[0].hop("n1") == Hop("TCP", STREAM.remote, STREAM.local)


def test_contacts_are_compared_as_uris(location):
    assert contact_key("sip:a@Host.example") == contact_key("sip:a@host.EXAMPLE:5060")
    assert contact_key("sip:a@h.example") != contact_key("sip:A@h.example")
    assert contact_key("sip:a@h.example;transport=tcp") != contact_key("sip:a@h.example")


def test_the_oldest_place_makes_way_for_a_new_one(location):
    for number in range(11):
        location.register(register(f"<sip:u{number}@x.invalid>"), HOP, float(number))
    names = [each.contact for each in location.find(now=20.0)]
    assert "sip:u0@x.invalid" not in names and "sip:u10@x.invalid" in names


def test_proxies_on_the_way_are_kept_and_told(location):
    path = [("Path", "<sip:edge.example;lr>"), ("Supported", "path")]
    answer = location.register(register(more=path), UDP, 0.0)
    assert ("Path", "<sip:edge.example;lr>") in answer.headers
    assert location.find()[0].path == ("<sip:edge.example;lr>",)


def test_another_node_knows_what_was_written_and_reaches_what_has_an_address(location):
    location.register(register("<sip:a@192.0.2.7>"), UDP, 0.0)
    location.register(register("<sip:b@x.invalid>"), HOP, 1.0)
    rows = location.location.take_changes()
    other = Location("n2")
    other.learn(rows.items())
    assert [each.contact for each in other.find("alice", 2.0, REALM)] == ["sip:a@192.0.2.7"]
    assert len(other.of("alice", REALM, 2.0)) == 2
    other.learn((key, None) for key in rows)
    assert len(other) == 0 and other.take_changes() == {}


def test_what_is_not_written_yet_is_newer_than_what_is_read(location):
    location.register(register("<sip:a@192.0.2.7>"), UDP, 0.0)
    (key,) = location.location.take_changes()
    location.location.learn([(key, None)])
    assert location.find() == []
    location.register(register("<sip:a@192.0.2.7>"), UDP, 1.0)
    location.location.learn([(key, None)])
    assert len(location.find(now=2.0)) == 1


def test_what_could_not_be_written_is_written_later(location):
    location.register(register("<sip:a@192.0.2.7>"), UDP, 0.0)
    failed = location.location.take_changes()
    location.register(register("<sip:a@192.0.2.7>", expires="0"), UDP, 1.0)
    location.location.give_back(failed)
    assert list(location.location.take_changes().values()) == [None]


def test_ten_thousand_phones_that_come_and_go_leave_nothing(location):
    for number in range(10_000):
        location.register(register("<sip:a@192.0.2.7>", user=f"u{number}"), UDP, 0.0)
    location.location.expire(601.0)
    assert len(location.location) == 0 and not location.location._keys


def test_a_place_that_did_not_answer_is_tried_last_until_it_is_heard_of_again(location):
    silent, other = "<sip:new@192.0.2.9>", "<sip:old@192.0.2.8>"
    location.register(register(other), UDP, 0.0)
    location.register(register(silent), UDP, 1.0)
    (best, _) = location.find(now=2.0)
    location.location.unanswered(best.contact, best.hop("n1"), 2.0)
    names = ["sip:old@192.0.2.8", "sip:new@192.0.2.9"]
    assert [each.contact for each in location.find(now=3.0)] == names
    assert [each.contact for each in location.find(now=63.0)] == names[::-1]
    location.location.unanswered(best.contact, best.hop("n1"), 2.0)
    location.register(register(silent), UDP, 4.0)
    assert [each.contact for each in location.find(now=5.0)] == names[::-1]
