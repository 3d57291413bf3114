"""How fast prepared data is read and laid into rows, in one process; prints JSON.

python benchmarks/prepared.py

It makes its own data: 20,000 documents of random ids, in sentences, about as long as
those of Wikipedia. Tokens are those of text that rows hold, special ones included and
padding not. Kinds of rows take turns, so that a busy moment does not hit one alone.
Two threads build groups in the background; speeds are by the clock, and by processor time
of all threads, which a busy machine disturbs less. A median is of the repeats after the
first, which opens the files. `ratio` is the speed by the clock by what is aimed at.
"""

import argparse
import dataclasses
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from transformer_lm.data.encoder_rows import MaskedRows, PairRows
from transformer_lm.data.manifest import Manifest, Rules, Shard, TokenizerFacts
from transformer_lm.data.prepared import PreparedSplit
from transformer_lm.data.prepared_batches import PreparedBatches
from transformer_lm.data.row_builders import CausalRows, RowBuilder
from transformer_lm.data.shards import TokenizedRecord, counts_of, write_shard
from transformer_lm.data.windows import Windows

VOCAB_SIZE = 32_000
REPEATS = 5
ROWS = 256
"""In a batch."""
GOALS = {"causal": 20e6, "nsp": 5e6, "sop": 5e6}
"""Tokens a second that each kind of rows should reach on two cores."""


def write_folder(folder: Path, documents: int) -> int:
    """Writes random documents as two shards; returns the number of their tokens."""
    generator = np.random.default_rng(0)
    facts = TokenizerFacts("sentencepiece", {}, {}, VOCAB_SIZE, "random ids")
    shards = []
    for number in range(2):
        records = []
        for _ in range(documents // 2):
            sentences = generator.integers(4, 45, generator.geometric(1 / 20))
            ids = generator.integers(5, VOCAB_SIZE, sentences.sum())
            size = len(ids)
            records.append(
                TokenizedRecord(
                    ids, sentences, None, 2 * size, 5 * size, starts=True, ends=True
                )
            )
        name = f"train-{number:05d}-of-00002"
        shard = Shard(name, name, "", "", "", 0, {}, {})
        index = write_shard(records, shard.data(folder), shard.index(folder), "<u2")
        length = shard.data(folder).stat().st_size
        shards.append(dataclasses.replace(shard, size=length, counts=counts_of(index)))
    rules = Rules(sentences=True, record_characters=32_768, invalid_utf8="replace")
    manifest = Manifest(facts, rules, {"train": shards}, {})
    (folder / "manifest.json").write_text(manifest.to_json())
    return manifest.counts("train")["tokens"]


def tokens_per_second(
    folder: Path, rows: RowBuilder, length: int
) -> tuple[float, float]:
    """Reads an epoch as batches; returns the speed by the clock and by processor time."""
    batches = PreparedBatches(
        [PreparedSplit(folder, "train")],
        [1.0],
        rows,
        length=length,
        seed=0,
        process_rows=[ROWS],
    )
    tokens = 0
    start, start_processor = time.perf_counter(), time.process_time()
    while batches.report()["epoch"] == 0:
        tokens += int(np.count_nonzero(next(batches)["segments"]))
    seconds = time.perf_counter() - start
    return tokens / seconds, tokens / (time.process_time() - start_processor)


def summary(kind: str, speeds: list[tuple[float, float]]) -> dict[str, float]:
    """Returns medians in millions, and the ratio to the goal where there is one."""
    clock, processor = (
        statistics.median(column) for column in zip(*speeds, strict=True)
    )
    found = {"clock": clock / 1e6, "processor_time": processor / 1e6}
    if kind in GOALS:
        found["ratio"] = clock / GOALS[kind]
    return {name: round(value, 2) for name, value in found.items()}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=20_000)
    arguments = parser.parse_args()
    windows, marks = Windows(), (1, 2, 0)
    kinds: dict[str, RowBuilder] = {
        "causal": CausalRows(windows, 1, 2),
        "masked": MaskedRows(windows, *marks),
        "nsp": PairRows(windows, *marks, pair_objective="nsp"),
        "sop": PairRows(windows, *marks, pair_objective="sop"),
    }
    speeds: dict[tuple[str, int], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tokens = write_folder(folder, arguments.documents)
        for _ in range(1 + REPEATS):
            for kind, rows in kinds.items():
                for length in (128, 512):
                    speed = tokens_per_second(folder, rows, length)
                    speeds.setdefault((kind, length), []).append(speed)
    report = {
        "documents": arguments.documents,
        "tokens_per_document": round(tokens / arguments.documents, 1),
        "million_tokens_per_second_median_of_5": {
            f"{kind}, rows of {length}": summary(kind, values[1:])
            for (kind, length), values in speeds.items()
        },
        "cores": len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
