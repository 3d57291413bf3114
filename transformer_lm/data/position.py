"""Where a run stands in its data: all that is needed to go on exactly there."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from transformer_lm.registry import UserError

_FORMAT = 1


@dataclass(frozen=True)
class Position:
    """The next row to be delivered, and what was counted before it."""

    epoch: int = 0
    """Passes over the data that are complete."""
    window: int = 0
    """Number of the first record of the window."""
    group: int = 0
    """Groups of that window that are used up."""
    row: int = 0
    """Rows of the next group that are used up."""
    counts: dict[str, int] = field(default_factory=dict)
    """What became of the records so far; see `packing.Counts`."""


def to_bytes(values: dict[str, Any], settings: dict[str, Any]) -> bytes:
    """Returns a position as JSON.

    Args:
      values: the position, as JSON values.
      settings: everything on which the order of the data depends.
    """
    state = {"format": _FORMAT, **values, "settings": settings}
    return json.dumps(state, ensure_ascii=False).encode()


def from_bytes(
    state: bytes, settings: dict[str, Any], keys: Iterable[str]
) -> dict[str, Any]:
    """Reads a saved position back.

    Args:
      state: what `to_bytes` gave.
      settings: as they are now.
      keys: of the position's values.

    Raises:
      UserError: if the state is damaged, or was saved under other settings.
    """
    try:
        saved = json.loads(state)
        saved_format, before = saved["format"], saved["settings"]
        values = {key: saved[key] for key in keys}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"the saved position in the data ({len(state)} bytes) cannot be read"
            f" ({error!r}); go on from an older checkpoint"
        ) from error
    if saved_format != _FORMAT:
        raise UserError(
            f"the saved position in the data has format {saved_format}, this program"
            f" reads format {_FORMAT}; go on with the version that saved it"
        )
    differing = [
        f"{key} was {before.get(key)!r}, is {settings.get(key)!r}"
        for key in {**before, **settings}
        if before.get(key) != settings.get(key)
    ]
    if differing:
        raise UserError(
            "the saved position in the data belongs to other settings:"
            f" {'; '.join(differing)}; set them back, or start a new work folder"
            " (init_from takes the parameters over)"
        )
    return values
