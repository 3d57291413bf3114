"""A function over many items in several processes, results in the items' order."""

import collections
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Self, TypeVar

from transformer_lm.orphans import end_with_parent
from transformer_lm.registry import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 3
"""Items under way for each process: bounds memory."""


class Workers:
    """Processes that live as long as the context; one works in this process."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._pool: ProcessPoolExecutor | None = None
        if processes > 1:
            # Fresh processes: a fork would copy the locks of this one's threads.
            self._pool = ProcessPoolExecutor(
                processes,
                multiprocessing.get_context("spawn"),
                initializer=_begin,
            )

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Iterator[Result]:
        """Yields `function(item)` for each item, in order, however many processes work.

        Args:
          function: a module's function, or a `functools.partial` of one.
          items: read only a few ahead of the results.

        Raises:
          UserError: whatever `function` raises, or if a process dies.
        """
        if self._pool is None:
            yield from map(function, items)
            return
        waiting: collections.deque[Future[Result]] = collections.deque()
        try:
            for item in items:
                waiting.append(self._pool.submit(function, item))
                if len(waiting) >= _AHEAD * self._processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise UserError(
                "a worker process died, perhaps for lack of memory; give the command"
                f" again with fewer --processes than {self._processes}, and it goes on"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Leaves Ctrl-C to the main process, which ends the workers."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
