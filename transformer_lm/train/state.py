"""The state of a run, and where it lies on the mesh."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from flax import struct
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from transformer_lm.parallel import over_data, shardings
from transformer_lm.run_settings import Settings
from transformer_lm.train.loss_scale import LossScale


@struct.dataclass
class TrainState:
    """Everything that a train step reads and changes."""

    step: jax.Array
    """Updates done."""
    rng: jax.Array
    """Key data that each step's randomness is folded from; never changes."""
    parameters: Any
    """Pytree of the network, in the data type `param_dtype`."""
    optimizer: Any
    """State of the optax transformation."""
    average: Any = None
    """Exponential moving average of the parameters, where the run keeps one."""
    loss_scale: LossScale | None = None
    """Only with float16."""

    @property
    def evaluated(self) -> Any:
        """The parameters to evaluate, sample from and export."""
        return self.parameters if self.average is None else self.average


StateInit = Callable[[jax.Array], TrainState]


def state_init(
    settings: Settings, model: nn.Module, transformation: optax.GradientTransformation
) -> StateInit:
    """Returns a function from a key to a fresh state, with boxed parameters."""

    def init(key: jax.Array) -> TrainState:
        row = jnp.zeros((1, settings.max_length), jnp.int32)
        inputs = [row for _ in settings.model.inputs]
        parameters = model.init(key, *inputs)["params"]
        dtype = settings.training.param_dtype
        parameters = jax.tree.map(lambda leaf: leaf.astype(dtype), parameters)
        plain = nn.unbox(parameters)
        has_average = settings.training.ema_decay is not None
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            rng=jax.random.key_data(jax.random.fold_in(key, 1)),
            parameters=parameters,
            optimizer=transformation.init(plain),
            average=jax.tree.map(jnp.copy, plain) if has_average else None,
            loss_scale=LossScale.create()
            if settings.training.compute_dtype == "float16"
            else None,
        )

    return init


def state_shardings(
    init: StateInit,
    transformation: optax.GradientTransformation,
    mesh: Mesh,
    *,
    optimizer_over_data: bool = False,
) -> tuple[TrainState, TrainState, Any]:
    """Returns (abstract state, its shardings, those of the update); computes nothing.

    Whatever has the shape of the parameters (moments, averages) lies as they do; with
    `optimizer_over_data`, moments and updates are divided over the data axis besides.
    """
    boxed = jax.eval_shape(init, jax.random.key(0))
    abstract = nn.unbox(boxed)
    parameters = shardings(boxed.parameters, mesh)
    updates = parameters
    if optimizer_over_data:
        updates = jax.tree.map(
            lambda leaf, sharding: over_data(leaf.shape, sharding),
            abstract.parameters,
            parameters,
        )
    everywhere = NamedSharding(mesh, PartitionSpec())
    placed = jax.tree.map(lambda _: everywhere, abstract)

    def place(leaf: Any, parameter: Any, sharding: NamedSharding) -> Any:
        if isinstance(leaf, optax.MaskedNode):
            return leaf  # The optimizer leaves this parameter alone.
        return sharding if leaf.shape == parameter.shape else everywhere

    optimizer = optax.tree_map_params(
        transformation,
        place,
        abstract.optimizer,
        abstract.parameters,
        updates,
        transform_non_params=lambda _: everywhere,
        is_leaf=lambda leaf: isinstance(leaf, optax.MaskedNode),
    )
    average = None if abstract.average is None else parameters
    placed = dataclasses.replace(
        placed, parameters=parameters, optimizer=optimizer, average=average
    )
    return abstract, placed, updates


def create_state(init: StateInit, placed: TrainState, seed: int) -> TrainState:
    """Makes a fresh state; each parameter is born where it lies."""
    jitted = jax.jit(lambda key: nn.unbox(init(key)), out_shardings=placed)
    return jitted(jax.random.key(seed))
