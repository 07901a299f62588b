"""From whatever dialect a file is written in to the native language, with what was changed."""

from __future__ import annotations

from flows.findings import Finding

try:
    from flows import dialects
except ImportError:  # pragma: no cover
    dialects = None  # type: ignore[assignment]


def native_text(text: str) -> tuple[str, list[Finding]]:
    """Return the text in the native language and the findings of its translation, if any."""
    if dialects is None:
        return text, []
    translated = dialects.translate(text)
    return translated.text, list(translated.findings)
