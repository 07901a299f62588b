"""The declarations agree with each other."""

import pytest

from flows.table import State, Word
from flows.vocabulary import (
    ACTIONS,
    CONDITIONS,
    EVENTS,
    EXPANSIONS,
    GUARDS,
    OUTCOMES,
    PUBLISHED,
    RESOURCES,
    state_facts,
)

TYPES = {"integer", "number", "text", "boolean", "choice", "condition", "event", "name"}
TYPES |= {"address", "headers", "source"}


@pytest.mark.parametrize("word", EVENTS.values(), ids=lambda word: word.name)
def test_an_event_is_declared_whole(word):
    assert word.meaning.endswith((".", ".)")) and word.group
    assert set(word.roles) <= {"UAC", "UAS"} and word.roles
    assert word.effect.keys() <= CONDITIONS.keys()
    assert set(word.fields.values()) <= {"text", "integer", "number", "sdp"}


@pytest.mark.parametrize("word", ACTIONS.values(), ids=lambda word: word.name)
def test_an_action_is_declared_whole(word):
    assert word.meaning.endswith(".") and word.group
    assert set(word.roles) <= {"UAC", "UAS"} and word.roles
    assert {*word.requires, *word.sets} <= CONDITIONS.keys()
    assert {*word.acquires, *word.releases, *word.uses} <= RESOURCES.keys()
    for parameter in word.parameters.values():
        assert parameter.type in TYPES and parameter.meaning.endswith(".")
        assert (parameter.type == "choice") == bool(parameter.choices)
        assert not (parameter.required and parameter.default is not None)


def test_what_is_acquired_can_be_released():
    performed = [word for word in ACTIONS.values() if word.performed]
    acquired = {name for word in performed for name in word.acquires}
    released = {name for word in performed for name in word.releases}
    assert acquired <= released


def test_what_an_event_owes_an_action_clears():
    owed = {word.owes for word in EVENTS.values() if word.owes}
    cleared = {name for word in ACTIONS.values() for name in word.clears}
    assert owed <= cleared


def test_people_send_user_events_only():
    assert EVENTS["HangupCall"].user and not EVENTS["DialogBYE"].user


def test_setting_a_condition_changes_what_its_arguments_say():
    word = Word("SetCondition", {"condition": "MediaReady", "value": False})
    assert ACTIONS["SetCondition"].changes(word.arguments) == {"MediaReady": False}
    assert ACTIONS["StartMediaSession"].changes({}) == {"MediaReady": True}


def test_derived_guards_expand_to_conditions():
    for name, expression in EXPANSIONS.items():
        assert GUARDS[name].kind == "derived" and expression.names <= CONDITIONS.keys()


def test_idle_is_the_initial_state_and_active_the_state_of_that_name():
    place = None
    idle = State("Start", True, False, "", "", {}, place, True)
    active = State("Active", False, False, "", "", {}, place, True)
    assert state_facts(idle) == {"IsIdle": True, "InActiveCall": False}
    assert state_facts(active) == {"IsIdle": False, "InActiveCall": True}


def test_published_events_tell_how_each_kind_of_session_ended():
    calls = {"CallTerminated", "CallFailed", "CallCancelled"}
    registrations = {"RegistrationFailed", "UnregistrationSuccess", "UnregistrationFailed"}
    states = {"SubscriptionTerminated", "SubscriptionFailed", "PublicationEnded"}
    states |= {"PublicationReceived", "KeepAliveEnded"}
    texts = {"PublicationFailed", "MessageReceived", "MessageDelivered", "MessageFailed"}
    assert set(OUTCOMES) == calls | registrations | states | texts
    assert set(OUTCOMES) <= PUBLISHED.keys()
