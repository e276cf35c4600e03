"""What a base that lived before links gets: its students are found, its administrators may."""

from importlib import import_module

import pytest
from django.apps import apps
from django_scopes import scopes_disabled

from emarge.accounts.models import Profile
from emarge.audit import links
from emarge.audit.models import LinkKey, PersonLink
from tests.attendance.journey import call_roll
from tests.cast import make_school

migration = import_module("emarge.retention.migrations.0002_links_and_rights")


@pytest.mark.django_db
def test_students_of_the_past_are_linked_and_administrators_get_the_rights():
    school = make_school()
    with scopes_disabled():
        call_roll(school)
        PersonLink.objects.all().delete()
        LinkKey.objects.all().delete()
        old = [*sorted(migration._FORMER)]
        whole = Profile.objects.create(base=school.base, name="Administration", rights=old)
        for _time in range(2):
            migration.link_students(apps, None)
            migration.give_rights(apps, None)
        bao = school.students["bao"]
        identity = links.Identity("ine", bao.identifier, bao.birth_on)
        assert links.known_by(school.code.log, identity) == {bao.uuid}
        assert PersonLink.objects.count() == 4
        whole.refresh_from_db()
        assert whole.rights == [*old, *migration._NEW]
        assert "manage_retention" not in Profile.objects.get(name="director").rights
