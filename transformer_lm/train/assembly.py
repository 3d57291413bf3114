"""What a run is put together from: tokenizer, network, rows, data."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from transformer_lm.data.batches import TrainBatches
from transformer_lm.data.feeding import run_tokenizer, train_batches
from transformer_lm.data.row_builders import RowBuilder, row_builder
from transformer_lm.objectives.vocabulary import Vocabulary
from transformer_lm.parallel import to_global
from transformer_lm.run_settings import Settings
from transformer_lm.settings import Training
from transformer_lm.tokenizers.interface import Tokenizer
from transformer_lm.train.program import Program, build_program


class Assembly(NamedTuple):
    """The parts of a run, made of its settings alone."""

    tokenizer: Tokenizer
    program: Program
    rows: RowBuilder
    data: TrainBatches
    """Of this process, at the beginning."""


def assemble(settings: Settings, workdir: str) -> Assembly:
    """Builds the parts of a run; trains its vocabulary where there is none yet.

    Raises:
      UserError: if text or vocabulary cannot be used.
    """
    tokenizer = run_tokenizer(
        settings.tokenizer,
        settings.source,
        workdir,
        settings.windows,
        process_index=jax.process_index(),
        process_count=jax.process_count(),
    )
    program = build_program(
        settings,
        Vocabulary(tokenizer.vocab_size, tokenizer.mask_id, tokenizer.special_ids),
    )
    rows = row_builder(settings.objective.rows, settings.windows, tokenizer)
    training = settings.training
    data = train_batches(
        settings.source,
        settings.windows,
        tokenizer,
        rows,
        process_rows=training.rows_of_processes(
            jax.device_count(), jax.process_count()
        ),
        accumulation=training.grad_accumulation_steps,
        seed=training.seed,
        process_index=jax.process_index(),
    )
    return Assembly(tokenizer, program, rows, data)


def placed(
    rows: Mapping[str, np.ndarray], training: Training, mesh: Mesh
) -> dict[str, jax.Array]:
    """Puts this process's rows of a batch on its devices, as micro-batches."""
    micro_rows = training.process_micro_rows(jax.device_count(), jax.process_count())
    return to_global(rows, mesh, training.grad_accumulation_steps, micro_rows)
