"""The scores of `score_tokens` where logits are too large to be kept.

Positions go through the head in tiles, each over the whole vocabulary; the backward pass
computes a tile's logits anew. A tile of the vocabulary instead would be half as fast.
"""

import functools
import logging
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax.linen import spmd
from jax.sharding import PartitionSpec

from transformer_lm.objectives.interface import Parameters
from transformer_lm.objectives.losses import PADDED_LOGIT, TokenScores, score_tokens

Head = Callable[[Any, jax.Array], jax.Array]
"""(parameters, hidden `[positions, embed]`) → logits `[positions, padded vocab]`."""

GIB = 2**30
LOGGER = logging.getLogger("transformer_lm")


def tiles_needed(positions: int, vocab_size: int, gib: float) -> int:
    """In how many tiles the float32 logits of a device stay within `gib` GiB each.

    >>> tiles_needed(32 * 1024, 50_304, 2.0)
    4
    """
    return max(math.ceil(positions * vocab_size * 4 / (gib * GIB)), 1)


def tiled_scores(
    head: Head,
    parameters: Parameters,
    hidden: jax.Array,  # [rows, length, embed]
    targets: jax.Array,  # [rows, length]
    *,
    gib: float,
    label_smoothing: float,
    z_loss: float,
) -> TokenScores | None:
    """Scores positions in tiles, each device its own, if logits exceed `gib` GiB.

    Every device adds up the gradient of the head over its tiles; the devices add theirs
    up once.

    Args:
      head: the end of the network.
      parameters: of the network; those that the head does not read have no gradient.
      hidden: what the head reads.
      targets: the right ids.
      gib: budget of a device for float32 logits.
      label_smoothing: as of `score_tokens`.
      z_loss: the same.

    Returns:
      As `score_tokens`, `[rows, length]`; None: the logits are within the budget.
    """
    mesh = jax.sharding.get_abstract_mesh()
    is_divided = set(mesh.axis_names) != set(mesh.manual_axes)
    spread = spmd.logical_to_mesh_axes(("batch", "vocab")) if is_divided else ()
    over_rows, over_vocab = (_axes(entry) for entry in spread or ((), ()))
    one = jax.ShapeDtypeStruct((1, hidden.shape[-1]), hidden.dtype)
    traced = jax.make_jaxpr(head, return_shape=True)(parameters, one)
    positions = targets.size // math.prod(mesh.shape[axis] for axis in over_rows)
    vocab_size = traced[1].shape[-1]
    vocab_size //= math.prod(mesh.shape[axis] for axis in over_vocab)
    tiles = tiles_needed(positions, vocab_size, gib)
    _announce(positions, vocab_size, gib, tiles)
    if tiles == 1:
        return None
    leaves, structure = jax.tree.flatten(parameters)
    jaxpr = traced[0].jaxpr
    read = {variable for step in jaxpr.eqns for variable in map(id, step.invars)}
    is_read = [id(variable) in read for variable in jaxpr.invars[: len(leaves)]]
    used = [leaf for leaf, needed in zip(leaves, is_read, strict=True) if needed]

    def head_of(arrays: Sequence[jax.Array], hidden: jax.Array) -> jax.Array:
        rest = iter(arrays)
        whole = [next(rest) if needed else None for needed in is_read]
        return head(jax.tree.unflatten(structure, whole), hidden)

    tile = -(-positions // tiles)
    score = functools.partial(_score_rows, head_of, tile, label_smoothing, z_loss)
    if not is_divided:
        return score(hidden, targets, *used)
    rows = PartitionSpec(over_rows)
    return jax.shard_map(
        score,
        in_specs=(rows, rows, *(PartitionSpec() for _ in used)),
        out_specs=rows,
        axis_names=set(over_rows),
        check_vma=False,
    )(hidden, targets, *used)


@functools.cache
def _announce(positions: int, vocab_size: int, gib: float, tiles: int) -> None:
    """Logs the choice, once however often a step is traced."""
    LOGGER.info(
        "loss: logits of %d positions x %d ids a device, %.2f GiB in float32, in %d"
        " tile(s) (logits_memory_gib=%g)",
        positions,
        vocab_size,
        positions * vocab_size * 4 / GIB,
        tiles,
        gib,
    )


def _axes(entry: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """The mesh axes of an entry of a PartitionSpec."""
    if entry is None:
        return ()
    return (entry,) if isinstance(entry, str) else entry


def _score_rows(
    head: Head,
    tile: int,
    label_smoothing: float,
    z_loss: float,
    hidden: jax.Array,  # [rows, length, embed]
    targets: jax.Array,  # [rows, length]
    *arrays: jax.Array,
) -> TokenScores:
    """Scores the rows of a device; `arrays` are the head's."""
    count = targets.size
    tiles = -(-count // tile)
    padding = tiles * tile - count
    hidden = jnp.pad(hidden.reshape(count, -1), ((0, padding), (0, 0)))
    scores = _score_tiles(
        head,
        label_smoothing,
        z_loss,
        hidden.reshape(tiles, tile, -1),
        jnp.pad(targets.reshape(count), (0, padding)).reshape(tiles, tile),
        arrays,
    )
    return jax.tree.map(
        lambda score: score.reshape(-1)[:count].reshape(targets.shape), scores
    )


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _score_tiles(
    head: Head,
    label_smoothing: float,
    z_loss: float,
    hidden: jax.Array,  # [tiles, tile, embed]
    targets: jax.Array,  # [tiles, tile]
    arrays: tuple[jax.Array, ...],
) -> TokenScores:
    """Returns scores `[tiles, tile]`."""

    def score(_: None, inputs: tuple[jax.Array, jax.Array]) -> tuple[None, TokenScores]:
        hidden, targets = inputs
        logits = head(arrays, hidden)  # [tile, padded vocab]
        scores = score_tokens(
            logits, targets, label_smoothing=label_smoothing, z_loss=z_loss
        )
        return None, scores

    return jax.lax.scan(score, None, (hidden, targets))[1]


def _forward(
    head: Head, label_smoothing: float, z_loss: float, *inputs: Any
) -> tuple[TokenScores, Any]:
    scores: TokenScores = _score_tiles(head, label_smoothing, z_loss, *inputs)  # pyright: ignore
    return scores, (inputs, scores.log_denominator)


def _backward(
    head: Head, label_smoothing: float, z_loss: float, saved: Any, slopes: TokenScores
) -> tuple[jax.Array, None, tuple[jax.Array, ...]]:
    """Adds up the head's gradient in float32; `correct` has none.

    With p the softmax, L the log of its denominator and s the smoothing, a position's
    plain loss has the gradient p - onehot; what is minimised has
    (1 + 2 z L) p - (1 - s) onehot - s / vocabulary.
    """
    (hidden, targets, arrays), log_denominators = saved

    def add(total: Any, inputs: Any) -> tuple[Any, jax.Array]:
        hidden, targets, log_denominator, slope = inputs
        logits, pull = jax.vjp(head, arrays, hidden)
        wide = logits.astype(jnp.float32)
        minimised, plain = slope.minimised, slope.likelihood
        of_softmax = minimised * (1 + 2 * z_loss * log_denominator) + plain
        of_softmax += slope.log_denominator
        of_target = minimised * (1 - label_smoothing) + plain
        gradient = jnp.exp(wide - log_denominator[:, None]) * of_softmax[:, None]
        if label_smoothing:
            real = wide > PADDED_LOGIT
            share = label_smoothing * minimised / jnp.sum(real, axis=-1)
            gradient -= jnp.where(real, share[:, None], 0)
        ids = jnp.arange(wide.shape[-1])
        is_target = ids[None] == targets[:, None]
        gradient -= jnp.where(is_target, of_target[:, None], 0)
        of_arrays, of_hidden = pull(gradient.astype(logits.dtype))
        total = [
            old + new.astype(jnp.float32)
            for old, new in zip(total, of_arrays, strict=True)
        ]
        return total, of_hidden

    zeros = [jnp.zeros_like(array, jnp.float32) for array in arrays]
    total, of_hidden = jax.lax.scan(
        add, zeros, (hidden, targets, log_denominators, slopes)
    )
    of_arrays = tuple(
        new.astype(old.dtype) for new, old in zip(total, arrays, strict=True)
    )
    return of_hidden, None, of_arrays


_score_tiles.defvjp(_forward, _backward)
