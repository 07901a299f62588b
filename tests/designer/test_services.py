import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from designer import selectors, services
from designer.errors import Conflict, Refused, VersionIsImmutable
from designer.models import Draft, Flow, Version
from tests.web import BROKEN, ECHO

pytestmark = pytest.mark.django_db


@pytest.fixture
def flow() -> Flow:
    return services.flow_create(name="support")


def save(flow: Flow, text: str, base: int | None, **more: Any) -> Version:
    return services.version_save(flow=flow, text=text, base=base, author_name="a", **more)


def test_a_saved_version_has_number_hash_author_message_and_report(
    flow: Flow, alice: Any, rung: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        version = services.version_save(
            flow=flow, text=ECHO, base=None, author=alice, message="  first "
        )
    assert (version.number, version.author_name, version.message) == (1, "alice", "first")
    assert version.digest == hashlib.sha256(ECHO.encode()).hexdigest()
    assert version.compiles and version.errors == 0 and version.warnings == 0
    assert version.report == {"findings": []}
    assert rung == [version.pk]


def test_a_text_is_kept_to_the_last_byte(flow: Flow) -> None:
    text = "# ä\r\n" + ECHO.replace("\n", "\r\n") + "\t\n\n"
    version = save(flow, text, None)
    assert Version.objects.get(pk=version.pk).text == text


def test_saving_on_top_of_a_newer_version_is_refused_with_both(flow: Flow) -> None:
    first = save(flow, ECHO, None)
    second = save(flow, ECHO + "# two\n", first.number)
    with pytest.raises(Conflict) as caught:
        save(flow, ECHO + "# mine\n", first.number)
    assert (caught.value.base, caught.value.latest) == (first, second)
    assert flow.versions.count() == 2


def test_the_first_save_is_refused_when_somebody_else_was_first(flow: Flow) -> None:
    save(flow, ECHO, None)
    with pytest.raises(Conflict):
        save(flow, ECHO, None)


def test_a_version_never_changes(flow: Flow) -> None:
    version = save(flow, ECHO, None)
    version.text = "other"
    with pytest.raises(VersionIsImmutable):
        version.save()
    assert Version.objects.get(pk=version.pk).text == ECHO


def test_a_text_that_does_not_compile_can_be_saved(flow: Flow) -> None:
    version = save(flow, BROKEN, None)
    assert not version.compiles and version.errors > 0 and not version.deployable


def test_a_text_larger_than_a_mebibyte_is_refused(flow: Flow) -> None:
    with pytest.raises(Refused, match="1 MiB"):
        save(flow, "#" * (1 << 20) + "\n", None)
    assert not flow.versions.exists()


@pytest.mark.parametrize("name", ["", "-a", "a b", "new", "ä", "a" * 65, "../x"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(Refused):
        services.flow_create(name=name)
    assert not Flow.objects.exists()


def test_a_name_is_taken_once(flow: Flow) -> None:
    with pytest.raises(Refused, match="exists already"):
        services.flow_create(name="support")


def test_a_new_flow_begins_with_the_draft_of_its_maker(alice: Any) -> None:
    flow = services.flow_create(name="fresh", user=alice)
    draft = Draft.objects.get(flow=flow, user=alice)
    assert "name: fresh" in draft.text and draft.base is None


def test_restoring_makes_the_old_text_the_newest_version(flow: Flow, alice: Any) -> None:
    save(flow, ECHO, None)
    save(flow, ECHO + "# two\n", 1)
    restored = services.version_restore(flow=flow, number=1, author=alice)
    assert (restored.number, restored.text, restored.origin) == (3, ECHO, "restore")
    with pytest.raises(Refused, match="already"):
        services.version_restore(flow=flow, number=1, author=alice)


def test_importing_makes_the_flow_and_the_same_text_again_makes_nothing() -> None:
    first = services.flow_import(text=ECHO, file_name="dir/echo.yaml", author_name="cli")
    again = services.flow_import(text=ECHO, file_name="echo.yaml", author_name="cli")
    assert first.created and not again.created and first.version == again.version
    assert first.flow.name == "echo_test" and first.version.origin == "import"


def test_a_text_without_a_name_takes_that_of_its_file() -> None:
    row = "- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Terminated}\n"
    made = services.flow_import(text=row, file_name="/x/My Table (1).yaml")
    assert made.flow.name == "my_table_1"


def test_the_starters_are_imported_once_per_name(tmp_path: Path) -> None:
    (tmp_path / "echo_test.yaml").write_text(ECHO)
    assert services.import_starters(tmp_path) == ["echo_test"]
    (tmp_path / "echo_test.yaml").write_text(ECHO + "# changed\n")
    assert services.import_starters(tmp_path) == []
    flow = selectors.flow_named("echo_test")
    assert flow is not None and flow.versions.get().origin == "file"
    assert flow.description.startswith("Answers every call")


def test_the_list_of_flows_takes_the_same_queries_however_many_flows(
    alice: Any, django_assert_max_num_queries: Any
) -> None:
    for index in range(5):
        made = services.flow_create(name=f"flow{index}", user=alice)
        save(made, ECHO, None)
    with django_assert_max_num_queries(8):
        lines = selectors.flow_lines(alice)
    assert [line.status["key"] for line in lines] == ["undeployed"] * 5


def test_a_comparison_shows_changes_with_their_surroundings() -> None:
    left = "".join(f"line {n}\n" for n in range(40))
    lines = selectors.compare(left, left.replace("line 20\n", "other\n"))
    kinds = [line.kind for line in lines]
    assert kinds == ["gap"] + ["same"] * 4 + ["removed", "added"] + ["same"] * 4 + ["gap"]
    assert lines[5].left == lines[6].right == 21


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_at_the_same_moment_one_is_refused(flow: Flow) -> None:
    save(flow, ECHO, None)
    ready = threading.Barrier(4)

    def saver(name: str) -> str:
        ready.wait()
        try:
            save(flow, f"{ECHO}# {name}\n", 1)
        except Conflict as conflict:
            return f"refused for {conflict.latest.number}"
        finally:
            connection.close()
        return "saved"

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(saver, "abcd"))
    assert outcomes == ["refused for 2"] * 3 + ["saved"]
    assert flow.versions.count() == 2
