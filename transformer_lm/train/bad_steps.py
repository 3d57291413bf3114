"""Keeps the batch of a step that went wrong, for a second look."""

import json
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from etils import epath

FOLDER = "bad_steps"
MOST = 20
"""Batches of a process that are kept; of later bad steps only the log tells."""


def keep_batch(
    workdir: str, step: int, rows: Mapping[str, np.ndarray], metrics: Mapping[str, Any]
) -> epath.Path | None:
    """Writes this process's rows of a batch, and what the step made of them.

    `bad_steps/STEP-of-PROCESS.npz` has the arrays `[rows, …]` as the data gave them;
    beside it, a .json has the step's sums, gradient norm and learning rate.

    Args:
      workdir: of the run.
      step: the update, counted from 1.
      rows: the batch before it is put on devices.
      metrics: of the step, as numbers.

    Returns:
      The .npz; None if enough are kept already.
    """
    folder = epath.Path(workdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    process = jax.process_index()
    file = folder / f"{step}-of-{process}.npz"
    kept = list(folder.glob(f"*-of-{process}.npz"))
    if file not in kept and len(kept) >= MOST:
        return None
    with (new := file.with_suffix(".npz.new")).open("wb") as stream:
        np.savez_compressed(stream, **dict(rows))
    new.replace(file)
    facts = {"step": step, **jax.tree.map(str, dict(metrics))}
    file.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n")
    return file
