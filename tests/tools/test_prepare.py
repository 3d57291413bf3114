"""The tool that prepares data: whole shards only, the same bytes by whatever way."""

import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.data.prepared_folder import CONFIG, LINES, prepare, texts, write_texts
from transformer_lm.data import preparation, shard_runners
from transformer_lm.data.prepared import PreparedSplit
from transformer_lm.data.row_builders import row_builder
from transformer_lm.data.sentences import sentences_of
from transformer_lm.data.shards import ShardReader, TokenizedRecord, write_shard
from transformer_lm.data.windows import Windows
from transformer_lm.registry import UserError
from transformer_lm.tokenizers import TOKENIZERS
from transformer_lm.tools.prepare import main, parser

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A vocabulary and three files of text."""
    path = tmp_path_factory.mktemp("corpus")
    CONFIG.train(LINES, str(path))
    for number in range(3):
        write_texts(path / f"{number}.jsonl", texts(20 * number, 20))
    return path


@pytest.fixture(scope="module")
def prepared(corpus):
    """Those files, prepared by two processes."""
    return make(corpus, corpus / "prepared", "--processes=2")


def make(corpus, out, *flags):
    vocabulary = corpus / "sentencepiece_model"
    return prepare(out, vocabulary, *flags, train=f"{corpus}/?.jsonl")


def digests(folder):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }


def documents(folder, split="train"):
    opened = PreparedSplit(folder, split)
    return opened._reader.documents(np.arange(len(opened._reader.index)))


def test_says_what_is_in_each_shard_and_split(corpus, tmp_path, caplog, capsys):
    with caplog.at_level("INFO"):
        make(corpus, tmp_path / "out")
    told = [record.getMessage() for record in caplog.records]
    lines = [line for line in told if line.startswith("train-00001-of-00003: ")]
    assert len(lines) == 1
    assert "20 documents, 20 records, " in lines[0]
    assert "sentences" not in lines[0]
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("train: 60 documents, 60 records, ")
    assert first.endswith(" in 3 shards")


def test_records_come_back_as_they_were(tmp_path):
    words = [True, False, True, True, False, False, True, True, False]
    records = [
        TokenizedRecord([5, 6, 70_000], [1, 2], None, 4, 9, True, False),
        TokenizedRecord([], [0], None, 1, 3, False, True),
        TokenizedRecord(list(range(9)), [9], words, 9, 27, True, True),
    ]
    paths = [[tmp_path / f"{i}.array_record"] for i in range(2)]
    indexes = [[tmp_path / f"{i}.npy"] for i in range(2)]
    for data, index in zip(paths, indexes, strict=True):
        write_shard(records, *data, *index, "<u4")
    assert paths[0][0].read_bytes() == paths[1][0].read_bytes()
    reader = ShardReader(paths[0] + paths[1], indexes[0] + indexes[1], "<u4")
    found = reader.documents(np.array([5, 0, 4, 1]))
    assert found.ids.tolist() == [*range(9), 5, 6, 70_000]
    assert found.lengths.tolist() == [9, 3, 0, 0]
    assert found.sentences.tolist() == [9, 1, 2, 0, 0]
    assert found.characters.tolist() == [9, 4, 1, 1]
    assert found.starts.tolist() == [True, True, False, False]
    assert found.ends.tolist() == [True, False, True, True]
    assert found.word_starts.tolist() == [*words, True, True, True]
    assert reader.documents(np.array([0, 1])).word_starts is None


def test_shards_hold_the_ids_of_the_text(corpus, prepared):
    tokenizer = CONFIG.load(str(corpus))
    expected = [tokenizer.encode(text) for text in texts(0, 60)]
    found = documents(prepared)
    assert found.ids.tolist() == [number for ids in expected for number in ids]
    assert found.lengths.tolist() == list(map(len, expected))
    assert found.characters.tolist() == list(map(len, texts(0, 60)))
    manifest = json.loads((prepared / "manifest.json").read_text())
    assert manifest["counts"]["train"] == {
        "documents": 60,
        "records": 60,
        "sentences": 0,
        "tokens": sum(map(len, expected)),
        "characters": sum(map(len, texts(0, 60))),
    }


def test_words_and_sentences_of_another_tokenizer(corpus, tmp_path):
    """WordPiece over whitespace: both are stored and reach the rows."""
    vocabulary = TOKENIZERS["wordpiece"](
        segmenter="whitespace", vocab_size=90, min_frequency=1000
    )
    lines = ["the unhappy cat。 sat on the mat。", "a dog。 barks unhappily。"]
    tokenizer = vocabulary.train(lines * 3, str(tmp_path))
    write_texts(tmp_path / "a.jsonl", lines)
    flags = [f"--output={tmp_path}/out", "--kind=wordpiece", "--processes=1"]
    flags += [f"--train={tmp_path}/a.jsonl", f"--vocab_path={tmp_path}/vocab.txt"]
    flags += ["--tokenizer=segmenter=whitespace", "--sentences"]
    main(parser().parse_args(flags))
    found = documents(tmp_path / "out")
    pieces = [sentence for line in lines for sentence in sentences_of(line)]
    encoded = [tokenizer.encode_words(piece) for piece in pieces]
    assert found.ids.tolist() == [n for ids, _ in encoded for n in ids]
    assert found.word_starts.tolist() == [s for _, starts in encoded for s in starts]
    assert not found.word_starts.all()
    assert found.sentences.tolist() == [len(ids) for ids, _ in encoded]
    rows = row_builder("sop", Windows(max_target_length=16), tokenizer)
    arrays, _ = rows.build(found, 16, np.random.default_rng(0), in_order=False)
    is_text = arrays["segments"] > 0
    assert (arrays["word_starts"][is_text] == 0).any()


def test_the_same_command_again_changes_nothing(corpus, prepared, monkeypatch):
    before = digests(prepared)
    monkeypatch.setattr(preparation, "write_shard", None)
    make(corpus, prepared)
    assert digests(prepared) == before


def test_one_process_and_two_give_the_same_bytes(corpus, prepared, tmp_path):
    assert digests(make(corpus, tmp_path / "one")) == digests(prepared)


def test_what_is_missing_is_made_again(corpus, prepared, tmp_path):
    out = make(corpus, tmp_path / "out")
    (out / "train-00001-of-00003.array_record").unlink()
    (out / "train-00002-of-00003.json").unlink()
    (out / "manifest.json").unlink()
    with pytest.raises(UserError, match="interrupted"):
        PreparedSplit(out, "train")
    make(corpus, out)
    assert digests(out) == digests(prepared)


def test_a_killed_command_leaves_nothing_that_looks_whole(corpus, prepared, tmp_path):
    """Killed while a shard is written; then the same command finishes."""
    program = (
        "import sys, time; from transformer_lm.data import preparation\n"
        "write = preparation.write_shard\n"
        "def slow(records, *rest):\n"
        "    def held():\n"
        "        for record in records: yield record\n"
        "        print('holding', flush=True); time.sleep(600)\n"
        "    return write(held(), *rest)\n"
        "from transformer_lm.data.preparation import prepare_shard\n"
        "import pickle; tasks = pickle.load(open(sys.argv[1], 'rb'))\n"
        "prepare_shard(tasks[0]); preparation.write_shard = slow\n"
        "prepare_shard(tasks[1])\n"
    )
    out = tmp_path / "out"
    tasks = shard_tasks(corpus, prepared, out)
    import pickle

    (tmp_path / "tasks").write_bytes(pickle.dumps(tasks))
    worker = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "tasks")],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert worker.stdout.readline() == b"holding\n"
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    left = [path.name for path in out.iterdir() if "00001" in path.name]
    assert left
    assert all("unfinished" in name for name in left)
    whole = out / "train-00000-of-00003.array_record"
    kept = whole.stat().st_mtime_ns
    make(corpus, out)
    assert whole.stat().st_mtime_ns == kept
    assert digests(out) == digests(prepared)


def shard_tasks(corpus, prepared, out):
    """The tasks that the tool would run."""
    out.mkdir()
    for name in ("sentencepiece_model",):
        (out / name).write_bytes((prepared / name).read_bytes())
    manifest = PreparedSplit(prepared, "train").manifest
    return [
        preparation.ShardTask(
            f"train-{number:05d}-of-00003",
            str(corpus / f"{number}.jsonl"),
            str(out),
            manifest.tokenizer,
            manifest.rules,
        )
        for number in range(3)
    ]


def test_other_settings_or_text_are_refused(corpus, prepared, tmp_path):
    with pytest.raises(UserError, match="sentences was False, is True"):
        make(corpus, prepared, "--sentences")
    out = tmp_path / "out"
    text = write_texts(tmp_path / "a.jsonl", texts(0, 2))
    vocabulary = corpus / "sentencepiece_model"
    prepare(out, vocabulary, train=text)
    write_texts(text, texts(0, 3))
    with pytest.raises(UserError, match="source_sha256 was"):
        prepare(out, vocabulary, train=text)
    with pytest.raises(UserError, match="shards of other text: train-00000-of-00001"):
        prepare(out, vocabulary, train=f"{corpus}/?.jsonl")


@pytest.mark.parametrize("damage", ["flipped", "short", "missing", "index"])
def test_a_damaged_shard_is_an_error_and_is_mended(corpus, prepared, tmp_path, damage):
    out = make(corpus, tmp_path / "out")
    data = out / "train-00001-of-00003.array_record"
    content = bytearray(data.read_bytes())
    if damage == "flipped":
        place = content.index(documents(out).ids[300:320].astype("<u2").tobytes()[:6])
        content[place] ^= 1
        data.write_bytes(content)
    elif damage == "short":
        data.write_bytes(content[:-100])
    elif damage == "missing":
        data.unlink()
    else:
        index = out / "train-00001-of-00003.index.npy"
        index.write_bytes(index.read_bytes()[:-30])
    with pytest.raises(UserError, match=r"(?s)train-00001-of-00003.*prepare again"):
        documents(out)
    make(corpus, out)
    assert digests(out) == digests(prepared)


def test_a_process_that_is_killed_is_told(monkeypatch):
    monkeypatch.setattr(shard_runners, "_counted", os._exit)
    with pytest.raises(UserError, match="a process that makes shards was killed"):
        shard_runners.run_locally([1], 1)


def test_a_manifest_is_whole_or_not_there(corpus, tmp_path, fill_disk):
    out = tmp_path / "out"
    fill_disk(Path, "write_text", name="manifest")
    with pytest.raises(OSError, match="No space"):
        prepare(out, corpus / "sentencepiece_model", train=corpus / "0.jsonl")
    assert not (out / "manifest.json").exists()


def test_wrong_lines_are_counted(corpus, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'{"text": "\xe6\xb8\xaf"}\nno json\n{"body": 1}\n{"text": "\xff"}\n'
    )
    out = prepare(tmp_path / "out", corpus / "sentencepiece_model", train=path)
    faults = json.loads((out / "manifest.json").read_text())["splits"]["train"][0]
    assert faults["faults"]["invalid JSON lines skipped"] == 1
    assert f"{path}:2" in faults["faults"]["invalid JSON lines skipped, first at"]


def test_a_corpus_is_taken_with_its_splits(corpus, tmp_path):
    for split, name in (("train", "0"), ("test", "1")):
        packed = gzip.compress((corpus / f"{name}.jsonl").read_bytes())
        (tmp_path / f"{split}-00000-of-00001.jsonl.gz").write_bytes(packed)
    out = tmp_path / "out"
    prepare(out, corpus / "sentencepiece_model", f"--corpus={tmp_path}")
    manifest = PreparedSplit(out, "test").manifest
    counts = {name: manifest.counts(name)["documents"] for name in manifest.splits}
    assert counts == {"train": 20, "test": 20}


def test_wrong_flags_are_one_message(corpus, tmp_path):
    vocabulary = corpus / "sentencepiece_model"
    with pytest.raises(UserError, match="give either --corpus, or --train"):
        prepare(tmp_path / "out", vocabulary)
    with pytest.raises(UserError, match="unknown key 'segmentr'"):
        prepare(
            tmp_path / "out",
            vocabulary,
            "--tokenizer=segmentr=none",
            train=corpus / "0.jsonl",
        )
    with pytest.raises(UserError, match="does not exist"):
        prepare(tmp_path / "out", tmp_path / "nothing", train=corpus / "0.jsonl")
    with pytest.raises(UserError, match=r"holds no train-\*"):
        prepare(tmp_path / "out", vocabulary, f"--corpus={corpus}")


def test_beam_gives_the_same_bytes(corpus, prepared, tmp_path):
    pytest.importorskip("apache_beam", reason="apache-beam is not installed")
    out = make(corpus, tmp_path / "beam", "--runner=beam")
    assert digests(out) == digests(prepared)


def test_beam_missing_is_one_message(corpus, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(UserError, match=r"transformer-lm\[beam\]"):
        make(corpus, tmp_path / "out", "--runner=beam")
