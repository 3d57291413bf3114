"""What is attacked: a reader of bytes, which has to give a result or a plain message."""

import dataclasses
import logging
import warnings
from collections.abc import Callable
from pathlib import Path

from transformer_lm.registry import UserError

LONGEST_MESSAGE = 100_000
"""Characters; a message that quotes the whole of a hostile file is none."""


@dataclasses.dataclass(frozen=True)
class Target:
    """A reader under attack."""

    name: str
    seeds: tuple[bytes, ...]
    """Sound inputs, from which hostile ones are made."""
    read: Callable[[bytes, Path], object]
    """Reads the bytes, with a folder that it may write to."""
    mentions: str = ""
    """What each message must have in it: the file at fault."""


def attack(target: Target, content: bytes, folder: Path) -> UserError | None:
    """Lets a reader loose on bytes; returns its complaint.

    Raises:
      AssertionError: if the complaint is no message for people.
      Exception: whatever else the reader raises: a fault of ours.
    """
    logging.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            target.read(content, folder)
    except UserError as error:
        message = str(error)
        assert target.mentions in message, message
        assert 10 < len(message) < LONGEST_MESSAGE, message[:1000]
        message.encode()
        return error
    finally:
        logging.disable(logging.NOTSET)
    return None
