"""Sums become numbers, and numbers reach files: JSON lines, the log, other loggers."""

import importlib.metadata
import json
import logging
import math
import platform
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax
from etils import epath

from transformer_lm.loggers import RunLogger, TensorBoardLogger, WandbLogger

Sums = Mapping[str, tuple[jax.typing.ArrayLike, jax.typing.ArrayLike]]
"""Metric name → (sum over tokens or rows, weight that the sum is to be divided by)."""

METRICS_FILE = "metrics.jsonl"
SAMPLES_FILE = "samples.jsonl"
ENVIRONMENT_FILE = "environment.json"
DATA_FILE = "data.json"

_LOGGER = logging.getLogger("transformer_lm")
_FILE_ONLY = logging.getLogger(f"{__name__}.file_only")


def normalise(sums: Sums) -> dict[str, float]:
    """Divides every sum by its weight, once; adds the perplexity of `loss`.

    Add sums and weights over micro-batches, batches and devices first. `perplexity` is
    exp of the token-weighted mean loss (in nats), infinite where that overflows; it is
    neither clipped nor a mean of perplexities. A metric of weight 0 is nan, and a
    warning names it.

    >>> normalise({"accuracy": (3, 4)})
    {'accuracy': 0.75}
    """
    on_host = jax.device_get(dict(sums))
    means = {}
    for name in sums:
        total, weight = map(float, on_host[name])
        if weight == 0:
            _LOGGER.warning("%s has weight 0: nothing was counted, so it is nan", name)
        means[name] = total / weight if weight else math.nan
    if "loss" in means:
        try:
            means["perplexity"] = math.exp(means["loss"])
        except OverflowError:
            means["perplexity"] = math.inf
    return means


def format_number(value: float) -> str:
    """Writes a figure for people: 4 digits, thousands separated.

    >>> [format_number(value) for value in (0.00015, 3.14159, 123456.7)]
    ['0.00015', '3.142', '123,457']
    """
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.4g}"


def is_remote(path: epath.Path) -> bool:
    """Whether `path` lies in an object store (gs://), where nothing can be appended."""
    return "://" in str(path)


_LARGEST_STEP = 1 << 53
"""Whole numbers that a drawing, in float64, tells apart."""


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


def describe_environment() -> dict[str, str]:
    """Names the versions and devices of this run, for the report."""
    packages: Sequence[str] = ("jax", "jaxlib", "flax", "optax", "numpy")
    kinds = sorted({device.device_kind for device in jax.devices()})
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in packages},
        "platform": platform.platform(),
        "devices": f"{jax.device_count()} × {', '.join(kinds)}",
        "processes": str(jax.process_count()),
    }


class MetricWriter:
    """Writes a run's figures and sample texts into its work folder.

    Files: `metrics.jsonl` and `samples.jsonl` (see `LineFile`), `environment.json`,
    `data.json`, what other loggers write, and a line a call in `train.log` (see
    `progress.setup_logging`); lines that hold `eval_` figures reach the screen also.
    Names are the reference's: `train_loss`, `train_accuracy`, `eval_loss`,
    `eval_perplexity`, `learning_rate`. Only process 0 writes.

    Args:
        workdir: work folder, local or gs://; made when missing.
        resume_step: step the run goes on from; later lines of an earlier run go. At 0,
            a fresh start, both files start empty. TensorBoard's own files keep the old
            events, and it shows the newer ones.
        tensorboard: also write TensorBoard events, where TensorFlow is installed.
        wandb_project: project of Weights & Biases that figures also go to.
        settings: of the run, shown beside its figures by Weights & Biases.
        enabled: False writes nothing.
    """

    def __init__(
        self,
        workdir: str,
        *,
        resume_step: int = 0,
        tensorboard: bool = True,
        wandb_project: str | None = None,
        settings: Mapping[str, object] | None = None,
        enabled: bool = True,
    ) -> None:
        self._enabled = enabled and jax.process_index() == 0
        self._loggers: list[RunLogger] = []
        if not self._enabled:
            return
        folder = epath.Path(workdir)
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        if tensorboard and (opened := TensorBoardLogger.open(folder / "tensorboard")):
            self._loggers.append(opened)
        if wandb_project is not None:
            self._loggers.append(WandbLogger(folder, wandb_project, settings or {}))
        self._metrics = LineFile(folder / METRICS_FILE, resume_step)
        self._samples = LineFile(folder / SAMPLES_FILE, resume_step)
        environment = json.dumps(describe_environment(), ensure_ascii=False, indent=2)
        (folder / ENVIRONMENT_FILE).write_text(environment + "\n")

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes the figures of a step; nan and infinities become JSON strings."""
        if not self._enabled:
            return
        numbers = {name: float(value) for name, value in values.items()}
        self._metrics.append(
            int(step),
            {
                name: value if math.isfinite(value) else str(value)
                for name, value in numbers.items()
            },
        )
        for logger in self._loggers:
            logger.scalars(int(step), numbers)
        is_evaluation = any(name.startswith("eval_") for name in numbers)
        (_LOGGER if is_evaluation else _FILE_ONLY).info(
            "step %d: %s",
            step,
            ", ".join(f"{name} {format_number(v)}" for name, v in numbers.items()),
        )

    def texts(self, step: int, values: Mapping[str, str]) -> None:
        """Writes the sample texts of a step."""
        if not self._enabled:
            return
        # A lone surrogate has no UTF-8 form: it becomes a question mark.
        clean = {
            name: text.encode(errors="replace").decode()
            for name, text in values.items()
        }
        self._samples.append(int(step), clean)
        for logger in self._loggers:
            logger.texts(int(step), clean)

    def data(self, step: int, counts: Mapping[str, object]) -> None:
        """Writes what became of the records that this process has read so far."""
        if not self._enabled:
            return
        text = json.dumps({"step": step, **counts}, ensure_ascii=False, indent=2)
        temporary = self._folder / f"{DATA_FILE}.tmp"
        temporary.write_text(text + "\n")
        temporary.replace(self._folder / DATA_FILE)

    def flush(self) -> None:
        """Makes safe what was written so far."""
        if not self._enabled:
            return
        self._metrics.flush()
        self._samples.flush()
        for logger in self._loggers:
            logger.flush()

    def close(self) -> None:
        """Flushes and closes."""
        self.flush()
        while self._loggers:
            self._loggers.pop().close()
