"""One student across the bases of several years, and across corrected identifiers (row M7.4).

A pseudonym is a person's of one base. What ties the persons of several bases together is the identity that a log
knew them by, kept as an HMAC under a key of the log: it outlives the bases, says nothing to whoever lacks that key,
and is destroyed with the person's own key (docs/decisions/0017-retention.md).
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self
from uuid import UUID

from emarge.audit.models import LinkKey, PersonKey, PersonLink


@dataclass(frozen=True)
class Identity:
    """What tells a student from all others: both parts are there (row M3.4)."""

    identifier_type: str
    identifier: str
    birth_on: date

    @classmethod
    def said(cls, person: Mapping[str, Any]) -> Self | None:
        """The identity that a sealed content gives of a student, None when a part of it is missing."""
        identifier, birth_on = person.get("identifier"), person.get("birth_on")
        if not identifier or not birth_on:
            return None
        return cls(str(person.get("identifier_type", "")), str(identifier), date.fromisoformat(str(birth_on)))

    def digest(self, key: bytes) -> str:
        """HMAC-SHA256 of the identity, hex (docs/formats/record.md, *Alias*)."""
        text = f"identity\n{self.identifier_type}\n{self.identifier}\n{self.birth_on.isoformat()}"
        return hmac.digest(key, text.encode(), hashlib.sha256).hex()


def remember(log: str, person: UUID, identity: Identity) -> None:
    """Keep that a log knew a person by an identity; the same again changes nothing."""
    link = identity.digest(_key(log, make=True) or b"")
    PersonLink.objects.bulk_create([PersonLink(log=log, link=link, person=person)], ignore_conflicts=True)


def alias(log: str, person: UUID, old: Identity, new: Identity) -> dict[str, str]:
    """Keep that a log knows a person by both identities; the digests that their record carries."""
    for identity in (old, new):
        remember(log, person, identity)
    key = bytes(PersonKey.objects.get(person=person).key)
    return {"old": old.digest(key), "new": new.digest(key)}


def known_by(log: str, identity: Identity) -> set[UUID]:
    """Everybody whom a log knew by an identity, and by what it was corrected from or to."""
    key = _key(log, make=False)
    if key is None:
        return set()
    found = PersonLink.objects.filter(log=log, link=identity.digest(key))
    return same_people(log, found.values_list("person", flat=True))


def same_people(log: str, people: Iterable[UUID]) -> set[UUID]:
    """These persons, with all who share an identity with one of them in a log, however often it was corrected."""
    known, new = set(people), set(people)
    while new:
        links = PersonLink.objects.filter(log=log, person__in=new).values_list("link", flat=True)
        shared = PersonLink.objects.filter(log=log, link__in=list(links)).values_list("person", flat=True)
        new = set(shared) - known
        known |= new
    return known


def forget(people: Iterable[UUID]) -> None:
    """Destroy the keys and the links of persons: nothing ties them to their pseudonyms any more."""
    gone = list(people)
    PersonLink.objects.filter(person__in=gone).delete()
    PersonKey.objects.filter(person__in=gone).delete()


def _key(log: str, *, make: bool) -> bytes | None:
    row = LinkKey.objects.filter(log=log).first()
    if row is None and make:
        row, _made = LinkKey.objects.get_or_create(log=log, defaults={"key": secrets.token_bytes(32)})
    return None if row is None else bytes(row.key)
