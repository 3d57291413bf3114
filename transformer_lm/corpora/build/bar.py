"""How far a long piece of work is: a bar on a terminal, lines in a log."""

import logging
import sys
import time
from types import TracebackType
from typing import Self

from tqdm import tqdm

_SECONDS = 30
"""Between two lines of a log."""


class Bar:
    """Counts up to a total; a context manager."""

    def __init__(self, what: str, total: int, unit: str) -> None:
        """Begins at nothing.

        Args:
          what: is done, in a word or two.
          total: that is to be reached.
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
        done, total, rate = (
            tqdm.format_sizeof(number) for number in (self._done, self._total, speed)
        )
        logging.getLogger(__name__).info(
            "%s: %s of %s %s (%d %%), %s %s a second",
            *(self._what, done, total, self._unit),
            *(100 * self._done // max(self._total, 1), rate, self._unit),
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
        elif error is None:
            self._tell()
