"""Findings: what stands in the way of a post, what was mended, and what is worth knowing. Values."""

from typing import Literal

from feedsmith.post import Value

Level = Literal["blocking", "repaired", "hint"]


class Finding(Value):
    """One thing about a post, in one sentence."""

    level: Level
    """blocking: it must not go out like this; repaired: it was mended in a copy; hint: it may go out."""
    about: str
    """"caption", "hashtags", "company" (with whom, and where), "time", "quota", "address", or the name of a file."""
    code: str
    """A word for programs, e.g. "ratio"; stays the same when sentences change."""
    said: str
    """What is the matter, or what was changed: a sentence."""
    mend: str = ""
    """The next step; '' where nothing is to be done."""

    def __str__(self) -> str:
        return f"{self.about}: {self.said}" + (f" {self.mend}" if self.mend else "")


def blocking(about: str, code: str, said: str, mend: str) -> Finding:
    return Finding(level="blocking", about=about, code=code, said=said, mend=mend)


def repaired(about: str, code: str, said: str) -> Finding:
    return Finding(level="repaired", about=about, code=code, said=said)


def hint(about: str, code: str, said: str, mend: str = "") -> Finding:
    return Finding(level="hint", about=about, code=code, said=said, mend=mend)
