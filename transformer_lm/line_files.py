"""Files of JSON lines, one for a step, that an interrupted run goes on with."""

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from etils import epath

_LOGGER = logging.getLogger("transformer_lm")

_LARGEST_STEP = 1 << 53
"""Whole numbers that a drawing, in float64, tells apart."""


def is_remote(path: epath.Path) -> bool:
    """Whether `path` lies in an object store (gs://), where nothing can be appended."""
    return "://" in str(path)


def read_records(path: epath.Path) -> list[dict[str, Any]]:  # Any: JSON values.
    """Reads a JSON-lines file written here; a missing file holds no records.

    Lines that cannot be read (the last one, torn by a kill) are passed over with a
    warning.
    """
    if not path.exists():
        return []
    records = []
    # Bytes: a str would be split at U+2028 too, which Japanese text may hold.
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        step = record.get("step") if isinstance(record, dict) else None
        if record and isinstance(step, int) and 0 <= step < _LARGEST_STEP:
            records.append(record)
        else:
            _LOGGER.warning("%s line %d is torn; passed over", path, number)
    return records


class LineFile:
    """A file that grows by a JSON object a line: step, time (Unix seconds), values.

    On a disk, each line is with the operating system when `append` returns, so a killed
    process loses at most one torn line. Object stores (gs://) cannot append: there,
    lines gather in memory and `flush` rewrites the whole object, so a killed process
    loses what came after the last `flush`.

    Opening drops torn lines and those of later steps than `resume_step` (at step 0:
    all lines), replacing the file in one move. With that, and because `append` passes
    over what the last step already has, the file never holds a value of a step twice.
    """

    def __init__(self, path: epath.Path, resume_step: int) -> None:
        kept = [
            record
            for record in read_records(path)
            if resume_step > 0 and record["step"] <= resume_step
        ]
        self._path = path
        self._last_step = max((record["step"] for record in kept), default=-1)
        self._names = {
            name
            for record in kept
            if record["step"] == self._last_step
            for name in record
        }
        self._lines = [self._encode(record) for record in kept]
        self._is_remote = is_remote(path)
        self._is_unsaved = False
        if path.exists() and path.read_bytes() != b"".join(self._lines):
            new = path if self._is_remote else path.with_name(f"{path.name}.new")
            new.write_bytes(b"".join(self._lines))
            if not self._is_remote:
                new.replace(path)

    @staticmethod
    def _encode(record: Mapping[str, object]) -> bytes:
        text = json.dumps(record, ensure_ascii=False)
        return f"{text}\n".encode()

    def append(self, step: int, values: Mapping[str, float | str]) -> None:
        """Writes `values` as one line, less those that this step already has."""
        if step != self._last_step:
            self._last_step, self._names = step, {"step", "time"}
        fresh = {name: values[name] for name in values if name not in self._names}
        if not fresh:
            return
        self._names.update(fresh)
        line = self._encode({"step": step, "time": round(time.time(), 3), **fresh})
        if self._is_remote:
            self._lines.append(line)
            self._is_unsaved = True
        else:
            with self._path.open("ab") as file:
                file.write(line)

    def flush(self) -> None:
        """Makes the lines safe; on a disk they already are."""
        if self._is_remote and self._is_unsaved:
            self._path.write_bytes(b"".join(self._lines))
            self._is_unsaved = False
