"""The log of a run: on the screen, above a bar where there is one, and in `train.log`."""

import contextlib
import logging
import sys
import time

from etils import epath
from tqdm import tqdm

from transformer_lm.line_files import is_remote

LOG_FILE = "train.log"

LOGGED = ("transformer_lm", "py.warnings")
"""Loggers with handlers of our own."""

_SCREEN_ONLY = logging.getLogger(f"{__name__}.screen_only")


class ScreenHandler(logging.Handler):
    """Prints to stderr, above a progress bar where there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Prints one record."""
        try:
            tqdm.write(self.format(record), file=sys.stderr)
        except OSError:  # Nobody reads any more; training goes on.
            self.handleError(record)


class LogFileHandler(logging.FileHandler):
    """Appends to a local log; a full disk costs its lines, and one message."""

    _full = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Says on the screen, the first time, that the file cannot be written."""
        if not self._full:
            self._full = True
            _SCREEN_ONLY.warning(
                "%s cannot be written (%s): lines are missing from it from here on",
                self.baseFilename,
                sys.exception(),
            )

    def close(self) -> None:
        """Lets go of the file; what still does not fit was said before."""
        with contextlib.suppress(OSError):
            super().close()


class ObjectStoreHandler(logging.Handler):
    """Keeps a log in an object store (gs://), which cannot append.

    Lines gather in memory; the whole object is rewritten every `seconds`, and at the
    end. A killed process loses what came since.
    """

    def __init__(self, path: epath.Path, seconds: float = 30) -> None:
        super().__init__()
        self._path = path
        self._seconds = seconds
        self._lines = [path.read_text()] if path.exists() else []
        self._unsaved = 0
        self._saved_at = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps one record."""
        self._lines.append(self.format(record) + "\n")
        self._unsaved += 1
        if time.monotonic() - self._saved_at >= self._seconds:
            self.flush()

    def flush(self) -> None:
        """Rewrites the object; if that fails, says so and does it again later."""
        if not self._unsaved:
            return
        self._saved_at = time.monotonic()
        try:
            self._path.write_text("".join(self._lines))
        except Exception as error:  # noqa: BLE001  Stores have errors of their own.
            _SCREEN_ONLY.warning(
                "%s cannot be written (%s): tried again with later lines",
                self._path,
                error,
            )
        else:
            self._unsaved = 0

    def close(self) -> None:
        """Rewrites the object a last time."""
        self.flush()
        super().close()


def setup_logging(workdir: str, *, enabled: bool = True) -> logging.Logger:
    """Sends the log and Python's warnings to `train.log` and to stderr.

    The file has every figure, a line a step logged; the screen has the shorter lines of
    `Progress` instead, and whatever else is logged. Calling it again moves the log to
    another work folder. Does not touch JAX, so it may come before
    `jax.distributed.initialize`.

    Args:
        workdir: work folder, local or gs://; made when missing.
        enabled: False, for all processes but the first: no file, and only warnings
            and errors on stderr.

    Returns:
        The logger "transformer_lm", above those of all modules.
    """
    screen = ScreenHandler(logging.INFO if enabled else logging.WARNING)
    screen.addFilter(lambda record: not record.name.endswith(".file_only"))
    handlers: list[logging.Handler] = [screen]
    if enabled:
        path = epath.Path(workdir) / LOG_FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        file = (
            ObjectStoreHandler(path)
            if is_remote(path)
            else LogFileHandler(path, encoding="utf-8")
        )
        file.addFilter(lambda record: not record.name.endswith(".screen_only"))
        handlers.append(file)
    for handler in handlers:
        handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)s: %(message)s")
        )
    for name in LOGGED:
        logger = logging.getLogger(name)
        for old in logger.handlers[:]:
            logger.removeHandler(old)
            old.close()
        for handler in handlers:
            logger.addHandler(handler)
    logging.captureWarnings(True)
    logger = logging.getLogger("transformer_lm")
    logger.setLevel(logging.INFO)
    return logger
