"""Everyday Japanese from a generator: nothing to download."""

import functools

from transformer_lm.corpora.everyday import Split, bits_per_character, generate
from transformer_lm.corpora.records import Record
from transformer_lm.data.datasets.blocks import BlockRecords
from transformer_lm.data.datasets.interface import Share
from transformer_lm.data.graph import PythonCalls
from transformer_lm.data.splits import PercentSplit, percent_problems

_BLOCK_RECORDS = 256
_DOCUMENTS = {"train": 40_000, "validation": 1_000}
_SEED = 0
"""The data set is always the same; a run's seed only changes its order."""


@functools.cache
def _entropy(split: Split) -> float:
    return bits_per_character(split, _DOCUMENTS[split], _SEED)


class Quickstart:
    """40,000 documents for training and 1,000 held out, made when they are read."""

    default_splits = ("train", "validation")
    reads = None

    def split_problems(self, key: str, split: str) -> list[str]:
        """Lists what is wrong with a split, a line each."""
        return percent_problems(key, split, tuple(_DOCUMENTS))

    def bits_per_character(self, split: str) -> float:
        """Returns the generator's entropy on the whole split."""
        name = PercentSplit.parse(split).name
        return _entropy(name)

    def open(self, share: Share, calls: PythonCalls) -> BlockRecords:
        """Opens the generator; it cannot fail."""
        name = PercentSplit.parse(share.split).name
        split = "train" if name == "train" else "validation"
        count = _DOCUMENTS[split]

        def block(number: int) -> list[Record]:
            first = number * _BLOCK_RECORDS
            return [
                Record(generate(index, split, _SEED).text, True, True)
                for index in range(first, min(first + _BLOCK_RECORDS, count))
            ]

        return BlockRecords(block, _BLOCK_RECORDS, share, calls)
