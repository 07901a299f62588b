"""The pages of deployments in steps, as a person or a program asks for them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from designer.models import Version
from runtime import deployments
from runtime.models import Acknowledgement, Node, Ramp, RampCall, Session
from runtime.ramps import judging, looking, services

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client: Client, alice: Any) -> Client:
    client.force_login(alice)
    return client


def words(answer: Any) -> str:
    """Return what a page says, without its marks."""
    text = re.sub(r"(?s)<(svg|script|style)\b.*?</\1>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text))


def judged(ramp: Ramp, ours: int, theirs: int, answered: float = 0.9, after: float = 60) -> Ramp:
    """Store measured calls of both sides and look at them."""
    begin = ramp.step_at.timestamp()
    RampCall.objects.bulk_create(
        RampCall(
            ramp=ramp, session=f"{side}-{n}", step=ramp.step, candidate=side,
            started_at=begin + after * n / count, measured_at=begin, settled=True,
            answered=n < count * (answered if side else 0.9), delay=1 + n / count,
            failed=False, unhandled=False, stuck=False,
        )
        for side, count in ((True, ours), (False, theirs))
        for n in range(count)
    )  # fmt: skip
    now = ramp.step_at + timedelta(seconds=after)
    return services.judge(ramp, looking.judgement_of(ramp, now), now)


def address(ramp: Ramp) -> str:
    return f"/deployments/{ramp.deployment_id}/"


def test_a_page_says_first_what_is_true_and_what_is_missing(page: Client, ramp: Ramp) -> None:
    judged(ramp, 40, 400)
    said = words(page.get(address(ramp)))
    assert "echo_test v2 Live 5 %" in said and "beside v1" in said
    assert "v2 takes 5 % of new calls." in said and "more calls decide it" in said
    assert "Next: 25 % at" in said
    assert "Hold at 5 %" in said and "Roll back to v1…" in said and "Go to 25 %…" in said


def test_before_the_first_look_nothing_is_claimed(page: Client, ramp: Ramp) -> None:
    said = words(page.get(address(ramp)))
    assert "looked at in a moment" in said and "Not looked at" in said
    assert "No call is measured yet." in said and "No node has answered yet." in said


def test_a_ramp_that_waits_says_why(page: Client, ramp: Ramp) -> None:
    judged(ramp, 40, 400, after=700)
    said = words(page.get(address(ramp)))
    assert "Waits at 5 %" in said and "The ramp waits:" in said
    assert "Rolls back by itself past the limit" in said


def test_a_ramp_nobody_looks_at_says_so(page: Client, ramp: Ramp) -> None:
    Ramp.objects.update(step_at=timezone.now() - timedelta(minutes=5), judged_at=None)
    said = words(page.get(address(ramp)))
    assert "Nobody looks at the figures." in said and "Nothing passes meanwhile" in said


def test_a_rollback_shows_its_reason_and_the_calls_that_stay(page: Client, ramp: Ramp) -> None:
    version = ramp.deployment.version
    Session.objects.create(
        id="s", node="n", epoch=1, flow_name="echo_test", digest=version.digest, role="UAS",
        started_at=timezone.now().timestamp() - 125, state="Active",
    )  # fmt: skip
    judged(ramp, 100, 400, answered=0.1)
    answer = page.get(address(ramp))
    said = words(answer)
    assert "Rolled back" in said and "v2 was rolled back at" in said
    assert "Calls answered: 10.0 % on v2 against 90.0 % on v1" in said
    assert "1 call stays on v2" in said and "Active 1 2 min" in said
    assert "ramp-back" not in answer.content.decode()


def test_the_table_gives_each_band_in_words_too(page: Client, ramp: Ramp) -> None:
    judged(ramp, 300, 3000)
    content = page.get(address(ramp)).content.decode()
    assert 'data-testid="figure-answered"' in content and 'class="whisker"' in content
    assert re.search(r"difference [−+]\d+\.\d pt to [−+]\d+\.\d pt; this step allows", content)
    assert 'aria-label="v1: 90.0 % answered, band' in content


def test_nodes_that_answered_to_the_last_change_are_told_from_those_that_did_not(
    page: Client, ramp: Ramp
) -> None:
    digest = ramp.deployment.version.digest
    for node, seconds in (("edge-1", 0.25), ("edge-2", -60)):
        Acknowledgement.objects.create(
            deployment=ramp.deployment, node=node, digest=digest,
            at=ramp.step_at + timedelta(seconds=seconds),
        )  # fmt: skip
    said = words(page.get(address(ramp)))
    assert "1 of 2" in said and "0.25 s Runs v2" in said and "No answer" in said


def test_a_node_that_is_lost_or_never_answered_stands_in_the_list(page: Client, ramp: Ramp) -> None:
    Node.objects.create(name="edge-3", folder="f")
    Node.objects.create(
        name="edge-4", folder="f", heartbeat_at=timezone.now() - timedelta(minutes=2)
    )
    Node.objects.create(name="edge-5", folder="f", state=Node.State.STOPPED)
    said = words(page.get(address(ramp)))
    assert "0 of 2" in said and "edge-3" in said and "No answer" in said
    assert re.search(r"edge-4 .*Lost for 2 min", said) and "edge-5" not in said


def test_a_page_that_has_not_changed_is_not_sent_again(page: Client, ramp: Ramp) -> None:
    judged(ramp, 40, 400)
    seen = re.search(r'data-seen="(\w+)"', page.get(address(ramp)).content.decode())
    assert seen is not None
    again = page.get(f"{address(ramp)}?part=1&seen={seen[1]}")
    assert again.status_code == 204
    services.hold(ramp=ramp, by_name="alice")
    changed = page.get(f"{address(ramp)}?part=1&seen={seen[1]}")
    assert changed.status_code == 200 and "Held at 5 %" in words(changed)
    assert "<html" not in changed.content.decode()


def test_a_deployment_at_once_has_a_page_too(page: Client, flow: Any) -> None:
    made = deployments.current(flow)
    said = words(page.get(f"/deployments/{made.pk}/"))
    assert "v1 takes all new calls." in said and "What ran where and when" in said
    assert "Old against new" not in said
    assert page.get("/deployments/999999/").status_code == 404


def test_the_list_shows_how_ramps_stand(page: Client, ramp: Ramp) -> None:
    said = words(page.get("/deployments/"))
    assert re.search(r"echo_test v2 .*?Live 5 % .*echo_test v1 .*?Live ", said)


def test_a_person_holds_goes_on_and_takes_back(page: Client, ramp: Ramp) -> None:
    def act(word: str, **more: str) -> Any:
        return page.post(f"{address(ramp)}control/", {"act": word, **more}, follow=True)

    assert "alice holds it at 5 %." in words(act("hold"))
    assert "alice lets it go on." in words(act("resume"))
    assert "Going on now needs a reason" in words(act("go"))
    assert "v2 takes 25 % of the new calls" in words(act("go", reason="seen"))
    assert "New calls take v1" in words(act("back"))
    assert "is one of hold" in words(act("dance"))


def test_the_pages_of_a_flow_say_that_a_version_is_deployed_in_steps(
    page: Client, ramp: Ramp
) -> None:
    for where in ("/flows/echo_test/versions/", "/flows/echo_test/versions/2/"):
        content = page.get(where).content.decode()
        assert "v2 is deployed in steps: it takes 5 % beside v1." in content
        assert f'href="{address(ramp)}"' in content
    assert "Live 5 %" in words(page.get("/flows/echo_test/versions/"))
    services.back(ramp=ramp, by_name="alice")
    assert "deployed in steps: it takes" not in words(page.get("/flows/echo_test/versions/"))


def test_a_plan_is_made_on_a_page_and_begun(page: Client, candidate: Version, flow: Any) -> None:
    where = "/flows/echo_test/versions/2/deploy/"
    said = words(page.get(where))
    assert "1 % 10 min, 5 % 20 min" in said and "Calls answered" in said
    sent = {
        "preset": "own", "steps": "20 % 30 s", "callers": "tina, +4930*", "sources": "10.0.0.0/8",
        "watch_answered": "on", "limit_answered": "10", "every": "0.5",
    }  # fmt: skip
    answer = page.post(where, sent)
    ramp = services.active(flow)
    assert ramp is not None and answer["Location"] == address(ramp)
    assert ramp.figures == {"answered": 0.1} and ramp.every == 0.5
    assert ramp.scope == {"sources": ["10.0.0.0/8"], "callers": ["tina", "+4930*"]}
    assert "calls from 10.0.0.0/8; test callers tina, +4930*" in words(page.get(address(ramp)))
    assert "v2 takes 20 % already" in words(page.get(where))


def test_a_plan_that_is_refused_keeps_what_was_typed(page: Client, candidate: Version) -> None:
    where = "/flows/echo_test/versions/2/deploy/"
    sent = {"preset": "own", "steps": "fast", "numbers": "12?", "watch_failed": "on"}
    answer = page.post(where, sent)
    assert answer.status_code == 409 and "is no step" in words(answer)
    content = answer.content.decode()
    assert 'value="fast"' in content and 'value="12?"' in content
    assert page.post(where, {"preset": "quick"}).status_code == 409  # no figure is watched


def test_the_dialogs_begin_with_a_preset(page: Client, candidate: Version, flow: Any) -> None:
    dialog = page.get("/flows/echo_test/versions/").content.decode()
    assert 'data-testid="in-steps-2"' in dialog
    answer = page.post(
        "/flows/echo_test/deploy/",
        {"version": "2", "how": "steps", "steps": "quick"},
        headers={"Accept": "application/json"},
    )
    ramp = services.active(flow)
    assert ramp is not None and answer.json()["page"] == address(ramp)
    assert [step["percent"] for step in ramp.steps] == [5, 25]
    refused = page.post(
        "/flows/echo_test/deploy/", {"version": "1"}, headers={"Accept": "application/json"}
    )
    assert refused.status_code == 409 and "in steps" in refused.json()["error"]


def test_a_version_that_never_ran_is_not_gone_back_to(
    page: Client, candidate: Version, flow: Any
) -> None:
    asked: list[Any] = []
    deployments.add_gate("t", asked.append)
    try:
        for number in ("2", "1"):
            page.post("/flows/echo_test/deploy/", {"version": number, "back": "1"})
    finally:
        deployments.remove_gate("t")
    assert [wish.back for wish in asked] == [False, True]


def test_every_verdict_has_a_colour_a_mark_and_a_word() -> None:
    from runtime.ramps.showing import VERDICTS

    assert set(VERDICTS) == {
        judging.NOT_WORSE, judging.BETTER, judging.UNDECIDED, judging.MISSING, judging.WORSE
    }  # fmt: skip
