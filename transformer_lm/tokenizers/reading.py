"""How far the reading of text is: a bar on a terminal, plain lines in a log."""

import logging
import time
from collections.abc import Iterable, Iterator

from tqdm import tqdm

_EVERY_SECONDS = 30


def watched(texts: Iterable[str], name: str, *, shown: bool = True) -> Iterator[str]:
    """Yields texts and shows how many characters there were.

    Args:
      texts: any.
      name: what is done with them, in a word.
      shown: False: nothing is shown.
    """
    if not shown:
        yield from texts
        return
    log = logging.getLogger(__name__)
    started = told = time.monotonic()
    total = 0
    # disable=None: a bar only where somebody looks at a terminal.
    with tqdm(desc=name, unit="char", unit_scale=True, disable=None) as bar:
        for text in texts:
            yield text
            total += len(text)
            bar.update(len(text))
            now = time.monotonic()
            if bar.disable and now - told >= _EVERY_SECONDS:
                told = now
                log.info("%s: %d characters in %.0f s", name, total, now - started)
