from datetime import date
from uuid import uuid4

import pytest

from emarge.audit import links
from emarge.audit.actions import pseudonyms
from emarge.audit.links import Identity
from emarge.audit.models import PersonKey, PersonLink

pytestmark = pytest.mark.django_db
ONE = Identity("ine", "111172100HG", date(2005, 1, 1))
OTHER = Identity("ine", "111172101HG", date(2005, 1, 1))


def test_one_identity_in_two_bases_is_one_student_of_one_code():
    first, second, stranger = uuid4(), uuid4(), uuid4()
    for person in (first, second):
        links.remember("log-a", person, ONE)
    links.remember("log-a", stranger, OTHER)
    links.remember("log-b", uuid4(), ONE)
    assert links.known_by("log-a", ONE) == {first, second}
    assert links.same_people("log-a", [second]) == {first, second}
    assert links.known_by("log-c", ONE) == set()


def test_each_part_of_the_identity_tells_people_apart():
    person = uuid4()
    links.remember("log", person, ONE)
    others = [
        Identity("internal", ONE.identifier, ONE.birth_on),
        Identity(ONE.identifier_type, "111172100HH", ONE.birth_on),
        Identity(ONE.identifier_type, ONE.identifier, date(2005, 1, 2)),
    ]
    assert [links.known_by("log", other) for other in others] == [set()] * 3


def test_aliases_are_followed_both_ways_and_more_than_once():
    old, new, newest = uuid4(), uuid4(), uuid4()
    third = Identity("ine", "111172102HG", date(2005, 1, 1))
    pseudonyms([new, newest])
    links.remember("log", old, ONE)
    links.alias("log", new, ONE, OTHER)
    links.alias("log", newest, OTHER, third)
    for identity in (ONE, OTHER, third):
        assert links.known_by("log", identity) == {old, new, newest}


def test_the_digests_of_an_alias_need_the_persons_own_key():
    one, other = uuid4(), uuid4()
    pseudonyms([one, other])
    digests = links.alias("log", one, ONE, OTHER)
    assert digests == links.alias("log", one, ONE, OTHER)
    assert set(digests.values()).isdisjoint(links.alias("log", other, ONE, OTHER).values())
    assert digests["old"] == ONE.digest(bytes(PersonKey.objects.get(person=one).key))


def test_two_logs_keep_one_identity_under_other_keys():
    person = uuid4()
    links.remember("log-a", person, ONE)
    links.remember("log-b", person, ONE)
    assert len(set(PersonLink.objects.values_list("link", flat=True))) == 2


def test_who_is_forgotten_has_neither_key_nor_link():
    gone, kept = uuid4(), uuid4()
    before = pseudonyms([gone, kept])
    for person in (gone, kept):
        links.remember("log", person, ONE)
    links.forget([gone])
    assert links.known_by("log", ONE) == {kept}
    after = pseudonyms([gone, kept])
    assert (after[kept], after[gone] == before[gone]) == (before[kept], False)


@pytest.mark.parametrize("person", [{}, {"identifier": "X"}, {"identifier": "", "birth_on": "2005-01-01"}])
def test_an_identity_that_is_not_whole_is_none(person):
    assert Identity.said(person) is None
