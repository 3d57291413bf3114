"""Adam, and AdamW with its decoupled weight decay."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax

from transformer_lm.optim.checks import positive_problems
from transformer_lm.optim.optimizer import DecayingOptimizer, Optimizer


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam without weight decay (Kingma and Ba 2015, algorithm 1)."""

    beta1: float = 0.9
    """Decay of the gradient's running mean."""
    beta2: float = 0.999
    """Decay of the squared gradient's running mean."""
    epsilon: float = 1e-8
    """Added to the root of the squared gradient's mean."""

    decays = ("beta1", "beta2")

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        return [
            *super().problems(),
            *positive_problems(self, "epsilon"),
        ]

    def transformation(self, schedule: optax.Schedule) -> optax.GradientTransformation:
        """Builds the optimizer itself."""
        return optax.adam(schedule, b1=self.beta1, b2=self.beta2, eps=self.epsilon)


@dataclass(frozen=True)
class AdamW(DecayingOptimizer):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2).

    The defaults are those of transformer-lm-japanese.
    """

    weight_decay: float = 0.1
    """Share of the learning rate by which weights shrink each step."""
    beta1: float = 0.9
    """Decay of the gradient's running mean."""
    beta2: float = 0.98
    """Decay of the squared gradient's running mean."""
    epsilon: float = 1e-9
    """Added to the root of the squared gradient's mean."""
    bias_correction: bool = True
    """False: running means that start at 0 stay too small at first (BERT's own)."""

    decays = ("beta1", "beta2")

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        return [
            *super().problems(),
            *positive_problems(self, "epsilon"),
        ]

    def transformation(self, schedule: optax.Schedule) -> optax.GradientTransformation:
        """Builds the optimizer itself."""
        return optax.chain(
            scale_by_adam(self.beta1, self.beta2, self.epsilon, self.bias_correction),
            optax.add_decayed_weights(self.weight_decay, self.decaying),
            optax.scale_by_learning_rate(schedule),
        )


def scale_by_adam(
    beta1: float, beta2: float, epsilon: float, bias_correction: bool
) -> optax.GradientTransformation:
    """Returns optax's own, or the same without its bias correction."""
    adam = optax.scale_by_adam(beta1, beta2, epsilon)
    if bias_correction:
        return adam

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        # The means are those of optax; only what is made of them differs.
        _, state = adam.update(updates, state, params)
        scaled = jax.tree.map(
            lambda mean, square: mean / (jnp.sqrt(square) + epsilon), state.mu, state.nu
        )
        return scaled, state

    return optax.GradientTransformation(adam.init, update)
