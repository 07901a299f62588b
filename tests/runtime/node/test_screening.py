import itertools

import pytest

from runtime.node.accounts import Account, AccountBook, Policy
from runtime.node.damping import Damper, Table
from runtime.node.screening import Screening
from runtime.node.trunks import Trunk, TrunkBook
from runtime.sip.auth import Credentials, DigestClient, challenges, ha1
from runtime.sip.hop import Hop
from runtime.sip.message import Request, Response

REALM = "callsmith"
PHONE = Hop("UDP", ("192.0.2.7", 5062), "198.51.100.1:5060")
BROWSER = Hop("WS", "ws1", "desk.example")
NUMBERS = itertools.count(1)


def account(user, password="sesame street", **more):
    hashes = [ha1(user, REALM, password, kind) for kind in ("MD5", "SHA-256")]
    return Account(user, REALM, *hashes, **more)


def request(method="REGISTER", user="alice", host="callsmith", to=None, at="desk.test", more=()):
    return Request(
        method,
        f"sip:100@{at}",
        [
            ("Via", "SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1"),
            ("From", f"<sip:{user}@{host}>;tag=1"),
            ("To", f"<sip:{to or user}@{host}>"),
            ("Call-ID", "1"),
            ("CSeq", f"{next(NUMBERS)} {method}"),
            *more,
        ],
        b"",
        "SIP/2.0",
    )


class Desk:
    """A screening with alice and bob, a trunk at 203.0.113.0/24, and a clock."""

    def __init__(self, policy=None, accounts=None):
        self.now = 1000.0
        self.accounts = AccountBook()
        self.accounts.replace(accounts or [account("alice"), account("bob", "another word")])
        self.accounts.policy = policy or Policy()
        self.trunks = TrunkBook()
        self.trunks.replace([Trunk("carrier", sources=("203.0.113.0/24",), in_calls=1)])
        self.screening = Screening(
            self.accounts,
            self.trunks,
            browsers={"ws1": "alice"},
            own_hosts=lambda: ("198.51.100.1",),
            wall=lambda: self.now,
            retry_after=5,
        )

    def ask(self, asked, hop=PHONE):
        return self.screening.screen(asked, hop, self.now)

    def proved(self, method, user, password, hop=PHONE, kind="SHA-256", name=None, **more):
        """Return the refusal of a request with credentials, asked for by a challenge before."""
        first = self.ask(request(method, user, **more), hop)
        found = challenges(Response(first.code, "", first.headers, b""))
        if not found:
            return first
        chosen = next((each for each in found if each.algorithm == kind), found[0])
        client = DigestClient(Credentials(name or user, password))
        header = client.authorize(chosen, method, "sip:callsmith")
        return self.ask(request(method, user, more=[header], **more), hop)


@pytest.fixture
def desk():
    return Desk()


def code(refusal):
    return refusal and refusal.code


@pytest.mark.parametrize("kind", ["SHA-256", "MD5"])
def test_a_phone_registers_with_its_password(desk, kind):
    first = desk.ask(request(user="bob"))
    assert first.code == 401 and [name for name, _ in first.headers] == ["WWW-Authenticate"] * 2
    assert desk.proved("REGISTER", "alice", "sesame street", kind=kind) is None
    assert code(desk.proved("REGISTER", "alice", "wrong", kind=kind)) == 401
    assert desk.screening.counters["accepted"] == 1 and desk.screening.counters["wrong"] == 1


def test_a_request_that_was_proved_says_by_whom(desk):
    asked = request("INVITE")
    first = desk.ask(asked)
    assert first.code == 407 and not asked.identity
    (chosen, *_) = challenges(Response(407, "", first.headers, b""))
    header = DigestClient(Credentials("alice", "sesame street")).authorize(
        chosen, "INVITE", "sip:callsmith"
    )
    again = request("INVITE", more=[header])
    assert desk.ask(again) is None and again.identity == "alice"


def test_nobody_registers_or_calls_as_another(desk):
    assert code(desk.proved("REGISTER", "bob", "sesame street", name="alice")) == 403
    assert code(desk.proved("INVITE", "bob", "sesame street", name="alice")) == 403
    assert code(desk.proved("REGISTER", "alice", "sesame street", to="bob")) == 403
    assert desk.screening.counters["spoofed"] == 3


def test_a_disabled_account_opens_nothing():
    desk = Desk(accounts=[account("alice", enabled=False)])
    assert code(desk.proved("REGISTER", "alice", "sesame street")) == 401


def test_what_an_unknown_user_is_told_differs_in_the_nonce_alone(desk):
    def shape(refusal):
        return refusal.code, [
            (name, value.partition('nonce="')[0], value.partition('nonce="')[2][48:])
            for name, value in refusal.headers
        ]

    assert shape(desk.ask(request())) == shape(desk.ask(request(user="nobody")))
    known = desk.proved("REGISTER", "alice", "guess")
    unknown = desk.proved("REGISTER", "nobody", "guess")
    assert shape(known) == shape(unknown)
    for _ in range(10):
        known = desk.proved("REGISTER", "alice", "guess") if code(known) == 401 else known
        unknown = desk.proved("REGISTER", "nobody", "guess") if code(unknown) == 401 else unknown
    assert known == unknown and known.code == 403
    calls = [desk.ask(request("INVITE", user=user)).code for user in ("alice", "nobody")]
    assert calls == [407, 407]


METHODS = ("INVITE", "MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER")
TRUNK = Hop("UDP", ("203.0.113.9", 5060), "198.51.100.1:5060")


@pytest.mark.parametrize(
    ("name", "hop", "host", "policy", "expected"),
    [
        ("a foreigner", PHONE, "elsewhere.example", Policy(), [None, 407, 407, 407, 407]),
        ("one of ours", PHONE, "callsmith", Policy(), [407] * 5),
        ("our address", PHONE, "198.51.100.1", Policy(), [407] * 5),
        ("a trunk", TRUNK, "elsewhere.example", Policy(), [None] * 5),
        ("a trunk in our name", TRUNK, "callsmith", Policy(), [None] * 5),
        ("a browser", BROWSER, "callsmith", Policy(), [None] * 5),
        ("shut", PHONE, "elsewhere.example", Policy(anybody_calls=False), [407] * 5),
        ("open", PHONE, "elsewhere.example", Policy(anybody_asks=True), [None] * 5),
    ],
)
def test_who_may_begin_what_without_credentials(name, hop, host, policy, expected):
    desk = Desk(policy)
    found = [code(desk.ask(request(method, host=host), hop)) for method in METHODS]
    assert found == expected


def test_who_claims_the_name_we_are_called_by_is_asked_for_its_password(desk):
    assert code(desk.ask(request("INVITE", host="pbx.example", at="pbx.example"))) == 407
    assert desk.ask(request("INVITE", host="x.example", at="pbx.example")) is None


def test_a_telephone_number_is_no_address_of_ours(desk):
    asked = request("INVITE", at="desk.test")
    numbers = [("From", "<tel:+4930123>;tag=1") if name == "From" else (name, value)
               for name, value in asked.headers]  # fmt: skip
    call = Request("INVITE", "tel:+4930124", numbers, b"", "SIP/2.0")
    assert desk.ask(call) is None
    call = Request("MESSAGE", "tel:+4930124", numbers, b"", "SIP/2.0")
    assert code(desk.ask(call)) == 407


def test_without_accounts_calls_go_on_as_before_and_nothing_else_is_taken():
    desk = Desk()
    desk.accounts.replace([])
    found = [code(desk.ask(request(method, host="198.51.100.1"))) for method in METHODS]
    assert found == [None, 403, 403, 403, 403]
    assert code(desk.ask(request())) == 401


def test_a_browser_is_the_person_that_is_logged_in(desk):
    assert desk.ask(request("REGISTER", "alice"), BROWSER) is None
    assert code(desk.ask(request("REGISTER", "bob"), BROWSER)) == 403
    assert code(desk.ask(request("INVITE", "bob"), BROWSER)) == 403
    assert desk.ask(request("INVITE", "anonymous", host="anonymous.invalid"), BROWSER) is None


def test_calls_of_a_trunk_beyond_its_limit_wait(desk):
    trunk = desk.trunks.named("carrier")
    assert desk.ask(request("INVITE", host="x.example"), TRUNK) is None
    desk.trunks.began(trunk, "in", "n1-1-1")
    refused = desk.ask(request("INVITE", host="x.example"), TRUNK)
    assert refused == (503, [("Retry-After", "5")])
    assert desk.ask(request("MESSAGE", host="x.example"), TRUNK) is None


def test_twenty_guesses_are_damped_and_the_pause_grows(desk):
    waits = []
    for _ in range(20):
        answer = desk.proved("REGISTER", "alice", "guess")
        if answer.code == 403:
            waits.append(int(dict(answer.headers)["Retry-After"]))
            desk.now += waits[-1]
    assert desk.screening.counters["wrong"] <= 13
    assert waits == sorted(waits) and waits[0] <= 4 and waits[-1] >= 60
    # The right password does not help before the pause is over, and helps after it.
    desk.screening.damper.wrong("192.0.2.7", f"alice@{REALM}", desk.now)
    assert code(desk.proved("REGISTER", "alice", "sesame street")) == 403
    desk.now += 400
    assert desk.proved("REGISTER", "alice", "sesame street") is None


def test_one_bad_phone_does_not_lock_its_office_out(desk):
    assert desk.proved("REGISTER", "bob", "another word") is None
    for _ in range(100):
        desk.screening.damper.wrong("192.0.2.7", f"alice@{REALM}", desk.now)
    assert code(desk.proved("REGISTER", "alice", "sesame street")) == 403
    assert desk.proved("REGISTER", "bob", "another word") is None
    new = Desk.proved
    assert new(desk, "REGISTER", "bob", "another word", Hop("UDP", ("192.0.2.8", 5060))) is None
    assert len(desk.screening.damper.sources) == 1
    assert desk.screening.damper.sources.wait("192.0.2.7", desk.now) == 0


def test_who_tries_many_accounts_is_stopped_at_its_address():
    damper = Damper()
    for number in range(40):
        damper.wrong("192.0.2.66", f"u{number}@r", 0.0)
    assert damper.wait("192.0.2.66", "another@r", 1.0) > 0
    assert damper.wait("192.0.2.7", "another@r", 1.0) == 0


def test_an_account_guessed_at_from_everywhere_stays_open_to_its_own_phone():
    damper = Damper()
    damper.right("192.0.2.7", "alice@r")
    for number in range(60):
        damper.wrong(f"198.51.100.{number}", "alice@r", 0.0)
    assert damper.wait("203.0.113.5", "alice@r", 1.0) > 0
    assert damper.wait("192.0.2.7", "alice@r", 1.0) == 0


def test_the_tables_of_guesses_are_bounded_and_forget():
    damper = Damper(most=100)
    for number in range(10_000):
        damper.wrong(f"s{number}", f"a{number}@r", float(number))
        damper.right(f"s{number}", f"b{number}@r")
    sizes = [len(damper.pairs), len(damper.sources), len(damper.accounts), len(damper._proved)]
    assert max(sizes) <= 100
    table = Table(free=1)
    table.add("a", 0.0)
    assert table.get("a", 5.0) is not None and table.get("a", 2000.0) is None


def test_ten_thousand_registers_without_answers_leave_little_behind(desk):
    for number in range(10_000):
        assert code(desk.ask(request(user=f"u{number}"))) == 401
    assert len(desk.screening._asked) <= 4096 and not desk.screening.take_notes()
    assert len(desk.screening._servers) == 1


def test_a_phone_that_gives_up_at_a_word_it_does_not_know_is_asked_with_md5_alone(desk):
    assert len(desk.ask(request()).headers) == 2
    again = desk.ask(request())
    assert len(again.headers) == 1 and "algorithm=MD5" in again.headers[0][1]
    assert len(desk.ask(request(user="bob")).headers) == 2
    agent = [("User-Agent", "baresip v1.0.0")]
    assert len(desk.ask(request(user="carol", more=agent)).headers) == 1


def test_a_phone_that_answers_goes_on_being_asked_with_both(desk):
    for _ in range(3):
        assert desk.proved("REGISTER", "alice", "sesame street") is None


def test_an_installation_may_insist_on_the_stronger_digest():
    desk = Desk(Policy(strong=True))
    assert ["SHA-256" in value for _, value in desk.ask(request()).headers] == [True]
    assert desk.proved("REGISTER", "alice", "sesame street") is None


def test_what_became_of_an_account_is_noted_and_told_once(desk):
    desk.proved("REGISTER", "alice", "guess")
    desk.proved("REGISTER", "nobody", "guess")
    notes = desk.screening.take_notes()
    assert list(notes) == [("alice", REALM)]
    assert notes["alice", REALM].wrong == 1 and notes["alice", REALM].source == "192.0.2.7"
    assert desk.screening.take_notes() == {}
    desk.screening.give_back(notes)
    assert desk.screening.take_notes()["alice", REALM].wrong == 1
