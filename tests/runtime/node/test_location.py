import pytest

from runtime.node.location import Location
from runtime.sip.hop import Hop
from runtime.sip.message import Request

HOP = Hop("WS", "ws1", "127.0.0.1:8000")


def register(contact="<sip:abc@x.invalid;transport=ws>", expires=None, user="alice"):
    headers = [
        ("Via", "SIP/2.0/WS x.invalid;branch=z9hG4bK1"),
        ("From", f"<sip:{user}@example.org>;tag=1"),
        ("To", f"<sip:{user}@example.org>"),
        ("Call-ID", "1"),
        ("CSeq", "1 REGISTER"),
    ]
    if contact is not None:
        headers.append(("Contact", contact))
    if expires is not None:
        headers.append(("Expires", expires))
    return Request("REGISTER", "sip:example.org", headers, b"", "SIP/2.0")


@pytest.fixture
def location():
    return Location()


def test_a_registered_user_is_found_at_its_contact(location):
    answer = location.register(register(), HOP, "alice", 0.0)
    assert answer.code == 200
    assert answer.headers == [("Contact", "<sip:abc@x.invalid;transport=ws>;expires=600")]
    found = location.find("alice", 1.0)
    assert (found.contact, found.hop, found.host) == (
        "sip:abc@x.invalid;transport=ws",
        HOP,
        "example.org",
    )
    assert location.find("bob", 1.0) is None


def test_nobody_registers_another_user(location):
    assert location.register(register(), HOP, "bob", 0.0).code == 403
    assert location.find("alice", 0.0) is None


def test_a_binding_ends_with_its_time(location):
    location.register(register(expires="100"), HOP, None, 0.0)
    assert location.find("alice", 99.0)
    assert location.find("alice", 101.0) is None
    assert len(location) == 0


def test_the_contact_says_its_own_time(location):
    contact = "<sip:abc@x.invalid>;expires=120"
    answer = location.register(register(contact, expires="600"), HOP, None, 0.0)
    assert answer.headers[0][1].endswith("expires=120")


def test_too_short_a_time_is_refused(location):
    answer = location.register(register(expires="10"), HOP, None, 0.0)
    assert answer == (423, [("Min-Expires", "60")])


def test_zero_and_star_remove(location):
    location.register(register(), HOP, None, 0.0)
    assert location.register(register(expires="0"), HOP, None, 1.0) == (200, [])
    location.register(register(), HOP, None, 2.0)
    assert location.register(register("*"), HOP, None, 3.0).code == 400
    assert location.register(register("*", expires="0"), HOP, None, 3.0) == (200, [])
    assert location.find("alice", 4.0) is None


def test_asking_changes_nothing(location):
    location.register(register(), HOP, None, 0.0)
    answer = location.register(register(contact=None), HOP, None, 10.0)
    assert answer.headers == [("Contact", "<sip:abc@x.invalid;transport=ws>;expires=590")]


def test_a_closed_connection_takes_its_users_along(location):
    location.register(register(), HOP, None, 0.0)
    other = Hop("WS", "ws2", "127.0.0.1:8000")
    location.register(register("<sip:def@x.invalid>"), other, None, 1.0)
    assert location.find("alice", 2.0).hop == other
    location.lost("ws2")
    assert location.find("alice", 2.0).hop == HOP
    location.lost("ws1")
    assert location.find("alice", 2.0) is None


def test_places_of_one_user_are_limited(location):
    for number in range(20):
        location.register(register(f"<sip:u{number}@x.invalid>"), HOP, None, 0.0)
    assert len(location) == 10
