"""Checksums of a checkpoint's files: what is read is what was written.

`checksums.json` in a checkpoint's folder names each file with its size and its SHA-256.
It is written when all items are whole and before the folder gets its name, so a
checkpoint either has it or was saved by a version that knew none.
"""

import json
from concurrent.futures import ThreadPoolExecutor

from etils import epath

from transformer_lm.data.manifest import sha256_of

FILE = "checksums.json"
MARK = "checksums"
"""Key in a checkpoint's settings which says that it was saved with checksums."""

_SETTINGS = "settings/metadata"
_ORBAX_FILES = ("_CHECKPOINT_METADATA", "commit_success.txt")
"""Written after the checksums; nothing that a run reads is in them."""

_THREADS = 8


def write_checksums(folder: epath.Path) -> None:
    """Reads all files of a folder and writes their sizes and digests beside them."""
    names = sorted(_names(folder) - {FILE, *_ORBAX_FILES})
    with ThreadPoolExecutor(_THREADS) as threads:
        facts = threads.map(lambda name: _facts(folder / name), names)
        table = dict(zip(names, facts, strict=True))
    (folder / FILE).write_text(json.dumps({"sha256": table}, indent=1) + "\n")


def damage(folder: epath.Path) -> list[str]:
    """Compares a checkpoint's files, all of them, with its checksums.

    Args:
      folder: of one step.

    Returns:
      What is wrong, a line each; nothing where all is as it was written. Of a
      checkpoint that was saved without checksums nothing is known to be wrong.
    """
    if not (folder / FILE).exists():
        return [f"{FILE} is missing"] if _was_marked(folder) else []
    try:
        table = json.loads((folder / FILE).read_text())["sha256"]
        wanted = {
            name: (int(size), str(digest)) for name, (size, digest) in table.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return [f"{FILE} cannot be read ({error!r})"]
    with ThreadPoolExecutor(_THREADS) as threads:
        found = threads.map(lambda name: _compare(folder / name, wanted[name]), wanted)
        compared = dict(zip(wanted, found, strict=True))
    return [f"{name} {wrong}" for name, wrong in compared.items() if wrong]


def _was_marked(folder: epath.Path) -> bool:
    """Whether a checkpoint without checksums once had some, or cannot tell."""
    try:
        return MARK in json.loads((folder / _SETTINGS).read_text())
    except (OSError, ValueError, TypeError):
        return True


def _names(folder: epath.Path) -> set[str]:
    """Files of a folder and of those in it, as relative paths."""
    names = set()
    for path in folder.iterdir():
        if path.is_dir():
            names |= {f"{path.name}/{name}" for name in _names(path)}
        else:
            names.add(path.name)
    return names


def _facts(path: epath.Path) -> tuple[int, str]:
    return path.stat().length, sha256_of(path)


def _compare(path: epath.Path, wanted: tuple[int, str]) -> str | None:
    """Says what is wrong with a file."""
    size, digest = wanted
    try:
        length = path.stat().length
        if length != size:
            return f"has {length} bytes instead of {size}"
        return None if sha256_of(path) == digest else "has other bytes than were saved"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error})"
