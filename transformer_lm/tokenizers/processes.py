"""Work spread over processes, in order and with bounded memory."""

import itertools
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Generic, TypeVar

from transformer_lm.orphans import end_with_parent
from transformer_lm.registry import UserError

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")

_AHEAD = 2
"""Tasks that wait for each process."""

_work: Callable[[Any], Any]  # Any: the task of this process's pool.


class Workers(Generic[_Given, _Made]):
    """Processes that have a function and wait for items, until they are closed.

    They end with this object, or with the program, too. They start anew instead of being
    forked, because JAX and TensorFlow hold threads that a fork would not have.
    """

    def __init__(self, function: Callable[[_Given], _Made], processes: int) -> None:
        """Starts nothing before the first item.

        Args:
          function: can be pickled; each process gets it once.
          processes: how many work.
        """
        self.processes = processes
        self._pool = ProcessPoolExecutor(
            processes,
            multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(function,),
        )

    def map(self, items: Iterable[_Given]) -> Iterator[_Made]:
        """Yields the function of each item, in order; items are taken as needed.

        Raises:
          UserError: if a process is killed.
        """
        waiting: deque[Future[_Made]] = deque()
        rest = iter(items)
        try:
            for item in itertools.islice(rest, _AHEAD * self.processes):
                waiting.append(self._pool.submit(_run, item))
            while waiting:
                done = waiting.popleft().result()
                for item in itertools.islice(rest, 1):
                    waiting.append(self._pool.submit(_run, item))
                yield done
        except BrokenProcessPool as error:
            raise UserError(
                f"one of {self.processes} processes was killed, perhaps for want of"
                f" memory ({error}); use fewer processes"
            ) from error
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """Ends the processes; items that none has begun are left out."""
        self._pool.shutdown(cancel_futures=True)


def ordered_map(
    function: Callable[[_Given], _Made], items: Iterable[_Given], processes: int
) -> Iterator[_Made]:
    """Yields the function of each item, as `Workers.map` of workers for this once."""
    workers = Workers(function, processes)
    try:
        yield from workers.map(items)
    finally:
        workers.close()


def chunked(texts: Iterable[str], characters: int) -> Iterator[Sequence[str]]:
    """Yields lists of texts with about so many characters each."""
    chunk: list[str] = []
    size = 0
    for text in texts:
        chunk.append(text)
        size += len(text) + 1
        if size >= characters:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _begin(function: Callable[[Any], Any]) -> None:
    """Keeps the function, in a new process."""
    global _work
    end_with_parent()
    _work = function


def _run(item: Any) -> Any:
    """Does one task, in such a process."""
    return _work(item)
