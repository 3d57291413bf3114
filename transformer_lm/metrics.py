"""Sums become numbers, and numbers reach files: JSON lines, the log, other loggers."""

import importlib.metadata
import json
import logging
import math
import platform
from collections.abc import Mapping

import jax
from etils import epath

from transformer_lm.line_files import LineFile
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


def describe_environment() -> dict[str, str]:
    """Names the versions and devices of this run, for the report."""
    packages = ("jax", "jaxlib", "flax", "optax", "numpy")
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
    `log.setup_logging`); lines that hold `eval_` figures reach the screen also.
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
