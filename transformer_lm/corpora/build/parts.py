"""A source file becomes parts of cleaned documents; finished parts outlive a kill."""

import functools
import hashlib
import itertools
import json
import logging
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from etils import epath

from transformer_lm.corpora.build.atomic import write_text, writing
from transformer_lm.corpora.build.batches import (
    INDEX,
    CleanedBatch,
    Recipe,
    batched,
    clean_batch,
)
from transformer_lm.corpora.build.settings import FORMAT_VERSION
from transformer_lm.corpora.build.signatures import PERMUTATIONS
from transformer_lm.corpora.build.workers import Workers
from transformer_lm.corpora.cleaning.counts import CleaningCounts
from transformer_lm.corpora.readers import reader_of
from transformer_lm.corpora.readers.interface import Document, Reading
from transformer_lm.json_files import read_object
from transformer_lm.registry import UserError

PART_BATCHES = 128
"""Batches in a part: what a kill can cost, about 64 million characters."""


@dataclass(frozen=True)
class Source:
    """A file of a corpus."""

    corpus: int
    path: epath.Path
    sha256: str
    bytes: int


class Part(NamedTuple):
    """Files of one part: `.jsonl.gz`, `.index`, `.signatures`, and `.json` when whole."""

    stem: Path
    documents: int

    def file(self, ending: str) -> Path:
        """Returns one of the files."""
        return self.stem.with_name(self.stem.name + ending)

    def table(self) -> np.ndarray:
        """Returns the `INDEX` rows of the documents."""
        return np.fromfile(self.file(".index"), INDEX)

    def signatures(self) -> np.ndarray:
        """Returns the signatures, [documents, permutations]; they stay on the disk."""
        return np.memmap(
            self.file(".signatures"), "<u4", "r", shape=(self.documents, PERMUTATIONS)
        )


@dataclass(frozen=True)
class SourceParts:
    """What became of a source file."""

    parts: tuple[Part, ...]
    report: dict[str, Any]  # Any: JSON.
    """Counts of documents, of rules, of what was faulty or skipped."""


def make_parts(
    source: Source,
    recipe: Recipe,
    reading: Reading,
    skip_ids: frozenset[str],
    folder: Path,
    workers: Workers,
) -> SourceParts:
    """Cleans a source file into parts, or takes those that an earlier build finished.

    Args:
      source: the file.
      recipe: how its documents are made.
      reading: how the file is read.
      skip_ids: documents to leave out.
      folder: of this source alone; parts of another recipe in it are removed.
      workers: clean; the parts do not depend on their number.

    Raises:
      UserError: if the file is damaged or holds no document.
    """
    digest = _digest(source, recipe, reading, skip_ids)
    finished = _finished(folder, digest)
    whole = _read_json(folder / "source.json")
    if whole.get("digest") == digest:
        reading.on_read(source.bytes)
        return SourceParts(tuple(finished), whole["report"])
    if finished:
        logging.getLogger(__name__).info(
            "%s: %d parts are done already; going on", source.path, len(finished)
        )
    done = sum(_read_json(part.file(".json"))["documents_in"] for part in finished)
    documents = reader_of(recipe.format).read(source.path, reading)
    chosen = _without_skipped(documents, skip_ids, reading)
    batches = batched(itertools.islice(chosen, done, None))
    cleaned = workers.map(functools.partial(clean_batch, recipe), batches)
    parts = list(finished)
    while part := _write_part(folder, len(parts), digest, cleaned):
        parts.append(part)
    report = _report(source, recipe, reading, parts)
    if not report["documents_read"]:
        raise UserError(
            f"{source.path} holds no document; take it out of --inputs, or put text into"
            f" it (read as {recipe.format}; faults: {reading.faults.report() or 'none'})"
        )
    content = json.dumps({"digest": digest, "report": report}, ensure_ascii=False)
    write_text(epath.Path(folder / "source.json"), content)
    return SourceParts(tuple(parts), report)


def _digest(
    source: Source, recipe: Recipe, reading: Reading, skip_ids: frozenset[str]
) -> str:
    """A text that changes when the parts would."""
    decisive = [
        FORMAT_VERSION,
        source.sha256,
        repr(recipe),
        [reading.text_field, reading.id_field, reading.invalid_utf8],
        sorted(skip_ids),
    ]
    return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()


def _finished(folder: Path, digest: str) -> list[Part]:
    """The parts of an earlier build; what does not fit is removed."""
    parts: list[Part] = []
    for number in itertools.count():
        part = Part(folder / f"{number:05d}", 0)
        value = _read_json(part.file(".json"))
        if value.get("digest") != digest:
            break
        parts.append(part._replace(documents=value["documents_out"]))
    if not parts and folder.exists():
        if any(folder.glob("*.json")):
            logging.getLogger(__name__).info(
                "%s is from other settings; starting anew", folder
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return parts


def _without_skipped(
    documents: Iterator[Document], skip_ids: frozenset[str], reading: Reading
) -> Iterator[Document]:
    for document in documents:
        if document.id in skip_ids:
            reading.skipped["documents on the skip list"] += 1
        else:
            yield document


def _write_part(
    folder: Path, number: int, digest: str, batches: Iterator[CleanedBatch]
) -> Part | None:
    """Writes the next part; None if no batch is left."""
    part = Part(folder / f"{number:05d}", 0)
    first = next(batches, None)
    if first is None:
        return None
    counts = CleaningCounts([])
    documents_in = empty = documents = 0
    with (
        writing(part.file(".jsonl.gz")) as lines,
        writing(part.file(".index")) as index,
        writing(part.file(".signatures")) as signatures,
    ):
        rest = itertools.islice(batches, PART_BATCHES - 1)
        for batch in itertools.chain([first], rest):
            lines.write(batch.lines)
            index.write(batch.table)
            signatures.write(batch.signatures)
            documents += len(batch.table) // INDEX.itemsize
            documents_in += batch.documents_in
            empty += batch.documents_empty
            counts.add(batch.counts)
    value = {
        "digest": digest,
        "documents_in": documents_in,
        "documents_empty": empty,
        "documents_out": documents,
        "rules": counts.as_json(),
    }
    write_text(epath.Path(part.file(".json")), json.dumps(value, ensure_ascii=False))
    return part._replace(documents=documents)


def _report(
    source: Source, recipe: Recipe, reading: Reading, parts: Iterable[Part]
) -> dict[str, Any]:  # Any: JSON.
    """What became of the documents of a source."""
    values = [_read_json(part.file(".json")) for part in parts]
    counts = CleaningCounts([])
    for value in values:
        counts.add(CleaningCounts.from_json(value["rules"]))
    return {
        "path": str(source.path),
        "format": recipe.format,
        "bytes": source.bytes,
        "sha256": source.sha256,
        "documents_read": sum(value["documents_in"] for value in values),
        "documents_without_text": sum(value["documents_empty"] for value in values),
        "documents_cleaned": sum(value["documents_out"] for value in values),
        "skipped": dict(sorted(reading.skipped.items())),
        "faults": reading.faults.report(),
        "rules": counts.as_json(),
    }


def _read_json(path: Path) -> dict[str, Any]:  # Any: JSON.
    return read_object(path, "remove the scratch folder") if path.exists() else {}
