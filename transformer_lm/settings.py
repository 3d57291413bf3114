"""Settings of a run itself: batches, precision, evaluation, checkpoints, sampling.

Parts that a config chooses by name (model, objective, …) keep their settings beside
their code; what every run has stands here.
"""

import importlib.util
import math
from dataclasses import dataclass


def check_at_least(settings: object, **lowest: float) -> list[str]:
    """Names the fields of `settings` that are set and lie below their lowest value."""
    given = {name: getattr(settings, name) for name in lowest}
    return [
        f"{name}={given[name]} must be at least {least}"
        for name, least in lowest.items()
        if given[name] is not None and given[name] < least
    ]


def check_choice(name: str, value: str | None, choices: tuple[str, ...]) -> list[str]:
    """Says that `value` is none of `choices`; None stands for "not set"."""
    if value is None or value in choices:
        return []
    return [f"{name}={value!r} is unknown; choose from {', '.join(choices)}"]


@dataclass(frozen=True)
class Training:
    """How long, how large and how precisely a run trains."""

    num_train_steps: int = 500_000
    """Optimizer updates in the whole run."""
    batch_size: int | None = None
    """Rows in a global batch, all devices together; or set one of the next two."""
    per_device_batch_size: int | None = None
    """Rows in each device's share of a batch."""
    per_process_batch: str | None = None
    """Rows of each process in a batch, for hosts of unequal size: "80,80,48,48"."""
    grad_accumulation_steps: int = 1
    """Micro-batches whose gradients are added before an update; with per_process_batch,
    those of the process with the most rows.
    """
    seed: int = 0
    """Of parameters, dropout, masking and data order."""
    use_bfloat16: bool | None = None
    """True: compute in bfloat16; False or unset: float32. Or set dtype."""
    dtype: str | None = None
    """Data type of the computation: float32, bfloat16 or float16 (with loss scale)."""
    param_dtype: str = "float32"
    """Data type that parameters and optimizer are kept in: float32 or bfloat16."""
    ema_decay: float | None = None
    """Keep an exponential moving average of the parameters, with this decay."""
    init_from: str | None = None
    """Whose parameters (alone) start this run: a work folder, or hf:FOLDER, a folder
    as Hugging Face transformers writes it (model.safetensors and config.json).
    """
    nonfinite_policy: str = "stop"
    """When loss or gradient of a step is not finite: "stop", or "skip" its update."""
    max_skipped_steps: int = 10
    """With nonfinite_policy=skip: stop when more steps than this are bad in a row."""
    gradient_norm_limit: float | None = None
    """A step whose gradient norm is larger counts as one that is not finite."""
    profile_steps: int = 0
    """Steps to record with the JAX profiler, after ten warm-up steps; 0: none."""

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = check_at_least(
            self,
            num_train_steps=1,
            batch_size=1,
            per_device_batch_size=1,
            grad_accumulation_steps=1,
            profile_steps=0,
            max_skipped_steps=1,
        )
        problems += check_choice(
            "nonfinite_policy", self.nonfinite_policy, ("stop", "skip")
        )
        limit = self.gradient_norm_limit
        if limit is not None and not limit > 0:
            problems.append(f"gradient_norm_limit={limit} must be above 0")
        sizes = {
            name: getattr(self, name)
            for name in ("batch_size", "per_device_batch_size", "per_process_batch")
        }
        if sum(size is not None for size in sizes.values()) != 1:
            given = ", ".join(f"{name}={size}" for name, size in sizes.items())
            problems.append(
                f"{given}: set exactly one of the three (the others to None in the"
                " config file)"
            )
        problems += self._process_problems()
        problems += check_choice(
            "dtype", self.dtype, ("float32", "bfloat16", "float16")
        )
        problems += check_choice(
            "param_dtype", self.param_dtype, ("float32", "bfloat16")
        )
        if self.param_dtype == "bfloat16" and self.compute_dtype != "bfloat16":
            problems.append(
                f"param_dtype='bfloat16' with a computation in {self.compute_dtype}"
                " keeps less than it computes; set dtype=bfloat16"
            )
        if self.param_dtype == "bfloat16" and self.ema_decay is not None:
            problems.append(
                f"ema_decay={self.ema_decay} needs param_dtype=float32: in bfloat16 an"
                " average does not move by such small steps"
            )
        if self.dtype is not None and self.use_bfloat16 is not None:
            problems.append(
                f"dtype={self.dtype!r} and use_bfloat16={self.use_bfloat16}: set only"
                " one of the two"
            )
        if self.ema_decay is not None and not 0 < self.ema_decay < 1:
            problems.append(f"ema_decay={self.ema_decay} must lie in (0, 1)")
        return problems

    @property
    def compute_dtype(self) -> str:
        """Name of the data type of the computation."""
        return self.dtype or ("bfloat16" if self.use_bfloat16 else "float32")

    @property
    def process_rows(self) -> tuple[int, ...]:
        """Rows of each process in a batch, where they differ; else nothing."""
        if self.per_process_batch is None:
            return ()
        return tuple(int(rows) for rows in self.per_process_batch.split(","))

    def global_batch_size(self, num_devices: int) -> int:
        """Rows in a global batch on `num_devices` devices."""
        if self.process_rows:
            return sum(self.process_rows)
        return self.batch_size or (self.per_device_batch_size or 0) * num_devices

    def rows_of_processes(
        self, num_devices: int, num_processes: int
    ) -> tuple[int, ...]:
        """Rows of each process in a global batch."""
        if self.process_rows:
            return self.process_rows
        return (self.global_batch_size(num_devices) // num_processes,) * num_processes

    def process_micro_rows(self, num_devices: int, num_processes: int) -> int:
        """Rows of a process in a micro-batch, alike for all processes."""
        most = max(self.rows_of_processes(num_devices, num_processes))
        return most // self.grad_accumulation_steps

    def _process_problems(self) -> list[str]:
        """What is wrong with per_process_batch: micro-batches must be of one size."""
        if self.per_process_batch is None:
            return []
        name = f"per_process_batch={self.per_process_batch!r}"
        entries = self.per_process_batch.split(",")
        if not all(entry.strip().isdecimal() and int(entry) for entry in entries):
            return [f'{name} must be rows of each process, by commas: "80,80,48,48"']
        most, steps = max(self.process_rows), max(self.grad_accumulation_steps, 1)
        if most % steps or any(rows % (most // steps) for rows in self.process_rows):
            common = math.gcd(*self.process_rows)
            return [
                f"{name} cannot be divided into micro-batches of one size with"
                f" grad_accumulation_steps={steps}: {most} rows are then {most / steps:g}"
                f" each; set it to {most // common} (of {common} rows) or a multiple"
            ]
        return []


@dataclass(frozen=True)
class Evaluation:
    """What is measured during training, and how often."""

    eval_every_steps: int = 1_000
    """Steps between evaluations on the held-out split; one more comes at the end."""
    num_eval_steps: int = -1
    """Batches an evaluation takes at most; -1: the whole held-out split."""
    eval_per_device_batch_size: int | None = None
    """Rows in each device's share of an evaluation batch; unset: as in training."""
    log_every_steps: int = 100
    """Steps between lines of training metrics."""
    num_predict_steps: int = -1
    """Key of transformer-lm-japanese, which never reads it; must stay -1."""
    tensorboard: bool = True
    """Write TensorBoard event files beside metrics.jsonl."""
    wandb_project: str | None = None
    """Project of Weights & Biases that figures and samples also go to; unset: none. The
    package wandb must be installed.
    """

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = check_at_least(
            self,
            eval_every_steps=1,
            num_eval_steps=-1,
            eval_per_device_batch_size=1,
            log_every_steps=1,
        )
        if self.num_predict_steps != -1:
            problems.append(
                f"num_predict_steps={self.num_predict_steps} has no effect here or in"
                " transformer-lm-japanese; leave it at -1"
            )
        return problems

    def problems_here(self) -> list[str]:
        """Lists what this machine lacks; a run may be read where it cannot train."""
        if self.wandb_project is None or importlib.util.find_spec("wandb"):
            return []
        return [
            f"wandb_project={self.wandb_project!r} needs the package wandb, which is not"
            " installed: pip install wandb, or leave the key unset"
        ]


@dataclass(frozen=True)
class Checkpoints:
    """When a run is saved and what is kept."""

    save_checkpoints: bool = True
    """False: save nothing."""
    restore_checkpoints: bool = True
    """False: start anew; refused when the work folder holds checkpoints."""
    checkpoint_every_steps: int = 10_000
    """Steps between saves; one more comes at the end."""
    checkpoint_every_minutes: float | None = None
    """Also save when this many minutes have passed since the last save."""
    keep_checkpoints: int = 3
    """How many of the newest checkpoints stay; the best one stays besides."""
    best_metric: str = "loss"
    """Held-out metric that the best checkpoint has lowest (…accuracy: highest)."""

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        return check_at_least(
            self,
            checkpoint_every_steps=1,
            checkpoint_every_minutes=0.01,
            keep_checkpoints=1,
        )


@dataclass(frozen=True)
class Sampling:
    """How text is sampled, during training and by generate_text.py."""

    prompts: str = ""
    """Beginnings of the texts, separated by ;; (a double semicolon)."""
    sampling_temperature: float = 0.6
    """Divides the logits; 0: always the likeliest token."""
    sampling_top_k: int = 20
    """Sample among this many likeliest tokens; 0: among all."""
    sampling_top_p: float = 1.0
    """Sample among the likeliest tokens that have this probability together."""
    repetition_penalty: float = 1.0
    """Above 1: tokens already in the text become less likely (CTRL, section 4.1)."""
    max_predict_length: int = 50
    """Tokens of a text at most, its prompt included."""

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = check_at_least(
            self, sampling_temperature=0, sampling_top_k=0, max_predict_length=1
        )
        if not 0 < self.sampling_top_p <= 1:
            problems.append(f"sampling_top_p={self.sampling_top_p} must lie in (0, 1]")
        if self.repetition_penalty <= 0:
            problems.append(f"repetition_penalty={self.repetition_penalty} must be > 0")
        return problems
