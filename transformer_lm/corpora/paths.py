"""File patterns turned into the list of files that they mean."""

import re
from pathlib import Path

from etils import epath

from transformer_lm.registry import UserError

COMPRESSIONS = ("", ".gz", ".bz2", ".xz")
"""Endings after the one that names the format."""

ENDINGS = tuple(
    kind + compression for kind in (".txt", ".jsonl") for compression in COMPRESSIONS
)
"""Kinds of text file that are understood."""

_WILD = re.compile(r"[*?\[]")


def expand(patterns: str, endings: tuple[str, ...] = ENDINGS) -> list[epath.Path]:
    """Returns the files that patterns mean, in a fixed order.

    Args:
      patterns: files or globs, separated by commas; local or gs://.
      endings: kinds of file that are wanted.

    Raises:
      UserError: if nothing matches, or a file is missing, empty, named twice or of an
        unknown kind.
    """
    paths = []
    for pattern in filter(None, (part.strip() for part in patterns.split(","))):
        matches = _matches(pattern) if _WILD.search(pattern) else [_file(pattern)]
        for path in matches:
            _check(path, pattern, endings)
            if path in paths:
                raise UserError(
                    f"{path} is named twice in the data path {patterns!r}; name every"
                    " file once"
                )
            paths.append(path)
    if not paths:
        raise UserError(
            f"the data path {patterns!r} names no file; give files or globs, separated"
            " by commas"
        )
    return paths


def _matches(pattern: str) -> list[epath.Path]:
    """The files that a glob matches."""
    if "**" in pattern and "://" in pattern:
        raise UserError(f"{pattern!r}: ** would list a whole bucket; use * for folders")
    parts = epath.Path(pattern).expanduser().parts
    wild = next(i for i, part in enumerate(parts) if _WILD.search(part))
    folder = epath.Path(*parts[:wild])
    if folder.exists():
        below = "/".join(parts[wild:])
        # A bucket has no cheap way to go down; a disk has.
        deep = "**" in below
        candidates = Path(folder).glob(below) if deep else folder.glob(below)
        found = sorted(map(epath.Path, candidates))
        found = [path for path in found if not path.is_dir()]
        if found:
            return found
    state = "has no such file" if folder.exists() else "does not exist"
    raise UserError(f"no file matches {pattern!r}: the folder {folder} {state}")


def _file(name: str) -> epath.Path:
    """The file of that name."""
    path = epath.Path(name).expanduser()
    if path.is_dir():
        raise UserError(
            f"{path} is a folder; name its files, for instance {path}/*.jsonl.gz"
        )
    if not path.exists():
        raise UserError(
            f"the file {path} does not exist (current folder: {Path.cwd()});"
            " correct the data path"
        )
    return path


def _check(path: epath.Path, pattern: str, endings: tuple[str, ...]) -> None:
    """Refuses files that cannot be read as text."""
    if not path.name.endswith(endings):
        raise UserError(
            f"{path} (from {pattern!r}) has an ending that is not understood; known:"
            f" {', '.join(endings)}"
        )
    if path.stat().length == 0:
        raise UserError(f"{path} is empty; remove it from the data path, or fill it")
