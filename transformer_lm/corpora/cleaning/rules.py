"""The table of rules, and how a list of names becomes a chain of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from transformer_lm.corpora.cleaning import characters, lengths, marks
from transformer_lm.corpora.sentences import make_splitter
from transformer_lm.registry import UserError, describe_unknown

Change = Callable[[str, str], str | None]
"""From a document's text and title to its new text, or None to drop the document."""


@dataclass(frozen=True)
class Rule:
    """A rule as it was asked for."""

    name: str
    argument: str | None
    change: Change

    def __str__(self) -> str:
        """Writes the rule as `parse_rules` reads it."""
        return self.name if self.argument is None else f"{self.name}={self.argument}"


class _Sentences:
    """Puts every sentence on a line of its own."""

    def __init__(self, argument: str | None) -> None:
        self._splitter = make_splitter(argument or "rule")

    def __call__(self, text: str, title: str) -> str:
        """Returns the text, a sentence a line."""
        del title
        return "\n".join(
            stripped
            for line in text.split("\n")
            for sentence in self._splitter.sentences(line)
            if (stripped := sentence.strip())
        )


_PLAIN: Mapping[str, Change] = {
    "nfkc": characters.nfkc,
    "control_characters": characters.control_characters,
    "whitespace": characters.whitespace,
    "citation_numbers": marks.citation_numbers,
    "citation_requests": marks.citation_requests,
    "templates": marks.templates,
    "footnotes": marks.footnotes,
    "breadcrumbs": marks.breadcrumbs,
    "formula_lines": marks.formula_lines,
}
"""Rules without an argument."""

_WITH_ARGUMENT: Mapping[str, Callable[[str | None], Change]] = {
    "sentences": _Sentences,
    "line_length": lambda text: lengths.LineLength(
        lengths.Range.parse("line_length", text)
    ),
    "document_length": lambda text: lengths.DocumentLength(
        lengths.Range.parse("document_length", text)
    ),
}
"""Rules that are made from `name=argument`."""

PRESETS: Mapping[str, str] = {
    "none": "",
    # The order of cl-tohoku/bert-japanese, its make_corpus_wiki.py: sentences of 10 to
    # 1000 characters; rinna's and nknytk's differ in these numbers alone.
    "wikipedia": "nfkc,control_characters,citation_numbers,citation_requests,templates,"
    "breadcrumbs,footnotes,whitespace,sentences,formula_lines,line_length=10-1000",
    "web": "nfkc,control_characters,whitespace,document_length=50-",
}
"""Lists of rules that have a name."""


def rule_names() -> list[str]:
    """Returns the names of all rules."""
    return [*_PLAIN, *_WITH_ARGUMENT]


def parse_rules(names: str) -> tuple[Rule, ...]:
    """Returns the rules of a list such as `wikipedia,line_length=10-200`.

    A preset stands for its rules. A rule named again keeps its place and takes the later
    argument.

    Raises:
      UserError: if a name is unknown, an argument does not fit or a dictionary is not
        installed; with all problems at once.
    """
    chosen: dict[str, str | None] = {}
    problems = []
    for part in filter(None, (part.strip() for part in names.split(","))):
        for item in PRESETS[part].split(",") if part in PRESETS else [part]:
            name, equals, argument = item.partition("=")
            if name:
                chosen[name] = argument if equals else None
    rules = []
    for name, argument in chosen.items():
        try:
            rules.append(_make(name, argument))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("--rules: " + "; ".join(problems))
    return tuple(rules)


def _make(name: str, argument: str | None) -> Rule:
    if name in _WITH_ARGUMENT:
        return Rule(name, argument, _WITH_ARGUMENT[name](argument))
    if name not in _PLAIN:
        known = [*PRESETS, *rule_names()]
        raise UserError(describe_unknown("cleaning rule", name, known))
    if argument is not None:
        raise UserError(f"the rule {name} takes no argument; {argument!r} was given")
    return Rule(name, None, _PLAIN[name])
