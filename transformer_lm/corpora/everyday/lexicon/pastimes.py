"""Activities of learning, playing and making."""

from __future__ import annotations

from transformer_lm.corpora.everyday.activity import Activity
from transformer_lm.corpora.everyday.grammar.adjectives import IAdjective, Nominal
from transformer_lm.corpora.everyday.grammar.clause import Clause
from transformer_lm.corpora.everyday.grammar.verbs import godan, ichidan, suru

from .people import VIGOROUS
from .things import DURATIONS, Kind, counted, felt, lasting, visible
from .times import DAYTIME, OPENING_HOURS

_STUDY = Activity(
    kind=Kind(
        lasting(
            DURATIONS,
            "英語",
            "数学",
            "歴史",
            "中国語",
            "経済学",
            "法律",
            "物理",
            "化学",
            "フランス語",
            "地理",
        ),
        ("",),
        felt("難しい", "面白い", "楽しい"),
        demonstrative="",
    ),
    verbs=(suru("勉強する"),),
    fondness=("勉強", "新しいことを学ぶの"),
    reasons=(
        Clause("来週試験が", godan("ある"), past=False),
        Clause("家では", suru("集中する").potential, past=False, negative=True),
        Clause("分からないところが", godan("ある")),
        Clause("来年試験を", ichidan("受ける"), past=False),
    ),
    thoughts=(
        "少し自信がついた",
        "続けることが大切だ",
        "分かると楽しい",
        "もっと早く始めればよかった",
    ),
    speaker="隣の席の人",
    sayings=(
        "難しい本を読んでいますね",
        "試験があるのですか",
        "お互いに頑張りましょう",
    ),
    followups=(
        Clause("{noun}の問題が解けると、やっと一息", godan("つく")),
        Clause("帰る前に、{noun}の大事なところをノートに", ichidan("まとめる")),
        Clause("夜は{noun}のことを忘れて、ゆっくり", godan("休む")),
    ),
    people=VIGOROUS,
    places=("図書館", "市の自習室", "駅前の喫茶店", "大学の図書館"),
    manners=("", "熱心に", "一人で静かに"),
    accompanied=False,
)
_MUSIC = Activity(
    kind=Kind(
        lasting(
            DURATIONS,
            "ピアノ",
            "ギター",
            "バイオリン",
            "琴",
            "三味線",
            "チェロ",
            "ウクレレ",
            "オルガン",
        ),
        ("",),
        felt("難しい", "楽しい", "面白い"),
        demonstrative="",
    ),
    verbs=(godan("弾く"), suru("練習する")),
    fondness=("音楽", "楽器を弾くの"),
    reasons=(
        Clause("来月発表会が", godan("ある"), past=False),
        Clause("新しい曲を", godan("もらう")),
        Clause("家では大きな音が", godan("出す").potential, past=False, negative=True),
        Clause("最近あまり", suru("練習する").potential.progressive, negative=True),
    ),
    thoughts=(
        "前より上手になった",
        "指が少し痛い",
        "難しいけれど楽しい",
        "毎日弾かなければならない",
    ),
    speaker="先生",
    sayings=(
        "とても上手になりましたね",
        "もう一度弾いてみましょう",
        "指の力を抜いてください",
    ),
    followups=(
        Clause("{noun}の練習が終わると、家族に電話を", ichidan("かける")),
        Clause("家に帰ってからも、{noun}の楽譜を", ichidan("眺める").progressive),
        Clause("最後に、{noun}の先生に次の曲を", godan(godan("選ぶ").te + "もらう")),
    ),
    places=("音楽教室", "公民館", "市の音楽室", "駅前の音楽教室"),
    hours=OPENING_HOURS,
    accompanied=False,
    manners=("", "熱心に", "楽しく"),
    repeatable=False,
)
_DRAWING = Activity(
    kind=Kind(
        counted(
            "枚",
            "花の絵",
            "山の絵",
            "船の絵",
            "橋の絵",
            "猫の絵",
            "木の絵",
            "雲の絵",
            "水車の絵",
        ),
        ("", "大きな", "小さな", "色鮮やかな"),
        (*visible("すてきな", "見事な", "明るい"), *felt("難しい")),
    ),
    verbs=(godan("描く"),),
    fondness=("絵", "絵を描くの"),
    reasons=(
        Clause("景色がとても", Nominal("きれい")),
        Clause("光がとても", IAdjective("美しい")),
        Clause("新しい絵の具を", godan("もらう")),
        Clause("来月展覧会が", godan("ある"), past=False),
    ),
    thoughts=(
        "いい色が出せた",
        "もう一枚描きたい",
        "絵を描くと心が落ち着く",
        "部屋に飾ろう",
    ),
    speaker="通りかかった人",
    sayings=("とても上手ですね", "きれいな色ですね", "私も絵を習っています"),
    followups=(
        Clause("できあがった{noun}を、家の壁に", godan("飾る")),
        Clause("その{noun}を家族に", ichidan("見せる")),
        Clause("その{noun}に小さく名前を", ichidan("書き入れる")),
    ),
    places=("公園", "川の土手", "丘の上", "村の外れ"),
    hours=DAYTIME,
    outdoors=True,
    manners=("", "熱心に", "ゆっくり"),
    repeatable=False,
)
_SPORTS = Activity(
    kind=Kind(
        lasting(
            DURATIONS,
            "バドミントン",
            "卓球",
            "バスケットボール",
            "バレーボール",
            "柔道",
            "剣道",
            "空手",
            "体操",
        ),
        ("",),
        felt("楽しい", "面白い", "いい運動な"),
        demonstrative="",
    ),
    verbs=(suru("練習する"),),
    fondness=("スポーツ", "体を動かすの"),
    reasons=(
        Clause("最近", suru("運動する").progressive, negative=True),
        Clause("来月試合が", godan("ある"), past=False),
        Clause("体が少し", godan("なまる").progressive),
        Clause("クラブに", godan("誘う").passive),
    ),
    thoughts=(
        "いい汗をかいた",
        "体が軽くなった",
        "明日は筋肉痛になりそうだ",
        "もっと強くなりたい",
    ),
    speaker="コーチ",
    sayings=(
        "今日はよく動けていましたね",
        "水をたくさん飲んでください",
        "次の試合も頑張りましょう",
    ),
    followups=(
        Clause("{noun}のあとで、冷たい水を", godan("飲む")),
        Clause("{noun}で汗をかいたので、すぐにシャワーを", ichidan("浴びる")),
        Clause("{noun}の練習を終えると、家に", godan("帰る")),
    ),
    people=VIGOROUS,
    places=("体育館", "スポーツセンター", "町の体育館", "市の体育館"),
    manners=("", "熱心に", "夢中で"),
    repeatable=False,
)

PASTIMES = (_STUDY, _MUSIC, _DRAWING, _SPORTS)
