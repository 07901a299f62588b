from collections.abc import Iterator
from typing import Any

import pytest

from designer import checks, required, services, verdicts
from designer.models import Flow, Task, Version
from designer.required import FAILED, MISSING, PASSED, PASSED_OVER, RUNNING, Check
from flows.check.contract import contract_hash
from tests.web import ECHO

pytestmark = pytest.mark.django_db

LESS = ECHO.replace("event: DialogBYE", "event: DialogACK")


@pytest.fixture
def flow() -> Flow:
    return services.flow_create(name="support")


@pytest.fixture
def alone() -> Iterator[None]:
    """Only the providers of the test."""
    known = dict(required._providers)
    required._providers.clear()
    yield
    required._providers.clear()
    required._providers.update(known)


def save(flow: Flow, text: str, base: int | None = None) -> Version:
    return services.version_save(flow=flow, text=text, base=base, author_name="a")


def proved(version: Version, **more: Any) -> None:
    detail = {"contract": contract_hash(), "errors": 0, "warnings": 0, "complete": True,
              "explored": 9, "findings": [], **more}  # fmt: skip
    Task.objects.update_or_create(
        key=verdicts.check_key(version.pk),
        defaults={"kind": "check", "state": Task.State.DONE, "detail": detail},
    )


def told(version: Version, base: Version | None = None) -> dict[str, Check]:
    return {check.key: check for check in required.checks_of(version, base)}


def test_the_designer_tells_of_rules_verification_and_behaviour_in_this_order(flow: Flow) -> None:
    assert [k for k in required.keys() if k in ("rules", "verification", "behaviour")] == [
        "rules",
        "verification",
        "behaviour",
    ]
    assert checks.LOSS not in told(save(flow, ECHO))


def test_rules_fail_with_the_line_of_the_first_error(flow: Flow) -> None:
    check = told(save(flow, ECHO.replace("Active", "Nowhere", 1)))["rules"]
    assert (check.state, check.holds_back) == (FAILED, True)
    assert check.sentence.startswith("Line ")
    assert told(save(flow, ECHO, 1))["rules"].state == PASSED


def test_verification_is_missing_then_runs_then_passes(flow: Flow) -> None:
    version = save(flow, ECHO)
    Task.objects.all().delete()
    assert told(version)["verification"].state == MISSING
    proved(version)
    Task.objects.update(state=Task.State.RUNNING)
    assert told(version)["verification"].state == RUNNING
    proved(version)
    assert told(version)["verification"].state == PASSED
    proved(version, contract="older")
    assert told(version)["verification"].state == MISSING


def test_a_loss_is_a_failed_check_that_links_to_its_comparison(flow: Flow) -> None:
    one, two = save(flow, ECHO), save(flow, LESS, 1)
    check = told(two, one)["behaviour"]
    assert (check.state, check.url) == (FAILED, "/flows/support/compare/1/2/")
    three = save(flow, ECHO + "# only said\n", 2)
    assert told(three, one)["behaviour"].state == PASSED


def test_what_is_passed_over_holds_nothing_back_and_says_who_and_why(flow: Flow) -> None:
    check = Check("tests", "Tests", FAILED, "2 fail.").passed_over("Ada", "known")
    assert (check.state, check.holds_back) == (PASSED_OVER, False)
    assert check.sentence == "Ada passed over it: known"
    assert Check("a", "A", PASSED, "All.").passed_over("Ada", "known").state == PASSED
    assert Check("a", "A", FAILED, "No.", passable=False).passed_over("Ada", "x").state == FAILED


def test_a_provider_that_breaks_holds_back_and_the_others_tell(flow: Flow, alone: None) -> None:
    def broken(version: Version, base: Version | None) -> Check:
        raise RuntimeError("our mistake")

    required.register("second", lambda v, b: Check("second", "Second", PASSED, "Fine."), rank=2)
    required.register("recorded_calls", broken, rank=1)
    required.register("none", lambda v, b: None)
    found = required.checks_of(save(flow, ECHO), None)
    assert [(c.key, c.state) for c in found] == [("recorded_calls", MISSING), ("second", PASSED)]
    assert [c.key for c in required.holding_back(found)] == ["recorded_calls"]
