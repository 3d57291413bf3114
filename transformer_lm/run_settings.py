"""The checked settings of a whole run: its parts, and the rules between them."""

import dataclasses
import json
from typing import Any

from transformer_lm.data.source import Source
from transformer_lm.data.windows import Windows
from transformer_lm.models import MODELS
from transformer_lm.models.attention_choice import AttentionUse, choice_obstacles
from transformer_lm.objectives import OBJECTIVES
from transformer_lm.optim import OPTIMIZERS, SCHEDULES
from transformer_lm.parallel import MeshShape
from transformer_lm.registry import Registry
from transformer_lm.settings import Checkpoints, Evaluation, Sampling, Training
from transformer_lm.tokenizers import TOKENIZERS

CHOICES: dict[str, Registry] = {
    "model": MODELS,
    "objective": OBJECTIVES,
    "tokenizer": TOKENIZERS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
}
FIXED: dict[str, type] = {
    "source": Source,
    "windows": Windows,
    "mesh": MeshShape,
    "training": Training,
    "evaluation": Evaluation,
    "checkpoints": Checkpoints,
    "sampling": Sampling,
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """A whole run, typed: one frozen dataclass a part.

    The five chosen parts are `Any` because their classes are looked up by name; each
    meets the protocol that its package describes.
    """

    model: Any
    objective: Any
    tokenizer: Any
    optimizer: Any
    schedule: Any
    source: Source
    windows: Windows
    mesh: MeshShape
    training: Training
    evaluation: Evaluation
    checkpoints: Checkpoints
    sampling: Sampling
    choices: tuple[tuple[str, str], ...]
    """(part, chosen name) for the parts that have a choice."""

    @property
    def max_length(self) -> int:
        """Longest row, in tokens, that the network meets in training or evaluation."""
        return max(self.windows.max_target_length, self.windows.max_eval_target_length)

    def build_model(
        self, vocab_size: int, attention: str = "xla"
    ) -> Any:  # Any: a Linen module of any family.
        """Builds the network for a vocabulary of `vocab_size` tokens.

        Args:
          vocab_size: tokens of the tokenizer.
          attention: the kernel, settled; xla takes any rows on any device.
        """
        return dataclasses.replace(self.model, attention=attention).build(
            vocab_size,
            max_length=self.max_length,
            dtype=self.training.compute_dtype,
        )

    def flops_per_token(self, vocab_size: int) -> float:
        """Model FLOPs of training on one token, by the model's own formula.

        Only hidden tokens meet the head of an encoder.
        """
        length = self.windows.max_target_length
        if self.objective.rows == "causal":
            return self.model.flops_per_token(vocab_size, length)
        share = self.objective.predictions(length) / length
        return self.model.flops_per_token(vocab_size, length, share)

    def flat(self) -> dict[str, Any]:
        """Returns all keys and values as plain JSON values, sorted by key."""
        values = dict(self.choices)
        for part in (*CHOICES, *FIXED):
            values |= dataclasses.asdict(getattr(self, part))
        return dict(sorted(values.items()))

    def to_json(self) -> str:
        """Returns the flat keys as indented JSON."""
        return json.dumps(self.flat(), indent=1, ensure_ascii=False) + "\n"

    def attention_use(self, backend: str | None) -> AttentionUse:
        """Returns what the run asks of attention on a backend; None: not known yet."""
        lengths = (self.windows.max_target_length, self.windows.max_eval_target_length)
        return AttentionUse(
            backend=backend,
            dtype=self.training.compute_dtype,
            head_dims=self.model.head_dims,
            lengths=lengths,
            dropout_rate=self.model.attention_dropout_rate,
            is_one_text=self.windows.is_one_text(self.objective.rows),
        )

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each: rules that need more than one part."""
        chosen = dict(self.choices)
        problems = []
        fitting = self.model.objectives
        if chosen["objective"] not in fitting:
            problems.append(
                f"objective={chosen['objective']!r} cannot train model="
                f"{chosen['model']!r}; choose from {', '.join(fitting)}"
            )
        steps = self.training.num_train_steps
        if self.schedule.warmup_steps > steps:
            problems.append(
                f"warmup_steps={self.schedule.warmup_steps} exceeds"
                f" num_train_steps={steps}"
            )
        batch = self.training.batch_size
        accumulation = self.training.grad_accumulation_steps
        if batch and accumulation > 0 and batch % accumulation:
            problems.append(
                f"grad_accumulation_steps={accumulation} must divide batch_size={batch}"
            )
        shared = (self.mesh.fsdp_parallel, self.mesh.tensor_parallel)
        if self.training.per_process_batch is not None and shared != (1, 1):
            problems.append(
                "per_process_batch needs whole parameters on each device: set fsdp_parallel"
                " and tensor_parallel to 1"
            )
        if not self.training.problems():
            dtype = self.training.param_dtype
            problems += self.optimizer.problems_with_dtype(dtype)
        problems += self.model.problems_with_length(self.max_length)
        if not self.model.problems() and not self.training.problems():
            use = self.attention_use(None)
            problems += choice_obstacles(self.model.attention, use)
        if not self.objective.problems():
            problems += self.windows.problems_with_rows(self.objective.rows)
        best = self.checkpoints.best_metric
        if best not in self.objective.metrics:
            problems.append(
                f"best_metric={best!r} is not measured by objective="
                f"{chosen['objective']!r}; choose from"
                f" {', '.join(self.objective.metrics)}"
            )
        return problems

    def problems_on(
        self, num_devices: int, num_processes: int, backend: str | None = None
    ) -> list[str]:
        """Lists what cannot work on this machine, a line each.

        Args:
          num_devices: of all processes together.
          num_processes: of the run.
          backend: cpu, gpu or tpu; None: not known.
        """
        use = self.attention_use(backend)
        if problems := choice_obstacles(self.model.attention, use):
            return problems
        problems = self.mesh.problems_on(num_devices)
        problems += self.evaluation.problems_here()
        if problems:
            return problems
        if self.training.process_rows:
            return self._process_problems_on(num_devices, num_processes)
        batch = self.training.global_batch_size(num_devices)
        parts = {
            "grad_accumulation_steps": self.training.grad_accumulation_steps,
            "data-parallel devices": self.mesh.batch_shards(num_devices),
        }
        product = parts["grad_accumulation_steps"] * parts["data-parallel devices"]
        if batch % product or batch % num_processes:
            problems.append(
                f"a global batch of {batch} rows is not a multiple of"
                f" {product} (= {' x '.join(f'{v} {k}' for k, v in parts.items())};"
                f" {num_processes} process(es)); change batch_size or"
                " per_device_batch_size"
            )
        return problems

    def _process_problems_on(self, num_devices: int, num_processes: int) -> list[str]:
        """What cannot work with a batch of its own for each process."""
        given = self.training.process_rows
        if len(given) != num_processes:
            return [
                f"per_process_batch={self.training.per_process_batch!r} is for"
                f" {len(given)} process(es); there are {num_processes}"
            ]
        rows = self.training.process_micro_rows(num_devices, num_processes)
        devices = num_devices // num_processes
        if rows % devices:
            return [
                f"micro-batches of {rows} rows (per_process_batch by"
                " grad_accumulation_steps) do not divide over the"
                f" {devices} devices of a process"
            ]
        return []
