import pytest

from emarge.lib.words import folded, heading, tidy


def test_tidy_puts_a_text_on_one_line():
    assert tidy(" ACME\r\n  SARL\u00a0") == "ACME SARL"
    assert tidy("e\u0301") == "é"


def test_folded_drops_case_accents_and_signs():
    assert folded("Lycée  D’Alembert – B") == "lycee d alembert b"
    assert folded("ŁUKASIK Øystein Œuvré") == "lukasik oystein oeuvre"
    assert folded("№") == "no"
    assert folded("李雷") == "李雷"


@pytest.mark.parametrize("text", ["Né(e) le", "Né·e le", "Né.e le", "NÉ(E) LE"])
def test_inclusive_endings_join_their_word(text):
    assert heading(text) == "nee le"
