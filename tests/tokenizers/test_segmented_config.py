"""Settings of tokenizers over words: checked, stored and compared."""

import dataclasses
import hashlib
import json
import logging

import pytest

from tests.tokenizers.japanese_text import VILLAGE
from transformer_lm.registry import UserError
from transformer_lm.tokenizers import TOKENIZERS, segmenters
from transformer_lm.tokenizers.character import CharacterConfig
from transformer_lm.tokenizers.wordpiece import WordPieceConfig

CONFIG = WordPieceConfig(vocab_size=900)
SPECIAL = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"


@pytest.fixture
def trained(tmp_path):
    CONFIG.train([VILLAGE], str(tmp_path))
    return tmp_path


def test_the_registry_leads_here():
    assert TOKENIZERS["wordpiece"] is WordPieceConfig
    assert TOKENIZERS["character"] is CharacterConfig


def test_keys_are_those_that_other_parts_count_on():
    keys = {field.name: field.default for field in dataclasses.fields(WordPieceConfig)}
    assert keys == {
        "vocab_path": None,
        "vocab_size": 32_000,
        "max_corpus_chars": 10_000_000,
        "segmenter": "mecab_ipadic",
        "normalization": "nfkc",
        "lower_case": False,
        "min_frequency": 2,
        "limit_alphabet": 6129,
        "initial_alphabet": "",
        "num_unused_tokens": 10,
        "special_tokens": "[PAD],[UNK],[CLS],[SEP],[MASK]",
    }
    characters = {field.name for field in dataclasses.fields(CharacterConfig)}
    assert characters == set(keys) - {"min_frequency"}


def test_settings_are_stored_with_the_vocabulary_and_loaded_with_it(trained):
    content = (trained / "vocab.txt").read_bytes()
    stored = json.loads((trained / "tokenizer_settings.json").read_text("utf-8"))
    assert stored["vocab_sha256"] == hashlib.sha256(content).hexdigest()
    assert stored["segmenter_version"].startswith("fugashi ")
    assert stored["trained_with"]["min_frequency"] == 2
    loaded = CONFIG.load(str(trained))
    assert loaded.vocabulary == content
    # Whoever copies `files` has the same tokenizer.
    for name, copied in loaded.files.items():
        assert (trained / name).read_bytes() == copied


@pytest.mark.parametrize(
    ("key", "value", "stored"),
    [
        ("segmenter", "tinysegmenter", "'mecab_ipadic'"),
        ("normalization", "none", "'nfkc'"),
        ("lower_case", True, "False"),
        ("special_tokens", "[PAD],[UNK]", "'[PAD],[UNK],[CLS],[SEP],[MASK]'"),
    ],
)
def test_other_settings_than_the_stored_ones_are_refused(trained, key, value, stored):
    other = dataclasses.replace(CONFIG, **{key: value})
    message = f"{key} is {stored} in tokenizer_settings.json, {value!r} in the config"
    with pytest.raises(UserError) as raised:
        other.load(str(trained))
    assert message in str(raised.value)
    assert str(trained / "vocab.txt") in str(raised.value)


def test_another_kind_is_refused(trained):
    with pytest.raises(
        UserError, match=r"kind is 'wordpiece' in .*, 'character' in the"
    ):
        CharacterConfig().load(str(trained))


def test_a_vocabulary_that_was_changed_is_refused(trained):
    with (trained / "vocab.txt").open("a", encoding="utf-8") as file:
        file.write("新語\n")
    with pytest.raises(UserError, match=r"belongs to another vocabulary .* sha256"):
        CONFIG.load(str(trained))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"kind": "wordpiece"'])
def test_damaged_settings_are_named(trained, content):
    (trained / "tokenizer_settings.json").write_text(content)
    with pytest.raises(
        UserError, match=r"settings\.json cannot be read as the settings"
    ):
        CONFIG.load(str(trained))


def test_another_version_of_the_dictionary_is_a_warning(trained, monkeypatch, caplog):
    monkeypatch.setattr(segmenters, "version", lambda name: "ipadic 2.0.0")
    CONFIG.load(str(trained))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "here is ipadic 2.0.0: some words may be cut otherwise" in record.message


def test_the_vocabulary_of_another_program_is_used_with_the_settings_of_the_config(
    tmp_path, caplog
):
    path = tmp_path / "theirs.txt"
    path.write_bytes(
        f"{SPECIAL}<unused0>\n海\n##辺\n \n".replace("\n", "\r\n").encode()
    )
    config = dataclasses.replace(CONFIG, vocab_path=str(path), segmenter="whitespace")
    caplog.set_level(logging.INFO)
    loaded = config.load("")
    assert loaded.tokens[5:] == ["<unused0>", "海", "##辺", " "]
    assert loaded.special_ids == (0, 1, 2, 3, 4, 5)
    assert loaded.encode("海辺 海山") == [6, 7, 1]
    (record,) = caplog.records
    assert "used with kind=wordpiece, segmenter=whitespace" in record.message
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_or_impossible_vocabulary_is_named(tmp_path):
    with pytest.raises(
        UserError, match=r"vocab\.txt \(from the work folder\) does not"
    ):
        CONFIG.load(str(tmp_path))
    path = tmp_path / "vocab.txt"
    for content, message in (
        (b"", "holds no token"),
        (b"\xff\xfe", "must be UTF-8 text, a token a line"),
        (
            b"[PAD]\n[UNK]\n",
            r"\(2 tokens\) lacks \[CLS\], \[SEP\], \[MASK\] of special",
        ),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=message):
            CONFIG.load(str(tmp_path))


def test_all_problems_are_found_at_once(tmp_path):
    config = WordPieceConfig(
        vocab_size=2,
        max_corpus_chars=0,
        segmenter="mecab",
        normalization="nfc",
        min_frequency=0,
        limit_alphabet=0,
        initial_alphabet=str(tmp_path / "none.txt"),
        special_tokens="[PAD],[PAD]",
        num_unused_tokens=-1,
    )
    problems = "\n".join(config.problems())
    for key in dataclasses.asdict(config).keys() - {"vocab_path", "lower_case"}:
        assert key in problems
    assert CONFIG.problems() == CharacterConfig().problems() == []


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ("[PAD],[CLS]", "lacks [UNK]"),
        ("[UNK],<unk>", "names [UNK] and <unk> for one unk_id"),
        ("[UNK],[unused3]", "[unused3] is the name of an unused token"),
        ("[UNK],,[CLS]", "must be different names"),
        ("", "must be different names"),
    ],
)
def test_special_tokens_are_checked(tokens, message):
    config = dataclasses.replace(CONFIG, special_tokens=tokens)
    assert any(message in problem for problem in config.problems())


def test_a_failed_write_leaves_no_vocabulary(tmp_path, monkeypatch):
    def full(self, content):
        raise OSError("no space left on device")

    monkeypatch.setattr("etils.epath.Path.write_bytes", full, raising=False)
    with pytest.raises(OSError, match="no space left"):
        CONFIG.train([VILLAGE], str(tmp_path / "file" / "x"))
    assert not (tmp_path / "file" / "x" / "vocab.txt").exists()
