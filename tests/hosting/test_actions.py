import pytest

from emarge.hosting.actions import create_base
from emarge.hosting.models import Base, HostingAccount, Planning
from emarge.lib.refusal import Refused

pytestmark = pytest.mark.django_db


def test_a_base_is_made_with_its_account_and_planning():
    first = create_base("School", "planning01", "2025-2026")
    second = create_base("School", "planning01", "2026-2027", domain="School.example")
    assert (first.domain, second.domain, second.time_zone) == (None, "school.example", "Europe/Paris")
    assert first.planning == second.planning
    assert (HostingAccount.objects.count(), Planning.objects.count(), Base.objects.count()) == (1, 1, 2)


def test_a_name_and_a_domain_are_taken_once():
    create_base("School", "planning01", "2026-2027", domain="school.example")
    with pytest.raises(Refused) as same_name:
        create_base("School", "planning01", "2026-2027")
    with pytest.raises(Refused) as same_domain:
        create_base("Other", "planning01", "2026-2027", domain="SCHOOL.example")
    assert (same_name.value.code, same_domain.value.code) == ("base_exists", "domain_taken")
    assert (Base.objects.count(), HostingAccount.objects.count()) == (1, 1)
