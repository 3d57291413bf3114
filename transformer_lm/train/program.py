"""What a run computes: network, mesh, and the compiled steps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import optax
from flax import linen as nn
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from transformer_lm.objectives.vocabulary import Vocabulary
from transformer_lm.parallel import batch_sharding, on_mesh
from transformer_lm.run_settings import Settings
from transformer_lm.train.attention import settle_attention
from transformer_lm.train.evaluate import EvalStep
from transformer_lm.train.gradients import make_gradients, make_own_pace_gradients
from transformer_lm.train.state import (
    StateInit,
    TrainState,
    create_state,
    state_init,
    state_shardings,
)
from transformer_lm.train.step import make_eval_step, make_train_step, network_apply

TrainStep = Callable[[TrainState, Any], tuple[TrainState, Any]]


@dataclass(frozen=True)
class Program:
    """The parts of a run that are built once from its settings."""

    model: nn.Module
    attention: str
    """The kernel that was settled on."""
    mesh: Mesh
    schedule: optax.Schedule
    abstract: TrainState
    """Shapes of the state, each with the sharding it has."""
    init: StateInit
    train_step: TrainStep
    """(state, batch `[accumulation, rows, …]`) → (state, metrics); eats its state."""
    eval_step: EvalStep
    """(parameters, batch `[rows, …]`, key) → sums."""

    def fresh_state(self, seed: int) -> TrainState:
        """Initialises a state; each array is born where it lies."""
        placed = jax.tree.map(lambda leaf: leaf.sharding, self.abstract)
        return create_state(self.init, placed, seed)


def build_program(
    settings: Settings, vocabulary: Vocabulary, devices: Sequence[Any] | None = None
) -> Program:
    """Builds network, optimizer and steps for a mesh over `devices`; by default all."""
    mesh = settings.mesh.build(devices)
    attention = settle_attention(settings, mesh.devices.flat[0].platform)
    model = settings.build_model(vocabulary.size, attention)
    schedule = settings.schedule.build(settings.training.num_train_steps)
    transformation = settings.optimizer.build(schedule)
    init = state_init(settings, model, transformation)
    shapes, placed, updates_placed = state_shardings(
        init,
        transformation,
        mesh,
        optimizer_over_data=settings.mesh.shard_optimizer_over_data,
    )
    abstract = jax.tree.map(
        lambda leaf, sharding: jax.ShapeDtypeStruct(
            leaf.shape, leaf.dtype, sharding=sharding
        ),
        shapes,
        placed,
    )
    apply = network_apply(model)
    objective = settings.objective.bind(vocabulary)
    gradients = make_gradients(objective, apply)
    if settings.training.process_rows:
        gradients = make_own_pace_gradients(objective, apply, mesh)
    train_step = make_train_step(
        gradients,
        transformation,
        schedule,
        settings.training.ema_decay,
        updates_placed,
        skips=settings.training.nonfinite_policy == "skip",
        gradient_norm_limit=settings.training.gradient_norm_limit,
    )
    everywhere = NamedSharding(mesh, PartitionSpec())
    return Program(
        model=model,
        attention=attention,
        mesh=mesh,
        schedule=schedule,
        abstract=abstract,
        init=init,
        train_step=jax.jit(
            on_mesh(mesh)(train_step),
            in_shardings=(placed, batch_sharding(mesh, leading=1)),
            out_shardings=(placed, everywhere),
            donate_argnums=0,
        ),
        eval_step=jax.jit(
            on_mesh(mesh)(make_eval_step(objective, apply)),
            in_shardings=(placed.parameters, batch_sharding(mesh), everywhere),
            out_shardings=everywhere,
        ),
    )
