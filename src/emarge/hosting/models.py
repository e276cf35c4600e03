import uuid
from zoneinfo import ZoneInfo

from django.db import models


class HostingAccount(models.Model):
    """A customer: the owner of plannings and of the institution codes that outlive a school year."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.name


class Planning(models.Model):
    account = models.ForeignKey(HostingAccount, on_delete=models.PROTECT, related_name="plannings")
    name = models.CharField(max_length=100)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="planning_name_unique_in_account")]

    def __str__(self) -> str:
        return self.name


class Base(models.Model):
    """One year of a planning: every row of a school's life carries its base."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    planning = models.ForeignKey(Planning, on_delete=models.PROTECT, related_name="bases")
    name = models.CharField(max_length=100)
    domain = models.CharField(max_length=253, unique=True, null=True, blank=True)
    time_zone = models.CharField(max_length=64, default="Europe/Paris")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["planning", "name"], name="base_name_unique_in_planning")]

    def __str__(self) -> str:
        return self.name

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)
