"""Flat ConfigDict for people ⇄ frozen, checked Settings for the program.

Each part's dataclass is the one home of its keys and defaults. `defaults` lays the
fields of the chosen parts side by side in one flat ConfigDict; `resolve` is the only
reader of such a dict and gives the typed `Settings` back, or all problems at once.
"""

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Mapping
from typing import Any

from ml_collections import config_dict

from transformer_lm.data.source import Source
from transformer_lm.data.windows import Windows
from transformer_lm.models import MODELS
from transformer_lm.models.attention_choice import AttentionUse, choice_obstacles
from transformer_lm.objectives import OBJECTIVES
from transformer_lm.optim import OPTIMIZERS, SCHEDULES
from transformer_lm.parallel import MeshShape
from transformer_lm.registry import (
    Registry,
    UnknownNameError,
    UserError,
    describe_unknown,
)
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


_SHOWN_PROBLEMS = 30
"""More are counted: a file that is no config at all has thousands."""


class ConfigError(UserError):
    """Everything that is wrong with a config, in one message."""

    def __init__(self, problems: list[str], source: str = "the config") -> None:
        self.problems = problems
        lines = "".join(f"\n  - {problem}" for problem in problems[:_SHOWN_PROBLEMS])
        if len(problems) > _SHOWN_PROBLEMS:
            lines += f"\n  - … and {len(problems) - _SHOWN_PROBLEMS} more"
        super().__init__(f"{len(problems)} problem(s) in {source}:{lines}")


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


def defaults(**choices: str) -> config_dict.ConfigDict:
    """Returns a locked flat ConfigDict with the keys and defaults of the chosen parts.

    Args:
      **choices: a name for each of model, objective, tokenizer, optimizer, schedule.

    Raises:
      UnknownNameError: if a name is in no registry.
    """
    if set(choices) != set(CHOICES):
        raise UserError(f"defaults() needs exactly {list(CHOICES)}; got {choices}")
    config = config_dict.ConfigDict(choices)
    for cls in _classes(choices).values():
        for field in dataclasses.fields(cls):
            kind, optional = _field_type(cls, field.name)
            if optional and field.default is None:
                config[field.name] = config_dict.placeholder(kind)
            else:
                config[field.name] = field.default
    return config.lock()


def resolve(
    config: Mapping[str, Any] | config_dict.ConfigDict, origin: str = "the config"
) -> Settings:
    """Returns the typed settings of a flat config.

    Raises:
      ConfigError: with all problems of all parts, found before any work is done.
    """
    choices = {part: str(config[part]) for part in CHOICES}
    try:
        classes = _classes(choices)
    except UnknownNameError as error:
        raise ConfigError([str(error)], origin) from None
    known = {f.name for cls in classes.values() for f in dataclasses.fields(cls)}
    problems = [
        describe_unknown("key", name, sorted(known))
        if name not in known
        else f"key {name!r} is missing"
        for name in sorted(set(config).symmetric_difference(known | set(CHOICES)))
    ]
    parts: dict[str, Any] = {}
    for part, cls in classes.items():
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            if field.name in config:
                value, problem = _typed(cls, field.name, config[field.name])
                values[field.name] = value
                problems += problem
        parts[part] = cls(**values)
    if problems:
        raise ConfigError(problems, origin)
    for part in parts.values():
        problems += part.problems()
    settings = Settings(**parts, choices=tuple(choices.items()))
    problems += _cross_problems(settings, choices)
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)), origin)
    return settings


def from_saved(flat: Mapping[str, Any]) -> config_dict.ConfigDict:
    """Returns the ConfigDict of settings that a run has saved.

    A key that is newer than the run has its default.

    Raises:
      ConfigError: if the run has keys that this program does not know.
    """
    if missing := [part for part in CHOICES if part not in flat]:
        raise ConfigError(
            [f"key {part!r} is missing" for part in missing], "the saved settings"
        )
    config = defaults(**{part: str(flat[part]) for part in CHOICES})
    if unknown := sorted(flat.keys() - config.keys()):
        raise ConfigError(
            [describe_unknown("key", name, list(config)) for name in unknown],
            "the saved settings",
        )
    with config.ignore_type():
        config.update(flat)
    return config


def _cross_problems(settings: Settings, choices: Mapping[str, str]) -> list[str]:
    """Rules that need more than one part."""
    problems = []
    fitting = settings.model.objectives
    if choices["objective"] not in fitting:
        problems.append(
            f"objective={choices['objective']!r} cannot train model="
            f"{choices['model']!r}; choose from {', '.join(fitting)}"
        )
    steps = settings.training.num_train_steps
    if settings.schedule.warmup_steps > steps:
        problems.append(
            f"warmup_steps={settings.schedule.warmup_steps} exceeds"
            f" num_train_steps={steps}"
        )
    batch = settings.training.batch_size
    accumulation = settings.training.grad_accumulation_steps
    if batch and accumulation > 0 and batch % accumulation:
        problems.append(
            f"grad_accumulation_steps={accumulation} must divide batch_size={batch}"
        )
    shared = (settings.mesh.fsdp_parallel, settings.mesh.tensor_parallel)
    if settings.training.per_process_batch is not None and shared != (1, 1):
        problems.append(
            "per_process_batch needs whole parameters on each device: set fsdp_parallel"
            " and tensor_parallel to 1"
        )
    if not settings.training.problems():
        dtype = settings.training.param_dtype
        problems += settings.optimizer.problems_with_dtype(dtype)
    problems += settings.model.problems_with_length(settings.max_length)
    if not settings.model.problems() and not settings.training.problems():
        use = settings.attention_use(None)
        problems += choice_obstacles(settings.model.attention, use)
    if not settings.objective.problems():
        problems += settings.windows.problems_with_rows(settings.objective.rows)
    best = settings.checkpoints.best_metric
    if best not in settings.objective.metrics:
        problems.append(
            f"best_metric={best!r} is not measured by objective="
            f"{choices['objective']!r}; choose from"
            f" {', '.join(settings.objective.metrics)}"
        )
    return problems


def _classes(choices: Mapping[str, str]) -> dict[str, type]:
    """The dataclass behind each part."""
    chosen = {part: CHOICES[part][name] for part, name in choices.items()}
    return chosen | FIXED


@functools.cache
def _type_hints(cls: type) -> dict[str, Any]:
    """The types of a class's fields; finding them takes most of the time of a config."""
    return typing.get_type_hints(cls)


def _field_type(cls: type, name: str) -> tuple[type, bool]:
    """The plain type of a field, and whether it may be None."""
    hint = _type_hints(cls)[name]
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        kinds = [kind for kind in typing.get_args(hint) if kind is not type(None)]
        return _plain(kinds[0]), True
    return _plain(hint), False


def _plain(hint: Any) -> type:
    """`Literal["a", "b"]` and `tuple[int, ...]` as the class of their values."""
    if typing.get_origin(hint) is typing.Literal:
        return type(typing.get_args(hint)[0])
    return typing.get_origin(hint) or hint


def _typed(cls: type, name: str, value: Any) -> tuple[Any, list[str]]:
    """Returns the value as the field's type wants it, and what is wrong with it."""
    kind, optional = _field_type(cls, name)
    if value is None:
        return None, [] if optional else [f"{name} must be set ({kind.__name__})"]
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value), []
    if kind is tuple and isinstance(value, list):
        return tuple(value), []
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        return value, [f"{name}={value!r} must be of type {kind.__name__}"]
    return value, []
