"""What of one call may go into another: headers into the INVITE of a linked session, and codes.

A back-to-back user agent ends one dialog and begins another one: what routes, describes or secures
the first says nothing true of the second, so it is never copied (RFC 7092 3.1).
"""

from __future__ import annotations

import re
from typing import Final

MOST_HEADERS: Final = 8
"""Names that one action may carry over."""
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}\Z")
_OWN: Final = frozenset(
    (
        "via v from f to t call-id i cseq max-forwards contact m route record-route path "
        "service-route content-length l content-type c content-encoding e content-disposition "
        "content-language mime-version authorization proxy-authorization www-authenticate "
        "proxy-authenticate authentication-info supported k require proxy-require unsupported "
        "allow allow-events u accept accept-encoding accept-language replaces refer-to r "
        "referred-by b refer-sub target-dialog join session-expires x min-se rseq rack event o "
        "subscription-state expires min-expires server user-agent timestamp date identity "
        "identity-info y security-client security-server security-verify retry-after warning "
        "in-reply-to error-info alert-info p-asserted-service p-preferred-identity"
    ).split()
)


def unfit(name: str) -> str:
    """Return why a header is not carried over, as the rest of a sentence; empty if it may be."""
    if not _NAME.match(name):
        return "is no name of a header"
    if name.lower() in _OWN:
        return "belongs to one dialog and is not carried over to another"
    return ""


HOP_BY_HOP: Final = frozenset((401, 407, 408, 420, 421, 422, 423, 487, 491, 494))
"""Codes that speak of one request between two neighbours: a caller is not told them of another."""


def tellable(code: int) -> bool:
    """Whether the code with which one call was refused may be told to the caller of another."""
    return 400 <= code < 700 and code not in HOP_BY_HOP
