from emarge.attendance.rules import Refusal
from emarge.attendance.texts import TEXTS


def test_every_refusal_has_a_sentence_of_its_own():
    assert set(TEXTS) == set(Refusal)
    texts = [str(text) for text in TEXTS.values()]
    assert len(set(texts)) == len(texts)
    assert [text for text in texts if not text.endswith(".")] == []
