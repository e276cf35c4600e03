import pytest
from django_scopes import scope

from tests.audit.conftest import module_servers, servers
from tests.cast import make_school

__all__ = ["module_servers", "servers"]


@pytest.fixture
def school(db):
    """The cast, inside the scope of its base."""
    school = make_school()
    with scope(base=school.base):
        yield school
