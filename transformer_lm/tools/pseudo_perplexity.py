"""Scores text with an encoder: each token is hidden in turn and predicted."""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from transformer_lm.objectives.losses import score_tokens
from transformer_lm.registry import UserError
from transformer_lm.tools.trained_model import TrainedModel

_TOGETHER = 16
"""Copies of a row that go through the network at once."""


def pseudo_loss(
    trained: TrainedModel, rows: Iterable[Mapping[str, np.ndarray]]
) -> tuple[float, int]:
    """Returns the sum of all tokens' losses, and how many tokens there are.

    exp(-sum / tokens) of the log-likelihoods is the pseudo-perplexity of Salazar et al.
    2020, section 2. Marks around a text are not scored.

    Args:
      trained: an encoder.
      rows: each with tokens, positions, segments and token_types `[length]`.

    Raises:
      UserError: if the vocabulary has no [MASK].
    """
    tokenizer = trained.tokenizer
    if tokenizer.mask_id is None:
        raise UserError(f"the tokenizer of {trained.folder} has no [MASK]")
    marks = [tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id, tokenizer.mask_id]
    special = [mark for mark in marks if mark is not None]
    total, count = 0.0, 0
    for row in rows:
        inputs = [jnp.asarray(row[name]) for name in trained.settings.model.inputs]
        scored = (row["segments"] > 0) & ~np.isin(row["tokens"], special)
        places = np.flatnonzero(scored)
        for first in range(0, len(places), _TOGETHER):
            some = places[first : first + _TOGETHER]
            filled = np.pad(some, (0, _TOGETHER - len(some)), mode="edge")
            losses = _losses(
                trained.network,
                tokenizer.mask_id,
                trained.parameters,
                inputs,
                jnp.asarray(filled),
            )
            total += float(np.asarray(losses)[: len(some)].astype(np.float64).sum())
            count += len(some)
    return total, count


@functools.partial(jax.jit, static_argnums=(0, 1))
def _losses(
    network: nn.Module,
    mask_id: int,
    parameters: Any,
    inputs: list[jax.Array],  # tokens and the rest, each [length]
    places: jax.Array,  # [copies]
) -> jax.Array:
    """Negative log-likelihood of the token at each place, hidden alone: `[copies]`."""
    tokens, *others = inputs
    copies = jnp.arange(len(places))
    repeated = [jnp.broadcast_to(x[None], (len(places), *x.shape)) for x in others]
    hidden = jnp.broadcast_to(tokens[None], (len(places), *tokens.shape))
    hidden = hidden.at[copies, places].set(mask_id)
    is_electra = hasattr(network, "generator")
    body, head = ("generator", "generator_logits") if is_electra else (None, None)
    output: Any = network.apply(
        {"params": parameters}, hidden, *repeated, method=body or "__call__"
    )
    states = output.hidden[copies, places][:, None]  # [copies, 1, embed]
    logits: Any = network.apply(
        {"params": parameters}, states, method=head or "masked_logits"
    )
    return score_tokens(logits[:, 0], tokens[places]).likelihood
