"""One update of the parameters, and one step of evaluation."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from transformer_lm.objectives.interface import Apply, Batch, Objective, Sums
from transformer_lm.train.state import TrainState

Metrics = dict[str, Any]
"""`sums` of the objective, and scalars: learning_rate, gradient_norm, finite, …"""


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
    objective: Objective,
    apply: Apply,
    transformation: optax.GradientTransformation,
    schedule: optax.Schedule,
    ema_decay: float | None,
) -> Callable[[TrainState, Batch], tuple[TrainState, Metrics]]:
    """Returns the update, ready for `jax.jit`.

    Its batch holds micro-batches: `[accumulation, rows, …]`.
    """

    def loss(
        parameters: Any, batch: Batch, weights: dict[str, jax.Array], rng: jax.Array
    ) -> tuple[jax.Array, Sums]:
        sums = objective.sums(apply, parameters, batch, rng)
        terms = objective.terms().items()
        # A batch without a single target must not make the loss 0 / 0.
        total = sum(
            factor * sums[name][0] / jnp.maximum(weights[name], 1e-6)
            for name, factor in terms
        )
        return jnp.asarray(total), sums

    def gradients(
        state: TrainState, batch: Batch, scale: jax.Array | float
    ) -> tuple[Any, Sums]:
        rng = jax.random.wrap_key_data(state.rng)
        rng = jax.random.fold_in(rng, state.step)
        accumulation = batch["tokens"].shape[0]
        draws, dropouts = jax.random.split(rng, (2, accumulation))
        batch = jax.vmap(objective.prepare)(batch, draws)
        weights = jax.tree.map(jnp.sum, jax.vmap(objective.weights)(batch))

        def scaled(parameters: Any, batch: Batch, rng: jax.Array) -> Any:
            total, sums = loss(parameters, batch, weights, rng)
            return total * scale, sums

        def micro(batch: Batch, rng: jax.Array) -> tuple[Any, Sums]:
            return jax.grad(scaled, has_aux=True)(state.parameters, batch, rng)

        if accumulation == 1:
            return micro(jax.tree.map(lambda x: x[0], batch), dropouts[0])

        def add(total: Any, inputs: tuple[Batch, jax.Array]) -> tuple[Any, None]:
            return jax.tree.map(jnp.add, total, micro(*inputs)), None

        shapes = jax.eval_shape(micro, jax.tree.map(lambda x: x[0], batch), dropouts[0])
        zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
        total, _ = jax.lax.scan(add, zeros, (batch, dropouts))
        return total

    def train_step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        scale = 1.0 if state.loss_scale is None else state.loss_scale.scale
        grads, sums = gradients(state, batch, scale)
        grads = jax.tree.map(lambda grad: grad / scale, grads)
        gradient_norm = optax.tree.norm(grads)
        updates, optimizer = transformation.update(
            grads, state.optimizer, state.parameters
        )
        parameters = optax.apply_updates(state.parameters, updates)
        average = state.average
        if average is not None and ema_decay is not None:
            average = optax.incremental_update(parameters, average, 1 - ema_decay)
        new = dataclasses.replace(
            state, parameters=parameters, optimizer=optimizer, average=average
        )
        finite = jnp.isfinite(gradient_norm)
        loss_scale = state.loss_scale
        if loss_scale is not None:
            # Too large a scale, not a broken model: leave this update out.
            new = jax.tree.map(lambda a, b: jnp.where(finite, a, b), new, state)
            loss_scale = loss_scale.adjust(finite)
        new = dataclasses.replace(new, step=state.step + 1, loss_scale=loss_scale)
        metrics = {
            "sums": sums,
            "learning_rate": jnp.asarray(schedule(state.step), jnp.float32),
            "gradient_norm": gradient_norm,
        }
        if loss_scale is not None:
            metrics["loss_scale"] = loss_scale.scale
        return new, metrics

    return train_step


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
