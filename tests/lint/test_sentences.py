"""The sentences that the two programs hold, collected from their sources, and the words that stand in none of them.

What they say of wrong input is judged by tests/system/test_sentences.py.
"""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
TOPS = ("engine", "parsers", "sinks", "tools/load")
# A page with markup is no sentence.
PAGES = ("tools/load/report/html.cpp", "tools/load/report/html_page.cpp", "tools/load/report/comparison_report.cpp")
REFUSED = {
    r"\bcan not\b": "one word: cannot",
    r"n't\b": "contraction",
    r"\b(please|sorry|oops|unfortunately|simply|just)\b": "says nothing",
    r"\b(unable to|failed to)\b": "says what was tried; tell what is so",
    r"!(?!=)": "exclamation mark",
    r"[^\x20-\x7E…]": "character that not every terminal has",
    r"\b(\w+) \1\b": "the same word twice",
    r"\w  \w": "two blanks",
    r" [,;:.]( |$)": "blank before a mark",
}


def sentences() -> list[tuple[str, str]]:
    """(file, text) of each string of the programs with three words or more. Adjacent strings are one."""
    found = []
    for top in TOPS:
        for path in sorted((PROJECT / top).rglob("*.[ch]pp")):
            name = str(path.relative_to(PROJECT))
            if name in PAGES:
                continue
            code = re.sub(r"^\s*//.*$|\s// [^\"]*$", "", path.read_text(), flags=re.MULTILINE)
            code = re.sub(r"'\\?.'", "' '", code)
            code = re.sub(r'"\s*\n\s*"', "", code)
            for text in re.findall(r'"((?:[^"\\\n]|\\.)*)"', code):
                for line in text.split("\\n"):  # a table has blanks between its columns
                    if len(re.findall(r"[A-Za-z]{2,}", line)) >= 3 and " " in line and not line.startswith("  "):
                        found.append((name, line))
    return found


# Words of a protocol, which its clients look for.
FOREIGN = ("unable to parse '",)


def test_they_are_found():
    assert len(sentences()) > 700


@pytest.mark.parametrize("pattern", REFUSED, ids=REFUSED.values())
def test_words_that_stand_in_no_sentence(pattern):
    wrong = [f"{name}: {text}" for name, text in sentences()
             if text not in FOREIGN and re.search(pattern, text, re.IGNORECASE)]
    assert not wrong, "\n".join(wrong)
