"""The one exception of the editor: an edit that cannot be made, and why."""


class EditRefused(Exception):
    """The text was not changed; `message` says why, in a sentence for the person who edits."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
