"""Networks of transformers 4 in Flax, with optax, in one jitted step."""

import itertools
import os
from collections.abc import Callable
from typing import Any

os.environ |= {"USE_TF": "0", "USE_TORCH": "0"}

import jax
import optax
import transformers
from transformers import BertConfig, GPT2Config

# Not in transformers 5: an ImportError leaves this contestant out.
from transformers import FlaxBertForMaskedLM, FlaxGPT2LMHeadModel  # isort: skip

from benchmarks.cases import Case, random_batches


def build(case: Case) -> Any:
    """Builds the network of a case, with parameters.

    Raises:
      ImportError: if there is no such network.
    """
    if case.packed or case.family == "electra":
        raise ImportError("no packed documents and no ELECTRA pretraining in Flax")
    if case.family == "gpt2":
        config = GPT2Config(
            vocab_size=case.vocab_size,
            n_layer=case.num_layers,
            n_embd=case.emb_dim,
            n_head=case.num_heads,
            n_inner=case.mlp_dim,
            n_positions=case.length,
            resid_pdrop=case.dropout,
            embd_pdrop=case.dropout,
            attn_pdrop=case.dropout,
        )
        return FlaxGPT2LMHeadModel(config, dtype=case.dtype)
    config = BertConfig(
        vocab_size=case.vocab_size,
        num_hidden_layers=case.num_layers,
        hidden_size=case.emb_dim,
        num_attention_heads=case.num_heads,
        intermediate_size=case.mlp_dim,
        max_position_embeddings=case.length,
        hidden_dropout_prob=case.dropout,
        attention_probs_dropout_prob=case.dropout,
    )
    return FlaxBertForMaskedLM(config, dtype=case.dtype)


def prepare(**fields: Any) -> tuple[Callable[[int], None], dict[str, Any]]:
    """Returns a function that does steps of a case, and versions."""
    case = Case(**fields)
    network = build(case)
    optimizer = optax.adamw(1e-4, b1=0.9, b2=0.98, eps=1e-9, weight_decay=0.1)
    is_causal = case.family == "gpt2"

    def loss(parameters: Any, batch: dict[str, jax.Array], rng: jax.Array) -> jax.Array:
        tokens = batch["tokens" if is_causal else "masked_tokens"]
        logits = network(
            tokens, params=parameters, dropout_rng=rng, train=True
        ).logits.astype("float32")
        labels = batch["labels"]
        if is_causal:
            logits, labels = logits[:, :-1], labels[:, 1:]
        weights = labels >= 0
        losses = optax.softmax_cross_entropy_with_integer_labels(
            logits, labels.clip(min=0)
        )
        return (losses * weights).sum() / weights.sum()

    def step(
        parameters: Any, state: Any, rng: jax.Array, batch: dict[str, jax.Array]
    ) -> tuple[Any, Any, jax.Array, jax.Array]:
        rng, dropout = jax.random.split(rng)
        value, grads = jax.value_and_grad(loss)(parameters, batch, dropout)
        updates, state = optimizer.update(grads, state, parameters)
        return optax.apply_updates(parameters, updates), state, rng, value

    jitted = jax.jit(step, donate_argnums=(0, 1))
    carried = (network.params, optimizer.init(network.params), jax.random.PRNGKey(0))
    batches = itertools.cycle(random_batches(case))

    def run(steps: int) -> None:
        nonlocal carried
        for _ in range(steps):
            *carried, _ = jitted(*carried, next(batches))
        jax.block_until_ready(carried)

    return run, {"jax": jax.__version__, "transformers": transformers.__version__}
