"""Keeps the batch of a step that went wrong, for a second look."""

import json
import math
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
    beside it, a .json has the figures of the step.

    Args:
      workdir: of the run.
      step: the update, counted from 1.
      rows: the batch before it is put on devices.
      metrics: of the train step, on the host.

    Returns:
      The .npz; None if enough are kept already.
    """
    file = _file(workdir, step)
    file.parent.mkdir(parents=True, exist_ok=True)
    kept = list(file.parent.glob(f"*-of-{jax.process_index()}.npz"))
    if not file.exists() and len(kept) >= MOST:
        return None
    figures = {
        name: value if math.isfinite(value) else str(value)
        for name, value in figures_of_step(metrics).items()
    }
    facts = json.dumps({"step": step, "figures": figures}, indent=1)
    file.with_suffix(".json").write_text(f"{facts}\n")
    new = file.with_suffix(".npz.new")
    arrays: dict[str, Any] = dict(rows)
    with new.open("wb") as stream:
        np.savez_compressed(stream, **arrays)
    return new.replace(file)


def figures_of_step(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Returns the figures of one step by their names in a log line."""
    figures = {
        f"train_{name}": float(np.float64(total) / np.float64(weight))
        for name, (total, weight) in metrics["sums"].items()
        if weight
    }
    scalars = metrics.keys() - {"sums", "sound"}
    return figures | {name: float(metrics[name]) for name in sorted(scalars)}


def kept_batch(workdir: str, step: int) -> epath.Path | None:
    """Finds the batch of a bad step of this process."""
    file = _file(workdir, step)
    return file if file.exists() else None


def kept_figures(batch: epath.Path) -> dict[str, float]:
    """Reads what the step made of a batch that was kept."""
    figures = json.loads(batch.with_suffix(".json").read_text())["figures"]
    return {name: float(value) for name, value in figures.items()}


def _file(workdir: str, step: int) -> epath.Path:
    return epath.Path(workdir) / FOLDER / f"{step}-of-{jax.process_index()}.npz"
