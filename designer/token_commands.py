"""The verbs `token add`, `token list` and `token revoke`: access of programs, by command line."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

DONE, REFUSED = 0, 1
DAYS = 90


def add_parser(verbs: Any, finish: Any) -> None:
    """Add the verbs to the command line's parser."""
    acts = verbs.add_parser("token", help="tokens by which programs use the API").add_subparsers(
        dest="act", metavar="add|list|revoke", required=True
    )
    parser = acts.add_parser("add", help="make one and print it, this one time")
    parser.add_argument("user", metavar="USER", help="whose permissions it has")
    parser.add_argument("name", metavar="NAME", help="what it is for")
    parser.add_argument("--days", type=int, default=DAYS, help=f"how long it counts ({DAYS})")
    finish(parser, token_add)
    parser = acts.add_parser("list", help="list them, newest first")
    parser.add_argument("user", metavar="USER", nargs="?", help="only this person's")
    finish(parser, token_list)
    parser = acts.add_parser("revoke", help="take one back: it opens nothing any more")
    parser.add_argument("user", metavar="USER")
    parser.add_argument("name", metavar="NAME")
    finish(parser, token_revoke)


def token_add(options: Namespace) -> int:
    """Make a token: 0 and the secret on the standard output, 1 refused."""
    from designer import tokens
    from designer.commands import answer, refuse
    from designer.errors import Refused

    try:
        user = _user(options.user)
        secret, token = tokens.token_add(user=user, name=options.name, days=options.days)
    except Refused as refusal:
        return refuse(options, refusal.message)
    # Nothing else on the standard output, so that TOKEN=$(callsmith token add ...) works.
    answer(options, {**tokens.as_message(token), "token": secret}, secret)
    return DONE


def token_list(options: Namespace) -> int:
    """List tokens, never their secrets."""
    from designer import tokens
    from designer.commands import answer, refuse
    from designer.errors import Refused
    from designer.models import AccessToken

    try:
        found = tokens.tokens_of(_user(options.user)) if options.user else AccessToken.objects.all()
    except Refused as refusal:
        return refuse(options, refusal.message)
    listed = [tokens.as_message(each) for each in found.select_related("user")]
    lines = [
        f"{each['user']:<16} {each['name']:<24} {each['begins']}... {each['state']:<8}"
        f" until {each['expires_at'][:10]}, last used {(each['used_at'] or 'never')[:16]}"
        for each in listed
    ]
    answer(options, {"tokens": listed}, "\n".join(lines) or "There are no tokens.")
    return DONE


def token_revoke(options: Namespace) -> int:
    """Take a token back: 0 done, 1 there is none of this name."""
    from designer import tokens
    from designer.commands import answer, refuse
    from designer.errors import Refused

    try:
        token = tokens.token_revoke(user=_user(options.user), name=options.name)
    except Refused as refusal:
        return refuse(options, refusal.message)
    answer(options, tokens.as_message(token), f"{token.name} opens nothing any more.")
    return DONE


def _user(name: str) -> Any:
    from django.contrib.auth import get_user_model

    from designer.errors import Refused

    found = get_user_model().objects.filter(username=name).first()
    if found is None:
        raise Refused(f"There is no account named {name}.")
    return found
