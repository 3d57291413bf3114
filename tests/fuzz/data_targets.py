"""Readers of prepared data, positions, settings and metrics."""

import copy
import dataclasses
import functools
import json
import tempfile
import types
from pathlib import Path

import numpy as np
from etils import epath

from tests.fuzz.target import Target
from transformer_lm.config import from_saved, resolve
from transformer_lm.config_files import load_config, override
from transformer_lm.corpora.text_files import TextFiles
from transformer_lm.data.batches import BatchIterator
from transformer_lm.data.datasets.text_files import FileRecords
from transformer_lm.data.manifest import (
    COUNTED,
    FILE,
    Manifest,
    Rules,
    Shard,
    TokenizerFacts,
    read_manifest,
    sha256_of,
)
from transformer_lm.data.position import Position, to_bytes
from transformer_lm.data.row_stream import RowStream
from transformer_lm.data.shards import ShardReader, TokenizedRecord, write_shard
from transformer_lm.data.tokenizer_facts import load_beside, probe_of
from transformer_lm.metrics import METRICS_FILE
from transformer_lm.tokenizers.wordpiece import WordPieceConfig
from transformer_lm.tools.curves import read_curves
from transformer_lm.tools.report import build_page
from transformer_lm.tools.trained_model import EXPORTED_SETTINGS, open_trained
from transformer_lm.train.workdir import SETTINGS_FILE, read_settings

ROOT = Path(__file__).parents[2]
ORDER = {"seed": 0}
BORDER = b"\n--index--\n"
VOCABULARY = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n猫\n##だ\n"


def manifest() -> bytes:
    """A folder of one empty shard, whose tokenizer is a list of words."""
    counts = dict.fromkeys(COUNTED, 0)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "vocab.txt")
        path.write_text(VOCABULARY)
        config = WordPieceConfig(vocab_path=str(path), segmenter="whitespace")
        probe, digests = probe_of(config.load("")), {"vocab.txt": sha256_of(path)}
    shard = Shard("train-00000-of-00001", "a.txt", "", "", "", 0, counts, {})
    settings = {"segmenter": "whitespace", "vocab_size": 7}
    facts = TokenizerFacts("wordpiece", settings, digests, 7, probe)
    rules = Rules(False, 100, "replace")
    return Manifest(facts, rules, {"train": [shard]}, {}).to_json().encode()


def read_prepared(content: bytes, folder: Path) -> None:
    """Reads a manifest, and the tokenizer beside it."""
    (folder / FILE).write_bytes(content)
    (folder / "vocab.txt").write_text(VOCABULARY)
    (folder / "train-00000-of-00001.array_record").write_bytes(b"")
    found = read_manifest(folder)
    load_beside(folder, found.tokenizer)
    for split in found.splits:
        found.digest(split)
        found.counts(split)


@functools.cache
def shard() -> bytes:
    """A shard, and its index behind a border."""
    records = [
        TokenizedRecord([1, 2, 3], [1, 2], None, 3, 9, True, True),
        TokenizedRecord([4] * 20, [20], [True, False] * 10, 20, 60, True, False),
    ]
    with tempfile.TemporaryDirectory() as name:
        data, index = Path(name, "a"), Path(name, "i")
        write_shard(records, data, index, "<u2")
        return index.read_bytes() + BORDER + data.read_bytes()


def read_shard(content: bytes, folder: Path) -> None:
    """Reads all records of a shard."""
    index, _, data = content.partition(BORDER)
    (folder / "x.npy").write_bytes(index)
    (folder / "x.array_record").write_bytes(data)
    reader = ShardReader([folder / "x.array_record"], [folder / "x.npy"], "<u2")
    if len(reader.index) < 1000:
        reader.documents(np.arange(len(reader.index)))


def go_to(content: bytes, folder: Path) -> None:
    """Takes a saved position over, and asks for the next row."""
    path = folder / "x.txt"
    if not path.exists():
        path.write_text("一行目。\n\n二つ目。\n")
    files = types.SimpleNamespace(_files=TextFiles(str(path)))
    mark = functools.partial(FileRecords.use_resume_mark, files)
    records = types.SimpleNamespace(use_resume_mark=mark)

    def groups(position: Position):
        for epoch in range(2):
            scalars = {"epoch": epoch, "window": 0, "group": 0, "counts": np.arange(9)}
            yield {"tokens": np.ones((4, 2), np.int32), **scalars}

    stream = RowStream(groups, ["tokens"], "a text")
    batches = BatchIterator(stream, records, batch_size=1, settings=ORDER)  # pyright: ignore
    batches.set_state(content)
    batches._stream.report()
    if batches._stream.position.row < 4:
        files._files.block(batches._stream.position.window % 3)


@functools.cache
def settings() -> bytes:
    """The settings of a tiny run, as a run saves them."""
    config = load_config(f"{ROOT}/configs/tiny.py:gpt2")
    return resolve(config).to_json().encode()


def read_run(content: bytes, folder: Path) -> None:
    """Reads the settings of a work folder."""
    (folder / SETTINGS_FILE).write_bytes(content)
    resolve(from_saved(read_settings(str(folder))), str(folder))


def read_export(content: bytes, folder: Path) -> None:
    """Opens an exported folder that has settings and nothing else."""
    (folder / EXPORTED_SETTINGS).write_bytes(content)
    open_trained(str(folder))


@functools.cache
def tiny():
    """A config to override."""
    return load_config(f"{ROOT}/configs/tiny.py:gpt2")


def overrides(content: bytes, folder: Path) -> None:
    """Reads `--config.key=value` arguments, a line each."""
    config = copy.deepcopy(tiny())
    override(config, content.decode(errors="surrogateescape").split("\n"))
    resolve(config)


METRICS = (
    b'{"step": 1, "time": 1.5, "train_loss": 2.5, "eval_loss": "nan"}\n'
    b'{"step": 2, "time": 2.5, "train_loss": 2.25, "mfu": "inf"}\n'
)


def read_report(content: bytes, folder: Path) -> None:
    """Builds the page of a run from its metrics."""
    (folder / METRICS_FILE).write_bytes(content)
    curves = read_curves(str(folder))
    if curves:
        build_page(epath.Path(folder), curves, b"")


def read_report_settings(content: bytes, folder: Path) -> None:
    """Builds the page of a run from its settings."""
    (folder / SETTINGS_FILE).write_bytes(content)
    build_page(epath.Path(folder), {"train_loss": [(1, 2.0)]}, b"")


def _exported() -> bytes:
    flat = {**json.loads(settings()), "vocab_path": "spiece.model"}
    return json.dumps({"step": 3, "settings": flat}).encode()


POSITION = to_bytes({**dataclasses.asdict(Position()), "mark": [0, 0, 0, 1]}, ORDER)
LATER = to_bytes(
    {**dataclasses.asdict(Position(1, 0, 0, 3, {"rows": 7})), "mark": []}, ORDER
)

TARGETS = (
    Target("data_manifest", (manifest(),), read_prepared),
    Target("shard", (shard(),), read_shard, "x."),
    Target("position", (POSITION, LATER), go_to),
    Target("settings", (settings(),), read_run),
    Target("exported_settings", (_exported(),), read_export),
    Target(
        "overrides",
        (b"--config.num_layers=3\n--config.use_bfloat16\n--config.learning_rate=1e-3",),
        overrides,
    ),
    Target("metrics", (METRICS,), read_report),
    Target("report_settings", (settings(),), read_report_settings, SETTINGS_FILE),
)
