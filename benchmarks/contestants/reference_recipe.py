"""The choices of the lm1b example of Flax, which transformer-lm-japanese follows.

Replicas by `pmap`, unfused attention over a full mask, float32 logits at every position,
and a cross-entropy against one-hot targets. The blocks are those of the case's family, so
that the work is that of the other contestants.
"""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import jax_utils
from flax import linen as nn
from flax.training.common_utils import onehot, shard, shard_prng_key

from benchmarks.cases import Case, random_batches


class Block(nn.Module):
    """Attention and feed-forward; normalised before (GPT-2) or after (BERT)."""

    case: Case

    @nn.compact
    def __call__(self, hidden: jax.Array, mask: jax.Array) -> jax.Array:
        """Returns `[batch, length, embed]`."""
        case, dtype = self.case, jnp.dtype(self.case.dtype)
        norm = functools.partial(nn.LayerNorm, dtype=dtype)
        dropout = functools.partial(nn.Dropout, case.dropout, deterministic=False)
        before = case.family == "gpt2"

        def attend(inputs: jax.Array) -> jax.Array:
            return nn.MultiHeadDotProductAttention(
                num_heads=case.num_heads,
                dropout_rate=case.dropout,
                broadcast_dropout=False,
                deterministic=False,
                dtype=dtype,
            )(inputs, mask=mask)

        def feed_forward(inputs: jax.Array) -> jax.Array:
            inputs = nn.gelu(
                nn.Dense(case.mlp_dim, dtype=dtype)(inputs), approximate=before
            )
            return nn.Dense(case.emb_dim, dtype=dtype)(inputs)

        for layer in (attend, feed_forward):
            output = dropout()(layer(norm()(hidden) if before else hidden))
            hidden = hidden + output if before else norm()(hidden + output)
        return hidden


class Network(nn.Module):
    """Embeddings, blocks and a tied head over all positions."""

    case: Case

    @nn.compact
    def __call__(
        self, tokens: jax.Array, positions: jax.Array, segments: jax.Array
    ) -> jax.Array:
        """Returns float32 logits `[batch, length, vocab]`."""
        case, dtype = self.case, jnp.dtype(self.case.dtype)
        table = nn.Embed(case.vocab_size, case.emb_dim, dtype=dtype)
        hidden = table(tokens)
        hidden += nn.Embed(case.length, case.emb_dim, dtype=dtype)(positions)
        mask = nn.make_attention_mask(segments, segments, jnp.equal)
        if case.family == "gpt2":
            mask = nn.combine_masks(mask, nn.make_causal_mask(tokens))
        else:
            hidden = nn.LayerNorm(dtype=dtype)(hidden)
        hidden = nn.Dropout(case.dropout, deterministic=False)(hidden)
        for _ in range(case.num_layers):
            hidden = Block(case)(hidden, mask)
        if case.family == "gpt2":
            hidden = nn.LayerNorm(dtype=dtype)(hidden)
        else:
            hidden = nn.gelu(nn.Dense(case.emb_dim, dtype=dtype)(hidden))
            hidden = nn.LayerNorm(dtype=dtype)(hidden)
        return table.attend(hidden).astype(jnp.float32)


def prepare(**fields: Any) -> tuple[Callable[[int], None], dict[str, Any]]:
    """Returns a function that does steps of a case, and versions.

    Raises:
      ImportError: if the recipe has no such network.
    """
    case = Case(**fields)
    if case.family == "electra":
        raise ImportError("the recipe has no ELECTRA")
    network = Network(case)
    optimizer = optax.adamw(1e-4, b1=0.9, b2=0.98, eps=1e-9, weight_decay=0.1)
    shown = "tokens" if case.family == "gpt2" else "masked_tokens"

    def loss(parameters: Any, batch: dict[str, jax.Array], rng: jax.Array) -> Any:
        logits = network.apply(
            {"params": parameters},
            batch[shown],
            batch["positions"],
            batch["segments"],
            rngs={"dropout": rng},
        )
        labels = batch["labels"]
        if case.family == "gpt2":
            logits, labels = logits[:, :-1], labels[:, 1:]
        targets = onehot(labels, case.vocab_size)
        losses = -jnp.sum(targets * nn.log_softmax(logits), axis=-1)
        weights = (labels >= 0).astype(jnp.float32)
        return (losses * weights).sum() / weights.sum()

    @functools.partial(jax.pmap, axis_name="batch", donate_argnums=(0, 1))
    def step(parameters: Any, state: Any, rng: jax.Array, batch: Any) -> Any:
        rng, dropout = jax.random.split(rng)
        value, grads = jax.value_and_grad(loss)(parameters, batch, dropout)
        grads, value = jax.lax.pmean((grads, value), "batch")
        updates, state = optimizer.update(grads, state, parameters)
        return optax.apply_updates(parameters, updates), state, rng, value

    batches = [
        {name: batch[name] for name in (shown, "positions", "segments", "labels")}
        for batch in random_batches(case)
    ]
    first = [batches[0][name] for name in (shown, "positions", "segments")]
    keys = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    parameters = jax.jit(network.init)(keys, *first)["params"]
    carried = [
        *jax_utils.replicate((parameters, optimizer.init(parameters))),
        shard_prng_key(jax.random.PRNGKey(0)),
    ]
    turns = itertools.cycle(batches)

    def run(steps: int) -> None:
        nonlocal carried
        for _ in range(steps):
            *carried, _ = step(*carried, shard(next(turns)))
        jax.block_until_ready(carried)

    return run, {"jax": jax.__version__}
