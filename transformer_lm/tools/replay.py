"""Computes steps of a run once more and compares them with what the run logged.

  python -m transformer_lm.tools.replay --workdir=runs/mine --step=1200

From the newest checkpoint before that step (or from the beginning, where there is none),
with the same text, masks and dropout. Every logged step on the way is compared, to the
last bit; the first difference is told, and the exit code is then 1. A step that went
wrong is compared with what bad_steps/ keeps of it: its batch, loss and gradient norm.
The work folder is only read.
"""

import argparse
import contextlib
import json
import logging
import math
from collections.abc import Iterator, Mapping

import jax
import numpy as np
from etils import epath

from transformer_lm.checkpoint import CheckpointStore, folder
from transformer_lm.checksums import damage
from transformer_lm.config import from_saved, resolve
from transformer_lm.environment import prepare_environment
from transformer_lm.line_files import read_records
from transformer_lm.metrics import ENVIRONMENT_FILE, METRICS_FILE, describe_environment
from transformer_lm.registry import UserError
from transformer_lm.run_settings import Settings
from transformer_lm.tools.command import ToolParser, start_tool
from transformer_lm.train.assembly import Assembly, assemble, placed
from transformer_lm.train.bad_steps import figures_of_step, kept_batch, kept_figures
from transformer_lm.train.restore import Start, begin, resume
from transformer_lm.train.window import MetricWindow
from transformer_lm.train.workdir import read_settings

DIFFERS = 1
"""Exit code when a step came out otherwise."""

LOGGER = logging.getLogger(__name__)


def parser() -> ToolParser:
    """Returns the command's arguments."""
    made = ToolParser(module="transformer_lm.tools.replay", description=__doc__)
    made.add_argument("--workdir", required=True, help="work folder of the run")
    made.add_argument("--step", type=int, required=True, help="the last one, from 1")
    made.add_argument(
        "--tolerance",
        type=float,
        default=0.0,
        help="relative difference that is none (default: 0, every bit counts)",
    )
    return made


def main(arguments: argparse.Namespace) -> None:
    """Computes the steps and compares them.

    Raises:
      UserError: if the run has no such step, or its text is not there any more.
    """
    prepare_environment()
    workdir, last = arguments.workdir, arguments.step
    settings = resolve(from_saved(read_settings(workdir)), f"{workdir}/settings.json")
    if not 1 <= last <= settings.training.num_train_steps:
        raise UserError(
            f"--step={last}: the run has steps 1 to {settings.training.num_train_steps}"
        )
    _warn_of_other_devices(workdir)
    parts = assemble(settings, workdir)
    start = _start(settings, workdir, parts, last)
    logged = _logged(workdir, settings, start.step, last)
    if not logged and not kept_batch(workdir, last):
        raise UserError(
            f"{workdir} has no figures of steps {start.step + 1} to {last}: choose a"
            f" multiple of log_every_steps={settings.evaluation.log_every_steps}"
        )
    print(f"steps {start.step + 1} to {last}, from {_origin(start)}")
    difference = None
    for step, figures, rows in replayed(settings, parts, start, last):
        if kept := kept_batch(workdir, step):
            difference = compare_rows(step, kept, rows) or compare(
                step, kept_figures(kept), figures, arguments.tolerance
            )
        elif step in logged:
            difference = compare(step, logged[step], figures, arguments.tolerance)
        else:
            continue
        if difference:
            print(difference)
            raise SystemExit(DIFFERS)
        print(
            f"step {step}: same ("
            + ", ".join(f"{name} {value:.8g}" for name, value in figures.items())
            + ")"
        )


def replayed(
    settings: Settings, parts: Assembly, start: Start, last: int
) -> Iterator[tuple[int, dict[str, float], Mapping[str, np.ndarray]]]:
    """Yields (step, figures as a log line there would have, rows of its batch)."""
    if start.position is not None:
        parts.data.set_state(start.position)
    window = MetricWindow(start.window, settings.training)
    state = start.state
    every, total = (
        settings.evaluation.log_every_steps,
        settings.training.num_train_steps,
    )
    for step in range(start.step + 1, last + 1):
        rows = next(parts.data)
        batch = placed(rows, settings.training, parts.program.mesh)
        state, metrics = parts.program.train_step(state, batch)
        of_step = jax.device_get(metrics)
        with contextlib.suppress(UserError):  # The run stopped here; so does its log.
            window.add(step, dict(metrics))
        is_logged = step % every == 0 or step == total
        line = window.close() if is_logged else {}
        figures = line if line and of_step["sound"] else figures_of_step(of_step)
        yield step, figures, rows


def compare(
    step: int,
    before: Mapping[str, float],
    now: Mapping[str, float],
    tolerance: float = 0.0,
) -> str | None:
    """Says which figures of a step differ; None: none does."""
    differing = [
        f"{name} was {before[name]!r}, is {now[name]!r}"
        for name in sorted(before.keys() & now.keys())
        if not _same(before[name], now[name], tolerance)
    ]
    if not differing:
        return None
    return f"step {step} is the first that differs: {'; '.join(differing)}"


def compare_rows(
    step: int, kept: epath.Path, rows: Mapping[str, np.ndarray]
) -> str | None:
    """Says which arrays of a batch are not those that a file holds."""
    with kept.open("rb") as stream, np.load(stream, allow_pickle=False) as before:
        differing = [
            name
            for name in sorted({*before.files, *rows})
            if name not in before.files
            or name not in rows
            or not np.array_equal(before[name], rows[name])
        ]
    if not differing:
        return None
    return f"step {step} has another batch than {kept}: {', '.join(differing)} differ"


def _same(one: float, other: float, tolerance: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other or math.isclose(one, other, rel_tol=tolerance)


def _start(settings: Settings, workdir: str, parts: Assembly, last: int) -> Start:
    """The state of the newest sound checkpoint before a step, or a fresh one."""
    if folder(workdir).exists():
        store = CheckpointStore(workdir, writes=False)
        try:
            for step in sorted(store.steps(), reverse=True):
                if step >= last:
                    continue
                if wrong := damage(store.folder(step)):
                    LOGGER.warning("checkpoint %d: %s", step, "; ".join(wrong))
                    continue
                return resume(settings, workdir, parts.program, store, step)
        finally:
            store.close()
    return begin(settings, workdir, parts.program)


def _origin(start: Start) -> str:
    return f"checkpoint {start.step}" if start.step else "the beginning"


def _logged(
    workdir: str, settings: Settings, first: int, last: int
) -> dict[int, dict[str, float]]:
    """Figures of training by step, without those of time."""
    every, total = (
        settings.evaluation.log_every_steps,
        settings.training.num_train_steps,
    )
    found: dict[int, dict[str, float]] = {}
    for record in read_records(epath.Path(workdir) / METRICS_FILE):
        step = record["step"]
        if first < step <= last and (step % every == 0 or step == total):
            values = {n: v for n, v in record.items() if n not in ("step", "time")}
            found.setdefault(step, {}).update({n: float(v) for n, v in values.items()})
    return found


def _warn_of_other_devices(workdir: str) -> None:
    """Other devices and versions round otherwise."""
    file = epath.Path(workdir) / ENVIRONMENT_FILE
    if not file.exists():
        return
    before = json.loads(file.read_text())
    for name, value in describe_environment().items():
        if before.get(name) != value:
            LOGGER.warning("%s was %s, is %s", name, before.get(name), value)


if __name__ == "__main__":
    start_tool(main, parser())
