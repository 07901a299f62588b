"""The forms of the designer's pages: shapes only, the rules live in the services."""

from __future__ import annotations

from typing import Any

from django import forms

from designer.models import FLOW_NAME
from flows.document import MAX_BYTES


class NewFlow(forms.Form):
    """A name, or a file to import, or both."""

    name = forms.RegexField(
        FLOW_NAME,
        required=False,
        max_length=64,
        error_messages={
            "invalid": "A name has letters, digits, - and _, at both ends a letter or digit."
        },
    )
    text = forms.CharField(required=False, strip=False)
    file = forms.FileField(required=False, allow_empty_file=True)
    keep_original = forms.BooleanField(required=False)
    project = forms.CharField(required=False, max_length=64)
    """Where it belongs; empty, everybody sees it."""
    look = forms.CharField(required=False)
    """Not to be created yet: what an import would make of it is to be shown."""

    def clean_text(self) -> str:
        """Return the text with the line ends it was typed with: forms send CR LF for each."""
        return str(self.cleaned_data["text"]).replace("\r\n", "\n")

    def clean_file(self) -> Any:
        file = self.cleaned_data.get("file")
        if file is not None and file.size > MAX_BYTES:
            raise forms.ValidationError(f"The file is larger than {MAX_BYTES >> 20} MiB.")
        return file

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("look"):
            return cleaned
        if not cleaned.get("name") and not cleaned.get("file") and "name" not in self.errors:
            raise forms.ValidationError("A name or a file is needed.")
        return cleaned


class Deploy(forms.Form):
    """Which version new calls shall take, at once or in steps, and why if it has errors."""

    version = forms.IntegerField(min_value=1, max_value=2**31 - 1)
    reason = forms.CharField(required=False, max_length=2000)
    back = forms.BooleanField(required=False)
    """It goes back to a version that ran before."""
    how = forms.ChoiceField(required=False, choices=[("once", "at once"), ("steps", "in steps")])
    steps = forms.CharField(required=False, max_length=400)
    """The name of a preset, or steps as people write them."""
