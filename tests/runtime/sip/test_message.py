"""The wire layer: what sipmessage does not do, limits, and messages that are refused."""

from __future__ import annotations

import pytest

from runtime.sip import limits
from runtime.sip.message import Malformed, Request, Response
from runtime.sip.uri import parse_name_addr, parse_params, parse_uri, split_list
from runtime.sip.wire import parse
from tests.runtime.sip.peer import request


def parsed(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def test_folded_lines_are_unfolded() -> None:
    message = parsed(request(headers=["Subject: one", "  two", "\t three"]))
    assert message.get("Subject") == "one two three"


def test_white_space_before_the_colon_is_no_part_of_the_name() -> None:
    data = request(headers=["Via  : SIP/2.0/UDP a;branch=z9hG4bK-2", "v\t: SIP/2.0/UDP b"])
    assert len(parsed(data).get_all("Via")) == 3


def test_compact_and_oddly_written_names_are_canonical() -> None:
    message = parsed(request(headers=["s: hello", "SUPPORTED: a", "k: b, c"]))
    assert message.get("Subject") == "hello"
    assert message.tokens("Supported") == ["a", "b", "c"]


def test_a_uri_with_parameters_in_the_user_part_is_read() -> None:
    uri = parse_uri("sip:user;par=u%40example.net@example.com")
    assert (uri.user, uri.host) == ("user;par=u@example.net", "example.com")


def test_a_uri_with_headers_is_read() -> None:
    uri = parse_uri("sip:desk@h.example;lr?Replaces=12345%40h%3Bto-tag%3D1")
    assert uri.headers == "Replaces=12345%40h%3Bto-tag%3D1" and uri.param("lr") == ""


def test_a_star_contact_is_read() -> None:
    (contact,) = parsed(request("REGISTER", contact="*")).contacts
    assert contact.uri_text == "*"


def test_another_scheme_is_read_so_that_416_can_be_sent() -> None:
    assert parsed(request(uri="urn:service:sos")).uri.scheme == "urn"


@pytest.mark.parametrize("name", ["Via", "From", "To", "Call-ID", "CSeq"])
def test_a_missing_mandatory_header_is_refused_by_400(name: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse(request(without=[name]))
    assert refused.value.code == 400 and name in refused.value.reason
    told = refused.value.partial is not None
    assert told == (name != "Via"), "without it nobody knows where an answer goes"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"CSeq: 1 INVITE", b"CSeq: 1 OPTIONS"),
        (b"CSeq: 1 INVITE", b"CSeq: 2147483648 INVITE"),
        (b"CSeq: 1 INVITE", b"CSeq: 36893488147419103232 INVITE"),
        (b"CSeq: 1 INVITE", b"CSeq: x INVITE"),
        (b"CSeq: 1 INVITE", b"CSeq: 1"),
        (b"Content-Length: 0", b"Content-Length: 5"),
        (b"Content-Length: 0", b"Content-Length: -1"),
        (b"Content-Length: 0", b"Content-Length: 9999999999999999"),
        (b"Content-Length: 0", "Content-Length: ٣".encode()),
        (b"To: <", b"To: <sip:x@h>\r\nTo: <"),
        (b"Call-ID: call-1", b"Call-ID: a b"),
        (b"Call-ID: call-1", b"Call-ID: call-1\r\ni: call-2"),
        (b"To: <sip:bob@192.0.2.1>", b"To: \x01<sip:bob@192.0.2.1>"),
        (b"To: <sip:bob@192.0.2.1>", b"To\x01: <sip:bob@192.0.2.1>"),
        (b"To: <sip:bob@192.0.2.1>", b'To: "bob <sip:bob@192.0.2.1>'),
        (b"To: <sip:bob@192.0.2.1>", b"To: bob, jr <sip:bob@192.0.2.1>"),
        (b"From: <sip:alice@192.0.2.7>", b"From: <sip:alice@192.0.2.7"),
        (b"Max-Forwards: 70", b"no header at all"),
        (b"Max-Forwards: 70", b"X: \xff\xfe"),
        (b"Max-Forwards: 70", b"X: bare\nY: line feed"),
        (b"INVITE sip:bob@192.0.2.1:5060 SIP", b"INVITE <sip:bob@192.0.2.1:5060> SIP"),
        (b"INVITE sip:bob@192.0.2.1:5060 SIP", b"INVITE sip:bob@192.0.2.1; x SIP"),
        (b"INVITE sip:bob@192.0.2.1:5060 SIP", b"INVITE  sip:bob@192.0.2.1 SIP"),
    ],
)
def test_what_is_out_of_range_or_grammar_is_refused_by_400(old: bytes, new: bytes) -> None:
    data = request()
    assert old in data
    with pytest.raises(Malformed) as refused:
        parse(data.replace(old, new, 1))
    assert refused.value.code == 400


@pytest.mark.parametrize(
    "line", [b"SIP/2.0 4294967301 better", b"SIP/2.0 99 low", b"SIP/2.0 700 high", b"SIP/2.0 x y"]
)
def test_a_status_code_out_of_range_is_dropped(line: bytes) -> None:
    data = request("BYE").partition(b"\r\n")[2]
    with pytest.raises(Malformed) as refused:
        parse(line + b"\r\n" + data)
    assert refused.value.partial is None


def test_a_response_without_a_reason_is_read() -> None:
    message = parse(b"SIP/2.0 200 \r\n" + request("BYE").partition(b"\r\n")[2])
    assert isinstance(message, Response) and (message.code, message.reason) == (200, "")


def test_bytes_beyond_content_length_are_cut() -> None:
    assert parsed(request(body=b"abc") + b"rest").body == b"abc"


def test_without_content_length_the_datagram_is_the_length() -> None:
    assert parsed(request(body=b"abc", without=["Content-Length"])).body == b"abc"


def test_leading_line_ends_are_skipped() -> None:
    assert parsed(b"\r\n\r\n" + request()).method == "INVITE"


def test_a_body_of_any_bytes_is_kept() -> None:
    body = bytes(range(256))
    assert parsed(request(body=body, content_type="application/x")).body == body


@pytest.mark.parametrize(
    "headers",
    [
        ["X: y"] * limits.HEADERS,
        ["Via: SIP/2.0/UDP h;branch=z9hG4bK"] * limits.VIAS,
        ["Via: " + ", ".join(["SIP/2.0/UDP h;branch=z9hG4bK"] * limits.VIAS)],
        ["Contact: <sip:a@b>"] * limits.CONTACTS,
        ["Contact: " + ",".join(["<sip:a@b>"] * 400)],
        ["X: " + "y" * limits.HEADER],
        ["X: y"] + [" z"] * 5000,
    ],
    ids=["headers", "vias", "vias in one line", "contacts", "contacts in one", "long", "folded"],
)
def test_caps_are_applied_before_typed_parsing(headers: list[str]) -> None:
    with pytest.raises(Malformed) as refused:
        parse(request(headers=headers))
    assert refused.value.code == 400 and refused.value.partial is not None


def test_a_message_of_more_than_64_kib_is_refused_by_513() -> None:
    with pytest.raises(Malformed) as refused:
        parse(request(body=b"x" * limits.MESSAGE))
    assert refused.value.code == 513 and refused.value.partial is not None


def test_a_request_uri_without_end_is_refused_by_414() -> None:
    with pytest.raises(Malformed) as refused:
        parse(request(uri="sip:" + "a" * 9000 + "@h"))
    assert refused.value.code == 414


BOMBS = {
    "quotes": '"' + '\\"' * 4000,
    "quoted parameters": "<sip:a@b>" + ';a="b"' * 1300 + ";",
    "digest": 'Digest a="b",' * 600 + "a",
    "dots": "<sip:" + "a." * 4000 + ">",
    "dashes": "<sip:" + "a-" * 4000 + ">",
    "digits": "<tel:" + "1" * 8000 + "x>",
    "ipv6": "<sip:[" + "1:" * 4000 + "]>",
    "escapes": "<sip:" + "%41" * 2600 + "%4@h>",
    "semicolons": "<sip:a@b" + ";a" * 4000 + "=>",
    "opening brackets": "<" * 8000,
    "commas": "," * 8000,
}


# Anything worse than linear takes minutes on these.
@pytest.mark.timeout(20)
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_no_header_value_costs_more_than_linear_time(bomb: str) -> None:
    for _ in range(10):
        for name in ("Authorization", "Proxy-Authorization", "WWW-Authenticate", "To"):
            try:
                message = parsed(request(headers=[f"{name}: {bomb}"], without=[name]))
                _ = message.contacts, message.get_all(name), message.to.uri
            except ValueError:
                pass


def test_two_quoted_names_are_two_contacts() -> None:
    assert split_list('"a" <sip:x@y>, "b, c" <sip:z@w?a=,>;q=1') == [
        '"a" <sip:x@y>',
        '"b, c" <sip:z@w?a=,>;q=1',
    ]


def test_parameters_keep_what_is_quoted() -> None:
    assert parse_params(';a="x;y=\\"z\\"" ; B=c;d') == {"a": 'x;y="z"', "b": "c", "d": None}


def test_parameters_of_an_address_without_brackets_belong_to_the_header() -> None:
    address = parse_name_addr("sip:c8oqz84zk7z@privacy.org;tag=hyh8")
    assert (address.uri_text, address.tag) == ("sip:c8oqz84zk7z@privacy.org", "hyh8")


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("sip:a@pc33", "pc33", None),
        ("sip:[2001:DB8::10]:5070", "2001:db8::10", 5070),
        ("sip:x@abc.invalid;transport=ws", "abc.invalid", None),
        ("sips:EXAMPLE.com", "example.com", None),
    ],
)
def test_hosts_of_every_kind_are_read(text: str, host: str, port: int | None) -> None:
    uri = parse_uri(text)
    assert (uri.host, uri.port, uri.text) == (host, port, text)


@pytest.mark.parametrize(
    "text",
    [
        "sip:",
        "sip:a@",
        "sip:@h",
        "sip:a@h:0",
        "sip:a@h:65536",
        "sip:a@h:x",
        "sip:a b@h",
        "sip:a@h;a=b c",
        "sip:a@h\n",
        "sip:[1::2::3]",
        "sip:%zz@h",
        "sip:a@-h",
        "nothing",
        "",
    ],
)
def test_what_is_no_uri_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_uri(text)
