import numpy as np
import pytest

from transformer_lm.data.rows import Layout, join, make_text
from transformer_lm.data.sentence_pairs import (
    document_pairs,
    pair_rows,
    sentences_in,
    split,
    truncate,
)
from transformer_lm.registry import UserError

LAYOUT = Layout(length=32, cls_id=1, sep_id=2)
ROOM = 29


def documents(count=300, sentences=12, seed=0):
    """Ids tell the document and the place in it: document * 1000 + place."""
    draw = np.random.default_rng(seed)
    made = []
    for number in range(1, count + 1):
        place, document = 0, []
        for size in draw.integers(1, 12, draw.integers(1, sentences)):
            ids = 1000 * number + np.arange(place, place + size)
            document.append(make_text(ids))
            place += size
        made.append(document)
    return made


def laid(texts):
    """Documents, lists of sentences, as the builder takes them."""
    sentences = [sentence for document in texts for sentence in document]
    return sentences_in(
        join(sentences),
        np.array([sum(map(len, document)) for document in texts], np.int64),
        np.array([len(sentence) for sentence in sentences], np.int64),
    )


def make(objective, *, short=0.1, seed=0, texts=None):
    generator = np.random.default_rng([seed, 0, 0])
    return pair_rows(
        laid(texts or documents()),
        generator,
        LAYOUT,
        pair_objective=objective,
        short_sequence_probability=short,
    )


def parts(rows):
    """(label, first ids, second ids) of each row."""
    columns = (rows[name] for name in ("tokens", "segments", "token_types"))
    for tokens, segments, types, label in zip(
        *columns, rows["pair_labels"], strict=True
    ):
        real = segments == 1
        first = tokens[real & (types == 0)].tolist()
        second = tokens[real & (types == 1)].tolist()
        assert first[0] == 1
        assert first[-1] == second[-1] == 2
        assert first[1:-1]
        assert second[:-1]
        yield int(label), np.array(first[1:-1]), np.array(second[:-1])


@pytest.mark.parametrize("objective", ["nsp", "sop"])
def test_labels_are_a_fair_coin(objective):
    labels = make(objective)["pair_labels"]
    assert len(labels) > 500
    assert abs(labels.mean() - 0.5) < 4 * 0.5 / np.sqrt(len(labels))


@pytest.mark.parametrize("objective", ["nsp", "sop"])
def test_documents_of_one_sentence_have_both_labels(objective):
    # Published code calls all of these false.
    texts = documents(count=2000, sentences=2)
    assert {len(document) for document in texts} == {1}
    labels = make(objective, texts=texts)["pair_labels"]
    assert len(labels) > 1000
    assert abs(labels.mean() - 0.5) < 4 * 0.5 / np.sqrt(len(labels))


def test_true_pairs_are_in_order_and_of_one_document():
    for objective in ("nsp", "sop"):
        for label, first, second in parts(make(objective)):
            if label == 0:
                assert first[0] // 1000 == second[-1] // 1000
                assert first[-1] < second[0]


def test_false_pairs_of_nsp_are_of_two_documents():
    for label, first, second in parts(make("nsp")):
        assert first[0] // 1000 == first[-1] // 1000
        assert second[0] // 1000 == second[-1] // 1000
        if label == 1:
            assert first[0] // 1000 != second[0] // 1000


def test_false_pairs_of_sop_are_swapped():
    for label, first, second in parts(make("sop")):
        assert first[0] // 1000 == second[-1] // 1000
        if label == 1:
            assert second[-1] < first[0]


@pytest.mark.parametrize("objective", ["nsp", "sop"])
def test_each_sentence_is_used_once(objective):
    texts = documents(count=40)
    sentences = laid(texts)
    for index, document in enumerate(texts):
        pairs = document_pairs(
            sentences, index, ROOM, np.random.default_rng(index), objective
        )
        own = [
            token
            for pair in pairs
            for begin, end in (pair.first, pair.second)
            for token in sentences.text.all_tokens[begin:end].tolist()
            if token // 1000 == index + 1
        ]
        assert len(own) == len(set(own))
        # Only a last word that could not be split is left over.
        total = sum(len(sentence.tokens) for sentence in document)
        assert len(own) >= total - 1


def test_every_other_document_may_follow():
    texts = documents(count=4)
    found = {1: set(), 2: set(), 3: set(), 4: set()}
    for seed in range(200):
        for label, first, second in parts(make("nsp", seed=seed, texts=texts)):
            if label == 1:
                found[first[0] // 1000].add(second[0] // 1000)
    assert found == {n: {1, 2, 3, 4} - {n} for n in found}


def test_rows_are_filled_unless_made_short():
    long_texts = documents(sentences=60)
    used = {
        short: (make("sop", short=short, texts=long_texts)["segments"]).sum(1)
        for short in (0.0, 1.0)
    }
    assert np.mean(used[0.0] == 32) > 0.85
    assert np.mean(used[1.0] == 32) < 0.5


def test_a_sentence_is_split_between_words():
    sentences = laid([[make_text(np.arange(6), np.array([1, 0, 0, 1, 0, 0]))]])
    for seed in range(10):
        assert split(sentences, 0, (0, 6), np.random.default_rng(seed)) == 3


def test_a_single_word_makes_no_pair():
    sentences = laid([[make_text(np.arange(4), np.array([1, 0, 0, 0]))]])
    assert split(sentences, 0, (0, 4), np.random.default_rng(0)) is None


def test_empty_documents_and_sentences_are_left_out():
    empty = make_text(np.zeros(0, np.int64))
    words = [make_text(np.arange(size)) for size in (3, 2, 4)]
    texts = [[empty], [words[0], empty, words[1]], [], [empty, words[2]], [empty]]
    assert laid(texts).documents == [[0, 3, 5], [5, 9]]


@pytest.mark.parametrize(
    ("sizes", "left"),
    [((5, 5), (5, 5)), ((20, 5), (7, 5)), ((9, 20), (6, 6)), ((20, 21), (6, 6))],
)
def test_the_longer_text_is_cut_first(sizes, left):
    begins = np.array([[0, 100]])
    _, kept = truncate(begins, np.array([sizes]), 12, np.random.default_rng(0))
    assert tuple(kept[0]) == left


def test_texts_are_cut_at_either_end():
    begins, sizes = np.zeros((2000, 2), int), np.tile([20, 2], (2000, 1))
    starts = truncate(begins, sizes, 12, np.random.default_rng(0))[0][:, 0]
    assert set(starts) == set(range(11))
    assert abs(np.mean(starts) - 5) < 4 * np.sqrt(10 / 4 / 2000)


def test_nsp_needs_two_documents():
    with pytest.raises(UserError, match="a group holds 1 with text"):
        make("nsp", texts=[*documents(count=1), [make_text(np.zeros(0))], []])


@pytest.mark.parametrize("objective", ["nsp", "sop"])
def test_pairs_depend_on_the_generator_alone(objective):
    first, again, other = (make(objective, seed=seed) for seed in (0, 0, 1))
    assert all((first[name] == again[name]).all() for name in first)
    assert first["tokens"].tolist() != other["tokens"].tolist()


def test_epochs_pair_anew():
    first, second = make("sop", seed=0), make("sop", seed=1)
    pairs = [
        {(label, *map(tuple, texts)) for label, *texts in parts(rows)}
        for rows in (first, second)
    ]
    assert len(pairs[0] & pairs[1]) < 0.5 * len(pairs[0])
