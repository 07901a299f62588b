"""What a whole instance shows to strangers, and what it keeps to itself."""

import asyncio
import json
import re
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from tests.instance import BASE, PASSWORD, Instance, Person
from tests.sip.sipp import MISSING, SIPP, run_sipp


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    running = Instance(tmp_path_factory.mktemp("security") / "data", CALLSMITH_LOG="DEBUG")
    try:
        yield running.start()
    finally:
        running.stop()


def fetch(instance: Instance, path: str, method: str = "GET") -> tuple[int, dict[str, str], str]:
    request = urllib.request.Request(instance.url + path, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, lower(answer.headers), answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, lower(error.headers), error.read().decode(errors="replace")


def lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def assets() -> list[str]:
    """Return the addresses of all built scripts and style sheets, the layout worker among them."""
    manifest = json.loads((BASE / "static/dist/manifest.json").read_text())
    files = {entry["file"] for entry in manifest.values()}
    files |= {
        path.relative_to(BASE / "static/dist").as_posix()
        for path in (BASE / "static/dist/assets").glob("*.js")
    }
    assert any("worker" in name for name in files), files
    return [f"/static/{name}" for name in sorted(files)]


def test_every_response_carries_the_policy_even_static_files_and_refusals(
    instance: Instance,
) -> None:
    paths = ["/login/", "/healthz", "/", "/nothing/", "/static/nothing.js", *assets()]
    for path in paths:
        _, headers, _ = fetch(instance, path)
        policy = headers["content-security-policy"]
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules["default-src"] == "'self'" and rules["object-src"] == "'none'", path
        assert rules["script-src"] == "'self' 'wasm-unsafe-eval'", path
        assert "unsafe-inline" not in policy and "'unsafe-eval'" not in policy, path
        assert rules["frame-ancestors"] == "'none'" and rules["base-uri"] == "'none'", path
        assert headers["x-content-type-options"] == "nosniff", path


def test_no_page_holds_a_script_or_style_of_its_own(instance: Instance) -> None:
    person = Person(instance)
    pages = ["/", "/calls/", "/routes/", "/deployments/", "/flows/new/", "/flows/echo_test/"]
    pages += ["/flows/echo_test/live/", "/flows/echo_test/versions/"]
    for path in pages:
        html = person.read(path)
        for attributes, body in re.findall(r"<script([^>]*)>(.*?)</script>", html, re.S):
            assert "application/json" in attributes or not body.strip(), path
        assert not re.search(r"<style|\son\w+=|\sstyle=|javascript:", html), path


def test_errors_tell_nothing_of_the_program(instance: Instance) -> None:
    for path in ("/nothing/", "/login/?next=//evil.test", "/flows/%00/", "/static/../manage.py"):
        status, _, text = fetch(instance, path)
        assert status in (200, 302, 400, 404), path
        assert "Traceback" not in text and "settings" not in text.lower(), path
        assert str(BASE) not in text, path
    status, _, text = fetch(instance, "/flows/")
    assert status == 404 and "DEBUG" not in text


def test_a_log_in_leads_to_no_foreign_page(instance: Instance) -> None:
    import urllib.parse

    person = Person(instance)
    token = next(each.value for each in person.jar if "csrf" in each.name)
    form = {"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": token}
    form["next"] = "//evil.test/"
    html = person.read("/login/?next=//evil.test/", urllib.parse.urlencode(form).encode())
    assert "evil.test" not in html


def test_what_is_secret_is_readable_by_its_owner_only(instance: Instance) -> None:
    for name in ("secret_key", "control.sock"):
        assert stat.S_IMODE((instance.data / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE(instance.data.stat().st_mode) == 0o700


@pytest.mark.skipif(SIPP is None, reason=MISSING)
@pytest.mark.sipp
async def test_no_secret_is_written_into_the_log(instance: Instance) -> None:
    person = await asyncio.to_thread(Person, instance)
    await run_sipp("uac", remote=("127.0.0.1", instance.sip_port))
    secrets = [PASSWORD, (instance.data / "secret_key").read_text()]
    secrets += [str(each.value) for each in person.jar]
    assert len(secrets) == 4
    kept = [path for path in [instance.log, *instance.data.glob("node/**/*")] if path.is_file()]
    for path in kept:
        # The first start shows the first account's password, that one time only.
        text = path.read_bytes().replace(f"password    {PASSWORD}".encode(), b"", 1)
        for secret in secrets:
            assert secret.encode() not in text, path


def test_debug_is_off_by_default(tmp_path: Path) -> None:
    from config import environment

    assert environment.read({}).debug is False
    assert environment.read({"CALLSMITH_DEBUG": "yes"}).debug is False


async def test_sockets_take_no_more_than_their_limit_and_nothing_packed(
    instance: Instance,
) -> None:
    person = await asyncio.to_thread(Person, instance)
    cookies = "; ".join(f"{each.name}={each.value}" for each in person.jar)
    edit, phone = "/ws/flows/echo_test/edit", "/sip"
    # What is too large for the phone, and what is too large for every socket.
    for path, size in ((phone, (64 << 10) + 1), (phone, 3 << 20), (edit, 3 << 20)):
        async with connect(
            f"ws://{instance.http}{path}",
            origin=Origin(instance.url),
            additional_headers={"Cookie": cookies},
            subprotocols=[Subprotocol("sip")] if path == phone else None,
            compression="deflate",
            max_size=None,
        ) as socket:
            assert socket.protocol.extensions == [], "a packed frame could unfold to anything"
            with pytest.raises(ConnectionClosed) as closed:
                await socket.send("x" * size)
                async with asyncio.timeout(10):
                    while True:
                        await socket.recv()
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009, path
    assert instance.health()["status"] == "ok"
