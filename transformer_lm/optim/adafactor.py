"""Adafactor, whose second moments take hardly any memory."""

from dataclasses import dataclass

import optax

from transformer_lm.optim.checks import positive_problems
from transformer_lm.optim.masks import layer_by_layer
from transformer_lm.optim.optimizer import LONGEST_DECAY, DecayingOptimizer


@dataclass(frozen=True)
class Adafactor(DecayingOptimizer):
    """Second moments as a product of row and column means (Shazeer and Stern 2018).

    Matrices with a side below 128 keep all of their moments.
    """

    second_moment_decay: float = 0.8
    """c in the decay 1 - step ** -c of the second moments (section 7.2)."""
    update_clip: float | None = 1.0
    """Largest root mean square of an array's update (section 6); unset: none."""
    relative_step: bool = True
    """Multiply steps by the root mean square of the weights (section 8)."""
    momentum: float | None = None
    """Decay of the running mean of updates; unset: no such mean, no memory for it."""

    decays = ("momentum",)

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        names = ("second_moment_decay", "update_clip")
        return super().problems() + positive_problems(self, *names)

    def problems_with_dtype(self, dtype: str) -> list[str]:
        """Lists what cannot work with means kept in a data type."""
        problems = super().problems_with_dtype(dtype)
        if LONGEST_DECAY[dtype] < 1:
            problems.append(
                f"optimizer='adafactor' needs param_dtype=float32, not {dtype}: the"
                " decay of its second moments comes ever nearer to 1"
            )
        return problems

    def transformation(self, schedule: optax.Schedule) -> optax.GradientTransformation:
        """Builds the optimizer itself.

        The parts of `optax.adafactor` in its order; those that look at whole arrays
        take each layer of a scanned stack by itself. Weight decay comes before the
        learning rate, unlike there, so that it means here what it means elsewhere.
        """
        parts = [optax.scale_by_factored_rms(decay_rate=self.second_moment_decay)]
        if self.update_clip is not None:
            parts.append(layer_by_layer(optax.clip_by_block_rms(self.update_clip)))
        if self.relative_step:
            parts.append(layer_by_layer(optax.scale_by_param_block_rms()))
        if self.momentum is not None:
            parts.append(optax.ema(self.momentum, debias=False))
        if self.weight_decay:
            parts.append(optax.add_decayed_weights(self.weight_decay, self.decaying))
        return optax.chain(*parts, optax.scale_by_learning_rate(schedule))
