"""Packing against a slow and obvious packer's content, and against arithmetic."""

from collections import Counter

import numpy as np
import pytest

from transformer_lm.data.best_fit import place
from transformer_lm.data.packing import Counts, Documents, pack

START, END = 1, 2


def make_documents(lengths, *, seed=0, starts=None, ends=None) -> Documents:
    """Random ids from 0 (which is an ordinary id here) to 99."""
    generator = np.random.default_rng(seed)
    count = len(lengths)
    return Documents(
        ids=generator.integers(0, 100, sum(lengths)).astype(np.int32),
        lengths=np.array(lengths, np.int64),
        characters=generator.integers(1, 500, count).astype(np.int32),
        starts=np.ones(count, bool) if starts is None else np.array(starts),
        ends=np.ones(count, bool) if ends is None else np.array(ends),
    )


def texts_of(documents: Documents) -> list[list[int]]:
    ids = documents.ids.tolist()
    return [[ids.pop(0) for _ in range(n)] for n in documents.lengths]


def expected_segments(documents: Documents, length: int) -> Counter:
    """(inputs, targets) of every segment, written out as one would explain it."""
    segments = Counter()
    for ids, ends in zip(texts_of(documents), documents.ends, strict=True):
        if not ids:
            continue
        targets = [*ids, END] if ends else ids
        inputs = [START, *targets[:-1]]
        for first in range(0, len(targets), length):
            chunk = slice(first, first + length)
            segments[tuple(inputs[chunk]), tuple(targets[chunk])] += 1
    return segments


def found_segments(rows: dict[str, np.ndarray]) -> Counter:
    segments = Counter()
    for row in range(len(rows["tokens"])):
        ids = rows["segments"][row]
        for segment in range(1, ids.max() + 1):
            here = ids == segment
            (places,) = np.nonzero(here)
            assert places.tolist() == list(range(places[0], places[-1] + 1))
            positions = rows["positions"][row][here]
            assert positions.tolist() == list(range(len(places)))
            columns = (rows[key][row][here].tolist() for key in ("tokens", "targets"))
            segments[tuple(map(tuple, columns))] += 1
    return segments


CASES = {
    "short sentences": np.random.default_rng(1).integers(1, 12, 300).tolist(),
    "long documents": np.random.default_rng(2).integers(1, 400, 60).tolist(),
    "exact lengths": [15, 16, 17, 31, 32, 33, 1, 14],
    "with empty ones": [0, 3, 0, 0, 20, 0],
    "one token": [1],
    "none": [],
    "only empty": [0, 0],
}


@pytest.mark.parametrize("lengths", CASES.values(), ids=CASES)
@pytest.mark.parametrize("shuffled", [False, True])
def test_every_segment_is_there_exactly_once(lengths, shuffled):
    documents = make_documents(lengths)
    generator = np.random.default_rng(7) if shuffled else None
    rows, counts = pack(
        documents,
        length=16,
        long_documents="split",
        start_id=START,
        end_id=END,
        generator=generator,
    )
    expected = expected_segments(documents, 16)
    assert found_segments(rows) == expected
    assert counts.tokens == sum(n + 1 for n in lengths if n) == rows["weights"].sum()
    assert counts.empty == lengths.count(0)
    assert counts.split == sum(n + 1 > 16 for n in lengths)
    assert (rows["weights"] == (rows["segments"] > 0)).all()
    for key in ("tokens", "targets", "positions"):
        assert not rows[key][rows["segments"] == 0].any()
    scored = documents.characters[documents.lengths > 0].sum()
    assert rows["characters"].sum(dtype=float) == pytest.approx(scored, rel=1e-6)
    kinds = {key: (value.dtype.name, value.shape[1:]) for key, value in rows.items()}
    assert kinds == {
        "tokens": ("int32", (16,)),
        "targets": ("int32", (16,)),
        "segments": ("int32", (16,)),
        "positions": ("int32", (16,)),
        "weights": ("float32", (16,)),
        "characters": ("float32", ()),
    }


def test_only_a_record_that_ends_its_document_gets_the_end_mark():
    documents = make_documents(
        [5, 40, 3], starts=[True, False, False], ends=[False, False, True]
    )
    rows, counts = pack(
        documents, length=16, long_documents="split", start_id=START, end_id=END
    )
    assert found_segments(rows) == expected_segments(documents, 16)
    assert counts.documents == 1
    assert counts.tokens == 5 + 40 + 3 + 1


@pytest.mark.parametrize(
    ("choice", "kept", "count"),
    [
        # Lengths with the end mark: 16 fits, 17 does not; then one document in three
        # records, each of which would fit by itself.
        ("drop", [16, 4], Counts(documents=4, tokens=20, dropped=4)),
        ("truncate", [16, 16, 4, 8], Counts(documents=4, tokens=44, truncated=3)),
    ],
)
def test_long_documents_are_dropped_or_truncated_and_counted(choice, kept, count):
    documents = make_documents(
        [15, 16, 3, 8, 8, 4],
        starts=[True, True, True, True, False, False],
        ends=[True, True, True, False, False, True],
    )
    rows, counts = pack(
        documents, length=16, long_documents=choice, start_id=START, end_id=END
    )
    assert counts == count
    segments = found_segments(rows)
    assert sorted(len(targets) for _, targets in segments.elements()) == sorted(kept)
    if choice == "truncate":
        ids = texts_of(documents)[1]
        assert ((START, *ids[:15]), tuple(ids[:16])) in segments
        shares = documents.characters * np.array([1, 16 / 17, 1, 1, 0, 0])
    else:
        shares = documents.characters * np.array([1, 0, 1, 0, 0, 0])
    assert rows["characters"].sum() == pytest.approx(shares.sum(), rel=1e-6)


def test_characters_are_shared_among_the_rows_by_tokens():
    documents = Documents(
        ids=np.arange(39, dtype=np.int32),
        lengths=np.array([39]),
        characters=np.array([80]),
        starts=np.array([True]),
        ends=np.array([True]),
    )
    rows, _ = pack(
        documents, length=16, long_documents="split", start_id=START, end_id=END
    )
    assert rows["characters"].tolist() == [32.0, 32.0, 16.0]


def test_rows_follow_the_documents_unless_they_are_shuffled():
    documents = make_documents([15] * 50)
    keys = {"length": 16, "long_documents": "split", "start_id": START, "end_id": END}
    in_order, _ = pack(documents, **keys)
    assert in_order["tokens"][:, 1:].reshape(-1).tolist() == documents.ids.tolist()
    shuffled, _ = pack(documents, **keys, generator=np.random.default_rng(3))
    again, _ = pack(documents, **keys, generator=np.random.default_rng(3))
    assert (shuffled["tokens"] == again["tokens"]).all()
    assert (shuffled["tokens"] != in_order["tokens"]).any()
    assert sorted(shuffled["tokens"].tolist()) == sorted(in_order["tokens"].tolist())


@pytest.mark.parametrize("length", [64, 1024])
def test_no_row_could_take_in_another_row(length):
    """Best fit: two rows never fit into one, and rows are nearly full."""
    sizes = np.random.default_rng(5).integers(1, length + 1, 3000)
    row, offset, _, num_rows = place(sizes, length, None)
    filled = np.bincount(row, sizes)
    assert filled.max() <= length
    assert len(filled) == num_rows
    assert filled.sum() / (num_rows * length) > 0.98
    assert np.sort(filled)[:2].sum() > length
    order = np.lexsort((offset, row))
    ends = (offset + sizes)[order]
    follows = np.diff(row[order]) == 0
    assert (ends[:-1][follows] == offset[order][1:][follows]).all()


def test_best_fit_prefers_the_tightest_room():
    # 6 and 5 leave rooms of 4 and 5; then 4 fits the first exactly.
    row, offset, segment, num_rows = place(np.array([6, 5, 4]), 10, None)
    assert row.tolist() == [0, 1, 0]
    assert offset.tolist() == [0, 0, 6]
    assert segment.tolist() == [1, 1, 2]
    assert num_rows == 2
