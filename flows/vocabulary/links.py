"""The words of linked sessions: another call beside this one, and the media joined with it."""

from __future__ import annotations

from flows.vocabulary.words import ActionWord, EventWord, Kind, Parameter

_GROUP = "Linked session"
LINK = Parameter("name", "Name by which this table calls the other session.", default="other")
HEADERS = Parameter(
    "headers",
    "Names of headers of the caller's INVITE that go into the new one. P-Asserted-Identity goes "
    "only where it came over a trunk that is trusted.",
)
FLOW = Parameter("name", "Flow of the other session; this session's own version if absent.")


def _link(name: str, meaning: str, **fields: str) -> EventWord:
    carried = {"link": "text", **fields, "session": "text"}
    return EventWord(name, Kind.LINK, meaning, _GROUP, fields=carried)


EVENTS: tuple[EventWord, ...] = (
    _link(
        "LinkedRinging",
        "The linked session's far side rings (`code` 180: it published CallRinging) or is heard "
        "already (183: its media flows before the answer); it may come again.",
        code="integer",
    ),
    _link("LinkedAnswered", "The linked session was answered: it published CallEstablished."),
    _link(
        "LinkedFailed",
        "The linked session ended before it was answered: refused, cancelled or unreachable, with "
        "the `code` of its far side or the one that says so (483: too many calls in a row).",
        code="integer",
    ),
    _link(
        "LinkedEnded",
        "The linked session ended after it was answered. A bridge with it is dissolved.",
    ),
)

ACTIONS: tuple[ActionWord, ...] = (
    ActionWord(
        "CreateLinkedSession",
        "Starts another session with its own table, which calls `target`: an address, a user of "
        "this node, a variable or a field of the event such as event.called. What becomes of it "
        "comes as LinkedRinging, LinkedAnswered, LinkedFailed and LinkedEnded.",
        _GROUP,
        parameters={
            "target": Parameter("address", "Address to call.", required=True),
            "through": Parameter(
                "name", "Trunk through which the number of `target` is called; none if absent."
            ),
            "flow": FLOW,
            "link": LINK,
            "headers": HEADERS,
        },
        acquires=("link",),
        rfc="RFC 7092 3.1, RFC 3261 8.1.1.6",
    ),
    ActionWord(
        "SignalLinked",
        "Sends the linked session an event that people may send. HangupCall tells it to end; that "
        "is owed to every linked session before this one ends.",
        _GROUP,
        parameters={
            "link": LINK,
            "event": Parameter("event", "Name of the event.", required=True),
        },
        uses=("link",),
    ),
    ActionWord(
        "BridgeSessions",
        "Joins the media with the linked session's, which was answered or is heard already "
        "(LinkedRinging 183); keys that are pressed go along. Our media must flow.",
        _GROUP,
        parameters={"link": LINK},
        acquires=("bridge",),
        uses=("link", "media"),
    ),
    ActionWord(
        "UnbridgeSessions",
        "Parts the media from the linked session's. Where the linked session ended by itself, they "
        "are parted already.",
        _GROUP,
        parameters={"link": LINK},
        releases=("bridge",),
        uses=("link", "media"),
        may_fail=False,
    ),
)
