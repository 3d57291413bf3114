"""How a program that trains or samples starts, and how it ends."""

import argparse
import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import jax
from absl import logging as absl_logging

from transformer_lm.environment import prepare_environment
from transformer_lm.exit_codes import INTERRUPTED, PEER_LOST, PREEMPTED, USER_ERROR
from transformer_lm.log import LOGGED
from transformer_lm.redaction import without_tokens
from transformer_lm.registry import UserError
from transformer_lm.train.preemption import Preempted

PEER_WORDS = ("Gloo", "Connection closed by peer", "coordination", "DEADLINE_EXCEEDED")
"""What JAX's messages say when it waits for a process that does not answer."""

OUT_OF_MEMORY = ("RESOURCE_EXHAUSTED", "Out of memory")
"""What XLA's messages say, by backend, when an array or a program does not fit."""

_THREADS = "transformer_lm.threads.file_only"
"""Logger of what goes wrong in threads."""


def start_program(
    main: Callable[[argparse.Namespace], None], parser: argparse.ArgumentParser
) -> NoReturn:
    """Runs `main` with the parsed arguments; never returns.

    A `UserError` is shown without a traceback and ends the process with code 2; a run
    that was asked to end (SIGTERM) ends it with code 143.
    """
    arguments = parser.parse_args()
    faulthandler.enable()
    prepare_environment()
    threading.excepthook = _keep_in_log
    sys.unraisablehook = _show_or_keep
    # Libraries give the root logger a handler, which would show our lines once more.
    for name in LOGGED:
        logging.getLogger(name).propagate = False
    # Without a handler, logging itself would print what is for a file, where there is one.
    logging.getLogger(_THREADS).addHandler(logging.NullHandler())
    # Orbax tells dozens of lines a checkpoint, and of a failed one a dozen tracebacks.
    absl_logging.set_verbosity(absl_logging.FATAL)
    try:
        main(arguments)
    except UserError as error:
        stop(str(error), PREEMPTED if isinstance(error, Preempted) else USER_ERROR)
    except KeyboardInterrupt:
        stop("interrupted before training began", INTERRUPTED)
    except OSError as error:
        if error.errno is None:
            raise
        stop(
            f"the system refuses: {error}\nMend that, then give the same command"
            " again; a run goes on from its newest checkpoint.",
            USER_ERROR,
        )
    except jax.errors.JaxRuntimeError as error:
        message, code = _in_words(error)
        stop(message, code)
    raise SystemExit(0)


def _in_words(error: Exception) -> tuple[str, int]:
    """Returns the message and exit code of what went wrong on the devices.

    Raises:
      JaxRuntimeError: the same, if a user cannot mend it.
    """
    text = str(error)
    first_line = text.partition("\n")[0]
    if jax.process_count() > 1 and any(words in text for words in PEER_WORDS):
        return (
            f"another process of this run ended or cannot be reached: {first_line}\nIts"
            " own message says why. Start all processes again; they go on from the"
            " newest checkpoint.",
            PEER_LOST,
        )
    if any(words in text for words in OUT_OF_MEMORY):
        return (
            f"the devices have too little memory: {first_line}\n"
            "Take a smaller batch_size or per_device_batch_size, more"
            " grad_accumulation_steps (or, in evaluation, a smaller"
            " eval_per_device_batch_size), shorter rows, remat=full, or more devices"
            " with fsdp_parallel.",
            USER_ERROR,
        )
    raise error


def _keep_in_log(failure: threading.ExceptHookArgs) -> None:
    """Sends the traceback of a thread to train.log alone.

    Threads here write checkpoints; what goes wrong there reaches the main thread, which
    says it in words.
    """
    logging.getLogger(_THREADS).error(
        "a thread failed: %s", failure.exc_value, exc_info=failure.exc_value
    )


def _show_or_keep(failure: "sys.UnraisableHookArgs") -> None:
    """Shows what no caller can be told; of other threads, keeps a line in train.log.

    Those of TensorStore call this for each array of a checkpoint that can no longer be
    written, hundreds of times.
    """
    if threading.current_thread() is threading.main_thread():
        sys.__unraisablehook__(failure)
    else:
        logging.getLogger(_THREADS).error("a thread failed: %r", failure.exc_value)


def stop(message: str, code: int) -> NoReturn:
    """Prints one message, without tokens, and ends the process at once.

    Without Python's own ending, because threads of a checkpoint that could not be
    written would add their tracebacks to the message.
    """
    print(f"{Path(sys.argv[0]).name}: {without_tokens(message)}", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
