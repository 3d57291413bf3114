"""Activities in food and flower shops: who buys what where, and what it costs."""

from __future__ import annotations

from transformer_lm.corpora.everyday.activity import Activity
from transformer_lm.corpora.everyday.grammar.adjectives import IAdjective, Nominal
from transformer_lm.corpora.everyday.grammar.clause import Clause
from transformer_lm.corpora.everyday.grammar.numerals import prices
from transformer_lm.corpora.everyday.grammar.verbs import KURU, godan, ichidan, suru

from .things import Kind, counted, felt, visible

_BUY = (godan("買う"),)
_THANKS = ("いつもありがとうございます", "またお越しください")

_FRUIT = Activity(
    kind=Kind(
        counted(
            "個",
            "りんご",
            "みかん",
            "桃",
            "梨",
            "柿",
            "オレンジ",
            "ざくろ",
            "グレープフルーツ",
        ),
        ("", "大きな", "新鮮な", "おいしそうな", "よく熟した"),
        (*felt("甘い", "おいしい"), *visible("みずみずしい", "立派な")),
    ),
    verbs=_BUY,
    fondness=("果物", "甘い果物"),
    reasons=(
        Clause("値段が", IAdjective("安い")),
        Clause("家族に", godan("頼む").passive),
        Clause("お客さんが", KURU, past=False),
        Clause("いい香りが", suru("する")),
    ),
    thoughts=(
        "いい買い物ができた",
        "早く家で食べたい",
        "家族もきっと喜ぶ",
        "果物は毎日食べたい",
    ),
    speaker="店の人",
    sayings=(*_THANKS, "今が一番おいしい時期ですよ", "今日はお買い得ですよ"),
    followups=(
        Clause("夕食のあとで、家族とその{noun}を", ichidan("食べる")),
        Clause("家に帰って、さっそくその{noun}を", godan("切る")),
        Clause("家に帰ると、その{noun}を冷蔵庫で", godan("冷やす")),
    ),
    places=("八百屋", "スーパー", "市場", "駅前の果物屋"),
    prices=prices(600, 2000, 10),
)
_VEGETABLES = Activity(
    kind=Kind(
        (
            *counted("個", "じゃがいも", "玉ねぎ", "トマト", "ピーマン", "かぼちゃ"),
            *counted("本", "にんじん", "大根", "きゅうり", "なす", "ねぎ"),
        ),
        ("", "大きな", "新鮮な", "取れたての", "地元の"),
        (*visible("みずみずしい", "立派な", "安い"), *felt("おいしい")),
    ),
    verbs=_BUY,
    fondness=("野菜の料理", "新鮮な野菜"),
    reasons=(
        Clause("値段が", IAdjective("安い")),
        Clause("家族に", godan("頼む").passive),
        Clause("家の野菜が", godan("なくなる")),
        Clause("夕食の材料が", ichidan("足りる"), past=False, negative=True),
    ),
    thoughts=(
        "いい買い物ができた",
        "今夜は鍋にしよう",
        "野菜は新鮮なものが一番だ",
        "今夜は何を作ろうか",
    ),
    speaker="店の人",
    sayings=(*_THANKS, "今朝届いたばかりですよ", "今日はお買い得ですよ"),
    followups=(
        Clause("その{noun}を使って、家族の夕食を", godan("作る")),
        Clause("家に帰って、その{noun}をきれいに", godan("洗う")),
        Clause("その{noun}を細かく切って、スープに", ichidan("入れる")),
    ),
    places=("八百屋", "スーパー", "市場", "農家の直売所"),
    prices=prices(400, 1500, 10),
)
_BREAD = Activity(
    kind=Kind(
        counted(
            "つ",
            "あんパン",
            "メロンパン",
            "クロワッサン",
            "カレーパン",
            "クリームパン",
            "チーズパン",
            "ベーグル",
        ),
        ("", "焼きたての", "人気の", "大きな"),
        (*felt("おいしい", "香ばしい"), *visible("柔らかい", "ふわふわな")),
    ),
    verbs=_BUY,
    fondness=("パン", "焼きたてのパン"),
    reasons=(
        Clause("おなかが", godan("すく").progressive),
        Clause("朝から何も", ichidan("食べる").progressive, negative=True),
        Clause("いい匂いが", suru("する")),
        Clause("前から", godan("気になる").progressive),
    ),
    thoughts=(
        "焼きたてはやっぱりおいしい",
        "明日の朝も食べたい",
        "いくつでも食べられる",
        "この店に来てよかった",
    ),
    speaker="店の人",
    sayings=(*_THANKS, "ちょうど焼けたところですよ", "どれも朝から焼いたものです"),
    followups=(
        Clause("店の隅の席に座って、その{noun}を", ichidan("食べる")),
        Clause("家に帰って、牛乳を飲みながらその{noun}を", ichidan("食べる")),
        Clause("その{noun}は次の日の朝ご飯に", suru("する")),
    ),
    places=("駅前のパン屋", "商店街のパン屋", "新しいパン屋", "学校の近くのパン屋"),
    prices=prices(300, 1200, 10),
)
_CAKES = Activity(
    kind=Kind(
        counted(
            "つ",
            "ショートケーキ",
            "チーズケーキ",
            "プリン",
            "シュークリーム",
            "アップルパイ",
            "モンブラン",
            "ゼリー",
        ),
        ("", "小さな", "人気の", "おいしそうな"),
        (*felt("甘い", "おいしい"), *visible("かわいい", "きれいな")),
    ),
    verbs=_BUY,
    fondness=("甘いもの", "お菓子"),
    reasons=(
        Clause("子どもたちが遊びに", KURU, past=False),
        Clause("甘いものが", IAdjective(ichidan("食べる").desiderative)),
        Clause("少し", ichidan("疲れる").progressive),
        Clause("雑誌で", suru("紹介する").passive.progressive),
    ),
    thoughts=(
        "見ているだけで楽しい",
        "たまには甘いものもいい",
        "みんなもきっと喜ぶ",
        "どれにするか迷ってしまった",
    ),
    speaker="店の人",
    sayings=(
        *_THANKS,
        "どれも今朝作ったものです",
        "お持ち帰りの時間はどのくらいですか",
    ),
    followups=(
        Clause("家に帰って、紅茶と一緒にその{noun}を", ichidan("食べる")),
        Clause("夕食のあとで、家族とその{noun}を", ichidan("食べる")),
        Clause("その{noun}は隣の家の人にも", ichidan("分ける")),
    ),
    places=("ケーキ屋", "駅前の洋菓子店", "デパートの地下", "商店街のお菓子屋"),
    prices=prices(700, 2500, 10),
)
_FLOWERS = Activity(
    kind=Kind(
        counted(
            "本",
            "バラ",
            "カーネーション",
            "ゆり",
            "ガーベラ",
            "トルコキキョウ",
            "かすみ草",
            "菊",
        ),
        ("", "白い", "小さな", "香りのいい", "咲いたばかりの"),
        visible("きれいな", "かわいい", "見事な", "みずみずしい"),
    ),
    verbs=_BUY,
    fondness=("花", "花を飾るの"),
    reasons=(
        Clause("お客さんが", KURU, past=False),
        Clause("部屋が少し", IAdjective("さびしい")),
        Clause("色がとても", Nominal("きれい")),
        Clause("友達の誕生日が", IAdjective("近い"), past=False),
    ),
    thoughts=(
        "花があると部屋が明るくなる",
        "長く咲いてほしい",
        "いい香りがする",
        "毎週花を飾りたい",
    ),
    speaker="店の人",
    sayings=(*_THANKS, "水は毎日替えてください", "今朝届いた花ですよ"),
    followups=(
        Clause("家に帰って、その{noun}を花瓶に", ichidan("生ける")),
        Clause("その{noun}を玄関に", godan("飾る")),
        Clause("その{noun}は窓のそばに", godan("置く")),
    ),
    places=("花屋", "駅前の花屋", "商店街の花屋", "スーパーの花売り場"),
    prices=prices(600, 2500, 10),
)

FOOD_AND_FLOWER_SHOPS = (_FRUIT, _VEGETABLES, _BREAD, _CAKES, _FLOWERS)
