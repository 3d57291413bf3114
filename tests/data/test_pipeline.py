"""The streaming pipeline: every record once, exact resume, hosts, errors."""

import dataclasses
import gzip
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from transformer_lm.data import shuffling
from transformer_lm.data.pipeline import eval_batches, train_iterator
from transformer_lm.data.source import Source
from transformer_lm.data.windows import Windows
from transformer_lm.registry import UserError
from transformer_lm.tokenizers.sentencepiece import SentencePieceConfig

VILLAGE = Path(__file__).parent / "fishing_village.txt"
LINES = [line for line in VILLAGE.read_text("utf-8").split("\n") if line]
CONFIG = SentencePieceConfig(
    vocab_size=560, spm_train_options="--character_coverage=0.98 --byte_fallback=true"
)
WINDOWS = Windows(max_target_length=32, max_eval_target_length=48)
KEYS = {"batch_size": 4, "seed": 3}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return CONFIG.train(LINES, str(tmp_path_factory.mktemp("vocabulary")))


@pytest.fixture(scope="module")
def texts():
    """90 documents, all different, some long, some with a blank in front."""
    lines = [f"{i}番目。{LINES[i % len(LINES)]}" for i in range(90)]
    return [line * (1 + 7 * (i % 10 == 3)) for i, line in enumerate(lines)]


@pytest.fixture(scope="module")
def source(texts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    for name, part in (("a.jsonl", texts[:50]), ("b.jsonl.gz", texts[50:])):
        content = "".join(json.dumps({"text": text}) + "\n" for text in part)
        data = content.encode()
        (folder / name).write_bytes(gzip.compress(data) if "gz" in name else data)
    return Source(
        dataset_name="text_files",
        data_path=f"{folder}/*.jsonl*",
        eval_data_path=f"{folder}/*.jsonl*",
        shuffle_buffer_size=32,
    )


@pytest.fixture
def small_groups(monkeypatch):
    """Several groups in a window, so that positions have all their parts."""
    monkeypatch.setattr(shuffling, "GROUP_BYTES", 1500)


def rows_of(batch):
    """The rows of a batch as comparable values."""
    size = len(batch["weights"])
    return [
        tuple(batch[key][row].tobytes() for key in sorted(batch)) for row in range(size)
    ]


def segments(batches) -> Counter:
    """Targets of all segments in some batches."""
    found = Counter()
    for batch in batches:
        for targets, ids in zip(batch["targets"], batch["segments"], strict=True):
            for number in range(1, ids.max() + 1):
                found[tuple(targets[ids == number].tolist())] += 1
    return found


def expected_segments(texts, tokenizer, length) -> Counter:
    found = Counter()
    for text in texts:
        ids = [*tokenizer.encode(text), tokenizer.eos_id]
        for first in range(0, len(ids), length):
            found[tuple(ids[first : first + length])] += 1
    return found


def first_epoch(iterator):
    """Rows until the second epoch begins (batches must be of one row)."""
    batches = []
    while True:
        batch = next(iterator)
        if iterator.report()["epoch"] == 1:
            return batches
        batches.append(batch)


@pytest.mark.parametrize("shuffle_buffer_size", [1, 7, 1024])
def test_an_epoch_has_every_document_once(
    source, texts, tokenizer, small_groups, shuffle_buffer_size
):
    source = dataclasses.replace(source, shuffle_buffer_size=shuffle_buffer_size)
    iterator = train_iterator(source, WINDOWS, tokenizer, batch_size=1, seed=0)
    batches = first_epoch(iterator)
    assert segments(batches) == expected_segments(texts, tokenizer, 32)
    characters = sum(batch["characters"].sum(dtype=float) for batch in batches)
    assert characters == pytest.approx(sum(map(len, texts)), rel=1e-6)


def test_the_order_changes_with_the_epoch_and_the_seed_alone(source, tokenizer):
    def read(seed, epochs=1):
        iterator = train_iterator(source, WINDOWS, tokenizer, batch_size=1, seed=seed)
        rows = [rows_of(batch)[0] for batch in first_epoch(iterator)]
        for _ in range(epochs - 1):
            rows += [rows_of(next(iterator))[0] for _ in rows]
        return rows

    two = read(0, epochs=2)
    one = read(0)
    assert two[: len(one)] == one
    assert one != two[len(one) :]
    assert one != read(1)


def test_batches_have_the_promised_shapes(source, tokenizer):
    batch = next(train_iterator(source, WINDOWS, tokenizer, **KEYS))
    kinds = {key: (value.dtype.name, value.shape) for key, value in batch.items()}
    assert kinds == {
        "tokens": ("int32", (4, 32)),
        "targets": ("int32", (4, 32)),
        "segments": ("int32", (4, 32)),
        "positions": ("int32", (4, 32)),
        "weights": ("float32", (4, 32)),
        "characters": ("float32", (4,)),
    }


@pytest.mark.parametrize("mode", ["packed", "document", "contiguous"])
def test_resuming_anywhere_continues_bit_for_bit(source, tokenizer, small_groups, mode):
    """Also across three epoch borders, and within groups and windows."""
    windows = dataclasses.replace(WINDOWS, row_mode=mode)
    iterator = train_iterator(source, windows, tokenizer, **KEYS)
    states, batches, reports = [], [], []
    while iterator.report()["epoch"] < 3:
        states.append(iterator.get_state())
        batches.append(rows_of(next(iterator)))
        reports.append(iterator.report())
    positions = [json.loads(state) for state in states]
    assert max(position["group"] for position in positions) >= 2
    assert len({position["window"] for position in positions}) >= 3
    assert len(states) > 60
    fresh = train_iterator(source, windows, tokenizer, **KEYS)
    for place in [len(states) - 1, 0, 1, 17, len(states) // 2]:
        fresh.set_state(states[place])
        assert fresh.get_state() == states[place]
        for expected, report in list(zip(batches, reports, strict=True))[place:][:20]:
            assert rows_of(next(fresh)) == expected
            assert fresh.report() == report


def test_a_new_process_continues_bit_for_bit(source, tokenizer, tmp_path):
    iterator = train_iterator(source, WINDOWS, tokenizer, **KEYS)
    for _ in range(20):
        next(iterator)
    state = iterator.get_state()
    assert len(state) < 1000
    expected = [rows_of(next(iterator)) for _ in range(30)]
    (tmp_path / "sentencepiece_model").write_bytes(tokenizer.model_proto)
    (tmp_path / "state").write_bytes(state)
    code = f"""
import numpy as np
from transformer_lm.data.pipeline import train_iterator
from transformer_lm.data.source import Source
from transformer_lm.data.windows import Windows
from transformer_lm.tokenizers.sentencepiece import SentencePieceConfig
iterator = train_iterator(
    {source!r}, {WINDOWS!r}, SentencePieceConfig().load({str(tmp_path)!r}), **{KEYS!r}
)
iterator.set_state(open({str(tmp_path / "state")!r}, "rb").read())
for number in range(30):
    np.savez({str(tmp_path)!r} + f"/{{number}}.npz", **next(iterator))
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    for number, rows in enumerate(expected):
        assert rows_of(dict(np.load(tmp_path / f"{number}.npz"))) == rows


def test_another_batch_size_continues_with_the_next_row(source, tokenizer):
    iterator = train_iterator(source, WINDOWS, tokenizer, **KEYS)
    for _ in range(5):
        next(iterator)
    state = iterator.get_state()
    expected = [row for _ in range(6) for row in rows_of(next(iterator))]
    other = train_iterator(source, WINDOWS, tokenizer, batch_size=8, seed=3)
    other.set_state(state)
    assert [row for _ in range(3) for row in rows_of(next(other))] == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 4}, "seed was 3, is 4"),
        ({"process_count": 2}, r"this process was \[0, 1\], is \[0, 2\]"),
        ({"windows": Windows(16, 48)}, "max_target_length was 32, is 16"),
        (
            {"train_split": "train[:50%]"},
            r"train_split was 'train', is 'train\[:50%\]'",
        ),
        ({"data_path": str(VILLAGE)}, "the text was '.*', is '"),
    ],
)
def test_a_position_of_other_settings_is_refused(source, tokenizer, change, message):
    keys = {"windows": WINDOWS, **KEYS, **change}
    names = {field.name for field in dataclasses.fields(Source)} & set(change)
    other = dataclasses.replace(source, **{name: keys.pop(name) for name in names})
    state = train_iterator(source, WINDOWS, tokenizer, **KEYS).get_state()
    iterator = train_iterator(other, tokenizer=tokenizer, **keys)
    with pytest.raises(UserError, match=f"other settings: {message}.*set them back"):
        iterator.set_state(state)


def test_a_damaged_position_is_refused(source, tokenizer):
    iterator = train_iterator(source, WINDOWS, tokenizer, **KEYS)
    for state in (b"", b"[]", iterator.get_state()[:-5]):
        with pytest.raises(UserError, match=r"saved position .*older checkpoint"):
            iterator.set_state(state)
    with pytest.raises(UserError, match="has format None, this program reads format 1"):
        iterator.set_state(b"{}")
    newer = iterator.get_state().replace(b'"format": 1', b'"format": 2')
    with pytest.raises(UserError, match="has format 2, this program reads format 1"):
        iterator.set_state(newer)


def test_hosts_divide_the_training_text(source, texts, tokenizer):
    found = Counter()
    for host in range(3):
        part = segments(
            first_epoch(
                train_iterator(
                    source,
                    WINDOWS,
                    tokenizer,
                    batch_size=1,
                    seed=0,
                    process_index=host,
                    process_count=3,
                )
            )
        )
        assert part
        found += part
    assert found == expected_segments(texts, tokenizer, 32)


def test_evaluation_has_every_document_once_in_order(source, texts, tokenizer):
    batches = list(eval_batches(source, WINDOWS, tokenizer, batch_size=4))
    assert {batch["tokens"].shape for batch in batches} == {(4, 48)}
    assert segments(batches) == expected_segments(texts, tokenizer, 48)
    characters = sum(batch["characters"].sum(dtype=float) for batch in batches)
    assert characters == pytest.approx(sum(map(len, texts)), rel=1e-6)
    first_row = batches[0]["targets"][0].tolist()
    assert str(tokenizer.encode(texts[0]))[1:-1] in str(first_row)
    filled = np.concatenate([batch["weights"].sum(axis=1) for batch in batches])
    rows = int((filled > 0).sum())
    assert (filled[rows:] == 0).all()
    assert len(filled) - rows < 4
    again = list(eval_batches(source, WINDOWS, tokenizer, batch_size=4))
    assert list(map(rows_of, again)) == list(map(rows_of, batches))


def test_a_held_out_stream_has_every_document_in_order(source, texts, tokenizer):
    windows = dataclasses.replace(WINDOWS, row_mode="contiguous")
    batches = list(eval_batches(source, windows, tokenizer, batch_size=4))
    ids = np.concatenate([b["targets"][b["weights"] > 0] for b in batches])
    assert tokenizer.decode(ids.tolist()) == tokenizer.decode(
        [i for text in texts for i in tokenizer.encode(text)]
    )
    characters = sum(batch["characters"].sum(dtype=float) for batch in batches)
    assert characters == pytest.approx(sum(map(len, texts)), rel=1e-6)


def test_evaluation_is_the_same_on_any_number_of_hosts(source, tokenizer):
    alone = list(eval_batches(source, WINDOWS, tokenizer, batch_size=6))
    hosts = [
        list(
            eval_batches(
                source,
                WINDOWS,
                tokenizer,
                batch_size=2,
                process_index=host,
                process_count=3,
            )
        )
        for host in range(3)
    ]
    for batch, *parts in zip(alone, *hosts, strict=True):
        assert rows_of(batch) == [row for part in parts for row in rows_of(part)]


def test_training_and_held_out_shares_do_not_meet(source, texts, tokenizer):
    source = dataclasses.replace(source, eval_data_path=None)
    held_out = segments(eval_batches(source, WINDOWS, tokenizer, batch_size=4))
    windows = dataclasses.replace(WINDOWS, max_target_length=48)
    iterator = train_iterator(source, windows, tokenizer, batch_size=1, seed=0)
    trained = segments(first_epoch(iterator))
    assert len(held_out) >= 8
    assert held_out + trained == expected_segments(texts, tokenizer, 48)


def test_documents_cut_into_records_get_one_end_mark(tmp_path, tokenizer):
    """A document of 40,000 characters is two records but has one end."""
    text = "\n".join(LINES * 40)
    (tmp_path / "long.txt").write_text(text, "utf-8")
    source = Source("text_files", data_path="x", eval_data_path=f"{tmp_path}/long.txt")
    assert len(text) > 32_768
    batches = list(eval_batches(source, WINDOWS, tokenizer, batch_size=4))
    targets = np.concatenate(
        [batch["targets"][batch["weights"] > 0] for batch in batches]
    )
    assert (targets == tokenizer.eos_id).sum() == 1
    characters = sum(batch["characters"].sum(dtype=float) for batch in batches)
    assert characters == pytest.approx(len(text), rel=1e-6)


@pytest.mark.parametrize("choice", ["split", "drop", "truncate"])
def test_what_became_of_the_documents_is_reported(source, texts, tokenizer, choice):
    lengths = np.array([len(tokenizer.encode(text)) + 1 for text in texts])
    iterator = train_iterator(
        source, Windows(32, 48, choice), tokenizer, batch_size=1, seed=0
    )
    report = {}
    while iterator.report()["epoch"] == 0:
        report = iterator.report()
        next(iterator)
    assert report["documents"] == 90
    count = {"split": "split", "drop": "dropped", "truncate": "truncated"}[choice]
    assert report[count] == (lengths > 32).sum() > 0
    kept = {"split": lengths, "drop": lengths[lengths <= 32]}
    kept["truncate"] = np.minimum(lengths, 32)
    assert report["tokens"] == kept[choice].sum()


def test_faulty_lines_are_reported_with_their_place(tmp_path, tokenizer, texts):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"text": 1}\n' + json.dumps({"text": texts[0]}) + "\n{")
    source = Source("text_files", data_path=str(path), eval_data_path="x")
    iterator = train_iterator(source, WINDOWS, tokenizer, **KEYS)
    next(iterator)
    report = iterator.report()
    assert report["invalid JSON lines skipped"] == 1
    assert report["JSON lines without a text field skipped, first at"] == [f"{path}:1"]


def test_a_file_that_breaks_off_is_a_plain_error(tmp_path, tokenizer, texts):
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts * 20)
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(lines.encode())[:-40])
    source = Source("text_files", data_path=str(path), eval_data_path=str(path))
    with pytest.raises(UserError, match=r"cut\.jsonl\.gz is cut short or damaged"):
        list(first_epoch(train_iterator(source, WINDOWS, tokenizer, **KEYS)))
    with pytest.raises(UserError, match=r"cut\.jsonl\.gz is cut short or damaged"):
        list(eval_batches(source, WINDOWS, tokenizer, batch_size=4))


def test_an_empty_share_says_what_to_set(tmp_path, tokenizer):
    path = tmp_path / "one.jsonl"
    path.write_text('{"text": "一つだけの文書です。"}')
    source = Source("text_files", data_path=str(path))
    with pytest.raises(
        UserError, match=r"held-out text, split 'train\[90%:\]'.*set eval_"
    ):
        eval_batches(source, WINDOWS, tokenizer, batch_size=4)
    source = dataclasses.replace(source, train_split="train[90%:]", eval_split="train")
    with pytest.raises(
        UserError, match=r"split 'train\[90%:\]' of .*holds no document"
    ):
        train_iterator(source, WINDOWS, tokenizer, **KEYS)
    source = Source("text_files", data_path=str(path), eval_data_path=str(path))
    hosts = {"process_index": 1, "process_count": 2}
    with pytest.raises(UserError, match="part 2 of 2, holds no document"):
        train_iterator(source, WINDOWS, tokenizer, **KEYS, **hosts)


def test_dropping_everything_is_an_error_and_no_endless_loop(source, tokenizer):
    windows = Windows(4, 4, "drop")
    iterator = train_iterator(source, windows, tokenizer, **KEYS)
    with pytest.raises(
        UserError, match=r"gives no row in a whole epoch .*'dropped': 90"
    ):
        next(iterator)
    with pytest.raises(UserError, match="or none that long_documents='drop' keeps"):
        eval_batches(source, windows, tokenizer, batch_size=4)


def test_a_vocabulary_without_marks_is_refused(source, tmp_path):
    options = CONFIG.spm_train_options + " --eos_id=-1"
    config = dataclasses.replace(CONFIG, vocab_size=555, spm_train_options=options)
    tokenizer = config.train(LINES, str(tmp_path))
    with pytest.raises(UserError, match="bos_id=1 and eos_id=None, but every document"):
        train_iterator(source, WINDOWS, tokenizer, **KEYS)


def test_the_quickstart_needs_nothing(tokenizer):
    iterator = train_iterator(Source(), WINDOWS, tokenizer, **KEYS)
    text = tokenizer.decode(next(iterator)["targets"][0].tolist())
    assert re.search(r"[ぁ-ん]{2}.*。", text)
    batch = next(eval_batches(Source(), WINDOWS, tokenizer, batch_size=4))
    assert batch["weights"].mean() > 0.9
