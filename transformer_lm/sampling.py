"""Continues texts with any decoder that has a key-value cache."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from transformer_lm import decoding
from transformer_lm.settings import Sampling

LENGTH_BUCKET = 32
"""Prompts and rows are as long as a multiple of this: few lengths are compiled."""


def _lay_out(
    parameters: Any,
    prompts: Sequence[Sequence[int]],
    max_predict_length: int,
    *,
    start_id: int,
    seed: int,
    position_limit: int | None,
) -> tuple[decoding.Rows, np.ndarray, int]:
    """Returns (rows, tokens `[rows, total]` with prompts padded on the left, length)."""
    longest = max(len(prompt) for prompt in prompts) + 1
    limit = max(max_predict_length + 1, longest)
    if position_limit is not None:
        limit = max(min(limit, position_limit), longest)
    prompt_length = _bucket(longest)
    # Every row's prompt ends at the same place; a shorter one may grow for longer.
    shortest = min(len(prompt) for prompt in prompts) + 1
    total = prompt_length + _bucket(max(limit - shortest, 1))
    tokens = np.zeros((len(prompts), total), np.int32)
    padding = np.zeros(len(prompts), np.int32)
    for row, prompt in enumerate(prompts):
        padding[row] = prompt_length - len(prompt) - 1
        tokens[row, padding[row] : prompt_length] = [start_id, *prompt]
    keys = _keys(seed, jnp.arange(len(prompts)), jnp.arange(total))
    limits = jnp.asarray(padding + limit)
    rows = decoding.Rows(parameters, jnp.asarray(padding), limits, keys)
    return rows, tokens, prompt_length


def generate(
    model: nn.Module,
    parameters: Any,
    prompts: Sequence[Sequence[int]],
    sampling: Sampling,
    *,
    start_id: int,
    eos_id: int | None,
    seed: int,
    position_limit: int | None = None,
) -> list[list[int]]:
    """Continues each prompt until its end of text or `max_predict_length` tokens.

    All prompts run in one batch, padded on the left. A row's randomness depends on the
    seed and its place in `prompts` alone.

    Args:
      model: a decoder.
      parameters: of the decoder.
      prompts: ids without special tokens; an empty one begins a text.
      sampling: how to choose tokens.
      start_id: id that every document begins with.
      eos_id: id that ends a text, if there is one.
      seed: of the randomness.
      position_limit: longest text of the network, if it has a limit.

    Returns:
      For each prompt its ids and their continuation, without start and eos.
    """
    rows, tokens, prompt_length = _lay_out(
        parameters,
        prompts,
        sampling.max_predict_length,
        start_id=start_id,
        seed=seed,
        position_limit=position_limit,
    )
    filled = decoding.decode(
        rows,
        tokens,
        model=model,
        prompt_length=prompt_length,
        sampling=sampling,
        eos_id=eos_id,
    )
    texts = []
    padding, limits = np.asarray(rows.padding), np.asarray(rows.limits)
    for row, ids in enumerate(np.asarray(filled)):
        text = ids[padding[row] + 1 : limits[row]].tolist()
        generated = text[len(prompts[row]) :]
        if eos_id is not None and eos_id in generated:
            generated = generated[: generated.index(eos_id)]
        texts.append([*prompts[row], *generated])
    return texts


def stream(
    model: nn.Module,
    parameters: Any,
    prompt: Sequence[int],
    sampling: Sampling,
    *,
    start_id: int,
    eos_id: int | None,
    seed: int,
    position_limit: int | None = None,
) -> Iterator[int]:
    """Yields the tokens that `generate` adds to one prompt, each as it is drawn.

    Arguments are those of `generate`.
    """
    rows, tokens, prompt_length = _lay_out(
        parameters,
        [prompt],
        sampling.max_predict_length,
        start_id=start_id,
        seed=seed,
        position_limit=position_limit,
    )
    begin, advance = (
        functools.partial(
            step,
            model=model,
            prompt_length=prompt_length,
            sampling=sampling,
            eos_id=eos_id,
        )
        for step in (decoding.begin, decoding.advance)
    )
    loop = begin(rows, jnp.asarray(tokens), cache_size=tokens.shape[1])
    for place in range(prompt_length, int(rows.limits[0])):
        loop = advance(rows, loop)
        token = int(loop.tokens[0, place])
        if token == eos_id:
            return
        yield token


@jax.jit
def _keys(seed: jax.Array | int, rows: jax.Array, places: jax.Array) -> jax.Array:
    """Random keys `[rows, places]`, drawn at once: in the loop each costs a wait."""
    key = jax.random.key(seed)
    of_row = jax.vmap(jax.random.fold_in, (None, 0))(key, rows)
    return jax.vmap(jax.vmap(jax.random.fold_in, (None, 0)), (0, None))(of_row, places)


def _bucket(length: int) -> int:
    return -(-length // LENGTH_BUCKET) * LENGTH_BUCKET
