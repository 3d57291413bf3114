"""Text on which Japanese tokenizers differ, and the stock tokenizer to compare with."""

import json
import subprocess
import sys
from pathlib import Path

VILLAGE = (Path(__file__).parents[1] / "data" / "fishing_village.txt").read_text(
    "utf-8"
)

TRICKY = [
    "",
    " ",
    "\t \n　",
    "ガギグは、かきくではない。",
    "か\u3099き\u3099 は\u309aひ\u309a",
    "ｶﾞｷﾞｸﾞ ﾊﾟﾋﾟ ｱｲｳ",
    "絵文字😀と👨‍👩‍👧と🇯🇵",
    "人々〆切一ヶ月ヵ国〇",
    "𠮟る𩸽と龘鬱﨑神",
    "Ｆｕｌｌ　ＷＩＤＴＨ　１２３",
    "e\u0301té et cafe\u0301 naïve",
    "ゼロ\u200b幅\ufeffと\u00a0空白",
    "制御\x01文字\x7fと\x1b[0m",
    "[MASK]と[UNK]と[PAD]",
    "##a #a ＃＃あ",
    "ABC def Straße ΟΔΟΣ İstanbul ℡ 5㎏ \u212a",
    "改行\nと\tタブ\r\nです",
    "a" * 101 + "あ" * 150 + "b" * 100,
    "　全角　空白　",
    "\ufffd\ue000\U0010ffff",
    "①㌔㍿",
    "行\u2028区\u2029切\x85り\x0c",
    "～〜−‐―—…‥・･",
    "10,000円で3.14%、http://example.jp/a?b=c",
    "한국어 и русский язык",
]


def stock_ids(questions: list) -> list[list[list[int]]]:
    """What `bert_japanese.py` says."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("bert_japanese.py"))],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)
