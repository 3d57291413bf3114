"""Conjugation of verbs against forms written by hand."""

import pytest

from transformer_lm.corpora.everyday.grammar.verbs import KURU, godan, ichidan, suru

# masu stem, plain negative, te, ta, volitional, potential, passive
FORMS = {
    godan("買う"): "買い 買わない 買って 買った 買おう 買える 買われる",
    godan("書く"): "書き 書かない 書いて 書いた 書こう 書ける 書かれる",
    godan("行く"): "行き 行かない 行って 行った 行こう 行ける 行かれる",
    godan("泳ぐ"): "泳ぎ 泳がない 泳いで 泳いだ 泳ごう 泳げる 泳がれる",
    godan("話す"): "話し 話さない 話して 話した 話そう 話せる 話される",
    godan("待つ"): "待ち 待たない 待って 待った 待とう 待てる 待たれる",
    godan("死ぬ"): "死に 死なない 死んで 死んだ 死のう 死ねる 死なれる",
    godan("遊ぶ"): "遊び 遊ばない 遊んで 遊んだ 遊ぼう 遊べる 遊ばれる",
    godan("読む"): "読み 読まない 読んで 読んだ 読もう 読める 読まれる",
    godan("取る"): "取り 取らない 取って 取った 取ろう 取れる 取られる",
    godan("帰る"): "帰り 帰らない 帰って 帰った 帰ろう 帰れる 帰られる",
    ichidan("食べる"): "食べ 食べない 食べて 食べた 食べよう 食べられる 食べられる",
    ichidan("見る"): "見 見ない 見て 見た 見よう 見られる 見られる",
    ichidan("借りる"): "借り 借りない 借りて 借りた 借りよう 借りられる 借りられる",
    suru("する"): "し しない して した しよう できる される",
    suru("掃除する"): (
        "掃除し 掃除しない 掃除して 掃除した 掃除しよう 掃除できる 掃除される"
    ),
    KURU: "来 来ない 来て 来た 来よう 来られる 来られる",
}
ENDINGS = {
    godan("買う"): "買う 買った 買わない 買わなかった "
    "買います 買いました 買いません 買いませんでした",
    godan("行く"): "行く 行った 行かない 行かなかった "
    "行きます 行きました 行きません 行きませんでした",
    godan("ある"): "ある あった ない なかった "
    "あります ありました ありません ありませんでした",
    ichidan("見る"): "見る 見た 見ない 見なかった "
    "見ます 見ました 見ません 見ませんでした",
    suru("練習する"): "練習する 練習した 練習しない 練習しなかった "
    "練習します 練習しました 練習しません 練習しませんでした",
    KURU: "来る 来た 来ない 来なかった 来ます 来ました 来ません 来ませんでした",
}


def test_the_tables_have_more_than_sixty_forms():
    tables = (*FORMS.values(), *ENDINGS.values())
    assert sum(len(forms.split()) for forms in tables) > 160


@pytest.mark.parametrize("verb", FORMS, ids=lambda verb: verb.dictionary)
def test_forms(verb):
    forms = (verb.masu_stem, verb.negative, verb.te, verb.ta, verb.volitional)
    forms += (verb.potential.dictionary, verb.passive.dictionary)
    assert " ".join(forms) == FORMS[verb]


@pytest.mark.parametrize("verb", ENDINGS, ids=lambda verb: verb.dictionary)
def test_sentence_endings(verb):
    endings = [
        verb.conjugate(style, past=past, negative=negative)
        for style in ("plain", "polite")
        for negative in (False, True)
        for past in (False, True)
    ]
    assert " ".join(endings) == ENDINGS[verb]


def test_derived_verbs_conjugate_in_turn():
    reading = godan("読む").progressive
    assert reading.dictionary == "読んでいる"
    assert reading.conjugate("polite", past=True) == "読んでいました"
    assert godan("頼む").passive.before_node(past=True) == "頼まれた"
    assert suru("集中する").potential.conjugate("plain", negative=True) == (
        "集中できない"
    )
    assert godan("行く").desiderative == "行きたい"
