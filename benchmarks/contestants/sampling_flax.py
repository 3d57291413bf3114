"""Texts by `generate` of transformers 4 in Flax, compiled as a whole."""

from collections.abc import Callable
from typing import Any

# First, for it keeps TensorFlow and torch out of transformers.
from benchmarks.contestants.flax_peer import build  # isort: skip

import jax
import numpy as np
import transformers

from benchmarks.cases import SAMPLING, Case, prompts


def prepare(
    *, jitted: bool = True, **fields: Any
) -> tuple[Callable[[int], None], dict[str, Any]]:
    """Returns a function that writes texts of a case so many times, and versions.

    Args:
      jitted: compile `generate` once as a whole; False calls it as it is.
      **fields: of the case.
    """
    case = Case(**fields)
    network = build(case)
    given = prompts(case)

    def write(parameters: Any, key: jax.Array) -> jax.Array:
        return network.generate(
            given,
            params=parameters,
            prng_key=key,
            do_sample=True,
            max_length=case.length,
            pad_token_id=0,
            # No token ends a text: all have their full length.
            eos_token_id=case.vocab_size,
            min_length=-1,
            **SAMPLING,
        ).sequences

    called = jax.jit(write) if jitted else write

    def run(steps: int) -> None:
        for seed in range(steps):
            texts = np.asarray(called(network.params, jax.random.PRNGKey(seed)))
        assert texts.shape == (case.rows, case.length)

    return run, {"jax": jax.__version__, "transformers": transformers.__version__}
