"""Tiny networks, and batches of text with special tokens and padding."""

import jax
import numpy as np
from flax import linen as nn

from transformer_lm.models import MODELS
from transformer_lm.objectives.vocabulary import Vocabulary

VOCABULARY = Vocabulary(size=60, mask_id=4, special_ids=(0, 1, 2, 3, 59))
PAD, CLS, SEP = 0, 2, 3
SIZES = {
    "num_layers": 1,
    "emb_dim": 16,
    "num_heads": 2,
    "mlp_dim": 32,
    "initializer_range": 0.2,
}


def make_batch(rows=8, length=32, *, longest=None, seed=0):
    """Rows `[CLS] text [SEP] text [SEP]` of different lengths."""
    draw = np.random.default_rng(seed)
    sizes = draw.integers(length // 2, (longest or length) + 1, rows)[:, None]
    places = np.broadcast_to(np.arange(length), (rows, length))
    real = places < sizes
    tokens = draw.integers(5, 59, (rows, length))
    middle = sizes // 2
    tokens = np.where((places == middle) | (places == sizes - 1), SEP, tokens)
    tokens[:, 0] = CLS
    batch = {
        "tokens": np.where(real, tokens, PAD),
        "segments": real,
        "positions": np.where(real, places, 0),
        "token_types": (places > middle) & real,
        "word_starts": (draw.random((rows, length)) < 0.5) & real,
        "pair_labels": draw.integers(0, 2, rows),
    }
    return {name: jax.numpy.asarray(array, "int32") for name, array in batch.items()}


def tiny(name, length=32, **sizes):
    """A family at toy size: how objectives call it, and parameters for it."""
    config = MODELS[name](**SIZES | sizes)
    model = config.build(VOCABULARY.size, max_length=length, dtype="float32")
    row = jax.numpy.zeros((1, length), "int32")
    inputs = {name: row for name in config.inputs}
    variables = jax.jit(model.init)(jax.random.key(0), **inputs)

    def apply(parameters, *inputs, rng, method=None):
        dropout = {}
        if rng is not None:
            dropout = {"deterministic": False, "rngs": {"dropout": rng}}
        return model.apply({"params": parameters}, *inputs, method=method, **dropout)

    return apply, nn.unbox(variables["params"])
