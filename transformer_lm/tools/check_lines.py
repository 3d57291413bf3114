"""The lines whose token ids an export is checked with.

No TensorFlow: the text is read from the run's files, or comes from this project.
"""

import itertools
import logging
from collections.abc import Iterator

import numpy as np

from transformer_lm.corpora.everyday import generate
from transformer_lm.corpora.text_files import BLOCK_RECORDS, TextFiles
from transformer_lm.data.source import Source
from transformer_lm.data.splits import PercentSplit
from transformer_lm.registry import UserError

LOGGER = logging.getLogger("transformer_lm")
LONGEST_LINE = 400
"""Characters; longer lines are cut, so that a check does not take hours."""

HARD_LINES = (
    "",
    " ",
    "　",
    "ガギグゲゴ、ザジズゼゾ、パピプペポ。",
    "か\u3099き\u3099く\u3099け\u3099こ\u3099 ハ\u309aヒ\u309a",
    "ｶﾞｷﾞｸﾞｹﾞｺﾞ ﾊﾟﾋﾟﾌﾟﾍﾟﾎﾟ ｱｲｳｴｵ｡｢｣",
    "ＡＢＣ　ａｂｃ　１２３　！？（）",
    "ABC abc 123 !? () Tokyo TOKYO tokyo",
    "佐々木さんは、〆切の日に霞ヶ関で一ヶ月ぶりに会った。",
    "𠮷野家で𩸽の定食を食べ、鷗外を読み、髙島屋へ行った。",
    "😀👨‍👩‍👧‍👦🇯🇵👍🏽 と書いた。",
    "①②③ ㈱ ㌔ ㍻ ℃ № ™ ½ Ⅳ",
    "  先頭に空白、  途中に  空白、 末尾に空白  ",
    "全角　空白　の　あと",
    "タブ\tと改行\nと復帰\rと",
    "ゼロ幅\u200b空白、結合\u2060子、\ufeff印、\u00a0改行しない空白",
    "制御\u0001文字\u001fと\u007fと\u0085と\u2028",
    "「『【〔〈《》〉〕】』」…‥・ー―〜～",
    "ーーーーー！！！！！？？？？？。。。。。、、、、、",
    "wwwwwwww 草草草草草 ｗｗｗｗ",
    "https://example.com/道?q=日本語&n=1#端",
    "user_name@例え.jp が 3.14159 と -273.15 と 1,234,567 と言った。",
    "Ünïcödé, naïve café, Straße, ÆØÅ, İstanbul ıI",
    "Русский текст, ελληνικά, עברית, العربية, हिन्दी, ไทย, 한국어, 繁體中文, 简体中文",
    "すもももももももものうち。にわにはにわにわとりがいる。",
    "いろはにほへとちりぬるをわかよたれそつねならむうゐのおくやまけふこえてあさきゆめみしゑひもせす",
    "山[やま]と川<かわ>、{中括弧}、\\逆斜線\\、`引用`",
    "▁下線▁のような▁記号_と＿",
    "##続き と #見出し ## 空き",
    "東京都港区芝公園4-2-8、〒105-0011、電話03-3433-5111。",
    "あ",
    "ゝゞヽヾ々〻",
    "ヴァイオリン、ヷ、ヺ、ヿ、ゟ",
)
"""Where tokenizers go wrong: marks, widths, blanks, rare letters, other scripts."""


def check_lines(source: Source, count: int = 1000) -> list[str]:
    """Returns `count` lines: the hard ones, then held-out text.

    Files of the run are read where they still are; otherwise the lines come from the
    generator of everyday Japanese, which the log says.

    Args:
      source: where the run's text lies.
      count: of the lines.
    """
    try:
        text = list(itertools.islice(_held_out(source), count))
    except UserError as error:
        LOGGER.info(
            "the run's own text cannot be read (%s); the self-check takes generated"
            " lines",
            error,
        )
        text = []
    generated = (generate(number, "validation").text for number in itertools.count())
    return list(itertools.islice(itertools.chain(HARD_LINES, text, generated), count))


def _held_out(source: Source) -> Iterator[str]:
    """Lines of the held-out files; nothing for data sets that are no text files."""
    selection = source.evaluation()
    if selection.dataset_name != "text_files" or not selection.data_path:
        return
    files = TextFiles(selection.data_path, invalid_utf8=selection.invalid_utf8)
    split = PercentSplit.parse(selection.split)
    for block in itertools.count():
        records = files.block(block)
        if not records:
            return
        numbers = block * BLOCK_RECORDS + np.arange(len(records))
        for record, kept in zip(records, split.keeps(numbers), strict=True):
            if kept:
                for line in record.text.split("\n"):
                    if line:
                        yield line[:LONGEST_LINE]
