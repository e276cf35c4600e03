"""Sessions in the database, written once a request; those of a phone that stays logged in (0023)."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils.crypto import get_random_string

KEPT_FOR = timedelta(days=60)
"""A phone that is not used for so long is logged out."""
AT_MOST = timedelta(days=365)
"""Whatever its use, a phone asks for the password again after this."""
RENEWED_AFTER = timedelta(days=1)
"""A session that stays gets a new key when its own is this old; the old one counts as long again, since the answer
that brings the new key may be lost."""

_SINCE, _RENEWED, _BEFORE = "kept_since", "renewed_at", "key_before"
_KEY_LENGTH = 32


# Django derives the key of what it signs from the name of this class: it stays.
class SessionStore(DatabaseStore):
    """Django's own, but a new session is one INSERT at its end, and a second save of the same is none."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self._unwritten = False
        self._written: dict[str, Any] | None = None

    def create(self) -> None:
        """Take a new key: 160 random bits, which no other session has. ``save`` writes the row."""
        self._session_key = get_random_string(_KEY_LENGTH, VALID_KEY_CHARS)
        self._unwritten = self.modified = True
        self._written = None
        self._session_cache: dict[str, Any] = {}

    def save(self, must_create: bool = False) -> None:
        if self.session_key is None:
            held = dict(self.items())
            self.create()
            self._session_cache = held
        values = dict(self.items())
        if values == self._written:
            return
        super().save(must_create=must_create or self._unwritten)
        self._unwritten, self._written = False, values

    def keep(self, now: datetime) -> None:
        """Stay open beyond the day, as long as it is used."""
        self[_SINCE] = now.isoformat()
        self._renew(now, now)

    def renew(self, now: datetime) -> None:
        """Give a session that stays another key and its full time again, once a day; leave any other as it is."""
        if _SINCE not in self or now - datetime.fromisoformat(self[_RENEWED]) < RENEWED_AFTER:
            return
        before, values = self.session_key, dict(self.items())
        ends = now + RENEWED_AFTER
        self.model.objects.filter(session_key=before, expire_date__gt=ends).update(expire_date=ends)
        self.create()
        self._session_cache = {**values, _BEFORE: before}
        self._renew(now, datetime.fromisoformat(self[_SINCE]))

    def flush(self) -> None:
        """End this session, and with it the key that it had before."""
        if self.get(_BEFORE):
            self.delete(self[_BEFORE])
        super().flush()

    def _renew(self, now: datetime, since: datetime) -> None:
        self[_RENEWED] = now.isoformat()
        self.set_expiry(min(now + KEPT_FOR, since + AT_MOST))
