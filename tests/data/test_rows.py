import numpy as np
import pytest

from transformer_lm.data.rows import Layout, join, make_text

LAYOUT = Layout(length=10, cls_id=1, sep_id=2, pad_id=9)


def text(*ids, starts=None):
    return make_text(np.array(ids), starts)


def test_the_example_of_the_docstring():
    rows = LAYOUT.fill(
        [[text(5, 6)], [text(7), text(8, 6, starts=[1, 0])]],
    )
    assert {name: array.tolist() for name, array in rows.items()} == {
        "tokens": [[1, 5, 6, 2, 9, 9, 9, 9, 9, 9], [1, 7, 2, 8, 6, 2, 9, 9, 9, 9]],
        "segments": [[1, 1, 1, 1, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 0, 0, 0, 0]],
        "positions": [[0, 1, 2, 3, 0, 0, 0, 0, 0, 0], [0, 1, 2, 3, 4, 5, 0, 0, 0, 0]],
        "token_types": [[0] * 10, [0, 0, 0, 1, 1, 1, 0, 0, 0, 0]],
        "word_starts": [[1, 1, 1, 1, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 0, 1, 0, 0, 0, 0]],
    }
    assert {array.dtype for array in rows.values()} == {np.dtype("int32")}


def test_several_segments_share_a_row():
    rows = LAYOUT.fill([[text(5, 6)], [text(7, 8, 5)]], several=True)
    assert rows["tokens"].tolist() == [[1, 7, 8, 5, 2, 1, 5, 6, 2, 9]]
    assert rows["segments"].tolist() == [[1, 1, 1, 1, 1, 2, 2, 2, 2, 0]]
    assert rows["positions"].tolist() == [[0, 1, 2, 3, 4, 0, 1, 2, 3, 0]]


@pytest.mark.parametrize("several", [False, True])
def test_the_generator_orders_rows(several):
    segments = [[text(*[number] * 7)] for number in range(3, 9)]
    plain = LAYOUT.fill(segments, several=several)["tokens"]
    mixed = [
        LAYOUT.fill(segments, several=several, generator=np.random.default_rng(0))
        for _ in range(2)
    ]
    assert plain[:, 1].tolist() == [3, 4, 5, 6, 7, 8]
    assert mixed[0]["tokens"][:, 1].tolist() == mixed[1]["tokens"][:, 1].tolist()
    assert mixed[0]["tokens"][:, 1].tolist() != [3, 4, 5, 6, 7, 8]
    assert sorted(mixed[0]["tokens"].tolist()) == plain.tolist()


def test_no_segments_make_no_rows():
    for several in (False, True):
        assert LAYOUT.fill([], several=several)["tokens"].shape == (0, 10)


def test_texts_are_joined():
    joined = join([text(5, 6, starts=[1, 0]), text(7)])
    assert joined.tokens.tolist() == [5, 6, 7]
    assert joined.word_starts.tolist() == [1, 0, 1]
    assert len(join([]).tokens) == 0


def test_room_is_what_special_tokens_leave():
    assert (LAYOUT.room(1), LAYOUT.room(2)) == (8, 7)
