"""The one place where the data side imports TensorFlow, and calls Python from it."""

import atexit
import contextlib
import functools
import os
import sys
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from transformer_lm.registry import UserError

if TYPE_CHECKING:
    import tensorflow as tf


_READING: "weakref.WeakSet[Generator[Any, None, None]]" = weakref.WeakSet()
"""Data sets that are being read."""


@functools.cache
def import_tensorflow() -> Any:  # Any: a module.
    """Returns the module `tensorflow`, to read text with.

    Raises:
      UserError: if TensorFlow is not installed.
    """
    try:
        tensorflow = import_quietly()
    except ImportError as error:
        raise UserError(
            f"streaming text needs TensorFlow, which cannot be imported ({error});"
            " pip install -r requirements.txt"
        ) from error
    atexit.register(_stop_reading)
    return tensorflow


def import_quietly() -> Any:
    """Returns the module `tensorflow`, which then leaves every GPU to JAX.

    Raises:
      ImportError: if TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # No news of optimisations.
    with _quiet_stderr():
        import tensorflow

        if tensorflow.config.get_visible_devices("GPU"):
            tensorflow.config.set_visible_devices([], "GPU")
    return tensorflow


def _stop_reading() -> None:
    """Ends the reading of every data set, while its threads may still call Python.

    A thread of TensorFlow that asks for Python when the interpreter is going away never
    comes back, and the process waits for it for ever.
    """
    for elements in list(_READING):
        elements.close()


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Drops what C++ code writes to stderr.

    While it starts, TensorFlow notes at length that there is no GPU, before its own log
    levels count. Python's exceptions come out as ever.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device.
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def deterministic_options() -> "tf.data.Options":
    """Returns options for every data set here: one order, and threads of its own.

    Python functions inside nested data sets each hold a thread while they wait; with a
    pool as small as the number of cores (two) they wait for each other for ever.
    """
    options = import_tensorflow().data.Options()
    options.deterministic = True
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 16
    return options


class PythonCalls:
    """Python functions as graph operations; their errors come out unharmed.

    Those are `UserError`s, and what the system says of a file (it may have vanished).

    TensorFlow turns an error of a Python function into one of its own, with a
    traceback for a message; the original is kept here for whoever reads the data set.
    """

    def __init__(self) -> None:
        self._errors: list[UserError | OSError] = []

    def call(
        self,
        function: Callable[
            ..., Any
        ],  # Any: arrays, as TensorFlow gives and takes them.
        inputs: Sequence["tf.Tensor"],
        dtypes: Sequence["tf.DType"],
    ) -> list["tf.Tensor"]:
        """Calls a function of arrays without side effects; returns its tensors."""
        tensorflow = import_tensorflow()

        def guarded(*arrays: Any) -> Any:
            try:
                return function(*arrays)
            except (UserError, OSError) as error:
                self._errors.append(error)
                raise

        return tensorflow.numpy_function(
            guarded, list(inputs), list(dtypes), stateful=False
        )

    def iterate(
        self, dataset: "tf.data.Dataset"
    ) -> Iterator[Any]:  # Any: nested dicts of arrays, as the data set has them.
        """Yields the elements of a data set that calls these functions, as arrays."""

        def elements() -> Generator[Any, None, None]:
            try:
                yield from dataset.as_numpy_iterator()
            except import_tensorflow().errors.OpError:
                self.raise_kept()
                raise

        reading = elements()
        _READING.add(reading)
        return reading

    def raise_kept(self) -> None:
        """Raises the first error that a function has raised, if there is one."""
        if self._errors:
            raise self._errors[0]
