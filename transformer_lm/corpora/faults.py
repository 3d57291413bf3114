"""Counts what could not be read as it stands, with the first places."""

import logging
from collections import Counter

_PLACES = 5


class Faults:
    """Faulty lines by kind; each line counts once, however often it is read."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._places: dict[str, list[str]] = {}
        self._furthest: dict[str, int] = {}

    def note(self, kind: str, path: str, line: int) -> None:
        """Counts a fault in `line` of `path`; the first ones are logged.

        Args:
          kind: what is wrong and what is done about it, in words.
          path: file in which it stands.
          line: counted from 1; lines of a file are met in order.
        """
        if line <= self._furthest.get(path, 0):
            return
        self._furthest[path] = line
        self._counts[kind] += 1
        places = self._places.setdefault(kind, [])
        if len(places) < _PLACES:
            places.append(f"{path}:{line}")
            logging.getLogger(__name__).warning("%s:%d: %s", path, line, kind)

    def report(self) -> dict[str, int | list[str]]:
        """Returns the number of lines of each kind, and the first places of each."""
        report: dict[str, int | list[str]] = dict(self._counts)
        for kind, places in self._places.items():
            report[f"{kind}, first at"] = list(places)
        return report
