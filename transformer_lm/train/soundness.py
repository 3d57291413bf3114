"""A run goes on from checkpoints that are as they were written, and from no others."""

import logging

import orbax.checkpoint as ocp
from etils import epath

from transformer_lm.checkpoint import folder
from transformer_lm.checksums import damage
from transformer_lm.processes import first_process_does
from transformer_lm.registry import UserError

UNSOUND = "unsound_checkpoints"
"""Folder, in the work folder, of what a run would have gone on from but for damage."""

LOGGER = logging.getLogger("transformer_lm")


def set_unsound_aside(workdir: str) -> None:
    """Moves damaged checkpoints that are newer than the newest sound one out of the way.

    Their steps are trained and saved again; they stay in `unsound_checkpoints` for
    whoever wants to look. Every process must call this.

    Raises:
      UserError: if there are checkpoints, and none is sound; nothing is moved then.
    """
    first_process_does(lambda: _set_aside(workdir))


def _set_aside(workdir: str) -> None:
    if not folder(workdir).exists():
        return
    unsound: dict[epath.Path, list[str]] = {}
    for step, path in _newest_first(workdir):
        wrong = damage(path)
        if not wrong:
            break
        LOGGER.error("checkpoint %d in %s is damaged: %s", step, path, "; ".join(wrong))
        unsound[path] = wrong
    else:
        if unsound:
            raise UserError(
                f"no checkpoint in {folder(workdir)} is as it was written:\n  - "
                + "\n  - ".join(
                    f"{path.name}: {'; '.join(wrong)}"
                    for path, wrong in unsound.items()
                )
                + "\nNothing was changed. Bring sound files back, or move that folder"
                " away to train from the beginning."
            )
    for path in unsound:
        aside = _free_name(epath.Path(workdir) / UNSOUND / path.name)
        aside.parent.mkdir(exist_ok=True)
        path.rename(aside)
        LOGGER.error(
            "it was moved to %s; the run goes on from an older checkpoint", aside
        )


def _newest_first(workdir: str) -> list[tuple[int, epath.Path]]:
    # A manager of Orbax waits for all processes; this runs on the first alone.
    steps = {
        int(path.name): path
        for path in folder(workdir).iterdir()
        if path.name.isdecimal() and ocp.utils.is_checkpoint_finalized(path)
    }
    return sorted(steps.items(), reverse=True)


def _free_name(path: epath.Path) -> epath.Path:
    """Returns a name that is not taken, like `7`, else `7-2`, else `7-3`."""
    name, number = path, 1
    while name.exists():
        number += 1
        name = path.with_name(f"{path.name}-{number}")
    return name
