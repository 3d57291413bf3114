"""Time and memory of the loss with whole and with tiled logits; prints JSON.

python benchmarks/tiled_loss.py --positions=32768 --embed=768 --words=50304 --gib=2

Head, loss and both gradients. Each round times both, one after the other.
"""

import argparse
import json
import statistics
import time
from typing import Any

import jax

from transformer_lm.objectives.losses import score_tokens
from transformer_lm.objectives.tiled_scores import GIB, tiled_scores, tiles_needed


def head(table: jax.Array, hidden: jax.Array) -> jax.Array:
    """A tied head in the data type of `hidden`."""
    return hidden @ table.astype(hidden.dtype).T


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    sizes = {"positions": 32768, "embed": 768, "words": 50304, "rounds": 10}
    for name, size in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=size)
    parser.add_argument("--gib", type=float, default=2.0)
    parser.add_argument("--dtype", default="bfloat16")
    given = parser.parse_args()

    keys = jax.random.split(jax.random.key(0), 3)
    table = jax.random.normal(keys[0], (given.words, given.embed)) * 0.02
    hidden = jax.random.normal(keys[1], (1, given.positions, given.embed), given.dtype)
    targets = jax.random.randint(keys[2], (1, given.positions), 0, given.words)

    def compiled(gib: float) -> Any:
        def mean(table: jax.Array, hidden: jax.Array, targets: jax.Array) -> jax.Array:
            plain = {"label_smoothing": 0.0, "z_loss": 0.0}
            scores = tiled_scores(
                head, table, hidden, targets, gib=gib, **plain
            ) or score_tokens(head(table, hidden), targets)
            return scores.minimised.mean()

        gradient = jax.jit(jax.value_and_grad(mean, argnums=(0, 1)))
        return gradient.lower(table, hidden, targets).compile()

    runs = {"whole": compiled(float("inf")), "tiled": compiled(given.gib)}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(given.rounds + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            jax.block_until_ready(run(table, hidden, targets))
            if number:
                times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in times.items()}
    memory = {
        name: round(run.memory_analysis().temp_size_in_bytes / GIB, 3)
        for name, run in runs.items()
    }
    found = {
        **vars(given),
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
        "tiles": tiles_needed(given.positions, given.words, given.gib),
        "milliseconds": {k: round(1e3 * v, 1) for k, v in medians.items()},
        "time_of_tiled_to_whole": round(medians["tiled"] / medians["whole"], 2),
        "temporary_gib": memory,
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
