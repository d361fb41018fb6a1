"""One sentence for the next page: what has just been done. Kept in the session until it is shown."""

from django.http import HttpRequest

KEY = "notices"


def say(request: HttpRequest, words: str) -> None:
    request.session[KEY] = [*request.session.get(KEY, []), words[:300]][-3:]


def take(request: HttpRequest) -> list[str]:
    """What is to be said, once. Touches the session only where there is something."""
    session = getattr(request, "session", None)
    return list(session.pop(KEY)) if session is not None and session.get(KEY) else []
