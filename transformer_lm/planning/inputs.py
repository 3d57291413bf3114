"""What goes into a train step, as shapes: nothing is read and nothing is trained."""

from dataclasses import dataclass
from typing import cast

import jax
import numpy as np
from jax.sharding import Mesh

from transformer_lm.data.packing import Documents
from transformer_lm.data.row_builders import row_builder
from transformer_lm.objectives.vocabulary import Vocabulary
from transformer_lm.parallel import batch_sharding
from transformer_lm.run_settings import Settings
from transformer_lm.tokenizers.interface import Tokenizer


@dataclass(frozen=True)
class _Marks:
    """Ids of special tokens, in the place of a tokenizer that is not trained yet."""

    pad_id: int = 0
    bos_id: int = 1
    eos_id: int = 2
    cls_id: int = 3
    sep_id: int = 4


def planned_vocabulary(settings: Settings) -> Vocabulary:
    """Returns a vocabulary of the size that the config asks for, with every mark.

    A trained one may be smaller (hard_vocab_limit=false), never larger.
    """
    marks = tuple(sorted(vars(_Marks()).values()))
    return Vocabulary(settings.tokenizer.vocab_size, len(marks), marks)


def abstract_batch(
    settings: Settings, mesh: Mesh, num_rows: int
) -> dict[str, jax.ShapeDtypeStruct]:
    """Returns the shapes of a global batch `[accumulation, rows, …]` on a mesh.

    Args:
      settings: of the run; its objective's builder of rows names the arrays.
      mesh: over whose devices rows are divided.
      num_rows: in the batch, all devices and micro-batches together.
    """
    rows = row_builder(
        settings.objective.rows, settings.windows, cast(Tokenizer, _Marks())
    )
    nothing = Documents(
        ids=np.zeros(0, np.int32),
        lengths=np.zeros(0, np.int64),
        characters=np.zeros(0, np.int64),
        starts=np.zeros(0, bool),
        ends=np.zeros(0, bool),
    )
    length = settings.windows.max_target_length
    empty, _ = rows.build(nothing, length, np.random.default_rng(0), in_order=False)
    accumulation = settings.training.grad_accumulation_steps
    sharding = batch_sharding(mesh, leading=1)
    return {
        name: jax.ShapeDtypeStruct(
            (accumulation, num_rows // accumulation, *array.shape[1:]),
            array.dtype,
            sharding=sharding,
        )
        for name, array in empty.items()
        if name in rows.arrays
    }
