"""WordPiece against the tokenizers package, and its own promises."""

import dataclasses
import hashlib
import pickle
import subprocess
import sys

import pytest
import tokenizers

from tests.tokenizers.japanese_text import TRICKY, VILLAGE
from transformer_lm.registry import UserError
from transformer_lm.tokenizers.word_counts import count_words
from transformer_lm.tokenizers.word_rules import WordRules
from transformer_lm.tokenizers.wordpiece import WordPieceConfig, WordPieceTokenizer
from transformer_lm.tokenizers.wordpiece_training import learn_pieces

CONFIG = WordPieceConfig(vocab_size=900, segmenter="mecab_ipadic")
TEXT = VILLAGE + "\n".join(TRICKY)
RULES = WordRules("whitespace", "nfkc", lower_case=False)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return CONFIG.train([TEXT], str(tmp_path_factory.mktemp("vocabulary")))


def pieces_of(*tokens):
    """A tokenizer with these pieces, over words between blanks."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    content = "".join(f"{token}\n" for token in [*special, *tokens]).encode()
    return WordPieceTokenizer(content, RULES, ",".join(special))


def test_special_and_unused_tokens_come_first(tokenizer):
    unused = [f"[unused{number}]" for number in range(10)]
    assert tokenizer.tokens[:15] == [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *unused,
    ]
    ids = (tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id)
    assert (*ids, tokenizer.mask_id) == (0, 1, 2, 3, 4)
    assert (tokenizer.bos_id, tokenizer.eos_id) == (None, None)
    assert tokenizer.special_ids == tuple(range(15))
    assert len(tokenizer.tokens) == len(set(tokenizer.tokens)) == tokenizer.vocab_size


def test_special_tokens_may_come_in_any_order(tmp_path):
    names = "<unk>,<s>,</s>,[PAD],[CLS],[SEP],[MASK],[POEM]"
    config = dataclasses.replace(CONFIG, special_tokens=names, num_unused_tokens=0)
    made = config.train([TEXT], str(tmp_path))
    assert made.tokens[:8] == names.split(",")
    assert (made.unk_id, made.bos_id, made.eos_id, made.pad_id) == (0, 1, 2, 3)
    assert made.special_ids == tuple(range(8))


def test_the_pieces_are_those_of_the_tokenizers_package():
    """Its own trainer breaks ties by chance; text without ties gives one vocabulary."""
    words = {"banana": 50, "bandana": 31, "ban": 17, "na": 11, "dan": 5, "cab": 3}
    text = " ".join(" ".join([word] * count) for word, count in words.items())
    stock = tokenizers.BertWordPieceTokenizer(
        handle_chinese_chars=False, strip_accents=False, lowercase=False
    )
    stock.train_from_iterator(
        [text], vocab_size=100, min_frequency=4, special_tokens=[], show_progress=False
    )
    counts = count_words([text], RULES, 10**6).without_blanks()
    alphabet = counts.alphabet(1000, "")
    ours = learn_pieces(counts, 100, alphabet=alphabet, min_frequency=4)
    assert set(ours) == set(stock.get_vocab())
    assert {"ban", "##ana", "banana"} <= set(ours)
    assert ours[: len(alphabet)] == ["a", "b", "c", "d", "n"]


def test_pieces_of_japanese_are_nearly_those_of_the_tokenizers_package(tokenizer):
    lines = [" ".join(CONFIG.rules.words(line)) for line in TEXT.splitlines()]
    stock = tokenizers.BertWordPieceTokenizer(
        handle_chinese_chars=False, strip_accents=False, lowercase=False
    )
    stock.train_from_iterator(lines, vocab_size=890, show_progress=False)
    theirs = {token for token in stock.get_vocab() if token[0] != "["}
    ours = {token for token in tokenizer.tokens if token[0] != "["}
    assert len(ours & theirs) > 0.9 * len(ours | theirs)


def test_every_process_learns_the_same(tokenizer, tmp_path):
    script = (
        "import hashlib, sys\n"
        "from tests.tokenizers.test_wordpiece import CONFIG, TEXT\n"
        "made = CONFIG.train([TEXT], sys.argv[1])\n"
        "print(hashlib.sha256(made.vocabulary).hexdigest())\n"
    )
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / seed)],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == hashlib.sha256(tokenizer.vocabulary).hexdigest()


def test_several_processes_learn_the_same(tokenizer, tmp_path):
    made = CONFIG.train([TEXT], str(tmp_path), processes=2)
    assert made.vocabulary == tokenizer.vocabulary
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "tokenizer_settings.json",
        "vocab.txt",
    ]


def test_text_is_kept_where_the_vocabulary_is_complete(tokenizer):
    complete = 0
    for text in [*TRICKY, *VILLAGE.split("\n"), VILLAGE]:
        ids = tokenizer.encode(text)
        if tokenizer.unk_id not in ids and "##" not in text:
            complete += 1
            assert tokenizer.decode(ids) == tokenizer.normalise(text)
            assert tokenizer.decode(ids) == "".join(
                CONFIG.rules.normalise(text).split()
            )
    assert complete > 25


def test_dakuten_and_half_width_kana_are_kept(tokenizer):
    assert tokenizer.decode(tokenizer.encode("ｶﾞｷﾞ か\u3099")) == "ガギが"


def test_longest_pieces_come_first_and_a_word_is_known_or_unknown_as_a_whole():
    made = pieces_of("un", "unaff", "##aff", "##able", "##a", "u", "#", "##ble")
    names = {number: token for number, token in enumerate(made.tokens)}

    def tokens(text):
        return [names[number] for number in made.encode(text)]

    assert tokens("unaffable un") == ["unaff", "##able", "un"]
    assert tokens("unx unaff") == ["[UNK]", "unaff"]
    assert tokens("[MASK] [CLS]") == ["[UNK]", "[UNK]"]
    assert made.encode_words("unaffable unx un")[1] == [True, False, True, True]
    assert made.decode(made.encode("unaffable un ux")) == "unaffable un [UNK]"
    assert made.decode([2, 5, 8, 3, 0]) == "unable"
    assert made.normalise("  un \n able　u ") == "un able u"


def test_a_word_of_more_than_a_hundred_characters_is_unknown():
    made = pieces_of("a", "##a")
    assert made.encode("a" * 100) == [5, *[6] * 99]
    assert made.encode("a" * 101) == [made.unk_id]


def test_words_begin_where_the_segmenter_says(tokenizer):
    text = "港の 朝は早い。\n" + VILLAGE.split("\n")[1]
    ids, starts = tokenizer.encode_words(text)
    assert ids == tokenizer.encode(text)
    words = []
    for number, start in zip(ids, starts, strict=True):
        piece = tokenizer.tokens[number].removeprefix("##")
        assert start == (not tokenizer.tokens[number].startswith("##"))
        words = [*words, piece] if start else [*words[:-1], words[-1] + piece]
    assert words == CONFIG.rules.words(text)
    assert tokenizer.encode_words("") == ([], [])


def test_batches_are_encoded_alike_by_any_number_of_processes(tokenizer):
    texts = [*TRICKY, *VILLAGE.split("\n")] * 2
    expected = [tokenizer.encode(text) for text in texts]
    assert tokenizer.encode_batch(texts) == expected
    assert tokenizer.encode_batch(texts, processes=2) == expected
    assert tokenizer.encode_batch([], processes=2) == []


def test_a_pickle_is_the_tokenizer_without_the_words_that_it_met(tokenizer):
    tokenizer.encode(VILLAGE)
    content = pickle.dumps(tokenizer)
    assert len(content) < 2 * len(tokenizer.vocabulary)
    again = pickle.loads(content)
    assert again.encode_words(VILLAGE) == tokenizer.encode_words(VILLAGE)
    assert again.files == tokenizer.files


def test_ids_in_the_graph_equal_those_of_python(tokenizer):
    texts = [*TRICKY, *VILLAGE.split("\n")]
    ids, starts = tokenizer.graph_encoder()(texts)
    assert (ids.dtype.name, starts.dtype.name) == ("int32", "bool")
    expected = [tokenizer.encode_words(text) for text in texts]
    assert ids.to_list() == [ids for ids, _ in expected]
    assert starts.to_list() == [starts for _, starts in expected]
    broken, _ = tokenizer.graph_encoder()([b"\xe3\x81", b""])
    assert broken.to_list() == [tokenizer.encode("\ufffd"), []]


def test_rare_characters_are_unknown_and_the_initial_alphabet_is_not(tmp_path):
    few = dataclasses.replace(CONFIG, limit_alphabet=60)
    made = few.train([VILLAGE], str(tmp_path / "few"))
    assert sum(len(token) == 1 for token in made.tokens) == 60
    assert made.unk_id in made.encode("龘")
    path = tmp_path / "alphabet.txt"
    path.write_text("龘\nｶﾞ\n", "utf-8")
    for initial in ("龘ｶﾞ", str(path)):
        some = dataclasses.replace(few, initial_alphabet=initial)
        assert some.problems() == []
        made = some.train([VILLAGE], str(tmp_path / str(len(initial))))
        assert {"龘", "ガ"} <= set(made.tokens)
        assert sum(len(token) == 1 for token in made.tokens) == 60


def test_an_alphabet_that_does_not_fit_is_explained(tmp_path):
    config = dataclasses.replace(CONFIG, vocab_size=100)
    with pytest.raises(UserError, match=r"take \d+; raise vocab_size, or lower limit"):
        config.train([VILLAGE], str(tmp_path))
    with pytest.raises(UserError, match="no training text"):
        CONFIG.train(["", " \n"], str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_words_that_begin_with_the_mark_of_inner_pieces_teach_nothing(tmp_path):
    config = dataclasses.replace(CONFIG, segmenter="whitespace")
    made = config.train(["##あい ##あい ##あい あい あい"], str(tmp_path))
    assert sorted(made.tokens[15:]) == sorted(["#", "あ", "い", "##い", "あい"])
