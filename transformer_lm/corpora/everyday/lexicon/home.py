"""Activities at home: letters, cleaning, repairs, presents."""

from __future__ import annotations

from transformer_lm.corpora.everyday.activity import Activity
from transformer_lm.corpora.everyday.grammar.adjectives import IAdjective
from transformer_lm.corpora.everyday.grammar.clause import Clause
from transformer_lm.corpora.everyday.grammar.verbs import KURU, godan, ichidan, suru

from .things import DURATIONS, Kind, counted, lasting, uncounted, visible
from .times import AFTER_WORK, DAYTIME

_LETTERS = Activity(
    kind=Kind(
        (
            *counted("通", "手紙", "お礼状", "招待状", "メール"),
            *counted("枚", "はがき", "お祝いのカード"),
        ),
        ("", "短い", "温かい", "久しぶりの", "心のこもった"),
        visible("丁寧な", "読みやすい", "すてきな"),
    ),
    verbs=(godan("書く"),),
    fondness=("便りを書くの", "文章を書くの"),
    reasons=(
        Clause("長い間", godan("会う").progressive, negative=True),
        Clause("先日お世話に", godan("なる")),
        Clause("うれしい知らせが", godan("ある")),
        Clause("返事を", ichidan("忘れる").progressive),
    ),
    thoughts=(
        "早く返事が欲しい",
        "喜んでくれるといい",
        "字をもっと練習したい",
        "元気にしているだろうか",
    ),
    speaker="家族",
    sayings=("字がきれいだね", "誰に書いているの", "きっと喜ぶよ"),
    followups=(
        Clause("書き終わった{noun}を、すぐに", godan("送る")),
        Clause("その{noun}を三回も", godan("読み返す")),
        Clause("三日後に、その{noun}の返事が", godan("届く")),
    ),
    adjuncts=(
        "昔の先生に",
        "外国の友達に",
        "遠くに住む親戚に",
        "小学校の同級生に",
        "お世話になった人に",
    ),
    hours=AFTER_WORK,
    accompanied=False,
    manners=("", "ゆっくり", "丁寧に"),
    repeatable=False,
)
_CLEANING = Activity(
    kind=Kind(
        lasting(
            DURATIONS,
            "台所",
            "玄関",
            "風呂場",
            "居間",
            "物置",
            "階段",
            "車庫",
            "押し入れ",
            "書斎",
            "二階の部屋",
        ),
        ("",),
        visible("きれいな", "広い", "明るい"),
        demonstrative="",
    ),
    verbs=(suru("掃除する"), ichidan("片づける")),
    fondness=("掃除", "家の仕事"),
    reasons=(
        Clause("お客さんが", KURU, past=False),
        Clause("ほこりが", godan("たまる").progressive),
        Clause("捜し物が", godan("見つかる"), negative=True),
        Clause("久しぶりに時間が", ichidan("できる")),
    ),
    thoughts=(
        "気分がすっきりした",
        "もっと早くやればよかった",
        "きれいになると気持ちがいい",
        "毎週掃除をしよう",
    ),
    speaker="家族",
    sayings=("見違えるようだね", "きれいになったね", "少し休んだらどう"),
    followups=(
        Clause("{noun}がきれいになったので、花を", godan("飾る")),
        Clause("{noun}の窓も", godan("拭く")),
        Clause("{noun}から、昔の写真が", godan("見つかる")),
    ),
    hours=DAYTIME,
    accompanied=False,
    manners=("", "丁寧に", "一人で", "念入りに"),
)
_REPAIRS = Activity(
    kind=Kind(
        uncounted(
            "椅子",
            "踏み台",
            "自転車",
            "ミシン",
            "ストーブ",
            "本棚",
            "時計",
            "おもちゃ",
            "机",
            "犬小屋",
        ),
        ("", "古い", "壊れた", "大切な", "長年使った"),
        visible("丈夫な", "立派な", "頑丈な"),
    ),
    verbs=(godan("直す"), suru("修理する")),
    fondness=("物作り", "道具"),
    reasons=(
        Clause("捨てるのが", IAdjective("惜しい")),
        Clause("動かなく", godan("なる").progressive),
        Clause("家族に", godan("頼む").passive),
        Clause("新しいものが", IAdjective("高い")),
    ),
    thoughts=(
        "まだ十分に使える",
        "古い物ほど味がある",
        "思ったより簡単だった",
        "物は大切にしたい",
    ),
    speaker="家族",
    sayings=("新品のようだね", "どうやって直したの", "とても助かったよ"),
    followups=(
        Clause("直した{noun}を、布できれいに", godan("拭く")),
        Clause("その{noun}を元の場所に", godan("戻す")),
        Clause("最後に、その{noun}に新しいペンキを", godan("塗る")),
    ),
    places=("庭先", "家の前", "車庫", "物置の前"),
    visited=False,
    hours=DAYTIME,
    outdoors=True,
    accompanied=False,
    manners=("", "一人で", "時間をかけて"),
    habitual=False,
    repeatable=False,
)
_PRESENTS = Activity(
    kind=Kind(
        uncounted(
            "花束",
            "マグカップ",
            "写真立て",
            "財布",
            "オルゴール",
            "扇子",
            "湯飲み",
            "マフラー",
            "スカーフ",
            "腕時計",
        ),
        ("", "小さな", "人気の", "しゃれた", "珍しい"),
        visible("すてきな", "美しい", "上品な", "かわいい"),
    ),
    verbs=(godan("贈る"), suru("プレゼントする")),
    fondness=("贈り物を選ぶの", "人を喜ばせるの"),
    reasons=(
        Clause("誕生日が", IAdjective("近い")),
        Clause("いつもお世話に", godan("なる").progressive),
        Clause("もうすぐ遠くへ", godan("引っ越す"), past=False),
        Clause("先日助けて", godan("もらう")),
    ),
    thoughts=(
        "喜んでもらえてよかった",
        "選ぶのも楽しい",
        "笑顔が見られてよかった",
        "気に入ってくれるといい",
    ),
    speaker="相手",
    sayings=("本当にありがとうございます", "前から欲しかったのです", "大切にします"),
    followups=(
        Clause("その{noun}には、お祝いの言葉を", ichidan("添える")),
        Clause("その{noun}は青い紙で", godan("包む")),
        Clause("その{noun}を選ぶのに、二時間も", godan("かかる")),
    ),
    adjuncts=(
        "友達に",
        "英語の先生に",
        "隣の家の人に",
        "仲のいいいとこに",
        "幼なじみに",
    ),
    accompanied=False,
    habitual=False,
    repeatable=False,
)

HOME = (_LETTERS, _CLEANING, _REPAIRS, _PRESENTS)
