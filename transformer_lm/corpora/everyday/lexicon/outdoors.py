"""Activities in the open air and on journeys, told with the season."""

from __future__ import annotations

from transformer_lm.corpora.everyday.activity import Activity
from transformer_lm.corpora.everyday.grammar.adjectives import IAdjective, Nominal
from transformer_lm.corpora.everyday.grammar.clause import Clause
from transformer_lm.corpora.everyday.grammar.verbs import godan, ichidan, suru

from .things import SHORT_DURATIONS, VISITS, Kind, Noun, counted, felt, lasting, visible
from .times import ALL_YEAR, DAYTIME, PLANTING_MONTHS, WARM_MONTHS

_WALKING = Activity(
    kind=Kind(
        lasting(
            SHORT_DURATIONS,
            *(
                "海岸",
                "森の小道",
                "湖の周り",
                "並木道",
                "川沿いの道",
                "城の周り",
                "植物園",
                "古い町並み",
                "田んぼの道",
            ),
        ),
        ("",),
        visible("静かな", "美しい", "気持ちいい", "人が少ない"),
        demonstrative="",
    ),
    verbs=(suru("散歩する"), godan("歩く")),
    fondness=("散歩", "歩くの"),
    reasons=(
        Clause("時間が", godan("余る")),
        Clause("少し運動を", IAdjective(suru("する").desiderative)),
        Clause("仕事が", Nominal("休み")),
        Clause("外の空気が", IAdjective(godan("吸う").desiderative)),
    ),
    thoughts=(
        "やっぱり外は気持ちがいい",
        "心が軽くなった",
        "足が少し疲れた",
        "写真を撮ればよかった",
    ),
    speaker="犬を連れた人",
    sayings=("よくこの道を歩くのですか", "この道は景色がいいですよ", "お気をつけて"),
    followups=(
        Clause("{noun}の途中で、きれいな鳥を", ichidan("見かける")),
        Clause("{noun}で、小さな白い花を", ichidan("見つける")),
        Clause("{noun}で出会った犬の写真を", godan("撮る")),
    ),
    months=ALL_YEAR,
    manners=("", "ゆっくり", "のんびり"),
    repeatable=False,
)
_ANIMALS = Activity(
    kind=Kind(
        (
            *counted("頭", "象", "ライオン", "きりん", "パンダ", "しまうま"),
            *counted("匹", "猿", "狐", "亀"),
            *counted("羽", "ペンギン", "フラミンゴ", "ふくろう"),
        ),
        ("", "大きな", "人気の", "眠そうな", "親子の"),
        visible("元気な", "かわいい", "立派な", "おとなしい"),
    ),
    verbs=(ichidan("見る"),),
    fondness=("動物", "動物を見るの"),
    reasons=(
        Clause("前から", IAdjective(ichidan("見る").desiderative)),
        Clause("ちょうど", Nominal("餌の時間")),
        Clause("入園が", Nominal("無料")),
        Clause("テレビで", suru("紹介する").passive.progressive),
    ),
    thoughts=(
        "見ていると元気が出る",
        "近くで見ると迫力がある",
        "一日中見ていたい",
        "子どものころに戻ったようだ",
    ),
    speaker="飼育員",
    sayings=(
        "写真を撮ってもいいですよ",
        "先月生まれたばかりの赤ちゃんもいますよ",
        "静かに見てあげてください",
    ),
    followups=(
        Clause("その{noun}の写真を何枚も", godan("撮る")),
        Clause("売店で{noun}のぬいぐるみを", godan("買う")),
        Clause("{noun}の前で、飼育員の話を", godan("聞く")),
    ),
    places=("動物園", "市の動物園", "山の上の動物園", "隣の町の動物園"),
    hours=DAYTIME,
    outdoors=True,
    manners=("", "近くで", "ゆっくり"),
)
_CITIES = {
    "京都": "湯豆腐",
    "奈良": "柿の葉寿司",
    "金沢": "海鮮丼",
    "鎌倉": "しらす丼",
    "長崎": "ちゃんぽん",
    "広島": "お好み焼き",
    "高山": "朴葉味噌",
    "松江": "しじみ汁",
    "日光": "湯葉料理",
    "大阪": "たこ焼き",
    "仙台": "牛タン",
    "福岡": "もつ鍋",
    "松山": "鯛めし",
    "岡山": "ばら寿司",
}
_TRAVEL = Activity(
    kind=Kind(
        tuple(Noun(city, VISITS, dish) for city, dish in _CITIES.items()),
        ("",),
        visible("にぎやかな", "美しい", "人が多い", "いいところな"),
        demonstrative="",
    ),
    verbs=(suru("観光する"), godan("見て回る")),
    fondness=("旅行", "知らない町を歩くの"),
    reasons=(
        Clause("休みが", godan("取る").potential),
        Clause("前から", IAdjective(godan("行く").desiderative)),
        Clause("安い切符が手に", godan("入る")),
        Clause("知り合いが", godan("住む").progressive, past=False),
    ),
    thoughts=(
        "またいつか来たい",
        "時間が足りなかった",
        "町の人がとても親切だった",
        "来てよかった",
    ),
    speaker="町の人",
    sayings=(
        "遠いところをようこそ",
        "またいらしてください",
        "この先に古い寺がありますよ",
    ),
    followups=(
        Clause("{noun}では、名物の{detail}を", ichidan("食べる")),
        Clause("{noun}の駅で、家族にお土産を", godan("買う")),
        Clause("{noun}の町で、たくさん写真を", godan("撮る")),
    ),
    months=ALL_YEAR,
    manners=("", "のんびり", "気ままに"),
    habitual=False,
    repeatable=False,
)
_FISHING = Activity(
    kind=Kind(
        counted(
            "匹",
            "あじ",
            "さば",
            "かれい",
            "たい",
            "いわし",
            "かさご",
            "めばる",
            "すずき",
        ),
        ("", "大きな", "小さな", "元気な"),
        (*visible("大きい", "きれいな", "立派な"), *felt("おいしい")),
    ),
    verbs=(godan("釣る"),),
    fondness=("釣り", "海"),
    reasons=(
        Clause("波が", Nominal("穏やか")),
        Clause("潮がちょうど", IAdjective("いい")),
        Clause("新しい竿を", ichidan("手に入れる")),
        Clause("朝早くから", godan("頑張る")),
    ),
    thoughts=(
        "待ったかいがあった",
        "今夜は魚料理にしよう",
        "釣りは我慢が大切だ",
        "次はもっと釣りたい",
    ),
    speaker="近くの釣り人",
    sayings=("今日はよく釣れますね", "その場所はいいですよ", "餌を少しどうぞ"),
    followups=(
        Clause("家に帰って、その{noun}を", godan("焼く")),
        Clause("その{noun}は近所の人にも", ichidan("分ける")),
        Clause("釣った{noun}を、夕食のおかずに", suru("する")),
    ),
    places=("港", "海釣り公園", "岬", "入り江"),
    months=WARM_MONTHS,
    manners=("", "やっと", "続けて"),
)
_PLANTING = Activity(
    kind=Kind(
        counted(
            "株",
            "トマトの苗",
            "きゅうりの苗",
            "なすの苗",
            "いちごの苗",
            "ピーマンの苗",
            "朝顔の苗",
            "バジルの苗",
        ),
        ("", "小さな", "元気な", "青々とした"),
        visible("丈夫な", "立派な", "安い"),
    ),
    verbs=(ichidan("植える"),),
    fondness=("庭仕事", "植物を育てるの"),
    reasons=(
        Clause("暖かく", godan("なる")),
        Clause("友達に苗を", godan("もらう")),
        Clause("毎日野菜を", IAdjective(ichidan("食べる").desiderative)),
        Clause("土の準備が", ichidan("できる")),
    ),
    thoughts=(
        "早く大きくなってほしい",
        "土に触ると気持ちがいい",
        "夏が楽しみだ",
        "毎日水をやろう",
    ),
    speaker="隣の家の人",
    sayings=(
        "きれいな庭ですね",
        "水をやりすぎないでくださいね",
        "実がなるのが楽しみですね",
    ),
    followups=(
        Clause("植えた{noun}に、たっぷり水を", godan("やる")),
        Clause("その{noun}のそばに、細い棒を", ichidan("立てる")),
        Clause("それから毎日、その{noun}を", ichidan("眺める").progressive),
    ),
    places=("庭", "畑", "家の裏", "日の当たる場所"),
    place_particle="に",
    habitual=False,
    visited=False,
    months=PLANTING_MONTHS,
    manners=("", "丁寧に", "大切に"),
    accompanied=False,
)

OUTDOORS = (_WALKING, _ANIMALS, _TRAVEL, _FISHING, _PLANTING)
