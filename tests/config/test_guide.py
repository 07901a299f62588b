"""docs/guide/cli.md is what the parser says."""

import argparse

from config import guide
from config.cli import build_parser


def test_the_page_of_the_command_line_is_what_the_parser_says() -> None:
    assert guide.PAGE.read_text(encoding="utf-8") == guide.page(), "make docs"


def test_every_verb_and_every_argument_says_what_it_is() -> None:
    for name, verb in verbs(build_parser(), "callsmith"):
        assert verb.get_default("run").__doc__, name
        for action in verb._actions:
            # What stands in capitals says by its name what it is.
            spoken = action.metavar or not action.option_strings
            assert action.help or spoken, (name, action.dest)


def verbs(parser: argparse.ArgumentParser, name: str) -> list[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return [
                each
                for key, verb in action.choices.items()
                for each in verbs(verb, f"{name} {key}")
            ]
    return [(name, parser)]
