"""Muon for the matrices of the blocks, AdamW for the rest."""

from dataclasses import dataclass
from typing import Any

import jax
import optax
from optax.contrib import MuonDimensionNumbers, muon

from transformer_lm.optim.checks import positive_problems
from transformer_lm.optim.masks import Path, holds_layers, names
from transformer_lm.optim.optimizer import DecayingOptimizer
from transformer_lm.registry import UserError

MATRIX_AXES = {
    "query": ((0,), (1, 2)),
    "key": ((0,), (1, 2)),
    "value": ((0,), (1, 2)),
    "out": ((0, 1), (2,)),
}
"""Input and output axes of kernels with heads; other kernels are matrices already."""


@dataclass(frozen=True)
class Muon(DecayingOptimizer):
    """Steps by orthogonal matrices (Jordan 2024), as large as AdamW's.

    The scale of Liu et al. 2025, section 2.2, lets AdamW's learning rate and weight
    decay serve both. AdamW has the embedding tables, heads, norms and biases.
    """

    weight_decay: float = 0.1
    """Share of the learning rate by which weights shrink each step."""
    muon_beta: float = 0.95
    """Decay of the momentum of matrices."""
    muon_update_scale: float = 0.2
    """Root mean square of a matrix's update, in learning rates; 0.2 is AdamW's."""
    beta1: float = 0.9
    """Decay of the gradient's running mean in AdamW."""
    beta2: float = 0.95
    """Decay of the squared gradient's running mean in AdamW."""
    epsilon: float = 1e-8
    """Added to the root of the squared gradient's mean in AdamW."""

    decays = ("muon_beta", "beta1", "beta2")

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        return [
            *super().problems(),
            *positive_problems(self, "muon_update_scale", "epsilon"),
        ]

    def transformation(self, schedule: optax.Schedule) -> optax.GradientTransformation:
        """Builds the optimizer itself."""
        matrices = muon(
            schedule,
            beta=self.muon_beta,
            weight_decay=self.weight_decay,
            muon_weight_dimension_numbers=matrix_axes,
            consistent_rms=self.muon_update_scale,
        )
        rest = optax.adamw(
            schedule,
            b1=self.beta1,
            b2=self.beta2,
            eps=self.epsilon,
            weight_decay=self.weight_decay,
            mask=self.decaying,
        )
        return optax.partition({"matrices": matrices, "rest": rest}, kinds)


def kinds(parameters: Any) -> Any:
    """Says who has each parameter: "matrices" or "rest"."""

    def kind(path: Path, _: Any) -> str:
        keys = names(path)
        return "matrices" if "stack" in keys and keys[-1] == "kernel" else "rest"

    return jax.tree_util.tree_map_with_path(kind, parameters)


def matrix_axes(kernels: Any) -> Any:
    """Says which axes of each kernel are its matrix's rows and columns.

    Raises:
      UserError: if a kernel is no matrix.
    """

    def axes(path: Path, kernel: Any) -> MuonDimensionNumbers:
        rows, columns = MATRIX_AXES.get(names(path)[-2], ((0,), (1,)))
        # Layers of a scanned stack are matrices of their own.
        layers = int(holds_layers(path))
        if kernel.ndim != layers + len(rows) + len(columns):
            raise UserError(
                f"optimizer='muon' does not know the axes of {'.'.join(names(path))},"
                f" of shape {kernel.shape}; choose another optimizer"
            )
        return MuonDimensionNumbers(
            tuple(layers + axis for axis in rows),
            tuple(layers + axis for axis in columns),
        )

    return jax.tree_util.tree_map_with_path(axes, kernels)
