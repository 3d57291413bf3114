"""Arrays of a safetensors file, which may come from anybody."""

import os

from etils import epath
from safetensors import SafetensorError
from safetensors.numpy import load_file

from transformer_lm.convert.paths import Arrays
from transformer_lm.registry import UserError

LARGEST_HEADER = 100_000_000
"""Bytes, as the library allows; checked here before it allocates them.
https://huggingface.co/docs/safetensors, "Format"."""

_LENGTH_BYTES = 8


def read_safetensors(file: epath.Path) -> Arrays:
    """Returns the arrays of a file on this machine, by name.

    What is allocated is bounded by the file's size: the library refuses arrays that do
    not fill the file exactly.

    Raises:
      FileNotFoundError: if there is no such file.
      UserError: if it is no safetensors file, or holds types that numpy has not.
    """
    with file.open("rb") as stream:
        header = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
    size = file.stat().length
    if not 0 < header <= min(LARGEST_HEADER, size - _LENGTH_BYTES):
        raise UserError(
            f"{file} is no safetensors file, or is cut short: its header would have"
            f" {header} bytes, the file has {size}; download it again"
        )
    try:
        return load_file(os.fspath(file))
    except (SafetensorError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise UserError(
            f"{file} cannot be read ({error!r}); download it again"
        ) from error
