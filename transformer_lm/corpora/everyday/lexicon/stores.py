"""Activities in shops for things that last: books, stationery, clothes, machines."""

from __future__ import annotations

from transformer_lm.corpora.everyday.activity import Activity
from transformer_lm.corpora.everyday.grammar.adjectives import IAdjective
from transformer_lm.corpora.everyday.grammar.clause import Clause
from transformer_lm.corpora.everyday.grammar.numerals import prices
from transformer_lm.corpora.everyday.grammar.verbs import godan, ichidan, suru

from .books import BOOKS
from .people import ADULTS
from .things import Kind, counted, felt, visible
from .times import DAYTIME

_BUY = (godan("買う"),)

_BOOKSHOP = Activity(
    kind=BOOKS,
    verbs=_BUY,
    fondness=("読書", "本を読むの"),
    reasons=(
        Clause("前から", IAdjective(godan("読む").desiderative)),
        Clause("友達に", ichidan("勧める").passive),
        Clause("新聞で", suru("紹介する").passive.progressive),
        Clause("表紙がとても", IAdjective("いい")),
    ),
    thoughts=(
        "早く続きが読みたい",
        "いい本に出会えた",
        "今夜は夜更かしをしそうだ",
        "本屋にいると時間を忘れる",
    ),
    speaker="書店員",
    sayings=(
        "カバーをおかけしますか",
        "とても人気のある本ですよ",
        "ありがとうございます",
    ),
    followups=(
        Clause("家に帰って、すぐにその{noun}を", ichidan("読み始める")),
        Clause("帰りの電車で、その{noun}を", godan("開く")),
        Clause("その{noun}は机の上に", godan("置く")),
    ),
    places=("本屋", "駅前の本屋", "商店街の本屋", "デパートの本屋"),
    prices=prices(2000, 6500, 50),
)
_STATIONERY = Activity(
    kind=Kind(
        (
            *counted("冊", "ノート", "手帳", "日記帳"),
            *counted("本", "鉛筆", "ボールペン", "筆ペン"),
            *counted("枚", "便箋", "封筒", "ファイル"),
        ),
        ("", "新しい", "小さな", "珍しい"),
        (*felt("使いやすい"), *visible("すてきな", "きれいな", "安い")),
    ),
    verbs=_BUY,
    fondness=("文房具", "字を書くの"),
    reasons=(
        Clause("家にもう", godan("ある"), negative=True),
        Clause("来月から必要に", godan("なる"), past=False),
        Clause("色がとても", IAdjective("いい")),
        Clause("店の人に", ichidan("勧める").passive),
    ),
    thoughts=(
        "大切に使いたい",
        "早く使ってみたい",
        "勉強がはかどりそうだ",
        "ちょうどいいものが見つかった",
    ),
    speaker="店の人",
    sayings=(
        "新しい色も入りましたよ",
        "贈り物にもぴったりですよ",
        "ありがとうございます",
    ),
    followups=(
        Clause("家に帰って、さっそくその{noun}を", godan("使う")),
        Clause("その{noun}を大事にかばんに", ichidan("入れる")),
        Clause("その{noun}を机の引き出しに", godan("しまう")),
    ),
    places=("文房具屋", "駅前の雑貨店", "デパートの文房具売り場", "大学の売店"),
    prices=prices(300, 1500, 10),
)
_CLOTHES = Activity(
    kind=Kind(
        (
            *counted("枚", "シャツ", "カーディガン", "ブラウス", most=3),
            *counted("本", "ズボン", "ネクタイ", "ベルト", most=2),
            *counted("着", "上着", "レインコート", most=1),
            *counted("足", "靴", "長靴", most=2),
        ),
        ("", "青い", "白い", "黒い", "新しい", "しゃれた"),
        (*visible("すてきな", "丈夫な", "安い"), *felt("軽い")),
    ),
    verbs=_BUY,
    fondness=("買い物", "おしゃれ"),
    reasons=(
        Clause("今のものが古く", godan("なる")),
        Clause("色がとても", IAdjective("いい")),
        Clause("半額に", godan("なる").progressive),
        Clause("来週旅行に", godan("行く"), past=False),
    ),
    thoughts=(
        "長く使えそうだ",
        "ちょうどいいものが見つかった",
        "思ったより安かった",
        "明日さっそく使おう",
    ),
    speaker="店員",
    sayings=("とてもよくお似合いですよ", "ほかの色もございます", "鏡をどうぞ"),
    followups=(
        Clause("次の日、さっそくその{noun}を", ichidan("身につける")),
        Clause("家に帰って、その{noun}を家族に", ichidan("見せる")),
        Clause("その{noun}を丁寧にたんすに", godan("しまう")),
    ),
    places=("デパート", "駅前の洋服店", "商店街の洋品店", "スーパーの衣料品売り場"),
    prices=prices(2000, 9900, 100),
)
_MACHINES = Activity(
    kind=Kind(
        counted(
            "台",
            "掃除機",
            "炊飯器",
            "ラジオ",
            "扇風機",
            "カメラ",
            "電子レンジ",
            "アイロン",
            "プリンター",
            most=1,
        ),
        ("", "新しい", "小さな", "軽い", "最新型の"),
        (*felt("使いやすい", "便利な"), *visible("静かな", "丈夫な")),
    ),
    verbs=_BUY,
    fondness=("新しい機械", "電気製品を見るの"),
    reasons=(
        Clause("古いものが", ichidan("壊れる")),
        Clause("ちょうど安く", godan("なる").progressive),
        Clause("来月引っ越しを", suru("する"), past=False),
        Clause("前から", IAdjective("欲しい")),
    ),
    thoughts=(
        "これで家事が楽になる",
        "いい買い物ができた",
        "思ったより安かった",
        "早く使ってみたい",
    ),
    speaker="店員",
    sayings=("保証は一年間です", "使い方は簡単ですよ", "今なら配達も無料です"),
    followups=(
        Clause("家に帰って、さっそくその{noun}を", godan("使う")),
        Clause("説明書を読みながら、その{noun}を", godan("動かす")),
        Clause("その{noun}は居間の隅に", godan("置く")),
    ),
    people=ADULTS,
    habitual=False,
    places=("電器屋", "駅前の家電店", "デパートの電気製品売り場", "大きな家電量販店"),
    hours=DAYTIME,
    prices=prices(5000, 30000, 500),
)

STORES = (_BOOKSHOP, _STATIONERY, _CLOTHES, _MACHINES)
