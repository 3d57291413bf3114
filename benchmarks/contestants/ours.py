"""The train step of this project, as `train/loop.py` drives it."""

import itertools
from collections.abc import Callable
from typing import Any

from transformer_lm.environment import prepare_environment

prepare_environment()

import jax  # noqa: E402

from benchmarks.cases import MASK_ID, RESERVED, Case, random_batches  # noqa: E402
from transformer_lm.config import defaults, resolve  # noqa: E402
from transformer_lm.objectives.vocabulary import Vocabulary  # noqa: E402
from transformer_lm.parallel import to_global  # noqa: E402
from transformer_lm.run_settings import Settings  # noqa: E402
from transformer_lm.train.program import build_program  # noqa: E402

OBJECTIVES = {"gpt2": "causal_lm", "bert": "masked_lm", "electra": "replaced_token"}
FOR_PEERS = ("labels", "masked_tokens")


def settings_of(case: Case) -> Settings:
    """Returns the settings of a run that does what the case says."""
    config = defaults(
        model=case.family,
        objective=OBJECTIVES[case.family],
        tokenizer="sentencepiece",
        optimizer="adamw",
        schedule="rsqrt",
    )
    config.batch_size = case.rows
    config.max_target_length = config.max_eval_target_length = case.length
    config.num_layers, config.emb_dim = case.num_layers, case.emb_dim
    config.num_heads, config.mlp_dim = case.num_heads, case.mlp_dim
    config.dropout_rate = config.attention_dropout_rate = case.dropout
    config.dtype = case.dtype
    if case.family == "gpt2":
        config.embedding_dropout_rate = case.dropout
    if case.family == "electra":
        config.embedding_size = case.embedding_size
        config.generator_size = case.generator_share
        config.best_metric = "discriminator_loss"
    return resolve(config)


class Training:
    """A run of a case: its state and its batches.

    Args:
      case: what is computed.
    """

    def __init__(self, case: Case) -> None:
        self.settings = settings_of(case)
        special = tuple(range(RESERVED))
        vocabulary = Vocabulary(case.vocab_size, MASK_ID, special)
        self._program = build_program(self.settings, vocabulary)
        self._rows = case.rows
        self._batches = itertools.cycle(
            {name: array for name, array in batch.items() if name not in FOR_PEERS}
            for batch in random_batches(case)
        )
        self.state = self._program.fresh_state(0)

    def run(self, steps: int) -> None:
        """Does steps and waits for the last one."""
        metrics = None
        for _ in range(steps):
            batch = to_global(next(self._batches), self._program.mesh, 1, self._rows)
            self.state, metrics = self._program.train_step(self.state, batch)
        jax.block_until_ready((self.state, metrics))


def prepare(**fields: Any) -> tuple[Callable[[int], None], dict[str, Any]]:
    """Returns a function that does steps of a case, and versions."""
    case = Case(**fields)
    training = Training(case)
    share = () if case.family == "gpt2" else (case.predictions / case.length,)
    flops = training.settings.model.flops_per_token(
        case.vocab_size, case.length, *share
    )
    return training.run, {
        "jax": jax.__version__,
        "device": jax.devices()[0].device_kind,
        "flops_per_step": flops * case.rows * case.length,
    }
