import numpy as np
import pytest

from transformer_lm.data.masked_windows import masked_rows
from transformer_lm.data.rows import Layout, make_text

LAYOUT = Layout(length=18, cls_id=1, sep_id=2)
ROOM = 16


def documents(count=200, longest=50, seed=0):
    """Ids tell the document: 1000, 1001, … for the first, 2000, … for the next."""
    draw = np.random.default_rng(seed)
    sizes = draw.integers(0, longest, count)
    return [
        make_text(1000 * (number + 1) + np.arange(size), np.arange(size) % 3 == 0)
        for number, size in enumerate(sizes)
    ]


def rows_of(mode, generator=None, texts=None):
    return masked_rows(texts or documents(), generator, LAYOUT, mode=mode)


def pieces(rows):
    """Token ids of each segment, without special tokens."""
    for tokens, segments, positions in zip(
        rows["tokens"], rows["segments"], rows["positions"], strict=True
    ):
        for number in range(1, segments.max() + 1):
            place = segments == number
            ids = tokens[place].tolist()
            assert (ids[0], ids[-1]) == (1, 2)
            assert positions[place].tolist() == list(range(len(ids)))
            yield ids[1:-1]


@pytest.mark.parametrize("mode", ["packed", "contiguous"])
def test_no_token_is_lost_or_doubled(mode):
    rows = rows_of(mode, np.random.default_rng(0))
    found = sorted(token for piece in pieces(rows) for token in piece)
    assert found == [token for text in documents() for token in text.tokens]


@pytest.mark.parametrize("mode", ["packed", "document"])
def test_segments_hold_one_document(mode):
    for piece in pieces(rows_of(mode, np.random.default_rng(0))):
        assert piece == list(range(piece[0], piece[0] + len(piece)))


def test_packed_rows_are_nearly_full():
    rows = rows_of("packed")
    assert rows["segments"].max() > 2
    assert (rows["segments"] > 0).mean() > 0.97


def test_each_document_has_a_row():
    texts = [text for text in documents() if len(text.tokens)]
    rows = rows_of("document")
    assert rows["segments"].max() == 1
    assert len(rows["tokens"]) == len(texts)
    for piece, text in zip(pieces(rows), texts, strict=True):
        assert piece == text.tokens[:ROOM].tolist()


def test_crops_are_evenly_spread():
    text = make_text(np.arange(100, 100 + ROOM + 4))
    draw = np.random.default_rng(0)
    rows = rows_of("document", draw, [text] * 10_000)
    starts = np.bincount(rows["tokens"][:, 1] - 100, minlength=5)
    assert len(starts) == 5
    assert np.abs(starts - 2000).max() < 4 * np.sqrt(10_000 * 0.2 * 0.8)


def test_contiguous_rows_are_all_full_but_the_last():
    rows = rows_of("contiguous")
    full = (rows["segments"] > 0).all(1)
    assert full[:-1].all()
    texts = documents()
    stream = [token for text in texts for token in text.tokens]
    assert [token for piece in pieces(rows) for token in piece] == stream


@pytest.mark.parametrize("mode", ["packed", "document", "contiguous"])
def test_words_start_where_they_did(mode):
    rows = rows_of(mode, np.random.default_rng(0))
    text = rows["tokens"] >= 1000
    assert ((rows["tokens"] % 1000 % 3 == 0) == rows["word_starts"])[text].all()


@pytest.mark.parametrize("mode", ["packed", "document", "contiguous"])
def test_rows_depend_on_the_generator_alone(mode):
    first, again, other = (
        rows_of(mode, np.random.default_rng([0, epoch, 3]))["tokens"].tolist()
        for epoch in (0, 0, 1)
    )
    assert first == again != other


@pytest.mark.parametrize("mode", ["packed", "document", "contiguous"])
def test_empty_documents_make_no_rows(mode):
    rows = rows_of(mode, texts=[make_text(np.zeros(0, np.int64))])
    assert rows["tokens"].shape == (0, 18)
