"""Trunks, accounts and registrations as rows: what people do, what nodes tell and learn."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client, override_settings
from django.urls import reverse

from designer.errors import Refused
from designer.models import AuditEntry, Flow
from runtime import accounts, peers, registrations, routes, sealing, trunks
from runtime.models import Account, AccountUse, Registration, Session, Trunk, TrunkCall, TrunkMark
from runtime.node.location import Binding, Location
from runtime.node.peers import Peers
from runtime.node.routes import When
from runtime.node.screening import Note
from runtime.node.trunk_watch import Mark, Standing
from runtime.peer_desk import PeerDesk
from runtime.sip.auth import ha1
from tests.runtime.web.stage import FakeNode

pytestmark = pytest.mark.django_db

SECRET = "sesame-street-7"


def carrier(**given: Any) -> Trunk:
    return trunks.trunk_add(
        name="carrier", given={"host": "192.0.2.8:5070", **given}, password=SECRET
    )


def binding(user: str = "201", **more: Any) -> Binding:
    fresh = {"expires": time.time() + 600, "refreshed": time.time(), "since": time.time()}
    given = {**fresh, "contact": "sip:201@192.0.2.7:5062", "transport": "UDP",
             "remote": "192.0.2.7", "port": 5062, "node": "node1", **more}  # fmt: skip
    return Binding(user=user, realm="callsmith", **given)


# -- trunks ----------------------------------------------------------------------------------------


def test_a_password_of_a_trunk_is_sealed_and_told_to_nobody(client: Client, alice: Any) -> None:
    trunk = carrier(user="u1")
    assert SECRET not in trunk.secret and sealing.unseal(trunk.secret) == SECRET
    client.force_login(alice)
    pages = [reverse("trunks"), reverse("trunk", args=["carrier"]), reverse("api_trunks")]
    pages += [reverse("api_trunk", args=["carrier"]), reverse("audit")]
    for page in pages:
        content = client.get(page).content.decode()
        assert SECRET not in content and trunk.secret not in content, page
    assert SECRET not in json.dumps(list(AuditEntry.objects.values_list("detail", flat=True)))
    assert SECRET not in repr(trunks.for_node()) and trunk.secret not in repr(trunks.for_node())


def test_another_secret_key_opens_nothing_until_the_old_one_is_named() -> None:
    trunk = carrier()
    with override_settings(SECRET_KEY="another"):
        assert sealing.unseal(trunk.secret) is None and trunks.unreadable(trunk)
        with pytest.raises(Refused, match="CALLSMITH_SECRET_KEY_BEFORE"):
            trunks.reseal()
    before = settings.SECRET_KEY
    with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=[before]):
        assert trunks.reseal() == 1
    trunk.refresh_from_db()
    assert sealing.unseal(trunk.secret) is None
    with override_settings(SECRET_KEY="another"):
        assert sealing.unseal(trunk.secret) == SECRET


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"host": "no host"}, "no host name"),
        ({"transport": "WS"}, "UDP, TCP or TLS"),
        ({"port": 70000}, "0 to 65535"),
        ({"sources": "203.0.113.0/24, nonsense"}, "no network"),
        ({"sources": "0.0.0.0/0"}, "everybody"),
        ({"in_calls": "-1"}, "In calls"),
        ({"out_rate": "many"}, "Out rate"),
        ({"every": 2}, "every 5 seconds at most"),
        ({"caller": "nobody"}, "no address"),
        ({"proxy": "a b"}, "HOST:PORT"),
        ({"realm": 'a"b'}, "no quotes"),
        ({"note": "a\x00b"}, "printable"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_in_a_sentence(
    given: dict[str, Any], said: str
) -> None:
    with pytest.raises(Refused, match=said):
        carrier(**given)
    assert not Trunk.objects.exists()


@pytest.mark.parametrize("name", ["Carrier X", "", "new", "-a", "a" * 64, "a.b"])
def test_a_name_that_is_no_host_of_a_target_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="small letters"):
        trunks.trunk_add(name=name, given={"host": "192.0.2.8"})


def test_a_trunk_is_changed_disabled_and_removed_with_a_record_of_it() -> None:
    trunk = carrier(sources="203.0.113.0/24")
    trunks.trunk_change(trunk=trunk, given={"in_calls": 3})
    assert sealing.unseal(trunk.secret) == SECRET and trunk.port == 5070
    trunks.trunk_change(trunk=trunk, given={"enabled": False}, password="")
    (told,) = trunks.for_node()
    assert (told.in_calls, told.enabled, told.secret) == (3, False, "")
    trunks.trunk_remove(trunk=trunk)
    acts = AuditEntry.objects.filter(act="trunk.manage").order_by("pk")
    assert [act.detail["what"] for act in acts] == ["added", "changed", "changed", "removed"]
    assert acts[1].detail["changes"] == {"in_calls": [0, 3]}


def test_a_form_keeps_what_was_typed_and_says_what_is_wrong(client: Client, alice: Any) -> None:
    client.force_login(alice)
    sent = {"name": "carrier", "host": "192.0.2.8", "sources": "nonsense", "every": "30"}
    answer = client.post(reverse("trunk_add"), sent)
    page = answer.content.decode()
    assert answer.status_code == 409 and "nonsense is no network" in page
    assert 'value="carrier"' in page and ">nonsense</textarea>" in page
    sent["sources"] = "203.0.113.0/24"
    assert client.post(reverse("trunk_add"), sent).status_code == 302
    answer = client.post(reverse("trunk_change", args=["carrier"]), {"host": "192.0.2.9"})
    trunk = Trunk.objects.get()
    assert answer.status_code == 302 and trunk.host == "192.0.2.9" and trunk.every == 30


def test_a_route_may_ask_for_a_trunk_and_the_trunks_page_shows_it(
    client: Client, alice: Any, flow: Flow
) -> None:
    carrier(sources="203.0.113.0/24")
    routes.route_add(pattern="1*", flow=flow, when=When(trunk="carrier"))
    tried = routes.match(routes.imagined({"number": "100", "source": "203.0.113.9"}))
    assert tried.route is not None and tried.route.flow == flow
    assert routes.match(routes.imagined({"number": "100"})).route is None
    client.force_login(alice)
    page = client.get(reverse("trunk", args=["carrier"])).content.decode()
    assert "trunk carrier" in page and "echo_test" in page


# -- accounts --------------------------------------------------------------------------------------


def test_the_password_of_an_account_is_made_shown_once_and_kept_as_a_hash(
    client: Client, alice: Any
) -> None:
    client.force_login(alice)
    answer = client.post(reverse("account_add"), {"user": "201", "display": "Reception"})
    secret = answer.context["secret"]
    assert answer.headers["Cache-Control"] == "no-store" and len(secret) == 16
    account = Account.objects.get()
    assert account.sha256 == ha1("201", "callsmith", secret, "SHA-256")
    assert account.md5 == ha1("201", "callsmith", secret, "MD5")
    for name, args in (("accounts", []), ("account", [account.pk]), ("audit", [])):
        page = client.get(reverse(name, args=args)).content.decode()
        assert secret not in page and account.md5 not in page and account.sha256 not in page
    renewed = client.post(reverse("account_password", args=[account.pk])).context["secret"]
    account.refresh_from_db()
    assert renewed != secret and account.md5 == ha1("201", "callsmith", renewed, "MD5")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"user": "a b"}, "letters, digits"),
        ({"user": "<script>"}, "letters, digits"),
        ({"user": "201", "realm": "no realm"}, "like the name of a host"),
        ({"user": "201", "password": "short"}, "8 to 128"),
    ],
)
def test_an_account_that_cannot_be_used_is_refused(given: dict[str, str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        accounts.account_add(**given)


def test_a_disabled_account_is_signed_off() -> None:
    made, _ = accounts.account_add(user="201")
    with pytest.raises(Refused, match="already"):
        accounts.account_add(user="201")
    registrations.store({binding().key: binding()})
    accounts.account_switch(account=made, enabled=False)
    assert not registrations.listed().exists()
    known, _ = accounts.for_node()
    assert [(each.user, each.enabled) for each in known] == [("201", False)]


def test_who_may_call_without_an_account_is_said_in_words(client: Client, alice: Any) -> None:
    client.force_login(alice)
    assert "Calls from anybody are taken." in client.get(reverse("accounts")).content.decode()
    client.post(reverse("account_policy"), {"anybody_asks": "1", "strong": "1"})
    page = client.get(reverse("accounts")).content.decode()
    assert "Only accounts, trunks and people who are logged in may call." in page
    _, policy = accounts.for_node()
    assert (policy.anybody_calls, policy.anybody_asks, policy.strong) == (False, True, True)


# -- what nodes tell and learn ---------------------------------------------------------------------


def test_a_node_tells_what_it_knows_and_learns_what_changed_alone() -> None:
    carrier()
    accounts.account_add(user="201")
    first = peers.exchange("node1", peers.Said(), {})
    assert first.peers is not None and len(first.peers.accounts) == 1
    again = peers.exchange("node1", peers.Said(), first.turns)
    assert again.peers is None and again.location == []
    trunks.trunk_change(trunk=trunks.named("carrier"), given={"in_calls": 2})
    later = peers.exchange("node1", peers.Said(), first.turns)
    assert later.peers is not None and later.peers.trunks[0].in_calls == 2


def test_a_registration_on_one_node_is_known_on_the_others() -> None:
    one, two = Location("node1"), Location("node2")
    one.put([binding()])
    told = peers.exchange("node1", peers.Said(location=one.take_changes()), {})
    one.learn(told.location)
    heard = peers.exchange("node2", peers.Said(), {})
    two.learn(heard.location)
    assert [each.contact for each in two.find("201", time.time(), "callsmith")] == [
        "sip:201@192.0.2.7:5062"
    ]
    row = Registration.objects.get()
    with pytest.raises(Refused, match="give a reason"):
        registrations.remove(key=row.key, reason=" ")
    registrations.remove(key=row.key, reason="lost phone")
    for location, seen in ((one, told.turns), (two, heard.turns)):
        location.learn(peers.exchange("n", peers.Said(), seen).location)
        assert len(location) == 0
    assert AuditEntry.objects.get(reason="lost phone").subject == "201@callsmith"


def test_a_phone_that_comes_back_takes_its_old_row_again() -> None:
    for contact in ("sip:201@192.0.2.7:5062", "sip:201@192.0.2.7:5062"):
        each = binding(contact=contact)
        registrations.store({each.key: each})
    registrations.store({binding().key: None})
    assert not registrations.listed().exists()
    registrations.store({binding().key: binding()})
    assert registrations.listed("192.0.2.7").count() == 1 and Registration.objects.count() == 1
    Registration.objects.update(expires=1.0)
    registrations.sweep(time.time())
    assert not Registration.objects.exists()


def test_attempts_standings_and_calls_are_kept_by_node(flow: Flow) -> None:
    made, _ = accounts.account_add(user="201")
    carrier()
    Session.objects.create(
        id="node1-1-1", node="node1", epoch=1, flow_name="echo_test", digest="d", role="UAS",
        started_at=1.0, state="Active",
    )  # fmt: skip
    note = Note(accepted=1, accepted_at=5.0, wrong=2, wrong_at=6.0, source="192.0.2.66", until=9.0)
    said = peers.Said(
        notes={("201", "callsmith"): note, ("nobody", "callsmith"): note},
        standings={
            "carrier": (Standing("up", 5.0, 6.0, 200, 12.5), 2, 1),
            "gone": (Standing(), 0, 0),
        },
        marks=[Mark("carrier", 5.0, "up", 200, ""), Mark("gone", 5.0, "up", 200, "")],
        calls=[("carrier", "in", "node1-1-1", 5.0), ("gone", "in", "x", 5.0)],
    )
    peers.exchange("node1", said, {})
    peers.exchange("node1", peers.Said(notes={("201", "callsmith"): note}), {})
    assert AccountUse.objects.get().wrong == 4 and AccountUse.objects.get().source == "192.0.2.66"
    trunk = trunks.named("carrier")
    (standing,) = trunks.as_message(trunk)["nodes"]
    assert standing["state"] == "up" and trunks.running(trunk) == 3
    assert TrunkMark.objects.count() == 1 and TrunkCall.objects.count() == 1
    assert [(call.id, way) for call, way in trunks.calls_of(trunk)] == [("node1-1-1", "in")]
    assert made.uses.count() == 1


def test_history_of_trunks_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "MARKS_KEPT", 3)
    carrier()
    marks = [Mark("carrier", float(n), "up", 200, "") for n in range(10)]
    peers.exchange("node1", peers.Said(marks=marks), {})
    peers.sweep()
    assert TrunkMark.objects.count() == 3


def test_the_pages_show_how_things_stand(client: Client, alice: Any, node: FakeNode) -> None:
    client.force_login(alice)
    assert "No trunk yet" in client.get(reverse("trunks")).content.decode()
    assert "No phone has an account yet" in client.get(reverse("accounts")).content.decode()
    carrier()
    said = peers.Said(standings={"carrier": (Standing("down", 5.0, 6.0, error="no answer"), 0, 0)})
    peers.exchange("node1", said, {})
    page = client.get(reverse("trunks") + "?part=1").content.decode()
    assert "carrier does not answer." in page and "no answer" in page and "<html" not in page
    assert "does not answer" in client.get(reverse("trunk", args=["carrier"])).content.decode()
    client.post(reverse("trunk_test", args=["carrier"]))
    assert node.asked == ["carrier"]
    made, _ = accounts.account_add(user="201")
    evil = binding(agent="<script>alert(1)</script>")
    registrations.store({evil.key: evil})
    for name, args in (("registrations", []), ("account", [made.pk])):
        page = client.get(reverse(name, args=args)).content.decode()
        assert "&lt;script&gt;" in page and "<script>alert" not in page
    found = client.get(reverse("registrations"), {"q": "nothing"}).content.decode()
    assert "Nobody who is registered has these words." in found


def test_viewers_look_and_change_nothing(client: Client, vera: Any) -> None:
    carrier(user="provider-user")
    client.force_login(vera)
    page = client.get(reverse("trunk", args=["carrier"]))
    assert page.status_code == 200 and "provider-user" not in page.content.decode()
    assert client.get(reverse("trunk_new")).status_code == 403
    assert "Add an account" not in client.get(reverse("accounts")).content.decode()


def test_programs_keep_trunks_and_accounts(client: Client, alice: Any) -> None:
    client.force_login(alice)

    def send(method: str, name: str, body: Any = None, **path: Any) -> Any:
        call = getattr(client, method)
        data = json.dumps(body or {})
        return call(reverse(name, kwargs=path), data, content_type="application/json")

    made = send("post", "api_trunks", {"name": "carrier", "host": "192.0.2.8", "password": SECRET})
    assert made.status_code == 201 and made.json()["has_password"] and SECRET not in made.text
    changed = send("patch", "api_trunk", {"sources": ["203.0.113.0/24"]}, trunk="carrier")
    assert changed.json()["sources"] == ["203.0.113.0/24"] and changed.json()["has_password"]
    assert send("patch", "api_trunk", {"port": 1}, trunk="none").status_code == 404
    assert send("delete", "api_trunk", trunk="carrier").json() == []
    account = send("post", "api_accounts", {"user": "201"}).json()
    assert len(account["password"]) == 16
    renewed = send("post", "api_account_password", account=account["id"]).json()
    assert renewed["password"] != account["password"]
    off = send("patch", "api_account", {"enabled": False}, account=account["id"]).json()
    assert off["enabled"] is False and "password" not in off
    assert send("delete", "api_account", account=account["id"]).json()["user"] == "201"
    assert not Account.objects.exists()


async def test_a_node_that_starts_without_the_database_uses_its_copy(tmp_path: Any) -> None:
    from runtime.node.trunks import Trunk as NodeTrunk
    from tests.runtime.node.nodes import no_media, running

    sealed = sealing.seal(SECRET)
    async with running(tmp_path, link=no_media) as node:
        node.set_peers(Peers([NodeTrunk("carrier", "192.0.2.8", secret=sealed)]))
        node.signalling.location.put([binding(), binding("202", contact="sip:202@x.invalid",
            transport="WS", remote="", port=0, connection="ws1")])  # fmt: skip
        node.keep_bindings()
    files = {each.name: each for each in (tmp_path / "sip").iterdir()}
    assert {each.stat().st_mode & 0o777 for each in files.values()} == {0o600}
    assert SECRET not in files["peers.json"].read_text()
    async with running(tmp_path, link=no_media, unseal=sealing.unseal) as node:
        assert node.signalling.trunks.named("carrier") is not None
        # The phone is known again; the browser's connection ended with the last run.
        assert [each.user for each in node.signalling.location] == ["201"]


@pytest.mark.django_db(transaction=True)
async def test_a_node_that_starts_knows_all_phones_before_it_listens(tmp_path: Any) -> None:
    from channels.db import database_sync_to_async

    from tests.runtime.node.nodes import no_media, running

    def fill() -> None:
        carrier()
        accounts.account_add(user="201")
        browser = binding("202", contact="sip:202@x.invalid", transport="WS", remote="", port=0,
                          connection="ws1")  # fmt: skip
        over = binding("203", expires=1.0)
        registrations.store({each.key: each for each in (binding(), browser, over)})

    await database_sync_to_async(fill)()
    source = peers.DatabaseSource()
    async with running(tmp_path, peers=source, unseal=sealing.unseal, link=no_media) as node:
        signalling = node.signalling
        assert [each.user for each in signalling.location] == ["201"]
        assert len(signalling.accounts) == 1 and signalling.trunks.named("carrier") is not None
        # What ran over a connection of its last run is written as gone.
        said = peers.Said(location=signalling.location.take_changes())
        await database_sync_to_async(peers.exchange)("node1", said, {})
    left = await database_sync_to_async(lambda: [row.user for row in registrations.listed()])()
    assert left == ["201"]


async def test_what_cannot_be_told_while_the_database_is_away_is_told_later(tmp_path: Any) -> None:
    from tests.runtime.node.nodes import no_media, running

    class Rows:
        away = True
        told: list[peers.Said] = []

        async def ask(self, act: Any, *args: Any, **named: Any) -> Any:
            if self.away:
                raise OperationalError("away")
            self.told.append(args[1])
            return peers.News({})

    async with running(tmp_path, link=no_media) as node:
        rows = Rows()
        desk = PeerDesk(node, rows)
        signalling = node.signalling
        signalling.location.put([binding()])
        signalling.watch.marks.append(Mark("carrier", 5.0, "up", 200, ""))
        signalling.trunks.begun.append(("carrier", "in", "s1"))
        with pytest.raises(OperationalError):
            await desk.look()
        rows.away = False
        await desk.look()
        await desk.look()
        first, second = rows.told
        assert [each.user for each in first.location.values() if each] == ["201"]
        assert [each.trunk for each in first.marks] == ["carrier"]
        assert [each[:3] for each in first.calls] == [("carrier", "in", "s1")]
        assert not second.location and not second.marks and not second.calls
