"""Deadlocks, which PostgreSQL ends by undoing one of the transactions."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection

P = ParamSpec("P")
R = TypeVar("R")
_DEADLOCK = "40P01"  # PostgreSQL, appendix A


def once_more(act: Callable[P, R]) -> Callable[P, R]:
    """Call a transaction again when it was undone to end a deadlock; the second time that is raised, as all else is.

    Inside another transaction it is raised at once: all of that one is undone.
    """

    @wraps(act)
    def twice(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return act(*args, **kwargs)
        except OperationalError as error:
            if connection.in_atomic_block or getattr(error.__cause__, "sqlstate", "") != _DEADLOCK:
                raise
        return act(*args, **kwargs)

    return twice
