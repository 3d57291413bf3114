"""Reads the parameters of a run, and nothing else of it."""

import logging
from typing import Any

from transformer_lm.checkpoint import CheckpointStore, folder
from transformer_lm.checksums import damage
from transformer_lm.registry import UserError

LOGGER = logging.getLogger("transformer_lm")


def load_parameters(
    workdir: str, abstract: Any, *, average: bool, step: int | None = None
) -> tuple[int, Any]:
    """Reads parameters without building an optimizer.

    Args:
      workdir: of the run that saved them.
      abstract: shapes with shardings.
      average: the run keeps a moving average; read that.
      step: which checkpoint; None: the newest.

    Returns:
      (step, parameters).

    Raises:
      UserError: if there is no such checkpoint, or it holds another network.
    """
    store, chosen = open_checkpoint(workdir, step)
    parameters = store.parameters(chosen, abstract, average=average)
    store.close()
    return chosen, parameters


def open_checkpoint(
    workdir: str, step: int | None = None
) -> tuple[CheckpointStore, int]:
    """Opens the checkpoints of a run; returns them with the step that is asked for.

    Nothing in the folder is changed, so the run may be under way.

    Args:
      workdir: of the run.
      step: which checkpoint; None: the newest that is sound.

    Raises:
      UserError: if there is no such checkpoint, or it is damaged.
    """
    if not folder(workdir).exists():
        raise UserError(
            f"{workdir} holds no checkpoints. Give the work folder of a run that has"
            " saved one (see checkpoint_every_steps)."
        )
    store = CheckpointStore(workdir, writes=False)
    steps = store.steps()
    if not steps or (step is not None and step not in steps):
        wanted = "any checkpoint" if step is None else f"checkpoint {step}"
        raise UserError(f"{folder(workdir)} does not hold {wanted}; it has {steps}")
    for candidate in reversed(steps) if step is None else [step]:
        wrong = damage(store.folder(candidate))
        if not wrong:
            return store, candidate
        LOGGER.warning(
            "checkpoint %d in %s is damaged: %s",
            candidate,
            folder(workdir),
            "; ".join(wrong),
        )
    raise UserError(
        f"no sound checkpoint is left to read in {folder(workdir)}:"
        f" {steps if step is None else [step]} damaged, as the lines above say"
    )
