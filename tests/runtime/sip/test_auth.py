"""Digest authentication: the vectors of the RFCs, replay, and what hostile headers cost."""

from __future__ import annotations

import sys
from itertools import count

import pytest

from runtime.sip.auth import (
    Challenge,
    Credentials,
    DigestClient,
    DigestServer,
    Verdict,
    challenges,
    choose,
    ha1,
)
from runtime.sip.message import Request, Response
from runtime.sip.wire import parse
from tests.runtime.sip.peer import request

REALM = "pbx.example.com"
SOURCE = "192.0.2.7"
URI = f"sip:{REALM}"
MUFASA = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def refused(*headers: str) -> Response:
    text = request("REGISTER", headers=headers).decode().partition("\r\n")[2]
    message = parse(f"SIP/2.0 401 Unauthorized\r\n{text}".encode())
    assert isinstance(message, Response)
    return message


def register(*headers: str | tuple[str, str], method: str = "REGISTER") -> Request:
    lines = [header if isinstance(header, str) else ": ".join(header) for header in headers]
    message = parse(request(method, uri=URI, headers=lines))
    assert isinstance(message, Request)
    return message


def server(**options: object) -> DigestServer:
    numbers = count(1)
    options.setdefault("random_bytes", lambda size: next(numbers).to_bytes(size, "big"))
    return DigestServer(REALM, b"secret", **options)  # type: ignore[arg-type]


def users(name: str, algorithm: str) -> str | None:
    known = {"alice": "wonder", "Jürgen": "pässword", 'a"b\\c, d': "x"}
    return ha1(name, REALM, known[name], algorithm) if name in known else None


def client(name: str = "alice", password: str = "wonder") -> DigestClient:
    return DigestClient(Credentials(name, password), random_hex=lambda size: "c" * 2 * size)


def challenge_of(digest: DigestServer, now: float = 0.0, **options: bool) -> Challenge:
    headers = digest.challenge(now, SOURCE, proxy=False, **options)
    return challenges(refused(*map(": ".join, headers)))[0]


# RFC 7616 3.9.1 and 3.9.2 (as corrected by erratum 4897), RFC 2617 3.5.
VECTORS = [
    ("MD5", "http-auth@example.org", MUFASA, OPAQUE, CNONCE, "Mufasa", "Circle of Life",
     "/dir/index.html", "8ca523f5e9506fed4657c9700eebdbec"),
    ("SHA-256", "http-auth@example.org", MUFASA, OPAQUE, CNONCE, "Mufasa", "Circle of Life",
     "/dir/index.html", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ("SHA-512-256", "api@example.org", "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
     "HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
     "Jäsøn Doe", "Secret, or not?", "/doe.json",
     "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"),
    ("MD5", "testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093",
     "5ccc069c403ebaf9f0171e9517f40e41", "0a4f113b", "Mufasa", "Circle Of Life",
     "/dir/index.html", "6629fae49393a05397450978507c4ef1"),
]  # fmt: skip


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector[0]} {vector[1]}")
def test_the_vectors_of_the_rfcs(vector: tuple[str, ...]) -> None:
    algorithm, realm, nonce, opaque, cnonce, user, password, uri, expected = vector
    digest = DigestClient(Credentials(user, password), random_hex=lambda size: cnonce)
    line = (
        f'WWW-Authenticate: Digest realm="{realm}", qop="auth, auth-int", algorithm={algorithm}, '
        f'nonce="{nonce}", opaque="{opaque}"'
    )
    (challenge,) = challenges(refused(line))
    name, value = digest.authorize(challenge, "GET", uri)
    assert name == "Authorization" and value == (
        f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'response="{expected}", algorithm={algorithm}, qop=auth, nc=00000001, '
        f'cnonce="{cnonce}", opaque="{opaque}"'
    )


def test_a_challenge_of_rfc_2069_without_qop_is_answered_without_cnonce() -> None:
    _, value = client().authorize(Challenge("r", "n", proxy=True), "BYE", "sip:a@b")
    assert "qop" not in value and "cnonce" not in value and "nc=" not in value


def test_auth_int_covers_the_body_where_it_alone_is_offered() -> None:
    challenge = Challenge("r", "n", algorithm="SHA-256", qop=("auth-int",))
    one, two = (client().authorize(challenge, "INVITE", "sip:a@b", body)[1] for body in (b"", b"x"))
    assert (
        "qop=auth-int" in one and one.split("response=")[1][:66] != two.split("response=")[1][:66]
    )


@pytest.mark.parametrize(
    "challenge",
    [
        Challenge("r", "n", algorithm="NEWER"),
        Challenge("r", "n", qop=("auth-conf",)),
        Challenge("r", "n\r\nX: y"),
    ],
)
def test_what_cannot_be_answered_is_a_value_error(challenge: Challenge) -> None:
    with pytest.raises(ValueError):
        client().authorize(challenge, "INVITE", "sip:a@b")


def test_credentials_with_a_line_break_never_become_a_header() -> None:
    with pytest.raises(ValueError):
        client("a\r\nX: y").authorize(Challenge("r", "n"), "INVITE", "sip:a@b")
    assert "wonder" not in repr(client().credentials)


def test_several_challenges_in_one_line_are_read_and_the_strongest_of_each_realm_is_chosen() -> (
    None
):
    found = challenges(
        refused(
            'WWW-Authenticate: Basic realm="x, y", DIGEST realm="a, \\"b\\"",nonce="1"  ,'
            ' qop="auth,auth-int" , stale=TRUE, Digest realm="a, \\"b\\"", nonce="2",'
            ' algorithm=sha-256, Digest realm="a, \\"b\\"", nonce="3", algorithm=SHA-1',
            'Proxy-Authenticate: Digest realm="p", nonce="4", opaque=""',
        )
    )
    assert [(one.nonce, one.algorithm, one.qop, one.stale, one.proxy) for one in found] == [
        ("1", "MD5", ("auth", "auth-int"), True, False),
        ("2", "SHA-256", (), False, False),
        ("3", "SHA-1", (), False, False),
        ("4", "MD5", (), False, True),
    ]
    assert found[0].realm == 'a, \\"b\\"'
    assert [one.nonce for one in choose(found)] == ["2", "4"]


@pytest.mark.parametrize(
    "line",
    [
        'Digest realm="x", nonce="1',
        'Digest realm="x" nonce="1"',
        'Digest realm="x", nonce="1", nonce="2"',
        'Digest realm="x"',
        'Digest nonce="1"',
        'Digest realm="x", nonce=""',
        'realm="x", nonce="1"',
        "Digest",
        "Basic QWxhZGRpbjpvcGVu==",
        "",
        "Digest realm=",
    ],
)
def test_a_challenge_that_cannot_be_read_is_left_out(line: str) -> None:
    good = 'WWW-Authenticate: Digest realm="g", nonce="1"'
    assert [one.realm for one in challenges(refused(f"WWW-Authenticate: {line}", good))] == ["g"]


@pytest.mark.parametrize("name", ["alice", "Jürgen", 'a"b\\c, d'])
@pytest.mark.parametrize("which", [0, 1], ids=["SHA-256", "MD5"])
def test_client_and_server_agree(name: str, which: int) -> None:
    digest = server()
    passwords = {"alice": "wonder", "Jürgen": "pässword", 'a"b\\c, d': "x"}
    headers = digest.challenge(5.0, SOURCE, proxy=False)
    offered = challenges(refused(*map(": ".join, headers)))
    assert [one.algorithm for one in offered] == ["SHA-256", "MD5"]
    answer = client(name, passwords[name]).authorize(offered[which], "REGISTER", URI)
    assert digest.verify(register(answer), 6.0, SOURCE, users) == Verdict(name, "ok")


def test_a_user_name_in_percent_encoding_is_read() -> None:
    digest = server()
    name, value = client("Jürgen", "pässword").authorize(challenge_of(digest), "REGISTER", URI)
    value = value.replace('username="Jürgen"', "username*=UTF-8''J%C3%BCrgen")
    assert digest.verify(register((name, value)), 0.0, SOURCE, users) == Verdict("Jürgen", "ok")


def test_nobody_and_a_wrong_password_and_another_method_are_wrong() -> None:
    digest = server()
    challenge = challenge_of(digest)
    for digest_client, method in (
        (client("nobody", "x"), "REGISTER"),
        (client("alice", "guess"), "REGISTER"),
        (client("alice"), "INVITE"),
    ):
        answer = digest_client.authorize(challenge, method, URI)
        verdict = digest.verify(register(answer), 0.0, SOURCE, users)
        assert verdict == Verdict(digest_client.credentials.username, "wrong")


def test_credentials_for_another_realm_or_of_another_scheme_are_missing() -> None:
    digest = server()
    answer = client().authorize(Challenge("elsewhere", "n"), "REGISTER", URI)
    message = register(answer, "Authorization: Basic YTpi")
    assert digest.verify(message, 0.0, SOURCE, users) == Verdict("", "missing")
    assert digest.verify(register(), 0.0, SOURCE, users) == Verdict("", "missing")
    both = register(answer, client().authorize(challenge_of(digest), "REGISTER", URI))
    assert digest.verify(both, 0.0, SOURCE, users) == Verdict("alice", "ok")


def test_a_count_is_spent_once_in_whatever_order_counts_arrive() -> None:
    digest, phone = server(), client()
    challenge = challenge_of(digest)
    answers = [register(phone.authorize(challenge, "REGISTER", URI)) for _ in range(70)]

    def outcome(number: int) -> str:
        return digest.verify(answers[number - 1], 1.0, SOURCE, users).outcome

    assert [outcome(1), outcome(1), outcome(4), outcome(2), outcome(2), outcome(3)] == [
        *("ok", "stale", "ok", "ok", "stale", "ok")
    ]
    assert outcome(70) == "ok" and outcome(6) == "stale", "too far behind"
    assert outcome(7) == "ok"


def test_a_nonce_counts_for_its_time_and_its_source_and_its_server() -> None:
    digest = server(lifetime=30.0)
    challenge = challenge_of(digest, now=100.0)
    for now, source, by, outcome in (
        (131.0, SOURCE, digest, "stale"),
        (99.0, SOURCE, digest, "stale"),
        (101.0, "192.0.2.8", digest, "stale"),
        (101.0, SOURCE, DigestServer(REALM, b"other"), "stale"),
        (101.0, SOURCE, digest, "ok"),
    ):
        answer = register(client().authorize(challenge, "REGISTER", URI))
        assert by.verify(answer, now, source, users).outcome == outcome
    again = challenge_of(digest, now=131.0, stale=True)
    assert again.stale and again.nonce != challenge.nonce


def test_a_forged_nonce_is_stale_only_for_who_knows_the_password() -> None:
    digest = server()
    for nonce in ("x", "é", "A" * 48, challenge_of(digest).nonce[:-4] + "AAA="):
        forged = Challenge(REALM, nonce, qop=("auth",))
        for password, outcome in (("wonder", "stale"), ("guess", "wrong")):
            answer = register(client("alice", password).authorize(forged, "REGISTER", URI))
            assert digest.verify(answer, 0.0, SOURCE, users).outcome == outcome


def test_memory_is_bounded_and_what_was_forgotten_is_spent_not_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("runtime.sip.auth._USED", 64)
    digest, phone = server(), client()
    first = challenge_of(digest, now=1.0)
    old = register(phone.authorize(first, "REGISTER", URI))
    assert digest.verify(old, 1.0, SOURCE, users).outcome == "ok"
    for number in range(100):
        answer = phone.authorize(challenge_of(digest, now=2.0 + number / 1000), "REGISTER", URI)
        digest.verify(register(answer), 7.0, SOURCE, users)
    assert len(digest._uses) == 64 and len(phone._used) <= 16
    assert digest.verify(old, 7.0, SOURCE, users).outcome == "stale"


GOOD = (
    f'username="alice", realm="{REALM}", nonce="n", uri="{URI}", response="{"0" * 64}", '
    'algorithm=SHA-256, qop=auth, nc=00000001, cnonce="c"'
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('username="alice"', 'username=""'),
        ('username="alice"', "username*=latin-1''alice"),
        ('username="alice"', "username*=UTF-8''%FF"),
        ('username="alice"', "username=\"alice\", username*=UTF-8''bob"),
        ('username="alice"', 'username="alice", username="bob"'),
        ("nc=00000001", "nc=1"),
        ("nc=00000001", "nc=0000000g"),
        ("qop=auth", "qop=auth-int"),
        ("qop=auth, ", ""),
        ("algorithm=SHA-256", "algorithm=SHA-256-sess"),
        ('cnonce="c"', 'cnonce=""'),
        ('cnonce="c"', 'cnonce="c'),
        ('response="', 'response=""'),
    ],
)
def test_credentials_that_no_client_sends_are_malformed(old: str, new: str) -> None:
    assert old in GOOD
    message = register("Authorization: Digest " + GOOD.replace(old, new, 1))
    assert server().verify(message, 0.0, SOURCE, users).outcome == "malformed"
    good = register("Authorization: Digest " + GOOD)
    assert server().verify(good, 0.0, SOURCE, users).outcome == "wrong"


def calls(run: object) -> list[str]:
    """The names of all functions that are called meanwhile, those written in C as well."""
    seen: list[str] = []

    def note(frame: object, event: str, argument: object) -> None:
        if event == "call":
            seen.append(frame.f_code.co_name)  # type: ignore[attr-defined]
        elif event == "c_call":
            seen.append(argument.__name__)  # type: ignore[attr-defined]

    sys.setprofile(note)
    try:
        run()  # type: ignore[operator]
    finally:
        sys.setprofile(None)
    return seen


def test_a_known_and_an_unknown_user_cost_the_same_work() -> None:
    digest = server()
    challenge = challenge_of(digest)
    secret = ha1("alice", REALM, "wonder", "SHA-256")
    work = []
    for known in (secret, None):
        message = register(client("alice", "guess").authorize(challenge, "REGISTER", URI))
        work.append(
            calls(lambda: digest.verify(message, 0.0, SOURCE, lambda user, algorithm: known))  # noqa: B023
        )
    assert work[0] == work[1] and "digest" in work[0]


BOMBS = {
    "pairs": 'Digest a="b",' * 2000 + "a",
    "backslashes": 'Digest a="' + "\\" * 20_001,
    "escaped quotes": 'Digest a="' + '\\"' * 20_000,
    "open": "Digest " + 'a="b\\",' * 2000,
    "commas": "Digest " + "," * 60_000,
    "blanks": "Digest a" + " " * 60_000 + "b",
    "equals": "Digest a" + " =" * 20_000,
    "schemes": "a " * 30_000,
    "token": "Digest " + "a" * 60_000 + "=",
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_no_header_costs_more_than_linear_work(bomb: str) -> None:
    """An exponential pattern takes minutes on 30 of what stands here 2,000 times."""
    hostile = Response(401, "", [("WWW-Authenticate", bomb), ("Proxy-Authenticate", bomb)], b"")
    work = calls(lambda: challenges(hostile))
    assert len(work) <= 8 * len(bomb) + 200
    lines = [("Authorization", bomb)] * 8
    verdict = server().verify(Request("REGISTER", URI, lines, b"", ""), 0.0, SOURCE, users)
    assert verdict.outcome in ("malformed", "missing")


def test_more_credentials_than_anybody_needs_are_malformed() -> None:
    message = register(*["Authorization: Digest " + GOOD] * 9)
    assert server().verify(message, 0.0, SOURCE, users).outcome == "malformed"


def test_a_server_is_made_of_what_can_be_written() -> None:
    for realm, secret, algorithms in (
        ('a"b', b"x", ("MD5",)),
        ("a\r\n", b"x", ("MD5",)),
        ("a", b"", ("MD5",)),
        ("a", b"x", ("SHA-1",)),
        ("a", b"x", ()),
    ):
        with pytest.raises(ValueError):
            DigestServer(realm, secret, algorithms=algorithms)


def test_the_offer_can_be_narrowed_for_a_peer() -> None:
    ((name, value),) = server().challenge(0.0, SOURCE, proxy=True, algorithms=("MD5",))
    assert name == "Proxy-Authenticate" and "algorithm=MD5" in value
