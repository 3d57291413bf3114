"""Rows for encoders out of the streaming pipeline: what they hold, and exact resume."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from transformer_lm.data import shuffling
from transformer_lm.data.graph import import_tensorflow
from transformer_lm.data.pipeline import eval_batches, train_iterator
from transformer_lm.data.row_builders import row_builder
from transformer_lm.data.sentences import split_sentences
from transformer_lm.data.source import Source
from transformer_lm.data.windows import Windows
from transformer_lm.registry import UserError
from transformer_lm.tokenizers.character import CharacterConfig
from transformer_lm.tokenizers.sentencepiece import SentencePieceConfig
from transformer_lm.tokenizers.wordpiece import WordPieceConfig

VILLAGE = Path(__file__).parent / "fishing_village.txt"
LINES = [line for line in VILLAGE.read_text("utf-8").split("\n") if line]
TEXTS = [f"{i}番目。" + "".join(LINES[i % 20 : i % 20 + 1 + i % 3]) for i in range(61)]
OPTIONS = "--character_coverage=0.98 --byte_fallback=true"
CONFIG = SentencePieceConfig(
    vocab_size=560, spm_train_options=OPTIONS, special_tokens="[CLS],[SEP],[MASK]"
)
WINDOWS = Windows(max_target_length=32, max_eval_target_length=48)
KEYS = {"batch_size": 4, "seed": 3}
KINDS = ["masked", "nsp", "sop"]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return CONFIG.train(LINES, str(tmp_path_factory.mktemp("vocabulary")))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """61 documents of one or more sentences; the last window holds one alone."""
    path = tmp_path_factory.mktemp("text") / "a.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    return Source(
        dataset_name="text_files",
        data_path=str(path),
        eval_data_path=str(path),
        shuffle_buffer_size=20,
    )


@pytest.fixture
def small_groups(monkeypatch):
    monkeypatch.setattr(shuffling, "GROUP_BYTES", 1500)


def read(kind, source, tokenizer, windows=WINDOWS, **keys):
    rows = row_builder(kind, windows, tokenizer)
    return train_iterator(source, windows, tokenizer, rows=rows, **KEYS | keys)


def rows_of(batch):
    """The rows of a batch as comparable values."""
    return [
        tuple(batch[key][row].tobytes() for key in sorted(batch))
        for row in range(len(batch["tokens"]))
    ]


def texts_of(batches, tokenizer):
    """The text of each segment, its parts joined by |."""
    found = []
    for batch in batches:
        for tokens, segments in zip(batch["tokens"], batch["segments"], strict=True):
            for number in range(1, segments.max() + 1):
                ids = tokens[segments == number].tolist()
                assert ids[0] == tokenizer.cls_id
                assert ids[-1] == tokenizer.sep_id
                text = "|".join(
                    tokenizer.decode([int(i) for i in part.split()])
                    for part in " ".join(map(str, ids[1:-1])).split(
                        f" {tokenizer.sep_id} "
                    )
                )
                found.append(text)
    return found


def test_sentences_keep_their_closing_brackets():
    text = "「はい。」と言った。\n本当？！（嘘だ。）\n\nおわり"
    (found,) = split_sentences(import_tensorflow().constant([text])).to_list()
    assert [sentence.decode() for sentence in found if sentence] == [
        *("「はい。」", "と言った。", "本当？！", "（嘘だ。）", "おわり")
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_batches_have_the_promised_shapes(kind, source, tokenizer):
    batch = next(read(kind, source, tokenizer))
    names = ["tokens", "segments", "positions", "token_types", "word_starts"]
    assert list(batch) == names + ["pair_labels"] * (kind != "masked")
    shapes = {name: (4, 32) for name in names} | {"pair_labels": (4,)}
    for name, array in batch.items():
        assert (array.dtype.name, array.shape) == ("int32", shapes[name])
    assert (batch["word_starts"] == (batch["segments"] > 0)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_resuming_anywhere_continues_bit_for_bit(kind, source, tokenizer, small_groups):
    iterator = read(kind, source, tokenizer)
    states, batches, reports = [], [], []
    while iterator.report()["epoch"] < 2:
        states.append(iterator.get_state())
        batches.append(rows_of(next(iterator)))
        reports.append(iterator.report())
    positions = [json.loads(state) for state in states]
    assert max(position["group"] for position in positions) >= 1
    assert len({position["window"] for position in positions}) >= 3
    fresh = read(kind, source, tokenizer)
    for place in [len(states) - 1, 0, 1, len(states) // 2]:
        fresh.set_state(states[place])
        for expected, report in list(zip(batches, reports, strict=True))[place:][:12]:
            assert rows_of(next(fresh)) == expected
            assert fresh.report() == report


@pytest.mark.parametrize("kind", KINDS)
def test_another_epoch_draws_anew(kind, source, tokenizer):
    one, other = read(kind, source, tokenizer), read(kind, source, tokenizer)
    first = [rows_of(next(one)) for _ in range(10)]
    assert [rows_of(next(other)) for _ in range(10)] == first
    while one.report()["epoch"] < 1:
        next(one)
    assert [rows_of(next(one)) for _ in range(10)] != first


def test_a_position_of_other_rows_is_refused(source, tokenizer):
    state = read("nsp", source, tokenizer).get_state()
    with pytest.raises(UserError, match="pair_objective was 'nsp', is 'sop'"):
        read("sop", source, tokenizer).set_state(state)
    state = read("masked", source, tokenizer).get_state()
    windows = Windows(32, 48, row_mode="document")
    with pytest.raises(UserError, match="row_mode was 'packed', is 'document'"):
        read("masked", source, tokenizer, windows).set_state(state)


@pytest.mark.parametrize("mode", ["packed", "document", "contiguous"])
def test_masked_rows_hold_the_text(mode, source, tokenizer):
    windows = Windows(32, 48, row_mode=mode)
    rows = row_builder("masked", windows, tokenizer)
    batches = list(eval_batches(source, windows, tokenizer, batch_size=4, rows=rows))
    texts = texts_of(batches, tokenizer)
    whole = "".join(TEXTS).replace(" ", "")
    found = "".join(texts).replace(" ", "")
    if mode == "document":
        assert len(texts) == 61
        assert all(
            text[:4] == line[:4] for text, line in zip(texts, TEXTS, strict=True)
        )
    else:
        # Bytes of a rare character may lie in two rows; all else is there once.
        assert abs(len(found) - len(whole)) <= 0.02 * len(whole)
    assert all(re.match(r"\d+番目", text) for text in texts) == (mode == "document")


def test_pairs_follow_their_labels(source, tokenizer):
    windows = Windows(48, 48, short_sequence_probability=0.0)
    iterator = read("sop", source, tokenizer, windows)
    batches = [next(iterator) for _ in range(20)]
    labels = np.concatenate([batch["pair_labels"] for batch in batches])
    texts = texts_of(batches, tokenizer)
    assert 0.2 < labels.mean() < 0.8
    checked = 0
    for text, label in zip(texts, labels, strict=True):
        first, second = text.split("|")
        right, wrong = first + second, second + first
        if label:
            right, wrong = wrong, right
        found = any(right in line for line in TEXTS)
        checked += found
        # Truncation takes tokens from the middle too: not every pair is found whole.
        assert found or not any(wrong in line for line in TEXTS)
    assert checked > 20


@pytest.mark.parametrize("kind", KINDS)
def test_evaluation_is_the_same_each_time_and_on_any_number_of_hosts(
    kind, source, tokenizer
):
    rows = row_builder(kind, WINDOWS, tokenizer)

    def evaluate(size, host=0, hosts=1):
        return list(
            eval_batches(
                source,
                WINDOWS,
                tokenizer,
                batch_size=size,
                rows=rows,
                process_index=host,
                process_count=hosts,
            )
        )

    alone = evaluate(6)
    assert list(map(rows_of, evaluate(6))) == list(map(rows_of, alone))
    for batch, *parts in zip(alone, evaluate(3, 0, 2), evaluate(3, 1, 2), strict=True):
        assert rows_of(batch) == [row for part in parts for row in rows_of(part)]
    used = np.concatenate([batch["segments"].any(axis=1) for batch in alone])
    number = int(used.sum())
    assert used[:number].all()
    assert len(used) - number < 6


def test_a_single_document_makes_no_pair_of_nsp(source, tokenizer):
    """The last window of an epoch has one document; alone it is an error."""
    iterator = read("nsp", source, tokenizer)
    while iterator.report()["epoch"] < 1:
        next(iterator)
    assert iterator.report()["dropped"] == 1
    path = Path(source.data_path).with_name("one.jsonl")
    path.write_text(json.dumps({"text": LINES[0] * 4}))
    alone = Source("text_files", data_path=str(path), eval_data_path=str(path))
    with pytest.raises(UserError, match="gives no row in a whole epoch"):
        next(read("nsp", alone, tokenizer))


def test_a_vocabulary_without_special_tokens_is_refused(tmp_path):
    config = SentencePieceConfig(vocab_size=560, spm_train_options=OPTIONS)
    plain = config.train(LINES, str(tmp_path))
    with pytest.raises(UserError, match=r"set special_tokens=\[CLS\],\[SEP\],\[MASK\]"):
        row_builder("masked", WINDOWS, plain)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "config",
    [WordPieceConfig(min_frequency=1000), CharacterConfig()],
    ids=["wordpiece", "character"],
)
def test_rows_know_where_words_begin(kind, config, source, tmp_path):
    """A token of a row begins a word exactly where the segmenter says so."""
    worded = config.train(TEXTS, str(tmp_path))
    begun = {}
    for text in TEXTS:
        for sentence in [text, *re.findall("[^。！？]*[。！？]*[」』）]*", text)]:
            ids, starts = worded.encode_words(sentence)
            for place, number in enumerate(ids):
                around = tuple(ids[max(place - 2, 0) : place + 3])
                begun.setdefault((number, around), set()).add(starts[place])
    iterator = read(kind, source, worded)
    checked = {True: 0, False: 0}
    for _ in range(6):
        batch = next(iterator)
        special = np.isin(batch["tokens"], [worded.cls_id, worded.sep_id])
        text = (batch["segments"] > 0) & ~special
        assert batch["word_starts"][special & (batch["segments"] > 0)].all()
        assert not batch["word_starts"][batch["segments"] == 0].any()
        for row, place in np.argwhere(text).tolist():
            around = tuple(batch["tokens"][row, place - 2 : place + 3].tolist())
            known = begun.get((int(batch["tokens"][row, place]), around), set())
            if len(known) == 1:
                start = bool(batch["word_starts"][row, place])
                assert {start} == known
                checked[start] += 1
    assert min(checked.values()) > 100
