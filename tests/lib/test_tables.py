import pytest

from emarge.lib.tables import Row, UnreadableFileError, decode, harmless, is_formula, read_table

TEXT = "Nom;Prénom\nÉVRARD;Zoé\n"


def known(cells):
    """Both headings, as a list of people would."""
    return 2 if list(cells[:2]) == ["Nom", "Prénom"] else 0


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "mac-roman", "cp850"]
)
def test_encodings(encoding):
    table = read_table(TEXT.encode(encoding), known)
    assert (table.headings, table.rows) == (("Nom", "Prénom"), (Row(2, ("ÉVRARD", "Zoé")),))


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(delimiter, end):
    text = TEXT.replace(";", delimiter).replace("\n", end)
    table = read_table(text.encode(), known)
    assert (table.delimiter, table.rows) == (delimiter, (Row(2, ("ÉVRARD", "Zoé")),))


def test_quoted_line_ends_keep_the_count_of_lines():
    table = read_table('Nom;Prénom\n"A\nB";x\n\nC;"d;""e"""'.encode(), known)
    assert table.rows == (Row(2, ("A\nB", "x")), Row(5, ("C", 'd;"e"')))


def test_headings_under_a_title_and_a_hint_of_delimiter():
    table = read_table("sep=;\nListe éditée le 1er\n\nNom;Prénom\nA;b\n".encode(), known)
    assert table.rows == (Row(5, ("A", "b")),)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n", "empty"),
        ("Nom;Prénom\n".encode(), "empty"),
        (b"a;b\n1;2\n", "headings"),
        (b"PK\x03\x04" + bytes(100), "binary"),
        (b"%PDF-1.7\nx", "binary"),
        (b"Nom;Pr\x00nom\nx;y\n", "binary"),
        (bytes(range(256)), "binary"),
        ('Nom;Prénom\nA;b\nC;"d\n'.encode(), "truncated"),
        ("Nom;Prénom\nA;b\nC".encode(), "truncated"),
        ("Nom;Prénom\nA;é".encode()[:-1], "truncated"),
        ("Nom;Prénom\nA;b\n".encode("utf-16")[:-1], "truncated"),
    ],
)
def test_a_file_refused_as_a_whole(data, code):
    with pytest.raises(UnreadableFileError) as refused:
        read_table(data, known)
    assert refused.value.code == code


def test_a_missing_final_line_end_is_no_harm():
    assert read_table("Nom;Prénom\nA;b\nC;d".encode(), known).rows[-1] == Row(3, ("C", "d"))


def test_decode_prefers_what_is_understood():
    data = "Prénom".encode("mac-roman")
    assert decode(data, lambda text: text == "Prénom") == ("Prénom", "mac-roman")


@pytest.mark.parametrize("text", ["=1+1", "+33", "-2", "@SUM(1)", "\t=1", "\r=1"])
def test_formulas_are_known_and_made_harmless(text):
    assert is_formula(text)
    assert harmless(text) == f"'{text}"


def test_other_texts_stay_as_they_are():
    assert [harmless(text) for text in ("", "a=b", "O'Neil", "1-2")] == ["", "a=b", "O'Neil", "1-2"]
    assert harmless("  =1") == "'  =1"
