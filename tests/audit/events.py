"""Events of no school in particular, written as any action writes them."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from django.db import transaction

from emarge.audit.actions import Actor, record
from emarge.audit.models import OutboxEvent

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BASE = UUID("11111111-1111-4111-8111-111111111111")
SOMEBODY = Actor("staff", UUID("22222222-2222-4222-8222-222222222222"))


def fresh_log() -> str:
    """A log that no other test uses."""
    return f"log-{uuid4().hex[:12]}"


def happen(log: str, count: int = 1, *, event: str = "test.happened", **changes) -> list[OutboxEvent]:
    """Record events, each in its own transaction; with a sealed content unless told otherwise."""
    facts = {"base": BASE, "log": log, "code": "École", "at": NOW, "actor": SOMEBODY, "content": {"word": "x"}}
    rows = []
    for _ in range(count):
        with transaction.atomic():
            rows.append(record(event, **{**facts, **changes}))
    return rows
