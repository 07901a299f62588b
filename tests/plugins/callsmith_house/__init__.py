"""An example plug-in: an action, an event, a condition and a rule of the house."""

import logging

from flows.plugins import ActionWord, EventWord, Finding, GuardWord, Kind, Severity, Words


def bell_is_heard(graph):
    for row in graph.table.rows:
        if row.event == "DoorBell" and not row.actions:
            yield Finding("HSE001", Severity.WARNING, "Nobody opens.", row.place, row=row.index)


async def open_door(leg, arguments, event):
    logging.getLogger("house").warning("the door opens after %s", event.name)


WORDS = Words(
    actions=(ActionWord("OpenDoor", "Opens the door.", "House", sets={"DoorOpen": True}),),
    events=(EventWord("DoorBell", Kind.USER, "Somebody rings at the door.", "House"),),
    guards=(GuardWord("DoorOpen", "The door is open.", "condition"),),
    rules=(bell_is_heard,),
    performs={"OpenDoor": open_door},
)
