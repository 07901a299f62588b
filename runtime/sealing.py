"""What has to be read again but never seen: sealed by a key made of the instance's secret key.

A secret key that was changed opens nothing that was sealed before, unless the old one is named in
CALLSMITH_SECRET_KEY_BEFORE; `callsmith trunk reseal` then seals everything anew.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac

_SALT = "callsmith.sealing"


def seal(text: str) -> str:
    """Return the text sealed (Fernet: AES-128-CBC with HMAC-SHA-256)."""
    return _keys(*_secrets()).encrypt(text.encode()).decode()


def unseal(sealed: str) -> str | None:
    """Return what was sealed; None if it was sealed by another key, or is damaged."""
    try:
        return _keys(*_secrets()).decrypt(sealed.encode()).decode()
    except (InvalidToken, ValueError):
        return None


def _secrets() -> tuple[str, ...]:
    return (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


@lru_cache(maxsize=4)
def _keys(*secrets: str) -> MultiFernet:
    return MultiFernet([Fernet(_key(secret)) for secret in secrets])


def _key(secret: str) -> bytes:
    digest = salted_hmac(_SALT, "trunks", secret=secret, algorithm="sha256").digest()
    return urlsafe_b64encode(digest)
