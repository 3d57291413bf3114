"""Tokenizers against those that they stand for, in one run, alternating; prints JSON.

python benchmarks/tokenization.py ../shared/corpora/aozora

The folder holds train*.jsonl.gz and validation*.jsonl.gz. WordPiece (MeCab with ipadic
and with unidic-lite) is compared with transformers' BertJapaneseTokenizer, which works in
one process: in one process of ours on the paragraphs of the validation split, and in two on
training text. SentencePiece is compared with sentencepiece's own batch encoding, two
threads each. Before the clock runs each has worked once on all the text: ids are compared,
and our two processes are started, which are kept. A ratio is the other's time by ours, by
the clock and by processor time, which a busy machine disturbs less but which does not count
our other processes.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import sentencepiece
from transformers import BertJapaneseTokenizer

from transformer_lm.corpora.text_files import TextFiles
from transformer_lm.tokenizers.sentencepiece import SentencePieceConfig
from transformer_lm.tokenizers.wordpiece import WordPieceConfig

ROUNDS = 5
CORES = 2

Ids = list[list[int]]


def texts_in(pattern: str, characters: int) -> list[str]:
    """Returns the first records of files."""
    files = TextFiles(pattern)
    texts: list[str] = []
    number = size = 0
    while size < characters and (records := files.block(number)):
        texts += [record.text for record in records]
        size = sum(map(len, texts))
        number += 1
    return texts


def compare(
    ours: Callable[[], Ids],
    theirs: Callable[[], Ids],
    characters: int,
    *,
    own_processes: bool = False,
) -> dict[str, float | bool]:
    """Runs both by turns; our own processes leave processor time out."""
    same = ours() == theirs()
    clocks = {"clock": time.perf_counter}
    if not own_processes:
        clocks["processor_time"] = time.process_time
    times: dict[Callable[[], Ids], list[list[float]]] = {ours: [], theirs: []}
    for number in range(ROUNDS):
        # Who comes second finds memory as the first one left it.
        for run, seconds in list(times.items())[:: (-1) ** number]:
            starts = [clock() for clock in clocks.values()]
            run()
            ends = [clock() for clock in clocks.values()]
            seconds.append([b - a for a, b in zip(starts, ends, strict=True)])
    mine, other = (
        [statistics.median(column) for column in zip(*seconds, strict=True)]
        for seconds in times.values()
    )
    found: dict[str, float | bool] = {
        "same_ids": same,
        "characters_per_second": round(characters / mine[0]),
    }
    for name, our_time, their_time in zip(clocks, mine, other, strict=True):
        found[f"ratio_by_{name}"] = round(their_time / our_time, 2)
    return found


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--characters", type=int, default=4_000_000)
    arguments = parser.parse_args()
    train = texts_in(f"{arguments.folder}/train-*.jsonl.gz", arguments.characters)
    held_out = texts_in(f"{arguments.folder}/validation-*.jsonl.gz", 10**9)
    lines = [line for text in held_out for line in text.split("\n")]
    many = [line for text in train for line in text.split("\n")]
    report: dict[str, object] = {
        "cores": len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg()[0],
    }
    for dictionary in ("ipadic", "unidic_lite"):
        with tempfile.TemporaryDirectory() as folder:
            config = WordPieceConfig(
                segmenter=f"mecab_{dictionary}", max_corpus_chars=2_000_000
            )
            ours = config.train(train, folder)
            stock = BertJapaneseTokenizer(
                f"{folder}/vocab.txt",
                word_tokenizer_type="mecab",
                mecab_kwargs={"mecab_dic": dictionary},
            )
        name = f"wordpiece, mecab_{dictionary}"
        report[f"{name}, one process"] = compare(
            lambda ours=ours: ours.encode_batch(lines),
            lambda stock=stock: stock(lines, add_special_tokens=False)["input_ids"],
            sum(map(len, lines)),
        )
        report[f"{name}, {CORES} processes"] = compare(
            lambda ours=ours: ours.encode_batch(many, processes=CORES),
            lambda stock=stock: stock(many, add_special_tokens=False)["input_ids"],
            sum(map(len, many)),
            own_processes=True,
        )
    with tempfile.TemporaryDirectory() as folder:
        config = SentencePieceConfig(
            vocab_size=32_000,
            max_corpus_chars=2_000_000,
            spm_train_options="--byte_fallback=true --hard_vocab_limit=false",
        )
        pieces = config.train(train, folder)
        processor = sentencepiece.SentencePieceProcessor(
            model_file=str(Path(folder) / "sentencepiece_model")
        )
    report[f"sentencepiece, {CORES} threads"] = compare(
        lambda: pieces.encode_batch(train, processes=CORES),
        lambda: processor.encode(train, num_threads=CORES),
        sum(map(len, train)),
    )
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
