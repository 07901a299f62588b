"""What a living session could do next."""

from textwrap import dedent

from tests.runtime.node import nodes
from tests.runtime.node.nodes import Watcher, running

FLOW = dedent(
    """\
    callflow: 1
    name: guarded
    description: Asks guards.
    variables: {tries: 1}
    states:
      Idle: {initial: true}
      Calling: {group: setup, ignore: {Dialog180Ringing: It rings.}}
      Terminated: {final: true}
      Failed: {final: true}
    transitions:
    - {from_state: Idle, role: UAC, event: MakeCall, next_state: Calling}
    - {id: many, from_state: Calling, role: UAC, event: HangupCall, guards: [tries > 2],
       next_state: Failed}
    - {id: few, from_state: Calling, role: UAC, event: HangupCall, next_state: Terminated}
    - {id: busy, from_state: Calling, role: UAC, event: Dialog4xxFailure,
       guards: [event.code == 486], next_state: Failed}
    - {id: late, from_state: Calling, role: UAC, event: {after: 60s}, next_state: Failed}
    """
)


async def test_the_rows_that_could_fire_are_told_with_their_guards(tmp_path):
    config = {"max_life": 600.0}
    async with running(tmp_path, link=nodes.no_media, config=config) as node:
        await nodes.deploy(node, "guarded", FLOW)
        watcher = Watcher(node)
        session = node.call("guarded", "sip:bob@127.0.0.1:9")
        await watcher.state("Calling")
        found = {(each["event"], each["id"]): each for each in node.transitions(session)}
        many, few = found["HangupCall", "many"], found["HangupCall", "few"]
        assert many["verdict"] == "not now" and few["verdict"] == "takes it"
        assert many["guards"] == [{"text": "tries > 2", "held": False, "values": {"tries": 1}}]
        busy = found["Dialog4xxFailure", "busy"]
        assert busy["verdict"] == "depends on the event" and busy["guards"][0]["held"] is None
        assert found["Dialog180Ringing", ""]["verdict"] == "ignored"
        late = found["after", "late"]
        assert 0 < late["seconds"] <= 60 and late["next"] == "Failed"
