"""Sessions: Django's own in the database, read in one question.

Every page needs one: Django's way of asking builds the question anew each time, and reads what it has read before.
"""

from functools import lru_cache
from typing import Any

from django.contrib.sessions.backends.db import SessionStore as InDatabase
from django.core import signing
from django.db import connection
from django.utils import timezone

ASKED = "SELECT session_data FROM django_session WHERE session_key = %s AND expire_date > %s"


class SessionStore(InDatabase):
    def load(self) -> dict[str, Any]:
        with connection.cursor() as cursor:
            now = connection.ops.adapt_datetimefield_value(timezone.now())
            cursor.execute(ASKED, [self.session_key, now])
            found = cursor.fetchone()
        if found is None:
            self._session_key = None
            return {}
        return self.decode(found[0])

    def decode(self, session_data: str) -> dict[str, Any]:
        try:
            said = _opened(session_data, self.key_salt, self.serializer)
        except (signing.BadSignature, ValueError):
            return super().decode(session_data)  # which says so in the log
        read: dict[str, Any] = self.serializer().loads(said)
        return read


@lru_cache(maxsize=512)
def _opened(data: str, salt: str, serializer: type) -> bytes:
    """What a signed text holds: the same for the same text, under the one key of this process."""
    held = signing.loads(data, salt=salt, serializer=serializer)
    said: bytes = serializer().dumps(held)
    return said
