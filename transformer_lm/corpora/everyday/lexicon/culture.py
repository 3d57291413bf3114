"""Activities of reading, watching and listening."""

from __future__ import annotations

from transformer_lm.corpora.everyday.activity import Activity
from transformer_lm.corpora.everyday.grammar.adjectives import IAdjective, Nominal
from transformer_lm.corpora.everyday.grammar.clause import Clause
from transformer_lm.corpora.everyday.grammar.verbs import KURU, godan, ichidan, suru

from .books import BOOKS
from .things import Kind, felt, lasting, uncounted, visible
from .times import AFTERNOON, DAYTIME, EVENING, NIGHT, OPENING_HOURS

_LIBRARY = Activity(
    kind=BOOKS,
    verbs=(ichidan("借りる"),),
    fondness=("読書", "図書館"),
    reasons=(
        Clause("前から", IAdjective(godan("読む").desiderative)),
        Clause("知り合いに", ichidan("勧める").passive),
        Clause("調べたいことが", godan("ある")),
        Clause("表紙がとても", IAdjective("いい")),
    ),
    thoughts=(
        "ここには何でもある",
        "早く読みたい",
        "図書館は静かでいい",
        "もっと借りたい",
    ),
    speaker="図書館の人",
    sayings=("返却は二週間後です", "新しい本も入りましたよ", "お静かにお願いします"),
    followups=(
        Clause("家に帰って、すぐにその{noun}を", ichidan("読み始める")),
        Clause("その{noun}は一日で読み終わって、次の日に", godan("返す")),
        Clause("借りた{noun}を、大事にかばんに", ichidan("入れる")),
    ),
    places=("図書館", "市の図書館", "大学の図書館", "県立図書館"),
    hours=OPENING_HOURS,
)
_READING = Activity(
    kind=BOOKS,
    verbs=(godan("読む"),),
    fondness=("読書", "本を読むの"),
    reasons=(
        Clause("約束までまだ時間が", godan("ある")),
        Clause("待ち時間が", IAdjective("長い")),
        Clause("久しぶりに時間が", ichidan("できる")),
        Clause("友達に", ichidan("勧める").passive),
    ),
    thoughts=(
        "本を読むと時間を忘れる",
        "続きが気になる",
        "もう一度読みたい",
        "いい言葉に出会えた",
    ),
    speaker="隣に座っていた人",
    sayings=("私もその本を読みました", "それは面白いですか", "よく本を読むのですか"),
    followups=(
        Clause("その{noun}を読み終わると、静かに目を", ichidan("閉じる")),
        Clause("その{noun}の感想を日記に", godan("書く")),
        Clause("その{noun}を読みながら、何度も", godan("うなずく")),
    ),
    places=("電車の中", "病院の待合室", "喫茶店の隅", "駅のベンチ"),
    visited=False,
    hours=(*DAYTIME, *EVENING),
    accompanied=False,
    manners=("", "夢中で", "静かに"),
)
_MOVIES = Activity(
    kind=Kind(
        uncounted(
            "時代劇",
            "恋愛映画",
            "アニメ映画",
            "喜劇映画",
            "怪獣映画",
            "西部劇",
            "音楽映画",
            "冒険映画",
        ),
        ("", "新しい", "古い", "人気の", "話題の"),
        felt("面白い", "すばらしい", "長い", "感動的な"),
    ),
    verbs=(ichidan("見る"),),
    fondness=("映画", "映画を見るの"),
    reasons=(
        Clause("前売り券を", godan("もらう").progressive),
        Clause("仲のいい人に", ichidan("勧める").passive),
        Clause("好きな俳優が", ichidan("出る").progressive),
        Clause("評判が", IAdjective("いい")),
    ),
    thoughts=(
        "最後の場面がよかった",
        "思わず泣いてしまった",
        "音楽がすばらしかった",
        "もう一度見たい",
    ),
    speaker="隣の席の人",
    sayings=(
        "とてもいい映画でしたね",
        "音楽がすばらしかったですね",
        "最後の場面がよかったですね",
    ),
    followups=(
        Clause("{noun}が終わってから、近くの店でお茶を", godan("飲む")),
        Clause("売店でその{noun}のパンフレットを", godan("買う")),
        Clause("家に帰って、その{noun}の話を家族に", suru("する")),
    ),
    places=("映画館", "駅前の映画館", "隣の町の映画館", "町の映画館"),
    hours=("", *AFTERNOON, *EVENING, *NIGHT),
    repeatable=False,
)
_CONCERTS = Activity(
    kind=Kind(
        lasting(
            ("", "一時間", "一時間半", "二時間"),
            *(
                "クラシック音楽",
                "ジャズ",
                "合唱",
                "ピアノの演奏",
                "バイオリンの演奏",
                "吹奏楽",
                "琴の演奏",
                "民謡",
            ),
        ),
        ("", "生の", "懐かしい", "にぎやかな", "静かな"),
        felt("美しい", "見事な", "心地よい"),
        demonstrative="",
    ),
    verbs=(godan("聴く"),),
    fondness=("音楽", "音楽を聴くの"),
    reasons=(
        Clause("切符を", godan("もらう").progressive),
        Clause("有名な演奏家が", KURU),
        Clause("入場が", Nominal("無料")),
        Clause("演奏会に", suru("招待する").passive.progressive),
    ),
    thoughts=(
        "夢のような時間だった",
        "音がとてもきれいだった",
        "心が温かくなった",
        "また聴きに来たい",
    ),
    speaker="隣の席の人",
    sayings=(
        "すばらしい演奏でしたね",
        "よくいらっしゃるのですか",
        "来月も演奏会があるそうですよ",
    ),
    followups=(
        Clause("{noun}が終わると、いつまでも拍手を", suru("する")),
        Clause("帰りに、同じ{noun}の録音を", godan("買う")),
        Clause("家に帰ってからも、{noun}のことを", godan("思い出す").progressive),
    ),
    places=("市民ホール", "コンサートホール", "公民館", "大学の音楽堂"),
    hours=("", *AFTERNOON, *EVENING, "の夜"),
    manners=("", "静かに", "うっとりと"),
    repeatable=False,
)
_MUSEUM = Activity(
    kind=Kind(
        uncounted(
            "浮世絵",
            "油絵",
            "水彩画",
            "版画",
            "日本画",
            "彫刻",
            "陶器",
            "書道の作品",
            "昔の地図",
        ),
        ("", "有名な", "珍しい", "古い", "江戸時代の"),
        (*felt("すばらしい", "印象的な"), *visible("見事な", "色が美しい")),
    ),
    verbs=(ichidan("見る"), suru("鑑賞する")),
    fondness=("美術", "絵を見るの"),
    reasons=(
        Clause("新しい展覧会が", godan("始まる")),
        Clause("切符を", godan("もらう").progressive),
        Clause("入場が", Nominal("無料")),
        Clause("新聞で", suru("紹介する").passive.progressive),
    ),
    thoughts=(
        "本物はやっぱり違う",
        "時間がいくらあっても足りない",
        "色がとてもきれいだった",
        "昔の人はすごい",
    ),
    speaker="案内係",
    sayings=(
        "写真を撮ってもいいですよ",
        "こちらが有名な作品です",
        "説明は入り口にあります",
    ),
    followups=(
        Clause("売店でその{noun}のポスターを", godan("買う")),
        Clause("その{noun}の前で、長い間", ichidan("足を止める").progressive),
        Clause("その{noun}についての説明を、熱心に", godan("読む")),
    ),
    places=("美術館", "市の美術館", "山の上の美術館", "大学の博物館"),
    hours=DAYTIME,
    manners=("", "ゆっくり", "時間をかけて"),
    repeatable=False,
)

CULTURE = (_LIBRARY, _READING, _MOVIES, _CONCERTS, _MUSEUM)
