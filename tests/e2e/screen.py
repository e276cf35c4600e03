"""What every screen must be, whatever it shows: accessible, no wider than the screen, in one language."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import polib
from playwright.sync_api import Page

from tests.e2e.people import Person
from tests.e2e.school import ROOT

SCREENSHOTS = Path(__file__).parent / "screenshots"
CATALOGUE = ROOT / "src" / "emarge" / "locale" / "fr" / "LC_MESSAGES" / "django.po"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
_RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}
_NARROWEST = {"width": 320, "height": 640}
_PLACEHOLDER = re.compile(r"%\([a-z_]+\)[sd]|%[sd]|\{[a-z_]*\}")
_SENTENCE = 3  # words: what is searched inside a text; shorter ones are compared with the whole of it

_TEXTS = """() => {
  const texts = [document.title, ...Object.values(document.getElementById("texts")?.dataset ?? {})];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (parent.closest("script, style, template, noscript, body [lang]")) continue;
    if (parent.checkVisibility()) texts.push(walker.currentNode.textContent);
  }
  for (const name of ["aria-label", "placeholder", "title", "alt", "data-label"]) {
    for (const element of document.body.querySelectorAll(`[${name}]`)) texts.push(element.getAttribute(name));
  }
  return texts.map((text) => text.replace(/\\s+/g, " ").trim()).filter((text) => text);
}"""
# Two frames first: a page that was just resized is laid out anew by the next one.
_TOO_WIDE = """async () => {
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width && document.body.scrollWidth <= width) return [];
  return [...document.body.querySelectorAll("*")]
    .filter((element) => element.getBoundingClientRect().right > width + 1)
    .map((element) => element.outerHTML.slice(0, 120));
}"""


def look(person: Person, screen: str, *, narrow: bool = False) -> None:
    """Check the screen that a person has before them and keep a picture of it; ``narrow``: at 320 px too."""
    page, name = person.page, f"{person.language}-{person.role}-{screen}-{person.size}"
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
    found: dict[str, Any] = {
        "language": page.locator("html").get_attribute("lang"),
        "english": [text for text in page.evaluate(_TEXTS) if person.language == "fr" and is_english(text)],
        "wide": page.evaluate(_TOO_WIDE),
        "axe": violations(page),
    }
    if narrow:
        size = page.viewport_size
        assert size is not None
        page.set_viewport_size(_NARROWEST)
        found["wide"] += page.evaluate(_TOO_WIDE)
        page.set_viewport_size(size)
    assert (name, found) == (name, {"language": person.language, "english": [], "wide": [], "axe": []})


def violations(page: Page) -> list[tuple[str, list[str]]]:
    """What axe finds against WCAG 2.2, levels A and AA: each rule with the elements that break it."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("rules => axe.run(document, rules)", _RULES)
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]


def is_english(text: str) -> bool:
    """Whether a text is one of the catalogue, in English, though its translation is another."""
    words, patterns, french = _english()
    if french.fullmatch(text):
        return False
    return (
        text in words
        or any(pattern.fullmatch(text) for pattern in patterns)
        or any(sentence in text for sentence in words if sentence.count(" ") >= _SENTENCE - 1)
    )


@cache
def _english() -> tuple[frozenset[str], list[re.Pattern[str]], re.Pattern[str]]:
    """The English texts that have another translation, those with placeholders as patterns; and all French ones."""
    pairs: list[tuple[str, str]] = []
    for entry in polib.pofile(str(CATALOGUE)):
        if entry.msgid_plural:
            pairs += [(entry.msgid, entry.msgstr_plural[0]), (entry.msgid_plural, entry.msgstr_plural[1])]
        elif not entry.obsolete:
            pairs.append((entry.msgid, entry.msgstr))
    english = {_plain(ours) for ours, theirs in pairs if theirs and theirs != ours}
    french = {_pattern(_plain(theirs)) for _ours, theirs in pairs if theirs}
    return (
        frozenset(text for text in english if not _PLACEHOLDER.search(text)),
        [re.compile(_pattern(text)) for text in english if _PLACEHOLDER.search(text) and _has_words(text)],
        re.compile("|".join(sorted(french))),
    )


def _has_words(text: str) -> bool:
    """Whether anything but names and figures would be left of a text whose placeholders are filled."""
    return re.search("[A-Za-z]{2}", _PLACEHOLDER.sub("", text)) is not None


def _plain(text: str) -> str:
    return " ".join(text.replace("%%", "%").split())


def _pattern(text: str) -> str:
    return ".+".join(re.escape(part) for part in _PLACEHOLDER.split(text))
