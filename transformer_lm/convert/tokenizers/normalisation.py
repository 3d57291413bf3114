"""SentencePiece's normalisation in steps that a tokenizer.json can hold.

The library `tokenizers` has a step for SentencePiece's table of rules, but it looks at
the first rule that fits a letter with its marks and forgets the rest, so that ｶﾞ does not
become ガ. Here the table is said in other steps: Unicode's NFKC, which the rules were made
from, and what they do otherwise. Every rule and every character is then compared.
"""

import functools
import itertools
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tokenizers import Regex, normalizers

from transformer_lm.convert.tokenizers.charsmap import read_rules, write_rules
from transformer_lm.registry import UserError

_FIRST_STAND_IN = 0x100000
"""First of the characters for private use that keep a place for others meanwhile."""

_MOST_SEQUENCES = 64
"""Rules for several characters that become steps of their own; each takes time."""

_NFKC, _LOWERCASE = normalizers.NFKC(), normalizers.Lowercase()


class NormalisationError(UserError):
    """Rules that a tokenizer.json cannot say exactly."""


@functools.cache
def steps_of(table: bytes) -> tuple[Any, ...]:
    """Returns the steps that do what SentencePiece's table does; none for no table.

    They differ on a letter that carries several combining marks, in an order that
    Unicode calls not canonical: NFKC puts them in order, SentencePiece does not.

    Raises:
      NormalisationError: if a rule cannot be followed.
    """
    if not table:
        return ()
    rules = read_rules(table)
    folds = rules.get("A") == "a"
    steps, special = _steps(rules, folds)

    def differences(goals: Mapping[str, str]) -> list[str]:
        """The texts that the steps turn into something else than their goal."""
        composed = _normalised([_NFKC], goals)
        made = dict(zip(goals, composed, strict=True))
        if folds:
            made = dict(zip(goals, _normalised([_LOWERCASE], composed), strict=True))
        # The other steps take most of the time, and change nothing without these.
        touched = [
            text
            for text, nfkc in zip(goals, composed, strict=True)
            if not special.isdisjoint(text + nfkc)
        ]
        made |= zip(touched, _normalised(steps, touched), strict=True)
        return [text for text, goal in goals.items() if made[text] != goal]

    sequences = {key: rules[key] for key in rules if len(key) > 1}
    wrong = differences(sequences)
    if 0 < len(wrong) <= _MOST_SEQUENCES:
        longest_first = sorted(wrong, key=len, reverse=True)
        steps = [
            *(normalizers.Replace(key, rules[key]) for key in longest_first),
            *steps,
        ]
        special.update(*wrong)
        wrong = differences(sequences)
    wrong += differences({each: rules.get(each, each) for each in _characters(rules)})
    if wrong:
        shown = ", ".join(
            f"{text!r} to {rules.get(text, text)!r}" for text in wrong[:5]
        )
        raise NormalisationError(
            f"{len(wrong)} of its rules have no counterpart there, such as {shown}"
        )
    return tuple(steps)


def deleted_by(table: bytes) -> str:
    """Returns the characters that a table deletes, for between brackets in a pattern."""
    rules = read_rules(table) if table else {}
    return "".join(map(_escaped, (key for key in rules if not rules[key])))


def _escaped(character: str) -> str:
    return f"\\x{{{ord(character):x}}}"


def _steps(rules: Mapping[str, str], folds: bool) -> tuple[list[Any], set[str]]:
    """The steps for single characters, and NFKC; and the characters they are for.

    Characters are put right before NFKC, those whose case is folded after it, so that
    both compose with marks as in the table. What a later step would change again is kept
    in a character for private use meanwhile.
    """
    characters = _characters(rules)
    composed = dict(zip(characters, _normalised([_NFKC], characters), strict=True))
    stand_ins = map(chr, itertools.count(_FIRST_STAND_IN))
    before: dict[str, str] = {}
    between: dict[str, str] = {}
    after: dict[str, str] = {}

    def folded(text: str) -> str:
        if not folds:
            return text
        return "".join(rules.get(each, each) for each in text)

    for each, made in composed.items():
        goal = rules.get(each, each)
        is_folding = folds and goal == each.casefold() and made == each
        if is_folding or (folded(made) == goal and made != each) or goal == made:
            continue
        before[each] = goal
        if not _is_composed(goal, composed) or folded(goal) != goal:
            before[each] = next(stand_ins)
            after[before[each]] = goal
    if not folds:
        return [*_replacements(before), _NFKC, *_replacements(after)], {*before, *after}
    stable = [each for each, made in composed.items() if each == made]
    lower = dict(zip(stable, _normalised([_LOWERCASE], stable), strict=True))
    for each, made in lower.items():
        goal = rules.get(each, each)
        if each in before or made == goal:
            continue
        between[each] = goal
        if "".join(lower.get(part, part) for part in goal) != goal:
            between[each] = next(stand_ins)
            after[between[each]] = goal
    fold = [*_replacements(between), _LOWERCASE]
    steps = [*_replacements(before), _NFKC, *fold, *_replacements(after)]
    return steps, {*before, *between, *after}


def _is_composed(text: str, composed: Mapping[str, str]) -> bool:
    """Whether NFKC leaves each character of a text as it is."""
    return all(composed.get(each, each) == each for each in text)


def _replacements(mapping: Mapping[str, str]) -> list[Any]:
    """Steps that replace characters, each by a text.

    What takes four bytes, of which there are many, goes into one step of the library's
    own kind. It is exact there: a letter with marks has more bytes than it looks at.
    """
    rare = {
        key: text for key, text in mapping.items() if len(key.encode()) == 4 and text
    }
    groups: dict[str, list[str]] = {}
    for key, text in mapping.items():
        if key not in rare:
            groups.setdefault(text, []).append(_escaped(key))
    steps: list[Any] = [
        normalizers.Replace(Regex(f"[{''.join(keys)}]"), text)
        for text, keys in groups.items()
    ]
    return [*steps, normalizers.Precompiled(write_rules(rare))] if rare else steps


def _characters(rules: Mapping[str, str]) -> list[str]:
    """The characters that rules, NFKC or lower case may change.

    Python's Unicode is newer than the library's, so that it knows all of them.
    """
    numbers = (*range(1, 0xD800), *range(0xE000, _FIRST_STAND_IN))
    return [
        each
        for each in map(chr, numbers)
        if each in rules or unicodedata.normalize("NFKC", each.lower()) != each
    ]


def _normalised(steps: Sequence[Any], texts: Iterable[str]) -> list[str]:
    """What the steps make of each text."""
    normaliser = normalizers.Sequence(list(steps))
    return list(map(normaliser.normalize_str, texts))
