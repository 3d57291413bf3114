"""Activities of eating, drinking and cooking."""

from __future__ import annotations

from transformer_lm.corpora.everyday.activity import Activity
from transformer_lm.corpora.everyday.grammar.adjectives import IAdjective
from transformer_lm.corpora.everyday.grammar.clause import Clause
from transformer_lm.corpora.everyday.grammar.numerals import prices
from transformer_lm.corpora.everyday.grammar.verbs import KURU, godan, ichidan, suru

from .things import Kind, counted, felt, uncounted, visible
from .times import AFTER_WORK, AFTERNOON, DAYTIME

_CAFE = Activity(
    kind=Kind(
        counted(
            "杯",
            "コーヒー",
            "紅茶",
            "ココア",
            "緑茶",
            "ミルクティー",
            "カフェオレ",
            "ほうじ茶",
            "ハーブティー",
        ),
        ("", "熱い", "温かい", "冷たい", "香りのいい"),
        felt("おいしい", "濃い", "優しい味な"),
    ),
    verbs=(godan("飲む"),),
    fondness=("静かな喫茶店", "喫茶店で過ごすの"),
    reasons=(
        Clause("のどが", godan("渇く").progressive),
        Clause("少し", ichidan("疲れる").progressive),
        Clause("待ち合わせまで時間が", godan("ある")),
        Clause("歩きすぎて足が", IAdjective("痛い")),
    ),
    thoughts=(
        "ここに来ると落ち着く",
        "いい香りがする",
        "ゆっくり休めた",
        "静かでいい店だ",
    ),
    speaker="店員",
    sayings=(
        "ごゆっくりどうぞ",
        "お代わりはいかがですか",
        "窓のそばの席が空いていますよ",
    ),
    followups=(
        Clause("その{noun}を飲みながら、新聞を", godan("読む")),
        Clause("その{noun}を飲み終わると、ケーキも", suru("注文する")),
        Clause("その{noun}を前に、窓の外を", ichidan("眺める")),
    ),
    places=("喫茶店", "駅前の喫茶店", "ホテルのラウンジ", "海の見える喫茶店"),
    hours=("", *AFTERNOON),
    manners=("", "ゆっくり"),
    prices=prices(350, 1200, 10),
    repeatable=False,
)
_RESTAURANT = Activity(
    kind=Kind(
        uncounted(
            "うどん",
            "そば",
            "ラーメン",
            "カレーライス",
            "天ぷら",
            "とんかつ",
            "オムライス",
            "親子丼",
            "焼き魚定食",
            "うな重",
        ),
        ("", "出来たての", "名物の", "大盛りの"),
        (*felt("おいしい", "熱い"), *visible("安い", "豪華な")),
    ),
    verbs=(ichidan("食べる"),),
    fondness=("外で食べるの", "おいしいもの"),
    reasons=(
        Clause("おなかが", godan("すく").progressive),
        Clause("朝から何も", ichidan("食べる").progressive, negative=True),
        Clause("歩いて少し", ichidan("疲れる").progressive),
        Clause("テレビで", suru("紹介する").passive.progressive),
    ),
    thoughts=(
        "おなかがいっぱいになった",
        "また食べに来たい",
        "この味は忘れられない",
        "待ったかいがあった",
    ),
    speaker="店の人",
    sayings=(
        "お待たせしました",
        "熱いので気をつけてください",
        "ご飯のお代わりもできますよ",
    ),
    followups=(
        Clause("その{noun}を食べ終わると、お茶を", godan("飲む")),
        Clause("あまりのおいしさに、その{noun}を写真に", godan("撮る")),
        Clause("その{noun}の作り方を店の人に", godan("聞く")),
    ),
    places=("駅前の食堂", "近所の食堂", "デパートの食堂", "川のそばの小さな店"),
    hours=("", "の昼", "の昼すぎ", "の夕方", "の夜", "の夜七時ごろ"),
    manners=("", "ゆっくり", "残さず"),
    prices=prices(600, 1500, 10),
    repeatable=False,
)
_COOKING = Activity(
    kind=Kind(
        counted(
            "人分",
            "カレー",
            "味噌汁",
            "肉じゃが",
            "卵焼き",
            "シチュー",
            "ハンバーグ",
            "コロッケ",
            "ポテトサラダ",
            "餃子",
        ),
        ("", "野菜たっぷりの", "得意の", "自慢の"),
        felt("おいしい", "上出来な", "優しい味な"),
    ),
    verbs=(godan("作る"),),
    fondness=("料理", "料理をするの"),
    reasons=(
        Clause("お客さんが", KURU, past=False),
        Clause("材料が冷蔵庫に", godan("残る").progressive),
        Clause("みんなに", godan("頼む").passive),
        Clause("みんながおなかを", ichidan("すかせる").progressive),
    ),
    thoughts=(
        "料理は楽しい",
        "少し作りすぎた",
        "今日はうまくできた",
        "次はもっと上手に作りたい",
    ),
    speaker="みんな",
    sayings=("とてもおいしい", "また作ってほしい", "お代わりはあるの"),
    followups=(
        Clause("できあがった{noun}を、みんなで", ichidan("食べる")),
        Clause("その{noun}は三十分で", godan("できあがる")),
        Clause("残った{noun}は、次の日の昼に", ichidan("食べる")),
    ),
    adjuncts=("夕食に", "家族のために", "友達のために"),
    hours=AFTER_WORK,
    accompanied=False,
    manners=("", "手早く", "丁寧に"),
)
_TEA_AND_SWEETS = Activity(
    kind=Kind(
        counted("つ", "どら焼き", "大福", "羊羹", "桜餅", "団子", "最中", "草餅"),
        ("", "できたての", "手作りの", "名物の"),
        (*felt("おいしい", "甘い"), *visible("上品な", "柔らかい")),
    ),
    verbs=(ichidan("食べる"),),
    fondness=("和菓子", "お茶の時間"),
    reasons=(
        Clause("少し", ichidan("疲れる").progressive),
        Clause("甘いものが", IAdjective("欲しい")),
        Clause("店の人に", ichidan("勧める").passive),
        Clause("まだ時間が", godan("ある")),
    ),
    thoughts=(
        "お茶によく合う",
        "やっぱり和菓子はいい",
        "家族にも買って帰ろう",
        "ほっとする味だ",
    ),
    speaker="店の人",
    sayings=("お茶をどうぞ", "ごゆっくりどうぞ", "あんこは店で作っています"),
    followups=(
        Clause("その{noun}を食べてから、熱いお茶を", godan("飲む")),
        Clause("同じ{noun}を家族のお土産にも", godan("買う")),
        Clause("その{noun}の名前の由来を店の人に", godan("聞く")),
    ),
    places=("和菓子屋", "寺の前の茶店", "駅前の甘味処", "古い茶屋"),
    hours=DAYTIME,
    manners=("", "ゆっくり"),
    prices=prices(300, 1000, 10),
    repeatable=False,
)

MEALS = (_CAFE, _RESTAURANT, _COOKING, _TEA_AND_SWEETS)
