"""Who stands behind the sessions of many requests at once, on the same checks as Django's own middleware."""

from collections.abc import Iterable
from functools import lru_cache

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from emarge.accounts.models import User

_LOGIN_BACKEND = "emarge.accounts.backends.BaseLoginBackend"


def users_of(session_keys: Iterable[str], base: int) -> dict[str, int]:
    """The active user (primary key) of each session that is one of a base (primary key), in two queries.

    A session counts when it has not expired, was opened by our login, and the password is still the same.
    """
    rows = Session.objects.filter(session_key__in=set(session_keys), expire_date__gt=timezone.now())
    claims = {key: _claim(data) for key, data in rows.values_list("session_key", "session_data")}
    wanted = {claim[0] for claim in claims.values() if claim}
    found = User.objects.filter(pk__in=wanted, base=base, is_active=True).values_list("pk", "password")
    passwords = dict(found)
    return {
        key: claim[0]
        for key, claim in claims.items()
        if claim and claim[0] in passwords and _is_of(claim[1], passwords[claim[0]])
    }


@lru_cache(maxsize=8192)
def _claim(data: str) -> tuple[int, str] | None:
    """The user and the hash that a stored session claims; None when nobody is logged in with it."""
    said = SessionStore().decode(data)
    if said.get(BACKEND_SESSION_KEY) != _LOGIN_BACKEND:
        return None
    try:
        return int(said[SESSION_KEY]), str(said[HASH_SESSION_KEY])
    except (KeyError, ValueError):
        return None


@lru_cache(maxsize=8192)
def _is_of(session_hash: str, password: str) -> bool:
    """Whether a session was opened under this very password (a changed one closes the others)."""
    user = User(password=password)
    known = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(session_hash, one) for one in known)
