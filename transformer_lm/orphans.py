"""A worker process ends with the process that it works for, however that one ends.

Workers of a pool wait at a pipe whose other end they hold themselves: killed, the main
process would leave them, and their memory, behind for ever.
"""

import multiprocessing
import multiprocessing.connection
import os
import threading


def end_with_parent() -> None:
    """Makes this worker end when its parent does; the first thing that a worker calls."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        sentinel = parent.sentinel
        threading.Thread(target=_end_after, args=(sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
