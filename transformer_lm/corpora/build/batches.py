"""What a worker does: a batch of documents is cleaned and written out."""

import functools
import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from transformer_lm.corpora.build.signatures import Signatures
from transformer_lm.corpora.cleaning.counts import CleaningCounts, clean
from transformer_lm.corpora.cleaning.rules import Rule, parse_rules
from transformer_lm.corpora.readers import reader_of
from transformer_lm.corpora.readers.interface import Document, Reader

BATCH_CHARACTERS = 500_000
BATCH_DOCUMENTS = 2_000

INDEX = np.dtype(
    [("split", "<u8"), ("copies", "<u8"), ("text", "<u8"), ("characters", "<u4")]
)
"""What selection needs of a document: two hashes of its id, one of its text, a length."""


@dataclass(frozen=True)
class Recipe:
    """How the documents of one file are made."""

    format: str
    """Name of the reader."""
    rules: str
    id_prefix: str
    shingle_characters: int | None
    """For near duplicates; None: no signatures are made."""


class CleanedBatch(NamedTuple):
    """The documents of a batch that are left."""

    lines: bytes
    """A gzip member of JSON lines, a document a line."""
    table: bytes
    """An `INDEX` row a document."""
    signatures: bytes
    """A signature a document, or nothing."""
    counts: CleaningCounts
    documents_in: int
    documents_empty: int
    """Without text, such as pages of templates alone."""


def batched(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Yields lists of documents; which ones go together depends on them alone."""
    batch: list[Document] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += len(document.text)
        if size >= BATCH_CHARACTERS or len(batch) >= BATCH_DOCUMENTS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def clean_batch(recipe: Recipe, batch: Sequence[Document]) -> CleanedBatch:
    """Cleans a batch; a pure function."""
    reader, rules, signatures = _tools(recipe)
    counts = CleaningCounts.of(rules)
    lines: list[bytes] = []
    index = np.zeros(len(batch), INDEX)
    texts: list[str] = []
    empty = 0
    for document in batch:
        plain = reader.plain(document.text)
        if not plain or plain.isspace():
            empty += 1
            continue
        text = clean(plain, document.fields.get("title", ""), rules, counts)
        if text is not None:
            index[len(texts)] = _row(document.id, text)
            texts.append(text)
            lines.append(_line(recipe.id_prefix, document, text))
    return CleanedBatch(
        compress(b"".join(lines), level=1),
        index[: len(texts)].tobytes(),
        signatures.of(texts) if signatures else b"",
        counts,
        len(batch),
        empty,
    )


def compress(content: bytes, level: int) -> bytes:
    """Returns a gzip member that depends on the content alone."""
    return gzip.compress(content, level, mtime=0)


@functools.cache
def _tools(recipe: Recipe) -> tuple[Reader, tuple[Rule, ...], Signatures | None]:
    """What a recipe needs; a process makes it once."""
    size = recipe.shingle_characters
    signatures = Signatures(size) if size is not None else None
    return reader_of(recipe.format), parse_rules(recipe.rules), signatures


def _row(name: str, text: str) -> tuple[int, int, int, int]:
    """The index row of a document."""
    name_hash = hashlib.blake2b(name.encode(errors="replace"), digest_size=16).digest()
    text_hash = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return (
        int.from_bytes(name_hash[:8], "little"),
        int.from_bytes(name_hash[8:], "little"),
        int.from_bytes(text_hash, "little"),
        len(text),
    )


def _line(prefix: str, document: Document, text: str) -> bytes:
    """A document as a JSON line; parts of one are told apart by their ids."""
    name = prefix + document.id + (f".{document.part}" if document.part else "")
    value = {"id": name, **document.fields, "text": text}
    return json.dumps(value, ensure_ascii=False).encode(errors="replace") + b"\n"
