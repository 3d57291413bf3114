"""Which parameters decay, are frozen, or hold several layers: by place in the tree.

Trees are named as the networks name them: `bias`, `scale`, `kernel` and `embedding` are
leaves; `…embedding` and `…embeddings` at the top hold tables; `stack` holds the blocks,
either `layer_0`, `layer_1`, … or, all layers in one array, `layers`.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from transformer_lm.registry import UserError

Path = tuple[Any, ...]
"""Keys from the root of a parameter tree to a leaf."""


def names(path: Path) -> list[str]:
    """Returns the keys of a path as strings."""
    return [str(key.key) for key in path]


def decay_mask(parameters: Any) -> Any:
    """True for what decays: all but biases and norm scales.

    Args:
      parameters: a pytree whose leaves are named as Flax names them: `bias` for biases,
        `scale` for norms.
    """

    def decays(path: Path, _: Any) -> bool:
        return names(path)[-1] not in ("bias", "scale")

    return jax.tree_util.tree_map_with_path(decays, parameters)


def holds_layers(path: Path) -> bool:
    """Whether a leaf holds all layers of a scanned stack, along its first axis."""
    return "layers" in names(path)[:-1]


def layer_by_layer(
    inner: optax.GradientTransformation,
) -> optax.GradientTransformation:
    """Applies what looks at whole arrays to each layer of a scanned stack by itself.

    So that a scanned stack learns as a plain one does.

    Args:
      inner: keeps no state and treats each leaf alone.
    """

    def update(updates: Any, parameters: Any) -> Any:
        def one(path: Path, leaf: jax.Array, parameter: jax.Array) -> jax.Array:
            def apply(leaf: jax.Array, parameter: jax.Array) -> Any:
                return inner.update(leaf, inner.init(parameter), parameter)[0]

            apply = jax.vmap(apply) if holds_layers(path) else apply
            return apply(leaf, parameter)

        return jax.tree_util.tree_map_with_path(one, updates, parameters)

    return optax.stateless(update)


def freeze(embeddings: bool, layers: int) -> optax.GradientTransformation:
    """Sets updates of embedding tables and of the first layers of each stack to 0.

    Embeddings are the tables and what normalises their sum. Layers of a scanned stack
    are slices of its arrays.

    Args:
      embeddings: freeze these.
      layers: how many layers to freeze, from the lowest.
    """

    def init(params: Any) -> optax.EmptyState:
        found = jax.tree_util.tree_leaves_with_path(params)
        # optax also calls this with a stand-in for parameters, which has no leaves.
        if found and embeddings and not any(_is_embedding(path) for path, _ in found):
            raise UserError("freeze_embeddings=True: this model has no embeddings")
        depth = max((_depth(path, leaf) for path, leaf in found), default=layers)
        if depth < layers:
            raise UserError(
                f"freeze_layers={layers}: this model has {depth} layers with weights of"
                " their own"
            )
        return optax.EmptyState()

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        del params

        def one(path: Path, leaf: jax.Array) -> jax.Array:
            if embeddings and _is_embedding(path):
                return jnp.zeros_like(leaf)
            if holds_layers(path):
                return leaf.at[:layers].set(0)
            is_low = 0 < _depth(path, leaf) <= layers
            return jnp.zeros_like(leaf) if is_low else leaf

        return jax.tree_util.tree_map_with_path(one, updates), state

    return optax.GradientTransformation(init, update)


def _is_embedding(path: Path) -> bool:
    """Whether a leaf belongs to an embedding table or the norm of their sum."""
    return names(path)[0].endswith(("embedding", "embeddings"))


def _depth(path: Path, leaf: Any) -> int:
    """Layers up to and with that of a leaf; 0: it belongs to none of its own."""
    if holds_layers(path):
        return leaf.shape[0]
    layers = [key for key in names(path) if key.startswith("layer_")]
    return int(layers[0].removeprefix("layer_")) + 1 if layers else 0
