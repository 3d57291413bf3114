"""Numbers in kanji, written so that no reading has to be chosen."""

from __future__ import annotations

_DIGITS = "〇一二三四五六七八九"
_UNITS = ((1000, "千"), (100, "百"), (10, "十"))


def kanji(number: int) -> str:
    """Write a positive number in kanji.

    Example:
        >>> kanji(12850)
        '一万二千八百五十'
    """
    if number >= 10_000:
        rest = number % 10_000
        return kanji(number // 10_000) + "万" + (kanji(rest) if rest else "")
    written = ""
    for unit, name in _UNITS:
        digit, number = divmod(number, unit)
        if digit:
            written += (_DIGITS[digit] if digit > 1 else "") + name
    return written + (_DIGITS[number] if number else "")


def prices(lowest: int, highest: int, step: int) -> tuple[str, ...]:
    """Write prices from the lowest to the highest, such as 三百円, 三百五十円."""
    return tuple(f"{kanji(price)}円" for price in range(lowest, highest + 1, step))
