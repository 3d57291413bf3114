"""Scores text with a trained model.

    python -m transformer_lm.tools.evaluate --model=runs/mine
    python -m transformer_lm.tools.evaluate --model=exports/mine --data_path='new/*.txt'

Gives what training gives for its held-out text: the loss (nats a token), perplexity (exp
of the mean over all tokens), bits per character and so on. --model is a work folder or a
folder of tools.export_hf.
"""

import argparse
import dataclasses
import itertools
import json
import math
from collections.abc import Iterator

import jax
import numpy as np
from etils import epath

from transformer_lm.bar import watched
from transformer_lm.config import ConfigError
from transformer_lm.data.feeding import eval_batches
from transformer_lm.data.row_builders import row_builder
from transformer_lm.environment import prepare_environment
from transformer_lm.metrics import format_number, normalise
from transformer_lm.objectives.vocabulary import Vocabulary
from transformer_lm.parallel import MeshShape, to_global
from transformer_lm.registry import UserError
from transformer_lm.tools.command import ToolParser, start_tool
from transformer_lm.tools.pseudo_perplexity import pseudo_loss
from transformer_lm.tools.trained_model import TrainedModel, open_trained
from transformer_lm.train.step import make_eval_step, network_apply

RINNA = "perplexity_mean_of_exp"
Batch = dict[str, np.ndarray]


def with_text(
    trained: TrainedModel, split: str | None, data_path: str | None
) -> TrainedModel:
    """Returns the model with other held-out text.

    Args:
      trained: the model.
      split: of the held-out data set; None: the run's own.
      data_path: text files to score instead; None: the run's own data set.

    Raises:
      ConfigError: if there can be no such text.
      UserError: if an exported folder is to say where its text lies.
    """
    own_path = trained.settings.source.evaluation().data_path
    if data_path is None and own_path and trained.is_export:
        raise UserError(
            f"{trained.folder} is an exported folder, which keeps only the last part of"
            f" its text's path ({own_path}); name the text with --data_path=FILES"
        )
    changes: dict[str, str | None] = {} if split is None else {"eval_split": split}
    if data_path is not None:
        changes = {
            "eval_dataset_name": "text_files",
            "eval_data_path": data_path,
            "eval_split": split or "train",
        }
    source = dataclasses.replace(trained.settings.source, **changes)
    if problems := source.problems():
        raise ConfigError(problems, "what to evaluate on")
    settings = dataclasses.replace(trained.settings, source=source)
    return dataclasses.replace(trained, settings=settings)


def scores(
    trained: TrainedModel, *, batch_size: int, max_batches: int | None = None
) -> dict[str, float]:
    """Returns the held-out figures, and the mean of exp over batches.

    Args:
      trained: the model, with the text to score.
      batch_size: rows in a batch; masks are drawn for a batch.
      max_batches: stop after so many; None: the whole split.
    """
    tokenizer = trained.tokenizer
    vocabulary = Vocabulary(
        tokenizer.vocab_size, tokenizer.mask_id, tokenizer.special_ids
    )
    objective = trained.settings.objective.bind(vocabulary)
    step = jax.jit(make_eval_step(objective, network_apply(trained.network)))
    mesh = MeshShape().build(jax.devices()[:1])
    key = jax.random.key(trained.settings.training.seed)
    totals: dict[str, tuple[float, float]] = {}
    exponentials = []
    batches = itertools.islice(_batches(trained, batch_size), max_batches)
    for number, batch in enumerate(watched(batches, "evaluating", "batches")):
        sums = step(
            trained.parameters, to_global(batch, mesh), jax.random.fold_in(key, number)
        )
        for name, (value, weight) in jax.device_get(sums).items():
            total, weights = totals.get(name, (0.0, 0.0))
            totals[name] = (total + float(value), weights + float(weight))
            if name == "loss" and weight:
                exponentials.append(math.exp(min(float(value / weight), 700)))
    found = normalise(totals)
    if "loss" in totals:
        found["tokens"] = totals["loss"][1]
        found[RINNA] = float(np.mean(exponentials))
    if "bits_per_character" in totals:
        found["characters"] = totals["bits_per_character"][1]
    return found


def pseudo_perplexity(trained: TrainedModel, max_rows: int) -> dict[str, float]:
    """Returns the pseudo-perplexity of an encoder over some rows of the text.

    Raises:
      UserError: if the model is no encoder.
    """
    if trained.is_decoder:
        raise UserError(
            f"{trained.folder} holds a {trained.family}; --pseudo_perplexity is for"
            " encoders, and its perplexity is exact without"
        )
    rows = (
        {name: array[0] for name, array in batch.items()}
        for batch in _batches(trained, 1, kind="masked")
    )
    chosen = watched(itertools.islice(rows, max_rows), "hiding tokens", "rows")
    total, count = pseudo_loss(trained, chosen)
    if not count:
        raise UserError("the text has no token to hide")
    mean = total / count
    return {
        "pseudo_loss": mean,
        "pseudo_perplexity": math.exp(mean),
        "tokens": float(count),
    }


def _batches(
    trained: TrainedModel, batch_size: int, kind: str | None = None
) -> Iterator[Batch]:
    """Batches of the text, of the objective's rows unless others are asked for."""
    settings = trained.settings
    wanted: str = kind or settings.objective.rows
    rows = row_builder(wanted, settings.windows, trained.tokenizer)
    return eval_batches(
        settings.source,
        settings.windows,
        trained.tokenizer,
        rows,
        batch_size=batch_size,
    )


def main(arguments: argparse.Namespace) -> None:
    """Prints the figures."""
    prepare_environment()
    trained = open_trained(arguments.model, step=arguments.step)
    trained = with_text(trained, arguments.split, arguments.data_path)
    if arguments.pseudo_perplexity:
        found = pseudo_perplexity(trained, arguments.max_rows)
    else:
        training = trained.settings.training
        rows = trained.settings.evaluation.eval_per_device_batch_size
        rows = arguments.batch_size or rows or training.global_batch_size(1)
        found = scores(trained, batch_size=rows, max_batches=arguments.max_batches)
        if arguments.variant != "rinna":
            found.pop(RINNA, None)
    for name, value in found.items():
        print(f"{name:<28}{format_number(value)}")
    if arguments.output:
        text = json.dumps({"model": arguments.model, **found}, ensure_ascii=False)
        epath.Path(arguments.output).write_text(text + "\n")


def parser() -> ToolParser:
    """Returns the command's arguments."""
    made = ToolParser(module="transformer_lm.tools.evaluate", description=__doc__)
    made.add_argument("--model", required=True, help="work folder or exported folder")
    made.add_argument("--step", type=int, help="checkpoint (default: the newest)")
    made.add_argument("--split", help="such as test (default: the run's held-out one)")
    made.add_argument("--data_path", help="text files to score instead, by commas")
    made.add_argument("--batch_size", type=int, help="rows (default: the run's own)")
    made.add_argument("--max_batches", type=int, help="stop early (default: do not)")
    made.add_argument(
        "--variant",
        choices=("exact", "rinna"),
        default="exact",
        help="rinna: also the mean of each batch's exp(loss), which published figures of"
        " rinna are; it depends on how text falls into batches",
    )
    made.add_argument(
        "--pseudo_perplexity",
        action="store_true",
        help="for encoders: hide each token in turn",
    )
    made.add_argument(
        "--max_rows", type=int, default=100, help="for --pseudo_perplexity (100)"
    )
    made.add_argument("--output", help="also write the figures there, as JSON")
    return made


if __name__ == "__main__":
    start_tool(main, parser())
