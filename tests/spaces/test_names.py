from emarge.attendance.models import RollCallLine
from emarge.spaces.names import alphabetical


def test_accents_and_case_do_not_move_a_name():
    people = [("Zoé", "Ann"), ("ÉTIENNE", "Élodie"), ("etienne", "Bob"), ("L'HERMITE", "Maëva"), ("FERHAT", "Z")]
    lines = [RollCallLine(pk=pk, last_name=last, first_name=first) for pk, (last, first) in enumerate(people)]
    assert [line.pk for line in alphabetical(lines)] == [2, 1, 4, 3, 0]
