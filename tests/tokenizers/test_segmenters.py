"""Segmenters against the packages they stand on, and what they do with bad input."""

import importlib
import pickle
import subprocess
import sys

import fugashi
import pytest
import tinysegmenter

from tests.tokenizers.japanese_text import TRICKY, VILLAGE
from transformer_lm.registry import UserError
from transformer_lm.tokenizers import segmenters
from transformer_lm.tokenizers.segmenters import load_segmenter
from transformer_lm.tokenizers.word_rules import WordRules

INSTALLED = [name for name in segmenters.SEGMENTERS if not segmenters.problems(name)]
SENTENCE = "すもももももももものうち。"


def test_the_dictionaries_of_the_tests_are_here():
    needed = {
        "mecab_ipadic",
        "mecab_unidic_lite",
        "tinysegmenter",
        "whitespace",
        "none",
    }
    assert needed <= set(INSTALLED)


@pytest.mark.parametrize("dictionary", ["ipadic", "unidic_lite"])
def test_mecab_gives_the_surfaces_of_fugashi(dictionary):
    folder = importlib.import_module(dictionary).DICDIR
    tagger = fugashi.GenericTagger(f'-d "{folder}" -r "{folder}/mecabrc"')
    ours = load_segmenter(f"mecab_{dictionary}")
    for text in [*TRICKY, VILLAGE, "行末の空白\u2028", "\x1c"]:
        assert ours.words(text) == [node.surface for node in tagger(text)]


def test_dictionaries_differ():
    text = "東京都庁舎で食べさせられた。"
    assert load_segmenter("mecab_ipadic").words(text) != load_segmenter(
        "mecab_unidic_lite"
    ).words(text)


def test_a_nul_ends_no_text():
    """MeCab alone takes it for the end of the text."""
    assert load_segmenter("mecab_ipadic").words("東京\0大阪") == ["東京", "大阪"]


def test_a_text_as_long_as_a_book_does_not_end_the_process():
    """MeCab alone is killed by such a text: a process of its own tries it."""
    script = (
        "from transformer_lm.tokenizers.segmenters import load_segmenter as load\n"
        "words = load('mecab_ipadic').words('すあ亜a' * 300_000)\n"
        "assert ''.join(words) == 'すあ亜a' * 300_000\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True)
    assert done.returncode == 0, done.stderr


def test_tinysegmenter_is_the_package():
    tiny = tinysegmenter.TinySegmenter()
    ours = load_segmenter("tinysegmenter")
    for text in [*TRICKY, *VILLAGE.split("\n")]:
        expected = [word for line in text.splitlines() for word in tiny.tokenize(line)]
        assert ours.words(text) == expected


@pytest.mark.parametrize("mode", ["a", "b", "c"])
def test_sudachi_is_the_package(mode):
    sudachipy = pytest.importorskip("sudachipy")
    dictionary = sudachipy.Dictionary(dict="core")
    make = getattr(dictionary, "tokenizer", None) or dictionary.create
    stock = make(getattr(sudachipy.SplitMode, mode.upper()))
    ours = load_segmenter(f"sudachi_{mode}")
    for text in [*TRICKY, *VILLAGE.split("\n")]:
        lines = text.splitlines()
        expected = [word.surface() for line in lines for word in stock.tokenize(line)]
        assert ours.words(text) == expected
    units = {"a": ["国家", "公務", "員"], "b": ["国家", "公務員"], "c": ["国家公務員"]}
    assert ours.words("国家公務員") == units[mode]
    # The package takes no more than 49,149 bytes.
    assert "".join(ours.words("あ亜𠮟" * 20_000)) == "あ亜𠮟" * 20_000


@pytest.mark.parametrize("name", INSTALLED)
def test_no_character_but_blanks_is_lost_and_lines_are_word_borders(name):
    ours = load_segmenter(name)
    for text in [SENTENCE, f"{SENTENCE}\n港の 朝\r\n{SENTENCE}"]:
        words = ours.words(text)
        assert "".join("".join(words).split()) == "".join(text.split())
        assert not any("\n" in word for word in words)
        assert pickle.loads(pickle.dumps(ours)).words(text) == words
    assert ours.words("") == []


def test_an_unknown_segmenter_is_named():
    with pytest.raises(UserError, match=r"'mecab_ipa'. Did you mean 'mecab_ipadic'"):
        load_segmenter("mecab_ipa")


@pytest.mark.parametrize(
    ("name", "module", "advice"),
    [
        ("mecab_ipadic", "ipadic", "needs ipadic, not .* 'transformer-lm.ja.'"),
        ("mecab_unidic", "unidic", "needs unidic, not .* python -m unidic download"),
        ("tinysegmenter", "tinysegmenter", "needs tinysegmenter.*transformer-lm.ja"),
        ("sudachi_a", "sudachipy", "SudachiPy.* 'transformer-lm.sudachi.'"),
    ],
)
def test_what_is_not_installed_is_said_with_how_to_install_it(
    name, module, advice, monkeypatch
):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == module else find(name)
    )
    with pytest.raises(UserError, match=advice):
        load_segmenter(name)


def test_a_package_without_its_dictionary_is_named(monkeypatch, tmp_path):
    ipadic = importlib.import_module("ipadic")
    monkeypatch.setattr(ipadic, "DICDIR", str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"without a dictionary.*pip install"):
        load_segmenter("mecab_ipadic")


def test_rules_normalise_before_words_are_found():
    plain = WordRules("whitespace", "none", lower_case=False)
    nfkc = WordRules("whitespace", "nfkc", lower_case=False)
    lower = WordRules("whitespace", "nfkc", lower_case=True)
    text = "ｶﾞ か\u3099　ＡＢ ℡ ΟΔΟΣ"
    assert plain.words(text) == ["ｶﾞ", "か\u3099", "ＡＢ", "℡", "ΟΔΟΣ"]
    assert nfkc.words(text) == ["ガ", "が", "AB", "TEL", "ΟΔΟΣ"]
    assert lower.words(text) == ["ガ", "が", "ab", "tel", "οδοσ"]
    assert pickle.loads(pickle.dumps(lower)) == lower
