"""The groups of a base by the names that files give them."""

from collections import defaultdict
from collections.abc import Iterable

from emarge.hosting.models import Base
from emarge.institutions.models import Group
from emarge.lib.words import folded


def names_in_several_cohorts(pairs: Iterable[tuple[str, str]]) -> set[str]:
    """The folded group names that several cohorts use, from pairs of cohort and group."""
    cohorts = defaultdict(set)
    for cohort, name in pairs:
        cohorts[folded(name)].add(folded(cohort))
    return {name for name, found in cohorts.items() if len(found) > 1}


class GroupBook:
    """Finds groups by name, case and accents aside, and makes those that are not there.

    A name that several cohorts use (``G1``) is kept apart by putting the cohort before it.
    """

    def __init__(self, base: Base, shared_names: Iterable[str] = ()) -> None:
        self._base = base
        self._shared = set(shared_names)
        self._groups = {folded(group.name): group for group in Group.objects.all()}

    def find(self, name: str) -> Group | None:
        """The group of that name, None when there is none."""
        return self._groups.get(folded(name))

    def cohort(self, name: str) -> Group:
        """The cohort of that name; a group that a timetable named first becomes the cohort that it is."""
        group = self.find(name) or self._create(name, Group.Kind.COHORT)
        if group.kind != Group.Kind.COHORT and group.cohort_id is None:
            group.kind = Group.Kind.COHORT
            group.save(update_fields=["kind"])
        return group

    def part(self, cohort: Group | None, name: str) -> Group:
        """The group of that name inside a cohort, or of none."""
        if cohort is None:
            return self.find(name) or self._create(name, Group.Kind.GROUP)
        qualified = self.find(f"{cohort.name} {name}")
        if qualified is not None:
            return self._in_cohort(qualified, cohort)
        group = self.find(name)
        if group is not None and self._may_be_in(group, cohort):
            return self._in_cohort(group, cohort)
        if group is None and folded(name) not in self._shared:
            return self._in_cohort(self._create(name, Group.Kind.GROUP), cohort)
        return self._in_cohort(self._create(f"{cohort.name} {name}", Group.Kind.GROUP), cohort)

    def unknown(self, name: str) -> Group:
        """A group that nobody has said anything of yet: empty, outside any cohort."""
        return self._create(name, Group.Kind.GROUP)

    def _may_be_in(self, group: Group, cohort: Group) -> bool:
        if group.cohort_id is None:
            return group.kind == Group.Kind.GROUP and folded(group.name) not in self._shared
        return group.cohort_id == cohort.pk

    def _in_cohort(self, group: Group, cohort: Group) -> Group:
        if group.cohort_id != cohort.pk:
            group.cohort = cohort
            group.save(update_fields=["cohort"])
        return group

    def _create(self, name: str, kind: Group.Kind) -> Group:
        group = Group.objects.create(base=self._base, name=name, kind=kind)
        self._groups[folded(name)] = group
        return group
