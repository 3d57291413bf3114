"""Forward and backward of every attention kernel of this machine, against xla; JSON.

python benchmarks/attention.py --length=1024 --heads=12 --head_dim=64 --rows=packed

Each round times all kernels one after the other; figures are medians over rounds.
"""

import argparse
import functools
import json
import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp

from transformer_lm.models.attention import attend, attention_mask
from transformer_lm.models.attention_choice import AttentionUse, obstacles
from transformer_lm.models.attention_kernels import KERNELS

ROUNDS = 20


def reference(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    segments: jax.Array,
    *,
    causal: bool,
) -> jax.Array:
    """What xla computes."""
    mask = attention_mask(segments, segments, causal=causal)
    return attend(query, key, value, mask, dropout=lambda weights: weights)


def gradient_of(attention: Callable[..., jax.Array], causal: bool) -> Callable:
    """Returns the jitted gradient for query, key and value."""

    def loss(query: jax.Array, key: jax.Array, value: jax.Array, segments: jax.Array):
        output = attention(query, key, value, segments, causal=causal)
        return output.astype(jnp.float32).sum()

    return jax.jit(jax.grad(loss, argnums=(0, 1, 2)))


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, size in (("batch", 8), ("length", 1024), ("heads", 12), ("head_dim", 64)):
        parser.add_argument(f"--{name}", type=int, default=size)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--rows", choices=("packed", "document"), default="packed")
    parser.add_argument("--full", action="store_true", help="not causal (encoders)")
    given = parser.parse_args()

    use = AttentionUse(
        backend=jax.default_backend(),
        dtype=given.dtype,
        head_dims=(given.head_dim,),
        lengths=(given.length,),
        dropout_rate=0.0,
        is_one_text=given.rows == "document",
    )
    left_out = {name: found for name in KERNELS if (found := obstacles(name, use))}
    attentions = {"xla": reference}
    attentions |= {name: KERNELS[name] for name in KERNELS if name not in left_out}

    shape = (given.batch, given.length, given.heads, given.head_dim)
    keys = jax.random.split(jax.random.key(0), 3)
    inputs = [jax.random.normal(key, shape, given.dtype) for key in keys]
    # Four documents a row, or one.
    documents = 1 if given.rows == "document" else 4
    numbers = 1 + jnp.arange(given.length) * documents // given.length
    inputs.append(jnp.broadcast_to(numbers, shape[:2]))

    runs = {
        name: functools.partial(gradient_of(attention, not given.full), *inputs)
        for name, attention in attentions.items()
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        jax.block_until_ready(run())
    for _ in range(ROUNDS):
        for name, run in runs.items():
            start = time.perf_counter()
            jax.block_until_ready(run())
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(
        json.dumps(
            {
                **vars(given),
                "device": jax.devices()[0].device_kind,
                "jax": jax.__version__,
                "milliseconds": {k: round(1e3 * v, 3) for k, v in medians.items()},
                "times_as_fast_as_xla": {
                    k: round(medians["xla"] / v, 2) for k, v in medians.items()
                },
                "left_out": left_out,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
