"""Pairs of texts, true and false ones, from documents of sentences.

Follows the published code of BERT and ALBERT but for one thing: the label is a fair
coin that is thrown first, and the pair is made to fit it. There, a chunk of a single
sentence always becomes a false pair.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from transformer_lm.data.rows import Layout, Text, join
from transformer_lm.registry import UserError

PairObjective = Literal["nsp", "sop"]
Document = Sequence[Text]
"""Sentences in order."""


class Pair(NamedTuple):
    """Two texts."""

    first: Text
    second: Text
    label: int
    """0: the second follows the first in its document; 1: it does not."""


def pair_rows(
    documents: Sequence[Document],
    generator: np.random.Generator,
    layout: Layout,
    *,
    pair_objective: PairObjective,
    short_sequence_probability: float = 0.1,
) -> dict[str, np.ndarray]:
    """Turns a group of documents into rows `[CLS] A [SEP] B [SEP]`.

    Args:
      documents: of the group; false pairs of NSP are made of two of them.
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
    documents = [list(filter(len, document)) for document in documents]
    documents = [document for document in documents if document]
    if pair_objective == "nsp" and len(documents) < 2:
        raise UserError(
            f"pair_objective='nsp' takes second texts from other documents; a group"
            f" holds {len(documents)} with text: use more or shorter documents, or"
            " pair_objective='sop'"
        )
    room = layout.room(2)
    pairs: list[Pair] = []
    for index in range(len(documents)):
        target = room
        if generator.random() < short_sequence_probability:
            target = int(generator.integers(2, room + 1))
        pairs += document_pairs(documents, index, target, generator, pair_objective)
    pairs = [pairs[number] for number in generator.permutation(len(pairs))]
    cut = [truncate(pair.first, pair.second, room, generator) for pair in pairs]
    arrays = layout.fill(cut)
    arrays["pair_labels"] = np.array([pair.label for pair in pairs], np.int32)
    return arrays


def document_pairs(
    documents: Sequence[Document],
    index: int,
    target: int,
    generator: np.random.Generator,
    pair_objective: PairObjective,
) -> list[Pair]:
    """Divides a document into chunks of about `target` tokens, and those into pairs.

    Sentences that a false pair of NSP leaves over go into the next chunk. A chunk of
    one word makes no pair.
    """
    pairs = []
    waiting = list(documents[index])
    while waiting:
        chunk, waiting = take_chunk(waiting, target)
        halves = split(chunk, generator)
        if halves is None:
            continue
        first, rest = halves
        label = int(generator.random() < 0.5)
        if label == 0:
            pairs.append(Pair(join(first), join(rest), label))
        elif pair_objective == "sop":
            pairs.append(Pair(join(rest), join(first), label))
        else:
            known = join(first)
            other = (index + int(generator.integers(1, len(documents)))) % len(
                documents
            )
            missing = max(target - len(known), 1)
            foreign = random_text(documents[other], missing, generator)
            pairs.append(Pair(known, foreign, label))
            waiting = rest + waiting
    return pairs


def take_chunk(sentences: list[Text], target: int) -> tuple[list[Text], list[Text]]:
    """Takes sentences until they have `target` tokens; returns them and the rest."""
    total = 0
    for count, sentence in enumerate(sentences, start=1):
        total += sentence.end - sentence.begin
        if total >= target:
            return sentences[:count], sentences[count:]
    return sentences, []


def split(
    chunk: list[Text], generator: np.random.Generator
) -> tuple[list[Text], list[Text]] | None:
    """Splits a chunk between two sentences; a single sentence between two words.

    Returns:
      Both parts, or None for a single word.
    """
    if len(chunk) > 1:
        border = int(generator.integers(1, len(chunk)))
        return chunk[:border], chunk[border:]
    (sentence,) = chunk
    size = len(sentence)
    if sentence.splits_anywhere:
        if size == 1:
            return None
        border = 1 + int(generator.integers(size - 1))
    else:
        borders = np.flatnonzero(sentence.word_starts[1:]) + 1
        if not len(borders):
            return None
        border = int(borders[generator.integers(len(borders))])
    return [sentence.cut(0, border)], [sentence.cut(border, size)]


def random_text(
    document: Document, target: int, generator: np.random.Generator
) -> Text:
    """Takes sentences from a random one on, until they have `target` tokens."""
    start = int(generator.integers(len(document)))
    return join(take_chunk(list(document[start:]), target)[0])


def truncate(
    first: Text, second: Text, room: int, generator: np.random.Generator
) -> tuple[Text, Text]:
    """Shortens the longer text, then both alike, until they fit.

    Each token goes from the front or the back, by chance.
    """
    sizes = [len(first), len(second)]
    excess = sum(sizes) - room
    if excess <= 0:
        return first, second
    difference = min(excess, abs(sizes[0] - sizes[1]))
    shared = excess - difference
    less = [shared // 2, shared - shared // 2]
    less[int(sizes[1] > sizes[0])] += difference

    def shorten(text: Text, number: int) -> Text:
        front = int(generator.binomial(number, 0.5))
        return text.cut(front, len(text) - (number - front))

    return shorten(first, less[0]), shorten(second, less[1])
