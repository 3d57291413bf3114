"""The loop of decoding: prompts are read into a key-value cache, then token after token."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from transformer_lm.models.attention import POSITION_AXES
from transformer_lm.settings import Sampling
from transformer_lm.token_choice import filter_logits, penalise_repetition

MOST_SIZES = 4
LEAST_GROWTH = 64
"""The cache grows through so many sizes, by no fewer places at a time: each token attends
to the whole cache, filled or not, and each size is compiled for itself."""


class Loop(NamedTuple):
    """What the decoding loop carries."""

    tokens: jax.Array  # [rows, total]
    place: jax.Array  # [] where the next token goes
    logits: jax.Array  # [rows, padded vocab]
    finished: jax.Array  # [rows]
    seen: jax.Array  # [rows, padded vocab], or [rows, 0] without a penalty
    cache: Any


class Rows(NamedTuple):
    """What stays the same while rows are decoded."""

    parameters: Any
    padding: jax.Array  # [rows] places before each prompt
    limits: jax.Array  # [rows] places at which each text must end
    keys: jax.Array  # [rows, total] random, one for each token


_STATIC = ("model", "prompt_length", "sampling", "eos_id")


def _call(
    model: nn.Module, rows: Rows, cache: Any, tokens: jax.Array, start: jax.Array | int
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
def begin(
    rows: Rows,
    tokens: jax.Array,  # [rows, total]; prompts end at prompt_length, on the right
    *,
    cache_size: int,
    model: nn.Module,
    prompt_length: int,
    sampling: Sampling,
    eos_id: int | None,
) -> Loop:
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
    return Loop(tokens, jnp.asarray(prompt_length), logits, finished, seen, cache)


def _choose(rows: Rows, loop: Loop, sampling: Sampling) -> jax.Array:
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
    drawn = jax.vmap(jax.random.categorical)(rows.keys[:, loop.place], scores)
    return jnp.take_along_axis(ids, drawn[:, None], axis=-1)[:, 0]


@functools.partial(jax.jit, static_argnames=_STATIC, donate_argnames="loop")
def advance(
    rows: Rows,
    loop: Loop,
    *,
    model: nn.Module,
    prompt_length: int,
    sampling: Sampling,
    eos_id: int | None,
) -> Loop:
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
    return Loop(tokens, loop.place + 1, logits, finished, seen, cache)


@functools.partial(jax.jit, static_argnames=_STATIC)
def decode(rows: Rows, tokens: jax.Array, **static: Any) -> jax.Array:
    """Fills `tokens` `[rows, total]` from `prompt_length` on."""
    sizes = _cache_sizes(static["prompt_length"], tokens.shape[1])
    loop = begin(rows, tokens, cache_size=sizes[0], **static)
    for size in sizes:
        loop = jax.lax.while_loop(
            lambda loop, size=size: (loop.place < size) & ~loop.finished.all(),
            lambda loop: advance(rows, loop, **static),
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
    """Makes room for `size` places in keys, values and segments."""

    def enlarge(path: Any, array: jax.Array) -> jax.Array:
        axis = POSITION_AXES.get(path[-1].key)
        if axis is None:  # How many places are filled.
            return array
        widths = [(0, 0)] * array.ndim
        widths[axis] = (0, size - array.shape[axis])
        return jnp.pad(array, widths)

    return jax.tree.map_with_path(enlarge, cache)
