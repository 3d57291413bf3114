"""The people of the documents: each has one occupation, wherever they appear."""

from __future__ import annotations

from dataclasses import dataclass

from transformer_lm.corpora.everyday.draw import Weighted
from transformer_lm.corpora.everyday.grammar.adjectives import Nominal

_COLLEAGUES = (
    "友達と",
    "昔の友達と",
    "近所の人と",
    "職場の同僚と",
    "職場の後輩と",
    "大学時代の友達と",
    "仕事の仲間と",
    "近所の友達と",
)
_CLASSMATES = (
    "友達と",
    "昔の友達と",
    "クラスメートと",
    "学校の先輩と",
    "部活の仲間と",
    "近所の友達と",
    "学校の後輩と",
    "小学校からの友達と",
)
_NEIGHBOURS = (
    "友達と",
    "昔の友達と",
    "近所の人と",
    "俳句の会の仲間と",
    "老人会の仲間と",
    "近所の友達と",
    "古い知り合いと",
    "幼なじみと",
)


@dataclass(frozen=True)
class Person:
    """Someone a document can be about.

    Attributes:
        name: The person as the topic of a sentence.
        occupation: What the person is, before the copula.
        companions: Who may come along.
        adult: Whether the person may buy a refrigerator.
        vigorous: Whether the person plays ball games.
        narrator: Whether the person is 私, whose feelings are told directly.
    """

    name: str
    occupation: Nominal
    companions: tuple[str, ...] = _COLLEAGUES
    adult: bool = True
    vigorous: bool = True
    narrator: bool = False


def _adult(name: str, occupation: str) -> Person:
    return Person(name, Nominal(occupation))


def _student(name: str, occupation: str) -> Person:
    return Person(name, Nominal(occupation), companions=_CLASSMATES, adult=False)


def _elder(name: str, occupation: str) -> Person:
    return Person(name, Nominal(occupation), companions=_NEIGHBOURS, vigorous=False)


_NARRATOR = Person("私", Nominal("大学二年生"), companions=_CLASSMATES, narrator=True)

_PEOPLE = (
    _adult("佐藤さん", "高校の先生"),
    _adult("鈴木さん", "看護師"),
    _adult("高橋さん", "会社員"),
    _adult("田中さん", "銀行員"),
    _adult("伊藤さん", "小児科の医者"),
    _adult("渡辺さん", "大工"),
    _adult("山本さん", "バスの運転手"),
    _adult("中村さん", "料理人"),
    _adult("小林さん", "美容師"),
    _adult("加藤さん", "消防士"),
    _adult("吉田さん", "新聞記者"),
    _adult("山田さん", "郵便局員"),
    _adult("佐々木さん", "警察官"),
    _adult("山口さん", "写真家"),
    _adult("松本さん", "小説家"),
    _adult("井上さん", "画家"),
    _adult("木村さん", "漁師"),
    _adult("林さん", "薬剤師"),
    _adult("清水さん", "弁護士"),
    _adult("山崎さん", "駅員"),
    _adult("池田さん", "保育士"),
    _adult("橋本さん", "建築家"),
    _adult("阿部さん", "通訳"),
    _adult("石川さん", "花屋の店主"),
    _adult("前田さん", "ピアノの先生"),
    _adult("藤田さん", "市役所の職員"),
    _adult("岡田さん", "自動車工場の技術者"),
    _adult("長谷川さん", "俳優"),
    _adult("近藤さん", "パイロット"),
    _adult("石井さん", "歌手"),
    _adult("坂本さん", "植木職人"),
    _adult("遠藤さん", "高校の英語の先生"),
    _adult("青木さん", "登山家"),
    _adult("藤井さん", "将棋の棋士"),
    _adult("西村さん", "連絡船の船長"),
    _adult("福田さん", "天文学者"),
    _adult("太田さん", "酒屋の主人"),
    _adult("三浦さん", "マラソン選手"),
    _adult("岡本さん", "旅行会社の社員"),
    _adult("原田さん", "家具職人"),
    _student("健太さん", "大学生"),
    _student("美咲さん", "高校生"),
    _student("翔太さん", "中学生"),
    _student("陽菜さん", "中学三年生"),
    _student("大輔さん", "大学院生"),
    _student("さくらさん", "大学一年生"),
    _student("直樹さん", "高校二年生"),
    _student("千尋さん", "高校三年生"),
    _student("拓也さん", "専門学校の学生"),
    _student("由美さん", "音楽大学の学生"),
    _student("マリアさん", "ブラジルからの留学生"),
    _student("ジョンさん", "イギリスからの留学生"),
    _adult("父", "地下鉄の運転士"),
    _adult("母", "小学校の先生"),
    _adult("兄", "市立病院の医者"),
    _adult("姉", "デザイナー"),
    _student("弟", "高校一年生"),
    _student("妹", "中学二年生"),
    _elder("祖父", "今年で八十歳"),
    _elder("祖母", "今年で七十八歳"),
    _adult("叔父", "タクシーの運転手"),
    _adult("叔母", "歯医者"),
    _NARRATOR,
)
_NARRATOR_WEIGHT = 6.0


def _weighted(people: tuple[Person, ...]) -> Weighted[Person]:
    return Weighted.of(
        (person, _NARRATOR_WEIGHT if person.narrator else 1.0) for person in people
    )


EVERYONE = _weighted(_PEOPLE)
ADULTS = _weighted(tuple(person for person in _PEOPLE if person.adult))
VIGOROUS = _weighted(tuple(person for person in _PEOPLE if person.vigorous))
