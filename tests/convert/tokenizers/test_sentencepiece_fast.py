"""tokenizer.json against SentencePiece itself."""

import gzip
import itertools
import json
import random

import pytest
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, normalizers

from transformer_lm.convert.tokenizers import write_tokenizer
from transformer_lm.convert.tokenizers.charsmap import read_rules, write_rules
from transformer_lm.convert.tokenizers.normalisation import steps_of
from transformer_lm.convert.tokenizers.sentencepiece_fast import fast_tokenizer
from transformer_lm.registry import UserError
from transformer_lm.tokenizers import spm_training
from transformer_lm.tokenizers.sentencepiece import SentencePieceTokenizer
from transformer_lm.tools.check_lines import HARD_LINES

HARD = [
    *HARD_LINES,
    "  a  b  ",
    "\u0001制御",
    " \u0001 あ",
    "\u0001 あ",
    "\u0001",
    "\u200bあ",
    "▁▁x",
    " ▁ x",
    "か\u0301ﾞ",
    "㋿元年",
    "<0x41> ＜０ｘ４１＞",
]
MODELS = {
    "default": {"byte_fallback": "true", "control_symbols": "[CLS],[SEP],[MASK]"},
    "identity": {
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": "false",
    },
    "kept_blanks": {"remove_extra_whitespaces": "false", "byte_fallback": "true"},
    "identity_joined": {"normalization_rule_name": "identity"},
    "no_prefix": {"add_dummy_prefix": "false", "character_coverage": "0.99"},
    "bpe": {"model_type": "bpe", "byte_fallback": "true"},
    "bpe_unknown": {"model_type": "bpe", "character_coverage": "0.98"},
    "char": {"model_type": "char"},
}


def trained(**options):
    texts = HARD_LINES * 3
    if options.get("model_type", "unigram") == "unigram":
        options["hard_vocab_limit"] = "false"
    model = spm_training.train(
        texts, vocab_size=900, max_characters=100_000, options=options
    )
    return SentencePieceTokenizer(model)


@pytest.fixture(scope="module", params=MODELS)
def pair(request):
    tokenizer = trained(**MODELS[request.param])
    return tokenizer, fast_tokenizer(tokenizer.model_proto)


def test_hard_lines_have_the_ids_of_sentencepiece(pair):
    tokenizer, fast = pair
    for line in HARD:
        assert fast.encode(line).ids == tokenizer.encode(line), line


def test_random_text_has_the_ids_of_sentencepiece(pair):
    tokenizer, fast = pair
    rng = random.Random(0)
    letters = sorted({*"".join(HARD)} - {"\n"})
    for _ in range(500):
        line = "".join(rng.choices([*letters, " ", " ", "\u3099"], k=12))
        # Marks on marks are the one difference; see `steps_of`.
        if not any(a + b == "\u3099\u3099" for a, b in itertools.pairwise(line)):
            assert fast.encode(line).ids == tokenizer.encode(line), line


def test_ids_are_decoded_as_sentencepiece_does(pair):
    tokenizer, fast = pair
    rng = random.Random(0)
    kinds = sentencepiece.SentencePieceProcessor(model_proto=tokenizer.model_proto)
    ids = [
        number
        for number in range(tokenizer.vocab_size)
        if number not in tokenizer.special_ids and not kinds.is_byte(number)
    ]
    for _ in range(200):
        drawn = rng.choices(ids, k=8)
        assert fast.decode(drawn) == tokenizer.decode(drawn)
    for line in HARD:
        found = tokenizer.encode(line)
        if tokenizer.unk_id not in found:
            assert fast.decode(found) == tokenizer.decode(found), line


@pytest.mark.parametrize("rules", ["nmt_nfkc_cf", "nfkc"])
def test_other_rules_are_those_of_sentencepiece(rules):
    tokenizer = trained(normalization_rule_name=rules, byte_fallback="true")
    fast = fast_tokenizer(tokenizer.model_proto)
    for line in [*HARD, "ΣΟΦΟΣ ς ß ﬀ Ꭰꭰ ᾳ", "Ａ\u0308 ÄÖ"]:
        assert fast.encode(line).ids == tokenizer.encode(line), line


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["default", "bpe"])
def test_aozora_has_the_ids_of_sentencepiece(kind, corpora, tmp_path):
    file = corpora / "aozora" / "validation-00000-of-00001.jsonl.gz"
    with gzip.open(file, "rt") as records:
        documents = [json.loads(record)["text"] for record in records]
    lines = [line for document in documents for line in document.split("\n")]
    options = {"hard_vocab_limit": "false"} if kind == "default" else {}
    model = spm_training.train(
        documents,
        vocab_size=6000,
        max_characters=300_000,
        options={**MODELS[kind], **options},
    )
    tokenizer = SentencePieceTokenizer(model)
    fast = fast_tokenizer(model)
    for texts in (lines, documents):
        found = fast.encode_batch(texts)
        for text, ids, theirs in zip(
            texts, tokenizer.encode_batch(texts), found, strict=True
        ):
            assert theirs.ids == ids, text[:100]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"model_type": "word"}, "whole words"),
        ({"user_defined_symbols": "東京"}, "user_defined_symbols"),
        ({"treat_whitespace_as_suffix": "true"}, "behind words"),
    ],
)
def test_what_cannot_be_exact_is_refused(options, reason):
    with pytest.raises(UserError, match=reason):
        fast_tokenizer(trained(**options).model_proto)


def test_rules_that_nfkc_cannot_follow_are_refused():
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(trained(normalization_rule_name="identity").model_proto)
    rules = {f"{chr(0x3041 + n)}{chr(0x3042 + n)}": "x" for n in range(80)}
    table = write_rules(rules)
    assert read_rules(table) == rules
    proto.normalizer_spec.precompiled_charsmap = table
    with pytest.raises(UserError, match="no counterpart"):
        fast_tokenizer(proto.SerializeToString())


def test_the_steps_do_what_the_library_s_own_step_does_not():
    table = normalisation_table("nmt_nfkc")
    ours = normalizers.Sequence(list(steps_of(table)))
    theirs = normalizers.Precompiled(table)
    assert ours.normalize_str("ｶﾞ") == "ガ" != theirs.normalize_str("ｶﾞ")


def normalisation_table(rules):
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(trained(normalization_rule_name=rules).model_proto)
    return proto.normalizer_spec.precompiled_charsmap


def test_marks_stand_where_training_has_them(tmp_path):
    tokenizer = trained(**MODELS["default"])
    for model_type, before, after in (
        ("gpt2", [tokenizer.bos_id], []),
        ("bert", [tokenizer.cls_id], [tokenizer.sep_id]),
    ):
        write_tokenizer(tokenizer, tmp_path, model_type=model_type, max_length=64)
        fast = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
        ids = tokenizer.encode("東京の学校")
        assert fast.encode("東京の学校").ids == [*before, *ids, *after]
    pair = fast.encode("東京", "学校")
    second = tokenizer.encode("学校")
    assert pair.type_ids[-len(second) - 1 :] == [1] * (len(second) + 1)


def test_text_behind_a_mask_gets_no_blank(tmp_path):
    tokenizer = trained(**MODELS["default"])
    write_tokenizer(tokenizer, tmp_path, model_type="bert", max_length=64)
    fast = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    tokens = fast.encode("東京[MASK]学校", add_special_tokens=False).tokens
    place = tokens.index("[MASK]")
    assert not tokens[place + 1].startswith("▁")
