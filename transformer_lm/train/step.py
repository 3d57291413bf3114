"""One update of the parameters, and one step of evaluation."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from transformer_lm.objectives.interface import Apply, Batch, Objective, Sums
from transformer_lm.train.gradients import Gradients
from transformer_lm.train.state import TrainState

Metrics = dict[str, Any]
"""`sums` of the objective, and scalars: learning_rate, gradient_norm, sound, …"""


def network_apply(model: nn.Module) -> Apply:
    """Returns the function that objectives call to run `model`."""

    def apply(
        parameters: Any,
        *inputs: jax.Array,
        rng: jax.Array | None,
        method: str | None = None,
    ) -> Any:
        dropout = (
            {} if rng is None else {"deterministic": False, "rngs": {"dropout": rng}}
        )
        return model.apply({"params": parameters}, *inputs, method=method, **dropout)

    return apply


def make_train_step(
    gradients: Gradients,
    transformation: optax.GradientTransformation,
    schedule: optax.Schedule,
    ema_decay: float | None,
    updates_placed: Any,
    *,
    skips: bool = False,
    gradient_norm_limit: float | None = None,
) -> Callable[[TrainState, Batch], tuple[TrainState, Metrics]]:
    """Returns the update, ready for `jax.jit`.

    It is computed in float32; what is kept has the data type of the state.

    Args:
      gradients: of a batch of micro-batches `[accumulation, rows, …]`.
      transformation: from gradients to updates.
      schedule: of the learning rate, for the report.
      ema_decay: of the moving average, where the run keeps one.
      updates_placed: shardings of the parameters' update, leaf by leaf.
      skips: leave out the update of a step that is not sound.
      gradient_norm_limit: a larger norm is not sound, nor is what is not finite.
    """

    def train_step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        scale = 1.0 if state.loss_scale is None else state.loss_scale.scale
        rng = jax.random.fold_in(jax.random.wrap_key_data(state.rng), state.step)
        grads, sums = gradients(state.parameters, batch, rng, scale)
        grads = jax.tree.map(lambda grad: grad / scale, grads)
        grads = jax.lax.with_sharding_constraint(grads, updates_placed)
        gradient_norm = optax.tree.norm(grads)
        old = _as_float32(state.parameters)
        updates, optimizer = transformation.update(
            grads, _as_float32(state.optimizer), old
        )
        parameters = optax.apply_updates(old, updates)
        average = state.average
        if average is not None and ema_decay is not None:
            average = optax.incremental_update(parameters, average, 1 - ema_decay)
        new = dataclasses.replace(
            state, parameters=parameters, optimizer=optimizer, average=average
        )
        new = jax.tree.map(lambda leaf, kept: leaf.astype(kept.dtype), new, state)
        finite = jnp.isfinite(gradient_norm)
        sound = _is_sound(sums, gradient_norm, gradient_norm_limit)
        loss_scale = state.loss_scale
        # With float16, too large a scale, not a broken model: leave this update out.
        keeps = sound if skips else finite if loss_scale is not None else None
        if keeps is not None:
            new = jax.tree.map(lambda a, b: jnp.where(keeps, a, b), new, state)
        if loss_scale is not None:
            loss_scale = loss_scale.adjust(finite)
        new = dataclasses.replace(new, step=state.step + 1, loss_scale=loss_scale)
        metrics = {
            "sums": sums,
            "learning_rate": jnp.asarray(schedule(state.step), jnp.float32),
            "gradient_norm": gradient_norm,
            "sound": sound,
        }
        if loss_scale is not None:
            metrics["loss_scale"] = loss_scale.scale
        return new, metrics

    return train_step


def _is_sound(sums: Sums, norm: jax.Array, limit: float | None) -> jax.Array:
    """Whether all is finite, and the gradient not above its limit."""
    sound = jnp.isfinite(norm) if limit is None else norm <= limit
    for total, _ in sums.values():
        sound &= jnp.isfinite(total)
    return sound


def _as_float32(tree: Any) -> Any:
    """Widens floating leaves; counts stay as they are."""
    return jax.tree.map(
        lambda leaf: (
            leaf.astype(jnp.float32)
            if jnp.issubdtype(leaf.dtype, jnp.floating)
            else leaf
        ),
        tree,
    )


def make_eval_step(
    objective: Objective, apply: Apply
) -> Callable[[Any, Batch, jax.Array], Sums]:
    """Returns the evaluation of one batch `[rows, …]`, ready for `jax.jit`.

    The key draws the batch's masks; the same key gives the same masks each time.
    """

    def eval_step(parameters: Any, batch: Batch, rng: jax.Array) -> Sums:
        prepared = objective.prepare(batch, rng)
        return objective.sums(apply, parameters, prepared, None)

    return eval_step
