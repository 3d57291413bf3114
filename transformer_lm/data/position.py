"""Where a run stands in its data: all that is needed to go on exactly there."""

import json
from dataclasses import dataclass, field
from typing import Any, TypeVar

from transformer_lm.json_files import construct, parse_object
from transformer_lm.registry import UserError

_FORMAT = 1
_LARGEST = 1 << 62
"""Numbers of records and rows that TensorFlow and numpy can hold."""
_REMEDY = "go on from an older checkpoint"

_Place = TypeVar("_Place")


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

    def problems(self) -> list[str]:
        """Lists what no run can have saved, a line each."""
        numbers = {
            "epoch": self.epoch,
            "window": self.window,
            "group": self.group,
            "row": self.row,
            **self.counts,
        }
        return [
            f"{name} is {value}"
            for name, value in numbers.items()
            if not 0 <= value < _LARGEST
        ]


def to_bytes(values: dict[str, Any], settings: dict[str, Any]) -> bytes:
    """Returns a position as JSON.

    Args:
      values: the position, as JSON values.
      settings: everything on which the order of the data depends.
    """
    state = {"format": _FORMAT, **values, "settings": settings}
    return json.dumps(state, ensure_ascii=False).encode()


def from_bytes(state: bytes, settings: dict[str, Any], kind: type[_Place]) -> _Place:
    """Reads a saved position back.

    Args:
      state: what `to_bytes` gave.
      settings: as they are now.
      kind: dataclass of the position's values.

    Raises:
      UserError: if the state is damaged, or was saved under other settings.
    """
    origin = f"the saved position in the data ({len(state)} bytes)"
    values = parse_object(state, origin, _REMEDY)
    saved_format = values.pop("format", None)
    if saved_format != _FORMAT:
        raise UserError(
            f"the saved position in the data has format {saved_format}, this program"
            f" reads format {_FORMAT}; go on with the version that saved it"
        )
    before = values.pop("settings", None)
    if not isinstance(before, dict):
        raise UserError(f"{origin} is damaged: it has no settings; {_REMEDY}")
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
    return construct(kind, values, origin, _REMEDY)


def refuse_impossible(position: Position) -> None:
    """Refuses a position that no run can have saved.

    Raises:
      UserError: naming its impossible numbers.
    """
    if problems := position.problems():
        raise UserError(
            f"the saved position in the data is damaged: {'; '.join(problems)};"
            f" {_REMEDY}"
        )
