"""Where sentences end, and that nothing is lost."""

import json
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformer_lm.corpora.sentences import MecabSplitter, RuleSplitter, make_splitter
from transformer_lm.registry import UserError

LINES = st.text(
    st.sampled_from("あ漢aA 。！？!?「」『』（）()と、\u3000ー…")
    | st.characters(codec="utf-8"),
    max_size=30,
).filter(lambda line: "\n" not in line)


@pytest.mark.parametrize(
    "sentences",
    [
        ["今日は晴れ。", "明日は雨。"],
        ["本当！？", "ええ！！", "はい"],
        ["「おはよう。いい朝だ。」", "彼は笑った。"],
        ["「おはよう。」", "「こんにちは。」"],
        ["「行く。」と彼は言った。", "『来る。』って。"],
        ["彼（先生。）の家。", "（終わり。）", "次。"],
        ["「『外。』と内。」", "次"],
        ["閉じない「括弧。", "次。"],
        ["余分な」括弧。", "次。"],
        ["Yahoo!ニュースとWhat?を見た。", "すごい!", "次"],
        ["…。", "‥"],
        ["句点のない行"],
    ],
)
def test_the_rule_ends_sentences(sentences):
    assert list(RuleSplitter().sentences("".join(sentences))) == sentences


@given(LINES)
def test_the_rule_loses_nothing(line):
    sentences = list(RuleSplitter().sentences(line))
    assert "".join(sentences) == line
    assert all(sentences)


@pytest.fixture(scope="module")
def mecab():
    return MecabSplitter("mecab_ipadic")


@given(line=LINES)
def test_mecab_loses_nothing(mecab, line):
    sentences = list(mecab.sentences(line))
    assert "".join(sentences) == line


def test_mecab_keeps_closing_brackets(mecab):
    line = "「行く。」(そう。)モーニング娘。が　歌う。 終わり"
    assert list(mecab.sentences(line)) == [
        "「行く。」",
        "(そう。)",
        "モーニング娘。",
        "が　歌う。 ",
        "終わり",
    ]


def test_outside_brackets_the_rule_agrees_with_the_aozora_samples(corpora):
    """The sample's own sentences end after 。！？ and closing brackets alone."""
    folder = corpora / "aozora"
    expected = set((folder / "sample.txt").read_text("utf-8").split("\n"))
    splitter = RuleSplitter()
    checked = 0
    for line in (folder / "sample.jsonl").read_text("utf-8").splitlines():
        for paragraph in json.loads(line)["text"].split("\n"):
            if not re.search("[「『（〔【《〈\\[(“」』）]", paragraph):
                found = [s.strip() for s in splitter.sentences(paragraph)]
                assert expected.issuperset(found)
                checked += len(found)
    assert checked > 3000


def test_a_splitter_that_cannot_be_had_says_why(monkeypatch):
    with pytest.raises(UserError, match="Did you mean 'mecab_ipadic'"):
        make_splitter("mecab_ipadi")
    monkeypatch.setitem(sys.modules, "ipadic", None)
    with pytest.raises(
        UserError, match=r"ipadic is not installed.*transformer-lm\[ja\]"
    ):
        make_splitter("mecab_ipadic")


def test_a_dictionary_that_was_never_downloaded_is_named(monkeypatch, tmp_path):
    ipadic = pytest.importorskip("ipadic")
    monkeypatch.setattr(ipadic, "DICDIR", str(tmp_path))
    with pytest.raises(UserError, match=f"loaded from {tmp_path}; pip install"):
        make_splitter("mecab_ipadic")
