"""Where a run stands in its data: all that is needed to go on exactly there."""

import dataclasses
import json
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

    def to_bytes(self, settings: dict[str, Any], mark: list[int]) -> bytes:
        """Returns the position as JSON.

        Args:
          settings: everything on which the order of the data depends.
          mark: numbers that make reading from here fast.
        """
        values = {
            "format": _FORMAT,
            **dataclasses.asdict(self),
            "mark": mark,
            "settings": settings,
        }
        return json.dumps(values, ensure_ascii=False).encode()

    @classmethod
    def from_bytes(
        cls, state: bytes, settings: dict[str, Any]
    ) -> tuple["Position", list[int]]:
        """Reads a saved position back; returns it with its mark.

        Raises:
          UserError: if the state is damaged, or was saved under other settings.
        """
        try:
            values = json.loads(state)
            saved_format, mark = values.pop("format"), values.pop("mark")
            saved = values.pop("settings")
            position = cls(**values)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
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
            f"{key} was {saved.get(key)!r}, is {settings.get(key)!r}"
            for key in {**saved, **settings}
            if saved.get(key) != settings.get(key)
        ]
        if differing:
            raise UserError(
                "the saved position in the data belongs to other settings:"
                f" {'; '.join(differing)}; set them back, or start a new work folder"
                " (init_from takes the parameters over)"
            )
        return position, mark
