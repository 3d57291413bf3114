"""Adjectives, the copula, clauses and numerals."""

import pytest

from transformer_lm.corpora.everyday.grammar.adjectives import IAdjective, Nominal
from transformer_lm.corpora.everyday.grammar.clause import Clause
from transformer_lm.corpora.everyday.grammar.numerals import kanji, prices
from transformer_lm.corpora.everyday.grammar.verbs import godan

# plain: now, past, not, was not; then the same in the polite style
ENDINGS = {
    IAdjective("高い"): "高い 高かった 高くない 高くなかった "
    "高いです 高かったです 高くないです 高くなかったです",
    IAdjective("いい"): "いい よかった よくない よくなかった "
    "いいです よかったです よくないです よくなかったです",
    IAdjective("気持ちいい"): "気持ちいい 気持ちよかった 気持ちよくない "
    "気持ちよくなかった 気持ちいいです 気持ちよかったです 気持ちよくないです "
    "気持ちよくなかったです",
    IAdjective("かわいい"): "かわいい かわいかった かわいくない かわいくなかった "
    "かわいいです かわいかったです かわいくないです かわいくなかったです",
    Nominal("静か"): "静かだ 静かだった 静かではない 静かではなかった "
    "静かです 静かでした 静かではありません 静かではありませんでした",
    Nominal("学生"): "学生だ 学生だった 学生ではない 学生ではなかった "
    "学生です 学生でした 学生ではありません 学生ではありませんでした",
}


@pytest.mark.parametrize("word", ENDINGS, ids=str)
def test_sentence_endings(word):
    endings = [
        word.conjugate(style, past=past, negative=negative)
        for style in ("plain", "polite")
        for negative in (False, True)
        for past in (False, True)
    ]
    assert " ".join(endings) == ENDINGS[word]


def test_appearance():
    words = (IAdjective("うれしい"), IAdjective("気分がいい"), Nominal("満足"))
    assert [word.appearance for word in words] == [
        "うれしそう",
        "気分がよさそう",
        "満足そう",
    ]


def test_reasons_take_na_only_where_the_copula_would_be_da():
    assert Clause("値段が", IAdjective("安い")).as_reason == "値段が安かったので"
    assert Clause("", Nominal("休み"), past=False).as_reason == "休みなので"
    assert Clause("", Nominal("休み")).as_reason == "休みだったので"
    no_holiday = Clause("", Nominal("休み"), past=False, negative=True)
    assert no_holiday.as_reason == "休みではないので"
    nothing = Clause("家に", godan("ある"), negative=True)
    assert nothing.as_reason == "家になかったので"
    assert nothing.ending("polite") == "家にありませんでした"


def test_numbers_in_kanji():
    written = "一 十 十五 二十 百 百一 三百八十 千 千二百三十 一万 一万二千八百五十"
    numbers = (1, 10, 15, 20, 100, 101, 380, 1000, 1230, 10000, 12850)
    assert " ".join(kanji(number) for number in numbers) == written
    assert prices(900, 1100, 100) == ("九百円", "千円", "千百円")
