"""Wikitext as articles of Japanese Wikipedia have it, and what a reader sees of it."""

import pytest

from transformer_lm.corpora.readers.wikitext import Wikitext


@pytest.mark.parametrize(
    ("wikitext", "plain"),
    [
        ("'''日本'''（にっぽん）は''島国''である。", "日本（にっぽん）は島国である。"),
        ("[[東京都]]の[[港区 (東京都)|港区]]", "東京都の港区"),
        ("{{Infobox 国\n|国名=日本\n|首都={{lang|ja|東京}}\n}}\n本文。", "本文。"),
        ("本文<ref name=\"a\">{{Cite|x}}</ref>。<ref name='a' />", "本文。"),
        ("[[ファイル:a.jpg|thumb|300px|[[富士山]]の写真]]\n本文。", "本文。"),
        ("[[File:a.jpg|thumb|b]][[画像:b.png]]本文。", "本文。"),
        ("本文。[[Category:国|*]]\n[[カテゴリ:島]]\n[[en:Japan]]", "本文。"),
        ("[[:Category:国]]の一覧", ":Category:国の一覧"),
        ("== 歴史 ==\n=== 古代 ===\n本文。", "本文。"),
        ("* 一つ\n** 二つ\n# 三つ\n; 用語\n: 説明", "一つ\n二つ\n三つ\n用語\n説明"),
        ('前。\n{| class="wikitable"\n! 年\n|-\n| [[1900年]]\n|}\n後。', "前。\n後。"),
        ("前。\n<gallery>\nファイル:x.jpg|説明\n</gallery>\n後。", "前。\n後。"),
        ("面積は<math>\\pi r^2</math>である。", "面積はである。"),
        ("[https://example.org 公式サイト]", "公式サイト"),
        ("前<!-- 隠れた注 -->後", "前後"),
        ("前<br />後&nbsp;&amp;&lt;", "前後 &<"),
        ("__NOTOC__\n本文。", "本文。"),
        ("日本（{{lang-en|Japan}}）は", "日本は"),
        ("日本（にっぽん、{{lang-en|Japan}}）は", "日本（にっぽん）は"),
        ("本文。\n\n\n\n次。", "本文。\n次。"),
        ("{{暴走テンプレート", "{{暴走テンプレート"),
        ("", ""),
    ],
)
def test_running_text(wikitext, plain):
    assert Wikitext().plain(wikitext) == plain
