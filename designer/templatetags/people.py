"""How people, and what they say, are shown."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from designer.desk import initials as initials_of
from designer.naming import person_name
from designer.reviews.services import MENTION

register = template.Library()

_LINES = re.compile(r"\n{3,}")


@register.filter
def initials(name: str) -> str:
    """Return one or two capitals that stand for a name."""
    return initials_of(name)


@register.filter
def called(person: Any) -> str:
    """Return how an account is called in lists."""
    return person_name(person)


@register.filter
def said(text: str) -> SafeString:
    """Show what somebody said: lines are kept, names behind an @ stand out, nothing else counts."""
    shown = str(conditional_escape(_LINES.sub("\n\n", text)))
    shown = MENTION.sub(lambda found: f'<b class="mention">{found.group(0)}</b>', shown)
    return mark_safe(shown.replace("\r", "").replace("\n", "<br>"))  # noqa: S308 - escaped above


@register.filter
def since(moment: datetime | None) -> SafeString:
    """Say how long ago something was; from an hour on, when it was."""
    if moment is None:
        return mark_safe("")
    seconds = max(0, int((timezone.now() - moment).total_seconds()))
    if seconds < 60:
        words = f"{seconds} s ago"
    elif seconds < 3600:
        words = f"{seconds // 60} min ago"
    else:
        local = timezone.localtime(moment)
        today = local.date() == timezone.localdate()
        words = local.strftime("%H:%M") if today else f"{local.day} {local.strftime('%b %H:%M')}"
    return format_html('<time datetime="{}">{}</time>', moment.isoformat(), words)
