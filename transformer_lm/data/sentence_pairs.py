"""Pairs of texts, true and false ones, from documents of sentences.

Follows the published code of BERT and ALBERT but for one thing: the label is a fair
coin that is thrown first, and the pair is made to fit it. There, a chunk of a single
sentence always becomes a false pair.
"""

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from transformer_lm.data.rows import Layout, Text
from transformer_lm.registry import UserError

PairObjective = Literal["nsp", "sop"]

Span = tuple[int, int]
"""Where a text begins in the tokens of a group, and where it ends."""


@dataclass(frozen=True)
class Sentences:
    """Documents of sentences, laid end to end in one array of tokens.

    Sentences are numbers and no objects, so that a chunk is found by bisection.
    """

    text: Text
    documents: list[list[int]]
    """Of each document that has tokens, where it begins and where each sentence ends; no
    sentence is empty."""


class Pair(NamedTuple):
    """Two texts."""

    first: Span
    second: Span
    label: int
    """0: the second follows the first in its document; 1: it does not."""


def sentences_in(text: Text, lengths: np.ndarray, sizes: np.ndarray) -> Sentences:
    """Returns documents by their borders.

    Args:
      text: all of them, end to end.
      lengths: [documents] tokens of each.
      sizes: [sentences] tokens of each.
    """
    ends = text.begin + np.cumsum(sizes[sizes > 0])
    stops = text.begin + np.cumsum(lengths[lengths > 0])
    borders = np.concatenate([[text.begin], ends]).tolist()
    cuts = [0, *np.searchsorted(ends, stops, "right").tolist()]
    return Sentences(text, [borders[a : b + 1] for a, b in itertools.pairwise(cuts)])


def pair_rows(
    sentences: Sentences,
    generator: np.random.Generator,
    layout: Layout,
    *,
    pair_objective: PairObjective,
    short_sequence_probability: float = 0.1,
) -> dict[str, np.ndarray]:
    """Turns a group of documents into rows `[CLS] A [SEP] B [SEP]`.

    Args:
      sentences: of the group; false pairs of NSP are made of two of its documents.
      generator: of everything random, so that an epoch can be made again.
      layout: of a row.
      pair_objective: nsp: B of a false pair is from another document; sop: A and B of a
        false pair are swapped.
      short_sequence_probability: share of documents whose pairs are made shorter than a
        row, by a random amount, as a network meets them later.

    Returns:
      The arrays of `Layout.fill`, and pair_labels int32 `[rows]`; rows are in random
      order.

    Raises:
      UserError: if NSP has fewer than two documents to draw from.
    """
    number = len(sentences.documents)
    if pair_objective == "nsp" and number < 2:
        raise UserError(
            f"pair_objective='nsp' takes second texts from other documents; a group"
            f" holds {number} with text: use more or shorter documents, or"
            " pair_objective='sop'"
        )
    room = layout.room(2)
    pairs: list[Pair] = []
    for index in range(number):
        target = room
        if generator.random() < short_sequence_probability:
            target = int(generator.integers(2, room + 1))
        pairs += document_pairs(sentences, index, target, generator, pair_objective)
    order = generator.permutation(len(pairs))
    spans = np.array([(*pair.first, *pair.second) for pair in pairs], np.int64)
    spans = spans.reshape(-1, 2, 2)[order]
    begins, sizes = truncate(spans[..., 0], np.diff(spans)[..., 0], room, generator)
    counts = np.full(len(pairs), 2)
    arrays = layout.lay(sentences.text, begins.ravel(), sizes.ravel(), counts)
    arrays["pair_labels"] = np.array([pair.label for pair in pairs], np.int32)[order]
    return arrays


def document_pairs(
    sentences: Sentences,
    index: int,
    target: int,
    generator: np.random.Generator,
    pair_objective: PairObjective,
) -> Iterator[Pair]:
    """Cuts a document into chunks of about `target` tokens, and those into pairs.

    Sentences that a false pair of NSP leaves over go into the next chunk. A chunk of
    one word makes no pair.
    """
    documents = sentences.documents
    borders = documents[index]
    begin, stop = borders[0], borders[-1]
    while begin < stop:
        end = chunk_end(borders, begin, target)
        border = split(sentences, index, (begin, end), generator)
        if border is None:
            begin = end
            continue
        first, rest = (begin, border), (border, end)
        label = int(generator.random() < 0.5)
        begin = end
        if label == 0:
            yield Pair(first, rest, label)
        elif pair_objective == "sop":
            yield Pair(rest, first, label)
        else:
            other = (index + int(generator.integers(1, len(documents)))) % len(
                documents
            )
            missing = max(target - (first[1] - first[0]), 1)
            yield Pair(first, random_text(documents[other], missing, generator), label)
            begin = border


def chunk_end(borders: Sequence[int], begin: int, target: int) -> int:
    """Returns where a sentence ends that makes it `target` tokens, or the document."""
    return borders[min(bisect_left(borders, begin + target), len(borders) - 1)]


def split(
    sentences: Sentences, index: int, chunk: Span, generator: np.random.Generator
) -> int | None:
    """Splits a chunk of a document between two sentences; one sentence between words.

    Returns:
      Where the second part begins, or None for a single word.
    """
    begin, end = chunk
    borders = sentences.documents[index]
    following = bisect_right(borders, begin)
    count = bisect_left(borders, end, following) - following + 1
    if count > 1:
        return borders[following - 1 + int(generator.integers(1, count))]
    starts = sentences.text.all_word_starts
    if starts is None:
        if end - begin == 1:
            return None
        return begin + 1 + int(generator.integers(end - begin - 1))
    inside = np.flatnonzero(starts[begin + 1 : end])
    if not len(inside):
        return None
    return begin + 1 + int(inside[generator.integers(len(inside))])


def random_text(
    borders: Sequence[int], target: int, generator: np.random.Generator
) -> Span:
    """Takes sentences from a random one on, until they have `target` tokens."""
    begin = borders[int(generator.integers(len(borders) - 1))]
    return begin, chunk_end(borders, begin, target)


def truncate(
    begins: np.ndarray, sizes: np.ndarray, room: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Shortens the longer text of each pair, then both alike, until they fit.

    Each token goes from the front or the back, by chance.

    Args:
      begins: [pairs, 2] where each text begins.
      sizes: [pairs, 2] tokens of each.
      room: tokens of a pair.
      generator: of the chance.

    Returns:
      Both anew.
    """
    excess = np.maximum(sizes.sum(1) - room, 0)
    difference = np.minimum(excess, np.abs(sizes[:, 0] - sizes[:, 1]))
    shared = excess - difference
    less = np.stack([shared // 2, shared - shared // 2], axis=1)
    longer = (sizes[:, 1] > sizes[:, 0]).astype(int)
    less[np.arange(len(less)), longer] += difference
    return begins + generator.binomial(less, 0.5), sizes - less
