import uuid

from django.db import models


class PersonKey(models.Model):
    """The key under which a person's pseudonym is made. Destroying the row cuts the link to the records."""

    person = models.UUIDField(unique=True)
    key = models.BinaryField()

    def __str__(self) -> str:
        return str(self.person)


class LinkKey(models.Model):
    """The key of a log under which the identities of its students are kept as links (see links)."""

    log = models.CharField(max_length=64, unique=True)
    key = models.BinaryField()

    def __str__(self) -> str:
        return self.log


class PersonLink(models.Model):
    """An identity under which a log knew somebody: it finds the same student in the bases of other years.

    ``link`` is an HMAC of the identity under the log's LinkKey. The rows go with the person's PersonKey.
    """

    log = models.CharField(max_length=64)
    link = models.CharField(max_length=64)
    person = models.UUIDField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["log", "link", "person"], name="person_link_once")]

    def __str__(self) -> str:
        return f"{self.log} {self.person}"


class ClockCursor(models.Model):
    """Up to which change of the authority's clock a log has its records: written with them, in one transaction.

    ``recorded``: when the records of the last minute were written, in ISO 8601.
    """

    log = models.CharField(max_length=64, unique=True)
    history = models.CharField(max_length=32)
    number = models.PositiveBigIntegerField()
    recorded = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.log}: {self.number}"


class OutboxEvent(models.Model):
    """An event written in the transaction of the act it tells; the relay delivers rows in order of ``id``.

    ``record`` is the canonical record (docs/formats/record.md), ``content`` the sealed personal content and
    ``content_key`` its key: both are emptied once the vault has given its receipt.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    base = models.UUIDField(db_index=True)
    log = models.CharField(max_length=64)
    event = models.CharField(max_length=50)
    subject = models.UUIDField(null=True, blank=True, db_index=True, help_text="what supervision shows it against")
    labels = models.JSONField(default=list)
    record = models.BinaryField()
    content = models.BinaryField(default=bytes)
    content_key = models.BinaryField(default=bytes)
    created_at = models.DateTimeField()
    index = models.PositiveBigIntegerField(null=True, blank=True)
    stamped_at = models.DateTimeField(null=True, blank=True)
    receipt = models.JSONField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=models.Q(index__isnull=True), name="outbox_waiting"),
        ]
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.event} {self.uuid}"
