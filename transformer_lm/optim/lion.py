"""Lion, which keeps one running mean instead of two."""

from dataclasses import dataclass

import optax

from transformer_lm.optim.optimizer import DecayingOptimizer


@dataclass(frozen=True)
class Lion(DecayingOptimizer):
    """Steps by the sign of the momentum (Chen et al. 2023, algorithm 2).

    Wants a learning rate 3 to 10 times lower than AdamW's and a weight decay as many
    times higher (section 5).
    """

    weight_decay: float = 1.0
    """Share of the learning rate by which weights shrink each step."""
    beta1: float = 0.9
    """Share of the running mean in a step."""
    beta2: float = 0.99
    """Decay of the gradient's running mean."""

    decays = ("beta1", "beta2")

    def transformation(self, schedule: optax.Schedule) -> optax.GradientTransformation:
        """Builds the optimizer itself."""
        return optax.lion(
            schedule,
            b1=self.beta1,
            b2=self.beta2,
            weight_decay=self.weight_decay,
            mask=self.decaying,
        )
