"""Where shards are made: in processes of this machine, or on Apache Beam."""

import concurrent.futures
import logging
import multiprocessing
import shlex
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from tqdm import tqdm

from transformer_lm.data.manifest import Shard, describe_counts
from transformer_lm.data.preparation import ShardTask, prepare_shard
from transformer_lm.orphans import end_with_parent
from transformer_lm.registry import UserError

LOGGER = logging.getLogger(__name__)
_SECONDS_BETWEEN_LOOKS = 0.5

_counter: Any = None
"""Records done by all processes; set in each of them."""


def run_locally(tasks: Sequence[ShardTask], processes: int) -> list[Shard]:
    """Makes shards, each in one of some processes; shows how far it is.

    Raises:
      UserError: if a shard cannot be made; those that are done stay.
    """
    context = multiprocessing.get_context("spawn")
    counter = context.Value("q")
    pool = concurrent.futures.ProcessPoolExecutor(
        min(processes, len(tasks)), context, _begin, (counter,)
    )
    with pool, tqdm(desc="prepare", unit=" records", disable=None) as bar:
        futures = [pool.submit(_counted, task) for task in tasks]
        waiting = set(futures)
        try:
            while waiting:
                done, waiting = concurrent.futures.wait(
                    waiting,
                    _SECONDS_BETWEEN_LOOKS,
                    concurrent.futures.FIRST_COMPLETED,
                )
                for future in done:
                    shard = future.result()
                    count = f"{len(futures) - len(waiting)} of {len(futures)}"
                    text = describe_counts(shard.counts)
                    LOGGER.info("%s: %s (shard %s)", shard.name, text, count)
                bar.update(counter.value - bar.n)
        except BrokenProcessPool as error:
            raise UserError(
                "a process that makes shards was killed, perhaps for want of memory;"
                " run the same command again, with fewer --processes: what is done stays"
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return [future.result() for future in futures]


def run_on_beam(tasks: Sequence[ShardTask], options: str) -> list[Shard]:
    """Makes shards as an Apache Beam pipeline.

    Text, tokenizer and shards must lie where every worker sees them.

    Args:
      tasks: the shards.
      options: of Beam, such as `--runner=FlinkRunner`; by default it runs here.

    Raises:
      UserError: if Beam is not installed, or a shard cannot be made.
    """
    try:
        import apache_beam  # pyright: ignore[reportMissingImports]
        from apache_beam.options import (  # pyright: ignore[reportMissingImports]
            pipeline_options,
        )
    except ImportError as error:
        raise UserError(
            f"--runner=beam needs Apache Beam, which cannot be imported ({error});"
            ' pip install "transformer-lm[beam]"'
        ) from error
    chosen = pipeline_options.PipelineOptions(shlex.split(options))
    pipeline = apache_beam.Pipeline(options=chosen)
    _ = (
        pipeline
        | apache_beam.Create(list(tasks))
        | apache_beam.Reshuffle()
        | apache_beam.Map(prepare_shard)
    )
    pipeline.run().wait_until_finish()
    # Each shard says in its .json that it is there; nothing is made a second time.
    return [prepare_shard(task) for task in tasks]


def _begin(counter: Any) -> None:
    global _counter
    end_with_parent()
    _counter = counter


def _counted(task: ShardTask) -> Shard:
    """Makes a shard and counts its records for the process that watches."""
    logging.getLogger("transformer_lm").setLevel(logging.WARNING)
    return prepare_shard(task, _note)


def _note(count: int) -> None:
    with _counter.get_lock():
        _counter.value += count
