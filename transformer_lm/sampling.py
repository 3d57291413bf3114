"""Continues texts with any decoder that has a key-value cache."""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from transformer_lm.settings import Sampling

LENGTH_BUCKET = 64
"""Rows are as long as a multiple of this, so that few lengths are compiled."""


def filter_logits(
    logits: jax.Array,  # [rows, vocab]
    *,
    top_k: int,
    top_p: float,
) -> tuple[jax.Array, jax.Array]:
    """Keeps the likeliest tokens.

    Args:
      logits: scores, already divided by the temperature.
      top_k: how many tokens to keep; 0: all.
      top_p: keep the fewest tokens that have this probability together (Holtzman et al.
        2020, section 3.1); applied after `top_k`.

    Returns:
      (scores of the kept tokens from high to low, their ids), both `[rows, kept]`;
      tokens outside `top_p` have the score -inf.
    """
    kept = min(top_k, logits.shape[-1]) if top_k else logits.shape[-1]
    if kept == logits.shape[-1] and top_p == 1.0:
        ids = jnp.broadcast_to(jnp.arange(kept)[None], logits.shape)
        return logits, ids
    scores, ids = jax.lax.top_k(logits, kept)
    if top_p < 1.0:
        probabilities = jax.nn.softmax(scores, axis=-1)
        before = jnp.cumsum(probabilities, axis=-1) - probabilities
        scores = jnp.where(before < top_p, scores, -jnp.inf)
    return scores, ids


def penalise_repetition(
    logits: jax.Array,  # [rows, vocab]
    seen: jax.Array,  # [rows, vocab]
    penalty: float,
) -> jax.Array:
    """Makes tokens already in the text less likely (Keskar et al. 2019, section 4.1).

    A positive score is divided by the penalty and a negative one multiplied, as the
    published program does.
    """
    lowered = jnp.where(logits > 0, logits / penalty, logits * penalty)
    return jnp.where(seen, lowered, logits)


class _Loop(NamedTuple):
    """What the decoding loop carries."""

    tokens: jax.Array  # [rows, total]
    place: jax.Array  # [] where the next token goes
    logits: jax.Array  # [rows, padded vocab]
    finished: jax.Array  # [rows]
    seen: jax.Array  # [rows, padded vocab], or [rows, 0] without a penalty
    cache: Any


@functools.partial(
    jax.jit, static_argnames=("model", "prompt_length", "total", "sampling", "eos_id")
)
def _decode(
    parameters: Any,
    tokens: jax.Array,  # [rows, total]; prompts end at prompt_length, on the right
    padding: jax.Array,  # [rows] places before each prompt
    limits: jax.Array,  # [rows] places at which each text must end
    keys: jax.Array,  # [rows]
    *,
    model: nn.Module,
    prompt_length: int,
    total: int,
    sampling: Sampling,
    eos_id: int | None,
) -> jax.Array:
    """Fills `tokens` from `prompt_length` on; rows that end are filled with eos."""
    rows = tokens.shape[0]

    def call(cache: Any, tokens: jax.Array, start: jax.Array | int) -> tuple[Any, Any]:
        places = start + jnp.arange(tokens.shape[1])[None]
        positions = jnp.maximum(places - padding[:, None], 0)
        segments = (places >= padding[:, None]).astype(jnp.int32)
        output, changed = model.apply(
            {"params": parameters, "cache": cache},
            tokens,
            positions,
            segments,
            decode=True,
            mutable=["cache"],
        )
        return output.logits[:, -1].astype(jnp.float32), changed["cache"]

    shapes = jax.eval_shape(
        lambda: model.init(
            jax.random.key(0), tokens, tokens, jnp.ones_like(tokens), decode=True
        )["cache"]
    )
    empty = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    logits, cache = call(empty, tokens[:, :prompt_length], 0)
    seen = jnp.zeros((rows, 0), bool)
    if sampling.repetition_penalty != 1.0:
        real = jnp.arange(prompt_length)[None] >= padding[:, None]
        seen = jnp.zeros(logits.shape, bool)
        seen = seen.at[jnp.arange(rows)[:, None], tokens[:, :prompt_length]].max(real)

    def choose(loop: _Loop) -> jax.Array:
        logits = loop.logits
        if sampling.repetition_penalty != 1.0:
            logits = penalise_repetition(logits, loop.seen, sampling.repetition_penalty)
        if sampling.sampling_temperature == 0:
            return jnp.argmax(logits, axis=-1)
        scores, ids = filter_logits(
            logits / sampling.sampling_temperature,
            top_k=sampling.sampling_top_k,
            top_p=sampling.sampling_top_p,
        )
        drawn = jax.vmap(
            lambda key, row: jax.random.categorical(
                jax.random.fold_in(key, loop.place), row
            )
        )(keys, scores)
        return jnp.take_along_axis(ids, drawn[:, None], axis=-1)[:, 0]

    def advance(loop: _Loop) -> _Loop:
        ended = loop.finished | (loop.place >= limits)
        filler = 0 if eos_id is None else eos_id
        chosen = jnp.where(ended, filler, choose(loop)).astype(jnp.int32)
        tokens = loop.tokens.at[:, loop.place].set(chosen)
        finished = ended if eos_id is None else ended | (chosen == eos_id)
        seen = loop.seen
        if sampling.repetition_penalty != 1.0:
            seen = seen.at[jnp.arange(rows), chosen].set(True)
        logits, cache = call(loop.cache, chosen[:, None], loop.place)
        return _Loop(tokens, loop.place + 1, logits, finished, seen, cache)

    loop = _Loop(
        tokens, jnp.asarray(prompt_length), logits, limits <= prompt_length, seen, cache
    )
    return jax.lax.while_loop(
        lambda loop: (loop.place < total) & ~loop.finished.all(), advance, loop
    ).tokens


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
    longest = max(len(prompt) for prompt in prompts) + 1
    limit = max(sampling.max_predict_length + 1, longest)
    if position_limit is not None:
        limit = max(min(limit, position_limit), longest)
    rows = len(prompts)
    prompt_length = _bucket(longest)
    # Every row's prompt ends at the same place; a shorter one may grow for longer.
    shortest = min(len(prompt) for prompt in prompts) + 1
    total = prompt_length + _bucket(max(limit - shortest, 1))
    tokens = np.zeros((rows, total), np.int32)
    padding = np.zeros(rows, np.int32)
    for row, prompt in enumerate(prompts):
        padding[row] = prompt_length - len(prompt) - 1
        tokens[row, padding[row] : prompt_length] = [start_id, *prompt]
    keys = jax.vmap(lambda row: jax.random.fold_in(jax.random.key(seed), row))(
        jnp.arange(rows)
    )
    limits = padding + limit
    filled = _decode(
        parameters,
        tokens,
        padding,
        limits,
        keys,
        model=model,
        prompt_length=prompt_length,
        total=total,
        sampling=sampling,
        eos_id=eos_id,
    )
    texts = []
    for row, ids in enumerate(np.asarray(filled)):
        text = ids[padding[row] + 1 : limits[row]].tolist()
        generated = text[len(prompts[row]) :]
        if eos_id is not None and eos_id in generated:
            generated = generated[: generated.index(eos_id)]
        texts.append([*prompts[row], *generated])
    return texts


def _bucket(length: int) -> int:
    return -(-length // LENGTH_BUCKET) * LENGTH_BUCKET
