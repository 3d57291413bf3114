"""LAMB, for large batches."""

from dataclasses import dataclass

import optax

from transformer_lm.optim.adam import scale_by_adam
from transformer_lm.optim.checks import positive_problems
from transformer_lm.optim.masks import decay_mask, layer_by_layer
from transformer_lm.optim.optimizer import DecayingOptimizer


@dataclass(frozen=True)
class Lamb(DecayingOptimizer):
    """AdamW whose steps have the norm of the weights (You et al. 2020, algorithm 2).

    The defaults are those of ALBERT's published code, which corrects no bias and leaves
    biases and norms out of both decay and adaptation.
    """

    weight_decay: float = 0.01
    """Share of the learning rate by which weights shrink each step."""
    beta1: float = 0.9
    """Decay of the gradient's running mean."""
    beta2: float = 0.999
    """Decay of the squared gradient's running mean."""
    epsilon: float = 1e-6
    """Added to the root of the squared gradient's mean."""
    bias_correction: bool = False
    """True: as in the paper; False: running means stay too small at first."""
    adapt_biases_and_norms: bool = False
    """True: as in the paper, all parameters take steps of the norm of the weights."""

    decays = ("beta1", "beta2")

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        return [
            *super().problems(),
            *positive_problems(self, "epsilon"),
        ]

    def transformation(self, schedule: optax.Schedule) -> optax.GradientTransformation:
        """Builds the optimizer itself."""
        adapt = layer_by_layer(optax.scale_by_trust_ratio())
        if not self.adapt_biases_and_norms:
            adapt = optax.masked(adapt, decay_mask)
        return optax.chain(
            scale_by_adam(self.beta1, self.beta2, self.epsilon, self.bias_correction),
            optax.add_decayed_weights(self.weight_decay, self.decaying),
            adapt,
            optax.scale_by_learning_rate(schedule),
        )
