from datetime import timedelta

import pytest
from django.utils import timezone
from django_scopes import scope

from tests.cast import make_school


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def school(db, now):
    """The cast in the scope of its base; its class meeting started ten minutes ago."""
    school = make_school(starts_at=now - timedelta(minutes=10), ends_at=now + timedelta(minutes=110))
    with scope(base=school.base):
        yield school
