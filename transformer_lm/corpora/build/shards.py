"""Writes the chosen documents into shards, which get their names when all are whole."""

import contextlib
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple, cast

from etils import epath

from transformer_lm.bar import Bar
from transformer_lm.corpora.build.atomic import UNFINISHED
from transformer_lm.corpora.build.batches import compress
from transformer_lm.corpora.build.mixing import Chosen
from transformer_lm.corpora.build.settings import SPLITS
from transformer_lm.corpora.build.workers import Workers

SHARD_NAME = re.compile(rf"(?:{'|'.join(SPLITS)})-\d{{5}}-of-\d{{5}}\.jsonl\.gz")

_BLOCK_CHARACTERS = 1_000_000
_LEVEL = 6


class _Block(NamedTuple):
    """Lines of one split; compressed by a worker into a gzip member."""

    split: int
    content: bytes
    documents: int
    characters: int


def write_shards(
    folder: epath.Path,
    documents: Iterable[Chosen],
    sizes: Sequence[int],
    shard_characters: int,
    workers: Workers,
) -> dict[str, dict[str, Any]]:  # Any: JSON.
    """Writes the shards of all splits.

    Args:
      folder: of the corpus, local or gs://.
      documents: in the order in which they are to be written.
      sizes: characters that go into each split.
      shard_characters: of a shard at most, about.
      workers: compress; the files do not depend on their number.

    Returns:
      For each split its numbers of documents and characters, and its files.
    """
    counts = [max(1, -(-size // shard_characters)) for size in sizes]
    targets = [size / count for size, count in zip(sizes, counts, strict=True)]
    writers = [
        _Writer(folder, name, target)
        for name, target in zip(SPLITS, targets, strict=True)
    ]
    size = min(_BLOCK_CHARACTERS, shard_characters)
    with contextlib.ExitStack() as stack:
        for writer in writers:
            stack.callback(writer.close)
        bar = stack.enter_context(Bar("writing", sum(sizes), "characters"))
        for block in workers.map(_compressed, _blocks(documents, size)):
            writers[block.split].write(block)
            bar.add(block.characters)
    return {name: writer.finish() for name, writer in zip(SPLITS, writers, strict=True)}


def _blocks(documents: Iterable[Chosen], size: int) -> Iterator[_Block]:
    """Gathers the lines of each split until they are worth compressing."""
    held: list[list[Chosen]] = [[] for _ in SPLITS]
    sizes = [0] * len(SPLITS)
    for document in documents:
        split = document.split
        held[split].append(document)
        sizes[split] += document.characters
        if sizes[split] >= size:
            yield _block(split, held[split])
            held[split], sizes[split] = [], 0
    yield from (_block(split, lines) for split, lines in enumerate(held) if lines)


def _block(split: int, documents: Sequence[Chosen]) -> _Block:
    content = b"".join(document.line for document in documents)
    characters = sum(document.characters for document in documents)
    return _Block(split, content, len(documents), characters)


def _compressed(block: _Block) -> _Block:
    return block._replace(content=compress(block.content, _LEVEL))


class _Writer:
    """The shards of one split."""

    def __init__(self, folder: epath.Path, split: str, target: float) -> None:
        self._folder = folder
        self._split = split
        self._target = target
        self._files: list[dict[str, Any]] = []
        self._stream: BinaryIO | None = None
        self._sha256 = hashlib.sha256()

    def write(self, block: _Block) -> None:
        """Adds a block to the shard, or to the next one if that is full."""
        if self._is_full():
            self.close()
        if self._stream is None:
            path = self._unfinished(len(self._files))
            self._stream = cast(BinaryIO, path.open("wb"))
            self._sha256 = hashlib.sha256()
            self._files.append({"documents": 0, "characters": 0})
        self._stream.write(block.content)
        self._sha256.update(block.content)
        self._files[-1]["documents"] += block.documents
        self._files[-1]["characters"] += block.characters

    def finish(self) -> dict[str, Any]:  # Any: JSON.
        """Gives the closed shards their names; returns what they hold."""
        count = len(self._files)
        for number, file in enumerate(self._files):
            name = f"{self._split}-{number:05d}-of-{count:05d}.jsonl.gz"
            self._unfinished(number).replace(self._folder / name)
            self._files[number] = {"name": name, **file}
        return {
            "documents": sum(file["documents"] for file in self._files),
            "characters": sum(file["characters"] for file in self._files),
            "files": self._files,
        }

    def _is_full(self) -> bool:
        written = sum(file["characters"] for file in self._files)
        return written >= self._target * len(self._files)

    def close(self) -> None:
        """Closes the shard that is open, if one is."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
            self._files[-1]["sha256"] = self._sha256.hexdigest()

    def _unfinished(self, number: int) -> epath.Path:
        return self._folder / f"{self._split}-{number:05d}{UNFINISHED}"
