"""Applies rules to documents and counts what each one does."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from transformer_lm.corpora.cleaning.rules import Rule


@dataclass
class RuleCount:
    """What one rule did, over all documents that reached it."""

    documents_in: int = 0
    documents_changed: int = 0
    documents_dropped: int = 0
    """By the rule itself, or because nothing was left of them."""
    lines_in: int = 0
    lines_out: int = 0
    characters_in: int = 0
    characters_out: int = 0

    def add(self, other: "RuleCount") -> None:
        """Adds the counts of other documents."""
        for each in dataclasses.fields(self):
            total = getattr(self, each.name) + getattr(other, each.name)
            setattr(self, each.name, total)


@dataclass
class CleaningCounts:
    """The counts of every rule, in order."""

    rules: list[tuple[str, RuleCount]] = field(default_factory=list)

    @classmethod
    def of(cls, rules: Sequence[Rule]) -> "CleaningCounts":
        """Returns counts of nothing."""
        return cls([(str(rule), RuleCount()) for rule in rules])

    @classmethod
    def from_json(
        cls,
        values: Sequence[dict[str, Any]],  # Any: JSON.
    ) -> "CleaningCounts":
        """Reads what `as_json` returned."""
        counts = [dict(value) for value in values]
        return cls([(count.pop("rule"), RuleCount(**count)) for count in counts])

    def add(self, other: "CleaningCounts") -> None:
        """Adds the counts of other documents under the same rules, or to nothing."""
        if not self.rules:
            self.rules = [(name, RuleCount()) for name, _ in other.rules]
        for (_, mine), (_, theirs) in zip(self.rules, other.rules, strict=True):
            mine.add(theirs)

    def as_json(self) -> list[dict[str, str | int]]:
        """Returns one object a rule."""
        return [{"rule": name, **dataclasses.asdict(n)} for name, n in self.rules]


def clean(
    text: str, title: str, rules: Sequence[Rule], counts: CleaningCounts
) -> str | None:
    """Returns a document's text after all rules; None if a rule drops it.

    Args:
      text: the document's.
      title: the document's, or empty.
      rules: applied in order.
      counts: of these rules; added to.
    """
    for rule, (_, count) in zip(rules, counts.rules, strict=True):
        after = rule.change(text, title)
        count.documents_in += 1
        count.lines_in += text.count("\n") + 1
        count.characters_in += len(text)
        if after is None or not after or after.isspace():
            count.documents_dropped += 1
            return None
        count.documents_changed += after != text
        count.lines_out += after.count("\n") + 1
        count.characters_out += len(after)
        text = after
    return text
