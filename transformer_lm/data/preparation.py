"""From a file of text to a shard of token ids: a pure function, run anywhere.

A shard's files depend on its task alone: not on the process, the machine or the runner.
"""

import dataclasses
import functools
import itertools
import json
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from etils import epath

from transformer_lm.corpora.text_files import TextFiles
from transformer_lm.data.manifest import Rules, Shard, TokenizerFacts, sha256_of
from transformer_lm.data.sentences import sentences_of
from transformer_lm.data.shards import (
    TokenizedRecord,
    counts_of,
    id_type,
    write_shard,
)
from transformer_lm.data.tokenizer_facts import load_beside
from transformer_lm.json_files import construct, read_object
from transformer_lm.registry import UserError
from transformer_lm.tokenizers.interface import Tokenizer

Note = Callable[[int], None]
"""Told how many more records are done."""

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShardTask:
    """Everything on which a shard depends."""

    name: str
    """Of the shard, such as train-00000-of-00008."""
    source: str
    """File of text."""
    folder: str
    """Where the tokenizer's files are, and the shard goes."""
    tokenizer: TokenizerFacts
    rules: Rules


def prepare_shard(task: ShardTask, note: Note = lambda count: None) -> Shard:
    """Makes a shard, unless the very same one is there already.

    Its files have other names until they are whole; the .json that says so comes last.

    Raises:
      UserError: if the text cannot be read, or another shard has the name.
    """
    folder = Path(task.folder)
    source_sha256 = sha256_of(epath.Path(task.source))
    done = _finished(task, source_sha256)
    if done is not None:
        LOGGER.info("%s is done already", task.name)
        return done
    invalid: Literal["replace", "skip"] = (
        "skip" if task.rules.invalid_utf8 == "skip" else "replace"
    )
    files = TextFiles(
        task.source,
        invalid_utf8=invalid,
        record_characters=task.rules.record_characters,
    )
    tokenizer = _tokenizer(task.folder, json.dumps(dataclasses.asdict(task.tokenizer)))
    paths = {
        ending: folder / f"{task.name}{ending}"
        for ending in (".array_record", ".index.npy", ".json")
    }
    unfinished = {
        ending: path.with_name(f"{path.name}.unfinished-{os.getpid()}")
        for ending, path in paths.items()
    }
    try:
        table = write_shard(
            _records(files, tokenizer, task.rules, note),
            unfinished[".array_record"],
            unfinished[".index.npy"],
            id_type(tokenizer.vocab_size),
        )
        shard = Shard(
            name=task.name,
            source=epath.Path(task.source).name,
            source_sha256=source_sha256,
            sha256=sha256_of(unfinished[".array_record"]),
            index_sha256=sha256_of(unfinished[".index.npy"]),
            size=unfinished[".array_record"].stat().st_size,
            counts=counts_of(table),
            faults=files.report(),
        )
        values = {"made of": _conditions(task, source_sha256), "shard": vars(shard)}
        unfinished[".json"].write_text(json.dumps(values, indent=1, ensure_ascii=False))
        for ending, path in paths.items():
            unfinished[ending].replace(path)
    finally:
        for path in unfinished.values():
            path.unlink(missing_ok=True)
    return shard


def _finished(task: ShardTask, source_sha256: str) -> Shard | None:
    """The shard of that name, if it is whole and was made in the same way."""
    path = Path(task.folder) / f"{task.name}.json"
    if not path.is_file():
        return None
    values = read_object(path, "remove it")
    shard = construct(Shard, values.get("shard"), str(path), "remove it")
    before = values.get("made of")
    if not isinstance(before, dict):
        raise UserError(f"{path} does not say what it was made of; remove it")
    now = _conditions(task, source_sha256)
    if differing := [
        f"{key} was {before.get(key)!r}, is {now.get(key)!r}"
        for key in {**before, **now}
        if before.get(key) != now.get(key)
    ]:
        raise UserError(
            f"{path} belongs to a shard of other text or other settings:"
            f" {'; '.join(differing)}; give another --output, or remove {task.folder}"
        )
    folder = Path(task.folder)
    files = {shard.data(folder): shard.sha256, shard.index(folder): shard.index_sha256}
    whole = all(file.is_file() and sha256_of(file) == h for file, h in files.items())
    return shard if whole else None


def _conditions(task: ShardTask, source_sha256: str) -> dict[str, object]:
    """What two shards have in common if and only if they are the same."""
    return {
        "source": epath.Path(task.source).name,
        "source_sha256": source_sha256,
        "tokenizer": {
            name: value
            for name, value in vars(task.tokenizer).items()
            if name != "settings"
        },
        **vars(task.rules),
    }


@functools.cache
def _tokenizer(folder: str, facts: str) -> Tokenizer:
    """The tokenizer in a folder; loaded once a process."""
    return load_beside(Path(folder), TokenizerFacts(**json.loads(facts)))


def _records(
    files: TextFiles, tokenizer: Tokenizer, rules: Rules, note: Note
) -> Iterator[TokenizedRecord]:
    """The records of the files, tokenised."""
    for number in itertools.count():
        block = files.block(number)
        if not block:
            return
        for record in block:
            pieces = sentences_of(record.text) if rules.sentences else [record.text]
            encoded = [tokenizer.encode_words(piece) for piece in pieces]
            starts = [start for _, part in encoded for start in part]
            yield TokenizedRecord(
                ids=[number for ids, _ in encoded for number in ids],
                sentences=[len(ids) for ids, _ in encoded] if rules.sentences else [],
                word_starts=None if all(starts) else starts,
                characters=len(record.text),
                size=len(record.text.encode()),
                starts=record.starts_document,
                ends=record.ends_document,
            )
        note(len(block))
