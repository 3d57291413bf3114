"""Each rule on text as sources have it; lists of rules; counts."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformer_lm.corpora.cleaning import marks
from transformer_lm.corpora.cleaning.counts import CleaningCounts, clean
from transformer_lm.corpora.cleaning.rules import PRESETS, parse_rules, rule_names
from transformer_lm.registry import UserError

CASES = {
    "nfkc": [("ＡＢＣ１２３ ｶﾀｶﾅ ㈱ か\u3099", "ABC123 カタカナ (株) が")],
    "control_characters": [
        ("\ufeff零\u200b幅\x00制御\x7f\ue000私用", "零幅制御私用"),
        ("一\r\n二\r三\u2028四\x85五", "一\n二\n三\n四\n五"),
        ("👨\u200d👩\t葛\U000e0100城", "👨\u200d👩\t葛\U000e0100城"),
        ("全角　空白", "全角　空白"),
    ],
    "whitespace": [(" 一　　二\t三 \n\n\n　\n四 ", "一 二 三\n四")],
    "citation_numbers": [
        ("首都である[1][注 2]。[注釈 10]人口[13]", "首都である。人口"),
        ("配列a[i]と[脚注]と年[2020年]", "配列a[i]と[脚注]と年[2020年]"),
    ],
    "citation_requests": [
        ("最大である[要出典]。[要検証 – ノート][リンク切れ]", "最大である。"),
        ("ある人[誰?]は昔[いつ？]", "ある人は昔"),
        ("[重要]ここは残る[?]", "[重要]ここは残る[?]"),
    ],
    "templates": [("本文{{仮リンク|a|{{lang|en|b}}}}。{{未閉", "本文。{{未閉")],
    "footnotes": [
        ("本文である。 ^ 注一。 ^ 注二。", "本文である。"),
        ("x^2のまま", "x^2のまま"),
    ],
    "breadcrumbs": [
        ("日本 > 東京都 > 港区 港区は区である。", " 港区は区である。"),
        ("別の話 > 続き", "別の話 > 続き"),
        ("一行目。\n二行目 > 港区", "一行目。\n二行目 > 港区"),
    ],
    "formula_lines": [
        ("面積は\n{\\displaystyle \\pi r^{2}}で表す。\n次。", "面積は\n次。"),
    ],
    "sentences": [
        ("「行く。」と言う。終わり！次", "「行く。」と言う。\n終わり！\n次"),
        ("文。 \n \n次", "文。\n次"),
    ],
    "sentences=mecab_ipadic": [
        ("モーニング娘。が歌う。次", "モーニング娘。\nが歌う。\n次")
    ],
    "line_length=3-5": [
        ("二字\n三文字\n五文字です\n六文字ですよ", "三文字\n五文字です")
    ],
    "document_length=3-": [("三文字", "三文字"), ("二字", None)],
    "document_length=-3": [("三文字", "三文字"), ("四文字だ", None)],
}


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [(rule, *case) for rule, cases in CASES.items() for case in cases],
)
def test_a_rule_does_what_it_says(rule, text, expected):
    (parsed,) = parse_rules(rule)
    assert str(parsed) == rule
    assert parsed.change(text, "港区") == expected


def test_every_rule_has_a_case():
    assert {rule.partition("=")[0] for rule in CASES} == set(rule_names())


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_what_is_clean_stays_as_it_is(text):
    for rule in parse_rules("nfkc,control_characters,whitespace,templates,sentences"):
        once = rule.change(text, "")
        assert once is not None
        assert rule.change(once, "") == once, rule.name


@given(st.text(max_size=40))
def test_control_characters_leaves_only_what_can_be_printed(text):
    (rule,) = parse_rules("control_characters")
    for character in rule.change(text, "") or "":
        category = unicodedata.category(character)
        assert (
            category not in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp") or character in "\n\t"
        )


def test_the_wikipedia_preset_cleans_a_page():
    page = (
        "日本 > 東京都 > 港区 港区[1]は、東京都の区である[要出典]。"
        "ＩＴ企業が多い「東京の中心。」と呼ばれる{{要出典範囲|x}}。短い文。"
        "式は{\\displaystyle x^{2}}と書くことができる。 ^ 港区の人口による注。"
    )
    rules = parse_rules("wikipedia")
    counts = CleaningCounts.of(rules)
    assert clean(page, "港区", rules, counts) == (
        "港区は、東京都の区である。\nIT企業が多い「東京の中心。」と呼ばれる。"
    )
    by_name = {name: count for name, count in counts.rules}
    assert by_name["formula_lines"].lines_in - by_name["formula_lines"].lines_out == 1
    assert by_name["line_length=10-1000"].lines_in == 3
    assert all(count.documents_in == 1 for count in by_name.values())


def test_a_dropped_document_is_counted_where_it_ends():
    rules = parse_rules("line_length=10-,document_length=20-")
    counts = CleaningCounts.of(rules)
    for text in (
        "短い",
        "十文字以上ある行です。",
        "二十文字以上ある文書なので、残る。" * 2,
    ):
        clean(text, "", rules, counts)
    first, second = (count for _, count in counts.rules)
    assert (first.documents_in, first.documents_dropped) == (3, 1)
    assert (second.documents_in, second.documents_dropped) == (2, 1)
    assert CleaningCounts.from_json(counts.as_json()) == counts


def test_presets_and_rules_combine_in_order():
    rules = parse_rules("wikipedia, document_length=50-, line_length=10-200")
    names = [str(rule) for rule in rules]
    expected = PRESETS["wikipedia"].replace("10-1000", "10-200").split(",")
    assert names == [*expected, "document_length=50-"]
    assert parse_rules("none") == ()


def test_all_mistakes_in_a_list_are_told_at_once():
    with pytest.raises(UserError) as caught:
        parse_rules("nkfc,line_length=9-1,whitespace=3,sentences=mecab_ipadik")
    message = str(caught.value)
    assert "unknown cleaning rule 'nkfc'. Did you mean 'nfkc'?" in message
    assert "line_length=9-1 needs lengths" in message
    assert "whitespace takes no argument" in message
    assert "Did you mean 'mecab_ipadic'?" in message


@given(st.lists(st.sampled_from(["{", "}", "{{", "}}", "a", "b。"]), max_size=40))
def test_templates_go_from_the_inside_until_none_is_left(parts):
    text = "".join(parts)
    left, rest = "", text
    while rest != left:
        left, rest = rest, re.sub(r"\{\{[^{}]*\}\}", "", rest)
    assert marks.templates(text, "") == left


@pytest.mark.timeout(300, method="signal")
def test_many_templates_in_one_another_take_no_square_of_time():
    """With its square, this would take a quarter of an hour and more."""
    nested = "{{a" * 300_000 + "}}" * 299_999
    assert marks.templates(nested, "") == "{{a"
