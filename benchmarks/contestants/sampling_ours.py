"""Texts by this project: one compiled prefill and decoding loop."""

from collections.abc import Callable
from typing import Any

from transformer_lm.environment import prepare_environment

prepare_environment()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

from benchmarks.cases import SAMPLING, Case, prompts  # noqa: E402
from benchmarks.contestants.ours import settings_of  # noqa: E402
from transformer_lm.sampling import generate  # noqa: E402
from transformer_lm.settings import Sampling  # noqa: E402


def prepare(**fields: Any) -> tuple[Callable[[int], None], dict[str, Any]]:
    """Returns a function that writes texts of a case so many times, and versions."""
    case = Case(**fields)
    model = settings_of(case).build_model(case.vocab_size)
    row = jnp.zeros((1, case.length), jnp.int32)
    parameters = jax.jit(model.init)(jax.random.key(0), row, row, row)["params"]
    parameters = jax.tree.map(
        lambda leaf: getattr(leaf, "value", leaf),
        parameters,
        is_leaf=lambda leaf: hasattr(leaf, "value"),
    )
    start, *rest = prompts(case).T.tolist()
    del start  # `generate` puts the first token there itself.
    given = [list(prompt) for prompt in zip(*rest, strict=True)]
    sampling = Sampling(
        sampling_temperature=SAMPLING["temperature"],
        sampling_top_k=SAMPLING["top_k"],
        max_predict_length=case.length - 1,
    )

    def run(steps: int) -> None:
        for seed in range(steps):
            texts = generate(
                model, parameters, given, sampling, start_id=1, eos_id=None, seed=seed
            )
        assert {len(text) for text in texts} == {case.length - 1}

    return run, {"jax": jax.__version__, "device": jax.devices()[0].device_kind}
