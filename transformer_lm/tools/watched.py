"""Shows how far a long loop is: a bar on a terminal, plain lines in a log."""

import logging
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

_EVERY_SECONDS = 30
_Item = TypeVar("_Item")


def watched(items: Iterable[_Item], name: str, unit: str) -> Iterator[_Item]:
    """Yields items and shows how many there were.

    Args:
      items: any; their number need not be known.
      name: what is done, in a word.
      unit: what an item is, in the plural.
    """
    log = logging.getLogger(__name__)
    started = told = time.monotonic()
    # disable=None: a bar only where somebody looks at a terminal.
    with tqdm(items, desc=name, unit=f" {unit}", disable=None) as bar:
        for count, item in enumerate(bar, start=1):
            yield item
            now = time.monotonic()
            if bar.disable and now - told >= _EVERY_SECONDS:
                told = now
                log.info("%s: %d %s in %.0f s", name, count, unit, now - started)
