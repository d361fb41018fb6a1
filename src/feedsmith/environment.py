"""The environment: secrets by a variable, or by a file that a variable names.

Container platforms mount secrets as files, and a file is not shown by `ps` or an inspection of the container.
Knows how a secret is read; not what it opens. docs/deploy/settings.md lists every variable there is.
"""

import os
from pathlib import Path

from feedsmith.errors import FeedsmithError


def secret(name: str, what: str = "the value") -> str:
    """The secret in `name`, or in the file that NAME_FILE names, which goes first; '' where neither is set.

    Blanks and line breaks around it are not part of it: editors and `echo` put them there. `what` it is,
    for messages: "the database's address". Raises FeedsmithError for a file that cannot be read, or is empty.
    """
    variable, mend = f"{name}_FILE", f"name a file that holds {what} and nothing else"
    said = filed(variable, mend)
    if said is None:
        return os.environ.get(name, "").strip()
    if not said:
        raise FeedsmithError(f"{variable}: {os.environ[variable].strip()} is empty", mend=mend)
    return said


def filed(variable: str, mend: str) -> str | None:
    """What the file holds that `variable` names, without blanks and line breaks around it; None where it
    names none. Raises FeedsmithError, with `mend`, for one that cannot be read."""
    named = os.environ.get(variable, "").strip()
    if not named:
        return None
    try:
        return Path(named).expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", "") or "it is not text"
        raise FeedsmithError(
            f"{variable}: {named} cannot be read ({why.lower()})", mend=mend
        ) from None
