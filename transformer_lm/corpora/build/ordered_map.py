"""A function over many items in several processes, results in the items' order."""

import collections
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from transformer_lm.registry import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 3
"""Items under way for each process: bounds memory."""


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], processes: int
) -> Iterator[Result]:
    """Yields `function(item)` for each item, in order, however many processes work.

    Args:
      function: a module's function, or a `functools.partial` of one.
      items: read only a few ahead of the results.
      processes: 1 works in this process.

    Raises:
      UserError: whatever `function` raises, or if a process dies.
    """
    if processes == 1:
        yield from map(function, items)
        return
    # Fresh processes: a fork would copy the threads' locks of this one.
    pool = ProcessPoolExecutor(
        processes, multiprocessing.get_context("spawn"), initializer=_ignore_ctrl_c
    )
    try:
        waiting: collections.deque[Future[Result]] = collections.deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= _AHEAD * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise UserError(
            "a worker process died, perhaps for lack of memory; start the command again"
            f" with fewer --processes than {processes}, and it goes on"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _ignore_ctrl_c() -> None:
    """Leaves Ctrl-C to the main process, which ends the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
