"""Runs every head of a network, under the names that transformers gives their outputs."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from transformer_lm.tools.trained_model import TrainedModel

HeadOutputs = dict[str, dict[str, np.ndarray]]
"""By exported folder and by name of the output: float32 arrays with rows first."""

_PAIR_OUTPUTS = {"bert": "seq_relationship_logits", "albert": "sop_logits"}


def rows_of(
    texts: Sequence[Sequence[int]], pad_id: int, length: int | None = None
) -> dict[str, np.ndarray]:
    """Lays ids into rows, one text each, padded on the right.

    Args:
      texts: ids with their special tokens.
      pad_id: what stands behind them.
      length: of the rows; None: that of the longest text.

    Returns:
      tokens, positions, segments, token_types: int32 `[rows, length]`.
    """
    length = length or max(map(len, texts))
    tokens = np.full((len(texts), length), pad_id, np.int32)
    for row, ids in enumerate(texts):
        tokens[row, : len(ids)] = ids
    sizes = np.array([len(ids) for ids in texts])[:, None]
    real = np.arange(length) < sizes  # [rows, length]
    return {
        "tokens": tokens,
        "positions": np.where(real, np.arange(length), 0).astype(np.int32),
        "segments": real.astype(np.int32),
        "token_types": np.zeros_like(tokens),
    }


def head_outputs(trained: TrainedModel, rows: Mapping[str, np.ndarray]) -> HeadOutputs:
    """Returns the logits of all heads for `rows_of` rows.

    Those over tokens are `[rows, length, vocab]`, without the padded vocabulary.
    """
    inputs = [jnp.asarray(rows[name]) for name in trained.settings.model.inputs]
    found = _run(trained.family, trained.network, trained.parameters, inputs)
    size = trained.tokenizer.vocab_size

    def trimmed(name: str, array: jax.Array) -> np.ndarray:
        over_tokens = array.ndim == 3 and name in ("logits", "prediction_logits")
        array = array[..., :size] if over_tokens else array
        return np.asarray(array, np.float32)

    return {
        folder: {name: trimmed(name, array) for name, array in outputs.items()}
        for folder, outputs in found.items()
    }


@functools.partial(jax.jit, static_argnums=(0, 1))
def _run(family: str, network: nn.Module, parameters: Any, inputs: list[Any]) -> Any:
    def run(*inputs: Any, method: str | None = None) -> Any:
        return network.apply({"params": parameters}, *inputs, method=method)

    if family == "electra":
        return {
            name: {
                "logits": run(run(*inputs, method=name).hidden, method=f"{name}_logits")
            }
            for name in ("generator", "discriminator")
        }
    output = run(*inputs)
    if hasattr(output, "logits"):
        return {"": {"logits": output.logits}}
    scores = run(output.hidden, method="masked_logits")
    if family not in _PAIR_OUTPUTS:
        return {"": {"logits": scores}}
    pair = run(output.pooled, method="pair_logits")
    return {"": {"prediction_logits": scores, _PAIR_OUTPUTS[family]: pair}}


def token_scores(trained: TrainedModel, rows: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns the scores of tokens at each place: `[rows, length, vocab]`.

    Of a decoder for the next token; of an encoder (of ELECTRA its generator) for the
    token at the place itself.
    """
    outputs = head_outputs(trained, rows)
    own = outputs.get("generator", outputs.get(""))
    assert own is not None
    return own.get("prediction_logits", own.get("logits", np.zeros(0)))
