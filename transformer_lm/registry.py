"""Name → class tables, so that a config can choose a part by its name."""

import difflib
import importlib
from collections.abc import Iterator, Mapping
from typing import Any

_LONGEST_NAME = 80
"""Characters of an unknown name that a message shows."""


class UserError(Exception):
    """Something the user can put right; shown as a plain message, without a traceback.

    The message says what was given, what is needed, where it came from and what to do.
    """


class UnknownNameError(UserError, KeyError):
    """A name that is in no table."""

    def __str__(self) -> str:
        """Returns the message itself (KeyError would show it quoted)."""
        return str(self.args[0])


def describe_unknown(kind: str, name: str, known: list[str]) -> str:
    """Says that `name` is no `kind`, what was probably meant, and what is known.

    >>> describe_unknown("model", "gtp2", ["bert", "gpt2"])
    "unknown model 'gtp2'. Did you mean 'gpt2'? Known: bert, gpt2."
    """
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    shown = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
    return f"unknown {kind} {shown!r}.{hint} Known: {', '.join(sorted(known))}."


class Registry(Mapping[str, Any]):
    """A table of `"module:Class"` strings; a class is imported when it is asked for.

    Strings keep the list complete, greppable and free of import side effects: naming a
    dataset does not import TensorFlow.

    >>> table = Registry("fraction", {"exact": "fractions:Fraction"})
    >>> table["exact"](1, 2)
    Fraction(1, 2)
    """

    def __init__(self, kind: str, entries: Mapping[str, str]) -> None:
        self._kind = kind
        self._entries = dict(entries)

    def __getitem__(
        self, name: str
    ) -> Any:  # Any: each table holds its own kind of class.
        """Returns the class listed under `name`.

        Raises:
            UnknownNameError: if the table has no such name.
        """
        if name not in self._entries:
            message = describe_unknown(self._kind, name, list(self._entries))
            raise UnknownNameError(message)
        module, _, attribute = self._entries[name].partition(":")
        return getattr(importlib.import_module(module), attribute)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
