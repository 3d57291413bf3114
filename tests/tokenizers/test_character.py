"""Characters as tokens, with word borders beside them."""

import dataclasses
import pickle

import pytest
from etils import epath

from tests.tokenizers.japanese_text import TRICKY, VILLAGE
from transformer_lm.tokenizers.character import CharacterConfig
from transformer_lm.tokenizers.vocabulary_files import write_whole

TEXT = VILLAGE + "\n".join(TRICKY)
CONFIG = CharacterConfig(vocab_size=900, segmenter="mecab_ipadic")


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    def made(**keys):
        config = dataclasses.replace(CONFIG, **keys)
        return config.train([TEXT], str(tmp_path_factory.mktemp("vocabulary")))

    return made


def test_the_most_frequent_characters_are_tokens(make):
    tokens = make(limit_alphabet=50, num_unused_tokens=2).tokens
    assert tokens[:7] == [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "[unused0]",
        "[unused1]",
    ]
    assert len(tokens) == 57
    assert tokens[7:] == sorted(tokens[7:])
    normal = "".join(CONFIG.rules.words(TEXT))
    least = min(normal.count(character) for character in tokens[7:])
    left_out = set(normal) - set(tokens)
    assert max(normal.count(character) for character in left_out) <= least
    assert make(vocab_size=57, num_unused_tokens=2).tokens == tokens


@pytest.mark.parametrize("segmenter", ["mecab_ipadic", "tinysegmenter", "none"])
def test_text_is_kept_where_the_vocabulary_is_complete(make, segmenter):
    made = make(segmenter=segmenter)
    for text in [*TRICKY, *VILLAGE.split("\n"), VILLAGE]:
        ids, starts = made.encode_words(text)
        assert ids == made.encode(text)
        # Marks of line ends are no text in training; MeCab makes words of some.
        marked = "\u2028" in text or "\r" in text
        assert (made.unk_id in ids) == ("mecab" in segmenter and marked)
        if made.unk_id not in ids:
            assert made.decode(ids) == made.normalise(text)
        assert len(starts) == len(ids)
        assert all(starts[:1])
    blank = made.decode(made.encode("港の 朝"))
    assert blank == ("港の朝" if segmenter == "mecab_ipadic" else "港の 朝")


def test_words_begin_where_the_segmenter_says(make):
    text = "東京都庁の 朝"
    assert make().encode_words(text)[1] == [
        start
        for word in CONFIG.rules.words(text)
        for start in [1, 0, 0, 0][: len(word)]
    ]
    assert make(segmenter="none").encode_words(text)[1] == [True] * 7


def test_blanks_between_words_are_characters(make):
    made = make(segmenter="whitespace")
    ids, starts = made.encode_words("ABC \n def")
    assert made.decode(ids) == "ABC def"
    assert starts == [True, False, False, True, True, False, False]
    assert pickle.loads(pickle.dumps(made)).encode("ABC def") == ids


def test_what_is_not_in_the_vocabulary_is_unknown(make):
    made = make()
    assert made.decode(made.encode("港の鼺")) == "港の[UNK]"
    assert made.decode([2, *made.encode("港"), 3, 0]) == "港"
    assert not set(made.encode("[MASK][unused0]")) & set(made.special_ids)


def test_a_vocabulary_is_whole_or_not_there(tmp_path, fill_disk):
    path = epath.Path(tmp_path / "vocab.txt")
    fill_disk(type(path), "write_bytes")
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"[PAD]\n[UNK]\n")
    assert not path.exists()
