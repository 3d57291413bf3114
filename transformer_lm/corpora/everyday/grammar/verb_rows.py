"""The endings of verbs: of 五段 one row for each last kana, of 一段 and する one."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """The endings that a verb takes after its stem."""

    masu: str
    negative: str
    te: str
    ta: str
    volitional: str
    potential: str
    passive: str


def _godan(a: str, i: str, e: str, o: str, te: str, ta: str) -> Row:
    """Make a row from the kana of each vowel and the two contracted endings."""
    return Row(i, f"{a}ない", te, ta, f"{o}う", f"{e}る", f"{a}れる")


GODAN_ROWS = {
    "う": _godan("わ", "い", "え", "お", "って", "った"),
    "く": _godan("か", "き", "け", "こ", "いて", "いた"),
    "ぐ": _godan("が", "ぎ", "げ", "ご", "いで", "いだ"),
    "す": _godan("さ", "し", "せ", "そ", "して", "した"),
    "つ": _godan("た", "ち", "て", "と", "って", "った"),
    "ぬ": _godan("な", "に", "ね", "の", "んで", "んだ"),
    "ぶ": _godan("ば", "び", "べ", "ぼ", "んで", "んだ"),
    "む": _godan("ま", "み", "め", "も", "んで", "んだ"),
    "る": _godan("ら", "り", "れ", "ろ", "って", "った"),
}
ICHIDAN_ROW = Row("", "ない", "て", "た", "よう", "られる", "られる")
SURU_ROW = Row("し", "しない", "して", "した", "しよう", "できる", "される")
