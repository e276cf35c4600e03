import pytest

from emarge.institutions.names import name_key, split_full_name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DUPONT Jean", ("DUPONT", "Jean", True)),
        ("Jean DUPONT", ("DUPONT", "Jean", True)),
        ("DUPONT, Jean", ("DUPONT", "Jean", True)),
        ("Mme ROY Anne", ("ROY", "Anne", True)),
        ("Marie de LA TOUR", ("de LA TOUR", "Marie", True)),
        ("LE GALL Yann Marie", ("LE GALL", "Yann Marie", True)),
        ("Dupont Jean", ("Dupont", "Jean", True)),
        ("Dupont Jean Paul", ("Dupont", "Jean Paul", False)),
        ("de La Fontaine Marie", ("de La Fontaine", "Marie", True)),
        ("Pelé", ("Pelé", "", True)),
    ],
)
def test_a_full_name_is_cut(text, expected):
    assert split_full_name(text, first_name_first=False) == expected


def test_the_order_of_the_heading_decides_without_capitals():
    assert split_full_name("Jean Dupont", first_name_first=True) == ("Dupont", "Jean", True)


def test_one_name_in_several_spellings():
    spellings = ["LEFÈVRE Zoé", "Zoe Lefevre", "M. lefèvre zoé", "ZOÉ  LEFEVRE", "LEFE\u0300VRE Zoe\u0301"]
    assert {name_key(text) for text in spellings} == {"lefevre zoe"}
    assert name_key("ŁUKASIK", "Ewa") == name_key("Ewa Lukasik")
