"""Moves parameters between our names and layouts and those of another program.

A family is a table of `Entry`: our path, their name, and how one becomes the other. The
table is used both ways, and nothing is left over on either side without an error.
"""

import contextlib
import dataclasses
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from transformer_lm.convert.layouts import PLAIN, Layout
from transformer_lm.convert.paths import (
    Arrays,
    flatten,
    stack_layers,
    unflatten,
    unstack_layers,
)
from transformer_lm.registry import UserError


class ParamMapError(UserError):
    """Parameters that do not fit the table they are moved by."""


@dataclass(frozen=True)
class Entry:
    """One array of theirs."""

    ours: tuple[str, ...]
    """Our path; several, where theirs holds several of ours joined."""
    theirs: str
    """Their name."""
    layout: Layout = PLAIN
    """How the one becomes the other."""


@dataclass(frozen=True)
class ParamMap:
    """The arrays of one file of theirs."""

    entries: tuple[Entry, ...]
    """One for each array."""
    tied: Mapping[str, str] = field(default_factory=dict)
    """Names that repeat another array of theirs, such as a head tied to a table."""
    ignored: tuple[str, ...] = ()
    """Patterns of names that hold no parameters, such as the buffers of old files."""

    def to_theirs(self, ours: Mapping[str, np.ndarray], *, with_tied: bool) -> Arrays:
        """Returns their arrays; refuses if one of ours is missing."""
        needed = {path for entry in self.entries for path in entry.ours}
        _refuse("parameters that the table needs are missing", needed - set(ours))
        theirs = {}
        for entry in self.entries:
            with _named(entry):
                theirs[entry.theirs] = np.ascontiguousarray(
                    entry.layout.to_theirs([ours[path] for path in entry.ours])
                )
        if with_tied:
            theirs |= {name: theirs[source] for name, source in self.tied.items()}
        return theirs

    def to_ours(self, state: Mapping[str, np.ndarray]) -> Arrays:
        """Returns our arrays; refuses names left over, missing or not tied."""
        theirs = {
            name: array
            for name, array in state.items()
            if not any(re.fullmatch(pattern, name) for pattern in self.ignored)
        }
        for name, source in self.tied.items():
            if name in theirs:
                array = theirs.pop(name)
                if not np.array_equal(theirs.setdefault(source, array), array):
                    raise ParamMapError(
                        f"{name} differs from {source}; only models that tie the two"
                        " can be converted"
                    )
        known = {entry.theirs for entry in self.entries}
        _refuse("arrays that the table needs are missing", known - set(theirs))
        _refuse("arrays that the table does not know are left", set(theirs) - known)
        ours: Arrays = {}
        for entry in self.entries:
            with _named(entry):
                arrays = entry.layout.to_ours(theirs[entry.theirs])
                ours |= zip(entry.ours, arrays, strict=True)
        return ours


def expand(entries: Iterable[Entry], **counts: int) -> tuple[Entry, ...]:
    """Repeats entries for each number of the `{…}` that stand in their names.

    >>> entries = expand([Entry(("a_{layer}",), "h.{layer}")], layer=2)
    >>> [entry.theirs for entry in entries]
    ['h.0', 'h.1']
    """
    expanded = []
    for entry in entries:
        used = [name for name in counts if f"{{{name}}}" in entry.theirs]
        for numbers in itertools.product(*(range(counts[name]) for name in used)):
            values = dict(zip(used, numbers, strict=True))
            ours = tuple(path.format(**values) for path in entry.ours)
            expanded.append(
                dataclasses.replace(
                    entry, ours=ours, theirs=entry.theirs.format(**values)
                )
            )
    return tuple(expanded)


def to_theirs(
    maps: Mapping[str, ParamMap], parameters: Any, *, with_tied: bool = False
) -> dict[str, Arrays]:
    """Returns the arrays of each file of theirs.

    Args:
      maps: a table for each file, by the name of its folder.
      parameters: our nested dict of arrays, with or without scanned layers.
      with_tied: repeat tied arrays under each of their names.

    Raises:
      ParamMapError: if one of our parameters is in no table, or a needed one missing.
    """
    ours = unstack_layers(flatten(parameters))
    known = {path for m in maps.values() for entry in m.entries for path in entry.ours}
    _refuse("parameters that no table knows are left", set(ours) - known)
    return {name: m.to_theirs(ours, with_tied=with_tied) for name, m in maps.items()}


def to_ours(
    maps: Mapping[str, ParamMap],
    states: Mapping[str, Mapping[str, np.ndarray]],
    *,
    scan_layers: bool = False,
) -> dict[str, Any]:
    """Returns our nested dict of parameters.

    Args:
      maps: a table for each file, by the name of its folder.
      states: the arrays of each file.
      scan_layers: stack the layers of each stack, as the network with that setting has.

    Raises:
      ParamMapError: if a file has arrays that its table does not know or lacks one, or
        if two files disagree on a parameter that they share.
    """
    ours: Arrays = {}
    for name, param_map in maps.items():
        for path, array in param_map.to_ours(states[name]).items():
            if not np.array_equal(ours.setdefault(path, array), array):
                raise ParamMapError(f"{path} is shared, but differs in {name!r}")
    return unflatten(stack_layers(ours) if scan_layers else ours)


def _refuse(what: str, names: set[str]) -> None:
    """Raises an error that lists the names, if there are any."""
    if names:
        raise ParamMapError(f"{what}:\n  " + "\n  ".join(sorted(names)))


@contextlib.contextmanager
def _named(entry: Entry) -> Iterator[None]:
    """Says which arrays a wrong shape belongs to."""
    try:
        yield
    except ValueError as error:
        raise ParamMapError(
            f"{entry.theirs} (ours: {', '.join(entry.ours)}): {error}"
        ) from None
