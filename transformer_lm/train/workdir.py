"""The work folder of a run: may it be used, and for the same model as before?"""

import logging
import uuid
from typing import Any

from etils import epath

from transformer_lm.json_files import read_object
from transformer_lm.registry import UserError
from transformer_lm.run_settings import Settings

SETTINGS_FILE = "settings.json"
LOGGER = logging.getLogger("transformer_lm")

CHANGEABLE = (
    *("dropout_rate", "attention_dropout_rate", "embedding_dropout_rate"),
    *("remat", "attention"),
)
"""Keys of a model that change neither its parameters nor what they compute."""

FIXED_KEYS = ("model", "objective", "tokenizer", "optimizer", "ema_decay")
"""Keys besides the model's and the tokenizer's that a resume cannot change."""


def open_workdir(workdir: str) -> epath.Path:
    """Makes the folder and proves that it can be written to.

    Raises:
      UserError: if it cannot.
    """
    path = epath.Path(workdir)
    # A name of its own: the processes of a run try at the same time.
    probe = path / f".write_test.{uuid.uuid4().hex}"
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"work folder {workdir} cannot be written to: {error}. Give another with"
            " --workdir, or free space there."
        ) from error
    return path


def write_settings(path: epath.Path, settings: Settings) -> None:
    """Writes settings.json in one piece."""
    temporary = path / f"{SETTINGS_FILE}.tmp"
    temporary.write_text(settings.to_json())
    temporary.replace(path / SETTINGS_FILE)


def read_settings(workdir: str) -> dict[str, Any]:
    """Reads the flat settings that a run left in its work folder.

    Raises:
      UserError: if there are none, or they are no JSON.
    """
    file = epath.Path(workdir) / SETTINGS_FILE
    if not file.exists():
        raise UserError(
            f"{workdir} holds no {SETTINGS_FILE}: it is not the work folder of a run."
            " Give the folder that main.py trained in."
        )
    return read_object(file, "restore it from a copy, or train anew")


def compare_settings(before: dict[str, Any], now: Settings, workdir: str) -> list[str]:
    """Compares a run's settings with those of the checkpoint it goes on from.

    Logs what differs, a line each.

    Returns:
      The keys that differ.

    Raises:
      UserError: if the checkpoint belongs to another architecture.
    """
    flat = now.flat()
    changed = sorted(
        key
        for key in before.keys() | flat.keys()
        if before.get(key, "(no such key)") != flat.get(key, "(no such key)")
    )
    fixed = {*FIXED_KEYS, *vars(now.model), *vars(now.tokenizer)} - {*CHANGEABLE}

    def line(key: str) -> str:
        old = before.get(key, "(no such key)")
        return f"{key}: {old!r} before, {flat.get(key, '(no such key)')!r} now"

    if refused := [key for key in changed if key in fixed]:
        raise UserError(
            f"work folder {workdir} belongs to another run:\n  - "
            + "\n  - ".join(line(key) for key in refused)
            + "\nGive another --workdir, or set these keys as before."
        )
    for key in changed:
        LOGGER.warning("setting changed since the checkpoint: %s", line(key))
    return changed
