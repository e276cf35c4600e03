from datetime import timedelta

import pytest
from django_scopes import scope

from emarge.attendance import actions as attendance
from emarge.attendance.models import Parameters
from emarge.hosting.models import Planning
from emarge.institutions.models import InstitutionCode
from tests.attendance.journey import open_the_sign_in, sign
from tests.audit.events import fresh_log
from tests.cast import TEN, make_school
from tests.processes import Server, free_port
from tests.retention import aged


@pytest.fixture(scope="module")
def aged_vault(tmp_path_factory):
    """The data folder of a vault whose time the tests set, and its process."""
    data = tmp_path_factory.mktemp("aged") / "data"
    aged.make(data)
    server = Server([str(data)], free_port(), module="tests.retention.aged").start()
    yield data, server
    server.stop()


@pytest.fixture
def vault(aged_vault, monkeypatch):
    """The vault, in 2021, found by the application; a function sets another time."""
    data, server = aged_vault
    monkeypatch.setenv("EMARGE_DATA", str(data))
    monkeypatch.setenv("EMARGE_VAULT_URL", server.url)
    if server.process is None:
        server.start()
    return server


def played(name="a", *, at=TEN, sign_all=("alice", "bao"), code=None):
    """A school of the real vault: everybody is flagged, the roll called, and some have signed.

    With the ``code`` of another school, it is that school's base of another year: the same students.
    """
    school = make_school(name, starts_at=at, ends_at=at + timedelta(hours=2))
    with scope(base=school.base):
        if code is None:
            InstitutionCode.objects.filter(pk=school.code.pk).update(log=fresh_log())
            school.code.refresh_from_db()
        else:
            school.code = code
            Parameters.objects.update(institution_code=code)
            Planning.objects.filter(pk=school.base.planning_id).update(account=code.account, name="planning02")
        students = [school.students[each] for each in ("alice", "bao", "chloe")]
        attendance.flag_students(students, subject_to=False, by=school.secretary, at=at)
        attendance.flag_students(students, subject_to=True, by=school.secretary, at=at)
        roll_call = open_the_sign_in(school, at)
        for each in sign_all:
            sign(school, roll_call, each, at)
    return school
