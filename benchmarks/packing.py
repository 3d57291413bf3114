"""How full packed rows are, and how fast packing is on one core; prints JSON.

python benchmarks/packing.py ../shared/corpora/aozora

The folder holds text files (.jsonl, .jsonl.gz, .txt). Documents are grouped as the
pipeline groups them: 1,024 shuffled records a window, groups of 8 MB. `sentences` are
the lines of the same text, each a document, 1,024 a group.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from transformer_lm.corpora.text_files import TextFiles
from transformer_lm.data.packing import Documents, pack
from transformer_lm.data.shuffling import GROUP_BYTES
from transformer_lm.tokenizers.sentencepiece import SentencePieceTokenizer
from transformer_lm.tokenizers.spm_training import train

LENGTHS = (256, 1024)
REPEATS = 5
SENTENCES_IN_A_GROUP = 1024


def texts_in(folder: Path, max_characters: int) -> list[str]:
    """Returns the first records of the folder's training files."""
    paths = sorted(folder.glob("train*.jsonl*")) or sorted(folder.glob("*.txt"))
    files = TextFiles(",".join(map(str, paths)))
    texts: list[str] = []
    for number in range(10**9):
        records = files.block(number)
        texts += [record.text for record in records]
        if not records or sum(map(len, texts)) > max_characters:
            return texts
    return texts


def grouped(texts: Sequence[str], limit: int, count: int) -> Iterator[list[str]]:
    """Yields groups of at most `count` texts and about `limit` bytes."""
    group: list[str] = []
    size = 0
    for text in texts:
        group.append(text)
        size += len(text.encode())
        if size >= limit or len(group) == count:
            yield group
            group, size = [], 0
    if group:
        yield group


def tokenised(texts: list[str], tokenizer: SentencePieceTokenizer) -> Documents:
    """Returns the texts as `pack` takes them."""
    ids = [np.array(tokenizer.encode(text), np.int32) for text in texts]
    whole = np.ones(len(texts), bool)
    return Documents(
        ids=np.concatenate(ids),
        lengths=np.array([len(part) for part in ids]),
        characters=np.array([len(text) for text in texts]),
        starts=whole,
        ends=whole,
    )


def measure(groups: list[Documents], length: int) -> dict[str, float]:
    """Packs all groups several times."""
    speeds = []
    tokens = rows = 0
    for _ in range(REPEATS):
        tokens = rows = 0
        start = time.perf_counter()
        for number, group in enumerate(groups):
            arrays, counts = pack(
                group,
                length=length,
                long_documents="split",
                start_id=1,
                end_id=2,
                generator=np.random.default_rng(number),
            )
            tokens += counts.tokens
            rows += len(arrays["tokens"])
        speeds.append(tokens / (time.perf_counter() - start))
    return {
        "fill": round(tokens / (rows * length), 4),
        "tokens_per_second_median_of_5": round(statistics.median(speeds)),
        "tokens": tokens,
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--characters", type=int, default=6_000_000)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    texts = texts_in(arguments.folder, arguments.characters)
    tokenizer = SentencePieceTokenizer(
        train(
            texts,
            vocab_size=8000,
            max_characters=1_000_000,
            options={"character_coverage": "0.9995", "byte_fallback": "true"},
        )
    )
    order = np.random.default_rng(0).permutation(len(texts))
    shuffled = [texts[i] for i in order]
    sentences = [
        line for text in shuffled[: len(texts) // 8] for line in text.split("\n")
    ]
    kinds = {
        "documents": grouped(shuffled, GROUP_BYTES, 1024),
        "sentences": grouped(sentences, GROUP_BYTES, SENTENCES_IN_A_GROUP),
    }
    results = {}
    for kind, groups in kinds.items():
        documents = [tokenised(group, tokenizer) for group in groups]
        mean = np.concatenate([group.lengths for group in documents]).mean()
        results[kind] = {
            "mean_tokens_per_document": round(float(mean), 1),
            **{str(length): measure(documents, length) for length in LENGTHS},
        }
    machine = {
        "processor": next(
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "cores_used": 1,
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    report = {"corpus": str(arguments.folder), "machine": machine, **results}
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
