"""One run a work folder: `run.lock` says who has it.

The run that holds a folder rewrites the file every few seconds with a count, and looks
whether it is still its own. Who finds a lock asks, in this order:

- Was it written on this machine since it started? Then the system knows whether that
  process lives. A lock whose process is gone is taken over, with a warning; so is one
  of this machine (by its host name) from before its last start.
- By another machine? Then the folder is refused, because nobody here can know. With
  `take_over` the count is watched: if it stands still, that run is gone. Clocks are not
  compared.

A disk makes one of two who begin at once the owner. Object stores (gs://) and disks
without hard links do not: there a run writes its lock, waits, and reads it back.
"""

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace

from etils import epath

from transformer_lm.processes import first_process_does
from transformer_lm.registry import UserError
from transformer_lm.train.lock_owner import Owner, this_process

LOCK_FILE = "run.lock"
BEAT_SECONDS = 20.0
"""Between two rewritings of a lock."""
STILL_SECONDS = 3 * BEAT_SECONDS
"""How long a lock of another machine is watched before it is taken over."""
SETTLE_SECONDS = 1.0
"""Until a lock is read back where two could write it."""

LOGGER = logging.getLogger("transformer_lm")


class RunLock:
    """Holds a work folder until `close`.

    Args:
      path: the work folder; it exists.
      take_over: take the folder from a run of another machine whose lock stands still.

    Raises:
      UserError: if another run has the folder, naming it.
    """

    def __init__(self, path: epath.Path, *, take_over: bool = False) -> None:
        self._file = path / LOCK_FILE
        self._owner = this_process()
        self._lost = False
        _take(self._file, self._owner, take_over)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="run.lock", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raises a `UserError` if somebody else took the folder meanwhile."""
        if self._lost:
            raise UserError(
                f"{self._file} is no longer this run's ({self._owner}): another run took"
                f" the folder ({_read(self._file)}). This one stops and writes no more."
            )

    def close(self) -> None:
        """Gives the folder back."""
        self._ended.set()
        self._thread.join()
        held = _read(self._file)
        if held is not None and held.token == self._owner.token:
            self._file.unlink()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            try:
                held = _read(self._file)
                if held is not None and held.token != self._owner.token:
                    self._lost = True
                    return
                # Also where somebody deleted it, so that nobody else begins.
                self._owner = replace(self._owner, beat=self._owner.beat + 1)
                _write(self._file, self._owner)
            except OSError as error:
                LOGGER.warning("%s could not be rewritten: %s", self._file, error)


@contextmanager
def only_run(
    path: epath.Path, *, take_over: bool = False
) -> Iterator[Callable[[], None]]:
    """Holds a work folder as long as a block runs; every process enters it.

    Process 0 holds the lock. What is yielded is `RunLock.check`, for all processes.
    """
    held: list[RunLock] = []
    first_process_does(lambda: held.append(RunLock(path, take_over=take_over)))

    def check() -> None:
        first_process_does(lambda: [lock.check() for lock in held])

    try:
        yield check
    finally:
        for lock in held:
            lock.close()


def _take(file: epath.Path, owner: Owner, take_over: bool) -> None:
    """Makes a lock this process's, or raises a `UserError`."""
    if _create(file, owner):
        return
    held = _read(file)
    _check_free(file, held, take_over)
    _write(file, owner)
    _settle(file, owner)


def _check_free(file: epath.Path, held: Owner | None, take_over: bool) -> None:
    """Raises a `UserError` unless the holder is known to be gone."""
    who = held or "its lock cannot be read"
    refusal = f"work folder {file.parent} is in use by another run: {who}. "
    if held is not None and held.is_gone():
        LOGGER.warning("%s was left by a run that is gone (%s); taken over", file, held)
        return
    if held is not None and held.is_here():
        raise UserError(
            f"{refusal}Wait for its end, stop it, or give another --workdir."
        )
    if not take_over:
        raise UserError(
            f"{refusal}Whether it still runs cannot be seen from here. If it does not,"
            " add --take_over: the folder is then taken once its lock has stood still"
            f" for {STILL_SECONDS:.0f} seconds."
        )
    LOGGER.warning("watching the lock of %s for %.0f seconds", held, STILL_SECONDS)
    time.sleep(STILL_SECONDS)
    if _read(file) != held:
        raise UserError(
            f"{refusal}It is alive: its lock was rewritten while this one watched."
        )
    LOGGER.warning("%s of %s stood still; taken over", file, held)


def _create(file: epath.Path, owner: Owner) -> bool:
    """Writes the lock where there is none; False if there is one."""
    if file.exists():
        return False
    new = file.with_name(f"{file.name}.{owner.token}")
    if "://" not in str(file):
        new.write_text(json.dumps(asdict(owner)))
        try:
            os.link(new, file)
        except FileExistsError:
            return False
        except OSError:  # A disk without hard links.
            pass
        else:
            return True
        finally:
            new.unlink()
    _write(file, owner)
    _settle(file, owner)
    return True


def _settle(file: epath.Path, owner: Owner) -> None:
    """Waits until whoever writes at the same time has done so; the last one has it."""
    time.sleep(SETTLE_SECONDS)
    held = _read(file)
    if held is None or held.token != owner.token:
        raise UserError(
            f"work folder {file.parent} was taken by another run at the same time:"
            f" {held}. Give another --workdir, or wait for its end."
        )


def _write(file: epath.Path, owner: Owner) -> None:
    if "://" in str(file):
        file.write_text(json.dumps(asdict(owner)))
        return
    new = file.with_name(f"{file.name}.{owner.token}")
    try:
        new.write_text(json.dumps(asdict(owner)))
        new.replace(file)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def _read(file: epath.Path) -> Owner | None:
    """The owner that a lock names; None if there is no lock, or it is no lock of ours."""
    try:
        return Owner(**json.loads(file.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
