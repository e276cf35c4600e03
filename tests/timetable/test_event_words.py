from zoneinfo import ZoneInfo

import pytest

from emarge.timetable.calendar_file import read_calendar, read_event
from emarge.timetable.event_words import known_type, read_words
from emarge.timetable.zones import Zones

from .test_calendar_file import TIMES, calendar


def words(content):
    block = read_calendar(calendar(TIMES + content).encode()).blocks[0]
    return read_words(read_event(block, Zones(ZoneInfo("Europe/Paris"), {}), cancels=False))


@pytest.mark.parametrize(
    "description",
    [
        r"Matière : Maths\nEnseignant : ROY Anne\nPublic : G1\nType : TD\nSalle : S1",
        r"module: Maths\nIntervenant(s): ROY Anne\nGroupes :G1\nType de cours : TD\nLieu = S1",
        r"Type : TD | Cours : Maths | Formateur·rice : ROY Anne | Groupe : G1 | Salle : S1",
        r"<b>Matière</b> : Maths<br>Professeur(e)s :<br>- ROY Anne<br>Public : G1<br/>Nature : TD<br/>Salle : S1",
        r"Salle :\nS1\nType :\nTD\nSubject :\nMaths\nTeachers :\nROY Anne\nGroups :\n- G1",
    ],
)
def test_labels_in_many_writings(description):
    found = words(f"DESCRIPTION:{description}\n")
    assert (found.subject, found.teachers, found.public, found.course_type, found.room) == (
        "Maths",
        ["ROY Anne"],
        ["G1"],
        "TD",
        "S1",
    )


def test_cohorts_apart_from_groups():
    found = words(r"DESCRIPTION:Promotion : BTS1\nClasse : BTS1 B\nGroupe : G1" + "\n")
    assert (found.cohorts, found.public) == (["BTS1", "BTS1 B"], ["G1"])


def test_words_without_label_are_kept_in_order():
    found = words("SUMMARY:Maths - TD – G1\n" + r"DESCRIPTION:\nG1\nROY Anne\n(Exporté le:12/09/2026 10:10)" + "\n")
    assert (found.summary, found.loose) == (["Maths", "TD", "G1"], ["G1", "ROY Anne"])


@pytest.mark.parametrize("summary", ["ANNULÉ - Maths", "[Annulé] Maths", "Cours annulé : Maths", "Cancelled: Maths"])
def test_a_summary_that_cancels(summary):
    found = words(f"SUMMARY:{summary}\n")
    assert (found.cancelled, found.summary) == (True, ["Maths"])


def test_types_in_their_usual_writing():
    assert [known_type(text) for text in ("td", "Cours Magistral", "T.P.", "Maths")] == ["TD", "CM", "", ""]
