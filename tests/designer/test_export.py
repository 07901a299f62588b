"""A flow as a file: by address and by command line."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from config.cli import main
from designer import pictures, services
from designer.errors import Refused
from designer.models import Flow
from flows.draw import dot
from tests.flows.test_export import SMALL

pytestmark = pytest.mark.django_db
STARTER = Path(__file__).parents[2] / "state_tables/echo_test.yaml"
needs_dot = pytest.mark.skipif(
    shutil.which("dot") is None, reason="Graphviz is not installed: apt-get install graphviz"
)


@pytest.fixture
def flow(alice: Any) -> Flow:
    text = STARTER.read_text()
    return services.flow_import(text=text, file_name="echo_test.yaml", author=alice).flow


@pytest.fixture
def page(client: Client, alice: Any) -> Client:
    client.force_login(alice)
    return client


@pytest.mark.parametrize(
    ("form", "begins", "kind"),
    [
        ("yaml", b"#", "application/yaml"),
        ("dot", b"digraph flow {", "text/vnd.graphviz"),
        ("mermaid", b"stateDiagram-v2", "text/plain"),
        ("markdown", rb"# echo\_test", "text/markdown"),
        ("csv", b"state,role,event", "text/csv"),
    ],
)
def test_a_flow_is_given_as_a_file(
    page: Client, flow: Flow, form: str, begins: bytes, kind: str
) -> None:
    answer = page.get(f"/flows/{flow.name}/export/{form}")
    assert answer.status_code == 200 and answer.content.startswith(begins)
    assert answer["Content-Type"].startswith(kind)
    assert answer["Content-Disposition"].startswith(f'attachment; filename="{flow.name}.')


@needs_dot
@pytest.mark.parametrize(
    ("form", "begins"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")]
)
def test_a_picture_is_drawn_by_graphviz(page: Client, flow: Flow, form: str, begins: bytes) -> None:
    assert page.get(f"/flows/{flow.name}/export/{form}?role=UAS").content.startswith(begins)


def test_what_is_not_there_is_not_found_and_what_cannot_be_drawn_says_why(
    page: Client, flow: Flow, alice: Any
) -> None:
    assert page.get(f"/flows/{flow.name}/export/exe").status_code == 404
    assert page.get(f"/flows/{flow.name}/export/csv?version=99").status_code == 404
    assert page.get(f"/flows/{flow.name}/export/csv?version=x").status_code == 404
    services.draft_save(flow=flow, user=alice, text="a: [", base=None)
    answer = page.get(f"/flows/{flow.name}/export/csv")
    assert answer.status_code == 409 and b"cannot be read" in answer.content


def test_an_export_needs_somebody_who_may_look(client: Client, flow: Flow) -> None:
    assert client.get(f"/flows/{flow.name}/export/yaml").status_code in (302, 401, 403)


def test_a_machine_without_graphviz_and_a_picture_that_takes_too_long_are_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(Refused, match="has no Graphviz"):
        pictures.picture(dot(SMALL), "pdf")

    def late(*_: Any, **__: Any) -> None:
        raise subprocess.TimeoutExpired("dot", 1)

    monkeypatch.setattr(shutil, "which", lambda _: "dot")
    monkeypatch.setattr(subprocess, "run", late)
    with pytest.raises(Refused, match="takes more than"):
        pictures.picture(dot(SMALL), "png")


def test_the_command_line_writes_a_file_in_another_format(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["export", str(STARTER), "--format", "markdown"]) == 0
    assert capfdbinary.readouterr().out.startswith(rb"# echo\_test")
    wanted = tmp_path / "out.mmd"
    assert main(["export", str(STARTER), "--output", str(wanted)]) == 0
    assert wanted.read_text().startswith("stateDiagram-v2")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [")
    assert main(["export", str(broken)]) == 2
    assert main(["export", str(tmp_path / "none.yaml")]) == 2
    assert b"cannot be read as a table" in capfdbinary.readouterr().err
