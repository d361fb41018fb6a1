"""Errors for people: what happened, where, and the mend.

One base class. Each face (command line, studio) catches it once and shows two lines; nothing
below a face prints or exits. Subclass only where somebody catches the subclass.
"""


class FeedsmithError(Exception):
    """Something in the user's world is not as it must be.

    `message` is one clear sentence that names the file or setting; `mend` is the next step.
    """

    def __init__(self, message: str, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.message}\n  -> {self.mend}" if self.mend else self.message


class Refused(FeedsmithError):
    """One input (a photo, an archive entry) is unusable; a batch lists it and goes on."""


class MissingModel(FeedsmithError):
    """A model file is absent or altered; callers that can do without degrade and say so."""
