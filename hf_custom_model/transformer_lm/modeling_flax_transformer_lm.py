"""The decoder of transformer_lm in Flax, for transformers 4.57 (5 has no Flax).

Only what transformers wants around a network: the network is the training's own file,
which lies beside this one in an export.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from flax.core import FrozenDict, freeze, unfreeze
from flax.traverse_util import flatten_dict, unflatten_dict
from transformers import FlaxPreTrainedModel
from transformers.modeling_flax_outputs import FlaxCausalLMOutputWithCrossAttentions

from .configuration_transformer_lm import TransformerLMConfig
from .transformer_lm import TransformerLMConfig as NetworkConfig


class FlaxTransformerLMForCausalLM(FlaxPreTrainedModel):
    """The decoder with its head.

    Args:
      config: sizes.
      input_shape: of the rows that parameters are made with.
      seed: of fresh parameters.
      dtype: of the computation; parameters are float32.
      _do_init: make fresh parameters at once.
    """

    config_class = TransformerLMConfig
    base_model_prefix = "model"

    def __init__(
        self,
        config: TransformerLMConfig,
        input_shape: tuple[int, int] = (1, 1),
        seed: int = 0,
        dtype: Any = jnp.float32,
        _do_init: bool = True,
    ) -> None:
        # The kernel is a choice of the machine that trains; here it stays at its default.
        fields = {field.name for field in dataclasses.fields(NetworkConfig)}
        fields -= {"attention"}
        network = NetworkConfig(**{name: getattr(config, name) for name in fields})
        module = network.build(
            config.vocab_size,
            # Rows of a learned table where the config does not say, which it always does.
            max_length=config.max_position_embeddings or 1,
            dtype=jnp.dtype(dtype).name,
        )
        super().__init__(
            config,
            module,
            input_shape=input_shape,
            seed=seed,
            dtype=dtype,
            _do_init=_do_init,
        )

    def init_weights(
        self,
        rng: jax.Array,
        input_shape: tuple[int, int],
        params: FrozenDict | dict | None = None,
    ) -> FrozenDict | dict:
        """Returns fresh parameters, or `params` with what they lack made fresh."""
        rows = jnp.ones(input_shape, jnp.int32)
        boxed = self.module.init(rng, rows, rows - 1, rows)["params"]
        fresh = flatten_dict(jax.tree.map(_array, boxed, is_leaf=_is_box))
        if params is None:
            return unflatten_dict(fresh)
        given = flatten_dict(unfreeze(params))
        for key in self._missing_keys:
            given[key] = fresh[key]
        self._missing_keys = set()
        return freeze(unflatten_dict(given))

    def init_cache(self, batch_size: int, max_length: int) -> Any:
        """Returns an empty key-value cache for rows of `max_length` tokens."""
        rows = jnp.ones((batch_size, max_length), jnp.int32)
        shapes = jax.eval_shape(
            lambda: self.module.init(
                jax.random.key(0), rows, rows - 1, rows, decode=True
            )["cache"]
        )
        return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

    def __call__(
        self,
        input_ids: jax.Array,  # [batch, length]
        attention_mask: jax.Array | None = None,  # [batch, length or cache]
        position_ids: jax.Array | None = None,  # [batch, length]
        past_key_values: Any = None,
        params: Any = None,
        dropout_rng: jax.Array | None = None,
        train: bool = False,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> FlaxCausalLMOutputWithCrossAttentions | tuple:
        """Returns logits `[batch, length, vocab]`.

        Args:
          input_ids: tokens; the first of a text is the tokenizer's bos.
          attention_mask: 1 for tokens, 0 for padding, on either side; as long as the
            cache, if there is one.
          position_ids: place of each token in its text; counted from the mask if not
            given.
          past_key_values: from `init_cache` or an earlier call.
          params: parameters; None: those of the model.
          dropout_rng: key of the dropout, if `train`.
          train: use dropout.
          output_hidden_states: return the state after the last norm, as the one hidden
            state there is.
          return_dict: return a named tuple (default), else a tuple.
        """
        input_ids = jnp.asarray(input_ids, jnp.int32)
        length = input_ids.shape[1]
        cache = past_key_values
        if attention_mask is None:
            full = input_ids.shape if cache is None else _cache_shape(cache)
            attention_mask = jnp.ones(full, jnp.int32)
        segments = jnp.asarray(attention_mask).astype(jnp.int32)
        positions = jnp.maximum(jnp.cumsum(segments, axis=-1) - 1, 0)
        if cache is not None:
            start = _cache_length(cache)
            slice_in_dim = jax.lax.dynamic_slice_in_dim
            segments = slice_in_dim(segments, start, length, axis=1)
            positions = slice_in_dim(positions, start, length, axis=1)
        if position_ids is not None:
            positions = jnp.maximum(jnp.asarray(position_ids, jnp.int32), 0)
        variables = {"params": self.params if params is None else params}
        if cache is not None:
            variables["cache"] = cache
        output, changed = self.module.apply(
            variables,
            input_ids,
            positions,
            segments,
            deterministic=not train,
            decode=cache is not None,
            mutable=["cache"],
            rngs={} if dropout_rng is None else {"dropout": dropout_rng},
        )
        result = FlaxCausalLMOutputWithCrossAttentions(
            logits=output.logits[..., : self.config.vocab_size],
            past_key_values=None if cache is None else unfreeze(changed["cache"]),
            hidden_states=(output.hidden,) if output_hidden_states else None,
        )
        return result if return_dict in (None, True) else result.to_tuple()

    def prepare_inputs_for_generation(
        self,
        input_ids: jax.Array,  # [batch, length]
        max_length: int,
        attention_mask: jax.Array | None = None,  # [batch, length]
    ) -> dict[str, Any]:
        """Returns an empty cache, and the mask and positions of the prompts."""
        batch_size, length = input_ids.shape
        prompts = jnp.ones((batch_size, length), jnp.int32)
        if attention_mask is not None:
            prompts = attention_mask.astype(jnp.int32)
        # What is generated is no padding; until it is there, causality hides its places.
        rest = jnp.ones((batch_size, max_length - length), jnp.int32)
        return {
            "past_key_values": self.init_cache(batch_size, max_length),
            "attention_mask": jnp.concatenate([prompts, rest], axis=1),
            "position_ids": jnp.maximum(jnp.cumsum(prompts, axis=-1) - 1, 0),
        }

    def update_inputs_for_generation(
        self, model_outputs: Any, model_kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        """Moves on by one token."""
        model_kwargs["past_key_values"] = model_outputs.past_key_values
        model_kwargs["position_ids"] = model_kwargs["position_ids"][:, -1:] + 1
        return model_kwargs


def _is_box(leaf: Any) -> bool:
    """Whether a parameter still carries the names of its axes."""
    return hasattr(leaf, "unbox")


def _array(leaf: Any) -> jax.Array:
    return leaf.unbox() if _is_box(leaf) else leaf


def _cached(cache: Any, name: str) -> jax.Array:
    """The first layer's array of a name; all layers have the same."""
    flat = flatten_dict(unfreeze(cache))
    return next(array for path, array in flat.items() if path[-1] == name)


def _cache_length(cache: Any) -> jax.Array:
    """How many tokens a cache holds."""
    return _cached(cache, "cached_length")


def _cache_shape(cache: Any) -> tuple[int, ...]:
    """`(batch, tokens)` that a cache has room for."""
    return _cached(cache, "cached_segments").shape
