"""Edits: a text and one operation give a new text with every untouched line byte-identical."""

from flows.edit.operations import OPERATIONS, Edited, apply
from flows.edit.refusal import EditRefused

__all__ = ["OPERATIONS", "EditRefused", "Edited", "apply"]
