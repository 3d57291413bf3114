"""How far a long piece of work is: a bar on a terminal, lines in a log."""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Self, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

_SECONDS = 30
"""Between two lines of a log."""


class Bar:
    """Counts, up to a total where one is known; a context manager."""

    def __init__(self, what: str, total: int | None, unit: str) -> None:
        """Begins at nothing.

        Args:
          what: is done, in a word or two.
          total: that is to be reached; None: nobody knows.
          unit: in which it is counted: `B`, `documents`.
        """
        self._what = what
        self._total = total
        self._unit = unit
        self._done = 0
        self._start = self._told = time.monotonic()
        self._bar = (
            tqdm(
                desc=what,
                total=total,
                unit=unit if unit == "B" else f" {unit}",
                unit_scale=True,
                dynamic_ncols=True,
            )
            if sys.stderr.isatty()
            else None
        )

    def add(self, count: int) -> None:
        """Counts further."""
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
        elif time.monotonic() - self._told >= _SECONDS:
            self._told = time.monotonic()
            self._tell()

    def _tell(self) -> None:
        speed = self._done / max(time.monotonic() - self._start, 1e-9)
        done, rate = tqdm.format_sizeof(self._done), tqdm.format_sizeof(speed)
        if self._total is not None:
            percent = 100 * self._done // max(self._total, 1)
            done += f" of {tqdm.format_sizeof(self._total)} ({percent} %)"
        logging.getLogger(__name__).info(
            "%s: %s %s, %s a second", self._what, done, self._unit, rate
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        elif error is None and self._total is not None:
            self._tell()


def watched(
    items: Iterable[Item],
    what: str,
    unit: str,
    size: Callable[[Item], int] = lambda item: 1,
) -> Iterator[Item]:
    """Yields items and shows how many there were.

    Args:
      items: any; their number need not be known.
      what: is done, in a word or two.
      unit: in which it is counted, in the plural.
      size: units of an item.
    """
    with Bar(what, None, unit) as bar:
        for item in items:
            yield item
            bar.add(size(item))
