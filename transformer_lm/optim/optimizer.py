"""What all optimizers have: clipping and freezing around a transformation of optax."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import optax

from transformer_lm.optim.checks import (
    at_least_zero_problems,
    decay_rate_problems,
    positive_problems,
)
from transformer_lm.optim.masks import decay_mask, freeze

DECAY_EXCLUDE = ("biases_and_norms", "none")

LONGEST_DECAY = {"float32": 1.0, "bfloat16": 1 - 2**-8}
"""Above it, a running mean cannot fall: a step is less than half of the last digit."""


@dataclass(frozen=True)
class Optimizer(ABC):
    """Settings of every optimizer."""

    clip_norm: float | None = None
    """Largest global norm of the gradients; unset: no clipping."""
    freeze_embeddings: bool = False
    """Leave embedding tables, and the norm of their sum, as they are."""
    freeze_layers: int = 0
    """Leave so many layers as they are, from the lowest."""

    decays: ClassVar[tuple[str, ...]] = ()
    """Names of the fields that are decays of running means."""

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        return [
            *positive_problems(self, "clip_norm"),
            *at_least_zero_problems(self, "freeze_layers"),
            *decay_rate_problems(self, *self._given_decays()),
        ]

    def problems_with_dtype(self, dtype: str) -> list[str]:
        """Lists what cannot work with means kept in a data type."""
        longest = LONGEST_DECAY[dtype]
        return [
            f"{name}={decay} is too near to 1 for param_dtype={dtype!r}, in which such a"
            f" mean never falls; set it to {longest:.3f} or less"
            for name, decay in self._given_decays().items()
            if decay > longest
        ]

    def _given_decays(self) -> dict[str, float]:
        given = {name: getattr(self, name) for name in self.decays}
        return {name: decay for name, decay in given.items() if decay is not None}

    def build(self, schedule: optax.Schedule) -> optax.GradientTransformation:
        """Builds the transformation from gradients to updates."""
        parts = [self.transformation(schedule)]
        if self.clip_norm is not None:
            parts.insert(0, optax.clip_by_global_norm(self.clip_norm))
        if self.freeze_embeddings or self.freeze_layers:
            frozen = freeze(self.freeze_embeddings, self.freeze_layers)
            # Before, so that what is frozen does not count in the norm; after, so that
            # it does not decay.
            parts = [frozen, *parts, frozen]
        return parts[0] if len(parts) == 1 else optax.chain(*parts)

    @abstractmethod
    def transformation(self, schedule: optax.Schedule) -> optax.GradientTransformation:
        """Builds the optimizer itself."""


@dataclass(frozen=True)
class DecayingOptimizer(Optimizer):
    """Settings of the optimizers with weight decay."""

    weight_decay: float = 0.0
    """Share of the learning rate by which weights shrink each step."""
    weight_decay_exclude: str = "biases_and_norms"
    """What does not decay: biases_and_norms, or none (everything decays)."""

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = super().problems() + at_least_zero_problems(self, "weight_decay")
        if self.weight_decay_exclude not in DECAY_EXCLUDE:
            problems.append(
                f"weight_decay_exclude={self.weight_decay_exclude!r} is unknown;"
                f" choose from {', '.join(DECAY_EXCLUDE)}"
            )
        return problems

    @property
    def decaying(self) -> Callable[[Any], Any] | None:
        """From parameters to booleans, true for what decays; None: everything."""
        return None if self.weight_decay_exclude == "none" else decay_mask
