"""Causal rows that are not packed: against rows written out, and against arithmetic."""

import numpy as np
import pytest

from tests.data.test_packing import END, START, make_documents, texts_of
from transformer_lm.data.causal_windows import document_rows, stream_rows
from transformer_lm.data.packing import Documents

LENGTH = 16
KEYS = {"length": LENGTH, "start_id": START, "end_id": END}
MODES = {"document": document_rows, "contiguous": stream_rows}
LENGTHS = {
    "mixed": np.random.default_rng(2).integers(0, 60, 80).tolist(),
    "exact": [15, 16, 17, 31, 32, 33, 1, 0],
    "only empty": [0, 0],
    "none": [],
}


def expected_targets(documents):
    """Targets of every record, one after the other."""
    pairs = zip(texts_of(documents), documents.ends, strict=True)
    return [[*ids, END] if ends else ids for ids, ends in pairs if ids]


def real(rows, key):
    return rows[key][rows["weights"] > 0].tolist()


def sorted_rows(rows):
    return sorted(rows["tokens"].tolist())


def test_the_example_of_the_docstring():
    documents = Documents(
        ids=np.array([5, 6, 7, 8, 9, 10], np.int32),
        lengths=np.array([5, 1]),
        characters=np.array([12, 4]),
        starts=np.ones(2, bool),
        ends=np.ones(2, bool),
    )
    keys = {"length": 4, "start_id": 1, "end_id": 2}
    stream, _ = stream_rows(documents, **keys)
    assert stream["tokens"].tolist() == [[1, 5, 6, 7], [8, 9, 1, 10]]
    assert stream["targets"].tolist() == [[5, 6, 7, 8], [9, 2, 10, 2]]
    assert stream["segments"].tolist() == [[1] * 4] * 2
    assert stream["positions"].tolist() == [[0, 1, 2, 3]] * 2
    assert stream["characters"].tolist() == [8.0, 8.0]
    seen = set()
    for seed in range(30):
        rows, _ = document_rows(
            documents, generator=np.random.default_rng(seed), **keys
        )
        order = np.argsort(rows["weights"].sum(axis=1))[::-1]
        seen.add((str(rows["tokens"][order]), str(rows["targets"][order])))
        assert rows["positions"][order].tolist() == [[0, 1, 2, 3], [0, 1, 0, 0]]
        assert rows["characters"][order].tolist() == [8.0, 4.0]
    windows = [([1, 5, 6, 7], [5, 6, 7, 8]), ([5, 6, 7, 8], [6, 7, 8, 9])]
    windows.append(([6, 7, 8, 9], [7, 8, 9, 2]))
    assert seen == {
        (
            str(np.array([inputs, [1, 10, 0, 0]])),
            str(np.array([targets, [10, 2, 0, 0]])),
        )
        for inputs, targets in windows
    }


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("shuffled", [False, True])
def test_a_stream_has_every_target_once_and_hides_no_border(lengths, shuffled):
    documents = make_documents(lengths, ends=np.arange(len(lengths)) % 5 != 1)
    generator = np.random.default_rng(0) if shuffled else None
    rows, counts = stream_rows(documents, generator=generator, **KEYS)
    in_order, _ = stream_rows(documents, **KEYS)
    assert sorted_rows(rows) == sorted_rows(in_order)
    expected = expected_targets(documents)
    assert real(in_order, "targets") == [i for ids in expected for i in ids]
    inputs = [i for ids in expected for i in [START, *ids[:-1]]]
    assert real(in_order, "tokens") == inputs
    assert counts.tokens == len(inputs) == rows["weights"].sum()
    assert counts.empty == lengths.count(0)
    assert (in_order["weights"][:-1] == 1).all()
    assert (rows["segments"] == rows["weights"]).all()
    place = np.broadcast_to(np.arange(LENGTH), rows["tokens"].shape)
    assert (rows["positions"] == place * (rows["weights"] > 0)).all()
    scored = documents.characters[documents.lengths > 0].sum()
    assert rows["characters"].sum(dtype=float) == pytest.approx(scored, rel=1e-6)


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_each_document_has_a_row_that_begins_it(lengths):
    documents = make_documents(lengths)
    rows, counts = document_rows(documents, **KEYS)
    expected = expected_targets(documents)
    assert len(rows["tokens"]) == len(expected)
    for number, targets in enumerate(expected):
        here = rows["weights"][number] > 0
        kept = targets[:LENGTH]
        assert rows["targets"][number][here].tolist() == kept
        assert rows["tokens"][number][here].tolist() == [START, *kept[:-1]]
    assert counts.truncated == sum(len(targets) > LENGTH for targets in expected)
    filled = documents.lengths > 0
    kept = [min(len(targets), LENGTH) / len(targets) for targets in expected]
    assert rows["characters"] == pytest.approx(documents.characters[filled] * kept)


def test_stretches_are_evenly_spread():
    """4 spare targets: 5 places to begin, the one with the end mark among them."""
    documents = make_documents([LENGTH + 3] * 10_000)
    ids = np.tile(np.arange(100, 100 + LENGTH + 3), 10_000).astype(np.int32)
    documents = Documents(
        ids, documents.lengths, documents.characters, documents.starts, documents.ends
    )
    rows, _ = document_rows(documents, generator=np.random.default_rng(0), **KEYS)
    starts = np.bincount(rows["targets"][:, 0] - 100, minlength=5)
    assert len(starts) == 5
    assert np.abs(starts - 2000).max() < 4 * np.sqrt(10_000 * 0.2 * 0.8)
    assert (rows["targets"][:, -1] == END).sum() == starts[-1]
    assert (rows["tokens"][:, 0] == START).sum() == starts[0]


@pytest.mark.parametrize("mode", MODES)
def test_rows_depend_on_the_generator_alone(mode):
    documents = make_documents(LENGTHS["mixed"])
    first, again, other = (
        MODES[mode](documents, generator=np.random.default_rng([0, epoch]), **KEYS)[0]
        for epoch in (0, 0, 1)
    )
    for key in first:
        np.testing.assert_array_equal(first[key], again[key])
    assert (first["tokens"] != other["tokens"]).any()
    in_order, _ = MODES[mode](documents, **KEYS)
    assert {key: (a.dtype, a.shape) for key, a in first.items()} == {
        key: (a.dtype, a.shape) for key, a in in_order.items()
    }
