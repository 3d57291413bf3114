"""Continues texts with any decoder that has a key-value cache."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from transformer_lm.settings import Sampling
from transformer_lm.token_choice import filter_logits, penalise_repetition

LENGTH_BUCKET = 32
"""Prompts and rows are as long as a multiple of this: few lengths are compiled."""

MOST_SIZES = 4
LEAST_GROWTH = 64
"""The cache grows through so many sizes, by no fewer places at a time: each token attends
to the whole cache, filled or not, and each size is compiled for itself."""


class _Loop(NamedTuple):
    """What the decoding loop carries."""

    tokens: jax.Array  # [rows, total]
    place: jax.Array  # [] where the next token goes
    logits: jax.Array  # [rows, padded vocab]
    finished: jax.Array  # [rows]
    seen: jax.Array  # [rows, padded vocab], or [rows, 0] without a penalty
    cache: Any


class _Rows(NamedTuple):
    """What stays the same while rows are decoded."""

    parameters: Any
    padding: jax.Array  # [rows] places before each prompt
    limits: jax.Array  # [rows] places at which each text must end
    keys: jax.Array  # [rows]


_STATIC = ("model", "prompt_length", "sampling", "eos_id")


def _call(
    model: nn.Module, rows: _Rows, cache: Any, tokens: jax.Array, start: jax.Array | int
) -> tuple[jax.Array, Any]:
    """Logits of the last of `tokens` `[rows, length]` at `start`, and the new cache."""
    places = start + jnp.arange(tokens.shape[1])[None]
    output, changed = model.apply(
        {"params": rows.parameters, "cache": cache},
        tokens,
        jnp.maximum(places - rows.padding[:, None], 0),
        (places >= rows.padding[:, None]).astype(jnp.int32),
        decode=True,
        mutable=["cache"],
    )
    # Anew, of one place: the compiler leaves out the logits of all.
    logits: Any = model.apply(
        {"params": rows.parameters}, output.hidden[:, -1], method="logits"
    )
    return logits.astype(jnp.float32), changed["cache"]


@functools.partial(jax.jit, static_argnames=(*_STATIC, "cache_size"))
def _begin(
    rows: _Rows,
    tokens: jax.Array,  # [rows, total]; prompts end at prompt_length, on the right
    *,
    cache_size: int,
    model: nn.Module,
    prompt_length: int,
    sampling: Sampling,
    eos_id: int | None,
) -> _Loop:
    """Reads the prompts into a cache of `cache_size` places."""
    del eos_id
    row = tokens[:, :cache_size]
    shapes = jax.eval_shape(
        lambda: model.init(jax.random.key(0), row, row, row, decode=True)["cache"]
    )
    empty = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    prompts = tokens[:, :prompt_length]
    logits, cache = _call(model, rows, empty, prompts, 0)
    seen = jnp.zeros((tokens.shape[0], 0), bool)
    if sampling.repetition_penalty != 1.0:
        real = jnp.arange(prompt_length)[None] >= rows.padding[:, None]
        seen = jnp.zeros(logits.shape, bool)
        seen = seen.at[jnp.arange(tokens.shape[0])[:, None], prompts].max(real)
    finished = rows.limits <= prompt_length
    return _Loop(tokens, jnp.asarray(prompt_length), logits, finished, seen, cache)


def _choose(rows: _Rows, loop: _Loop, sampling: Sampling) -> jax.Array:
    """The next token of each row, `[rows]`."""
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
    )(rows.keys, scores)
    return jnp.take_along_axis(ids, drawn[:, None], axis=-1)[:, 0]


@functools.partial(jax.jit, static_argnames=_STATIC, donate_argnames="loop")
def _advance(
    rows: _Rows,
    loop: _Loop,
    *,
    model: nn.Module,
    prompt_length: int,
    sampling: Sampling,
    eos_id: int | None,
) -> _Loop:
    """Adds a token to each row; rows that have ended are filled with eos."""
    del prompt_length
    ended = loop.finished | (loop.place >= rows.limits)
    filler = 0 if eos_id is None else eos_id
    chosen = jnp.where(ended, filler, _choose(rows, loop, sampling)).astype(jnp.int32)
    tokens = loop.tokens.at[:, loop.place].set(chosen)
    finished = ended if eos_id is None else ended | (chosen == eos_id)
    seen = loop.seen
    if sampling.repetition_penalty != 1.0:
        seen = seen.at[jnp.arange(tokens.shape[0]), chosen].set(True)
    logits, cache = _call(model, rows, loop.cache, chosen[:, None], loop.place)
    return _Loop(tokens, loop.place + 1, logits, finished, seen, cache)


@functools.partial(jax.jit, static_argnames=_STATIC)
def _decode(rows: _Rows, tokens: jax.Array, **static: Any) -> jax.Array:
    """Fills `tokens` `[rows, total]` from `prompt_length` on."""
    sizes = _cache_sizes(static["prompt_length"], tokens.shape[1])
    loop = _begin(rows, tokens, cache_size=sizes[0], **static)
    for size in sizes:
        loop = jax.lax.while_loop(
            lambda loop, size=size: (loop.place < size) & ~loop.finished.all(),
            lambda loop: _advance(rows, loop, **static),
            loop._replace(cache=_enlarge(loop.cache, size)),
        )
    return loop.tokens


def _cache_sizes(prompt_length: int, total: int) -> list[int]:
    """Sizes of the cache from the first token to the last.

    >>> _cache_sizes(32, 288)
    [72, 144, 216, 288]
    >>> _cache_sizes(160, 288)
    [216, 288]
    """
    parts = max(1, min(MOST_SIZES, total // LEAST_GROWTH))
    sizes = [-(-total * part // parts) for part in range(1, parts + 1)]
    return [size for size in sizes if size > prompt_length]


def _enlarge(cache: Any, size: int) -> Any:
    """Makes room for `size` places: the last axis of all but counters."""

    def enlarge(array: jax.Array) -> jax.Array:
        if array.ndim < 2:  # How many places are filled, for each layer if scanned.
            return array
        widths = [(0, 0)] * (array.ndim - 1) + [(0, size - array.shape[-1])]
        return jnp.pad(array, widths)

    return jax.tree.map(enlarge, cache)


def _lay_out(
    parameters: Any,
    prompts: Sequence[Sequence[int]],
    max_predict_length: int,
    *,
    start_id: int,
    seed: int,
    position_limit: int | None,
) -> tuple[_Rows, np.ndarray, int]:
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
    keys = jax.vmap(lambda row: jax.random.fold_in(jax.random.key(seed), row))(
        jnp.arange(len(prompts))
    )
    rows = _Rows(parameters, jnp.asarray(padding), jnp.asarray(padding + limit), keys)
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
    filled = _decode(
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
        for step in (_begin, _advance)
    )
    loop = begin(rows, jnp.asarray(tokens), cache_size=tokens.shape[1])
    for place in range(prompt_length, int(rows.limits[0])):
        loop = advance(rows, loop)
        token = int(loop.tokens[0, place])
        if token == eos_id:
            return
        yield token


def _bucket(length: int) -> int:
    return -(-length // LENGTH_BUCKET) * LENGTH_BUCKET
