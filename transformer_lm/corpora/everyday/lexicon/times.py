"""When things happen, and the weather that fits."""

from __future__ import annotations

from dataclasses import dataclass

from transformer_lm.corpora.everyday.grammar.adjectives import IAdjective, Nominal
from transformer_lm.corpora.everyday.grammar.clause import Clause
from transformer_lm.corpora.everyday.grammar.verbs import godan, ichidan

DAYS = (
    "昨日",
    "おととい",
    *(f"先週の{day}曜日" for day in "月火水木金土日"),
    "この前の土曜日",
    "この前の日曜日",
    "この前の祝日",
    "連休の初日",
    "連休の二日目",
    "連休の最後の日",
)
FUTURES = (
    "来週",
    "さ来週",
    "来月",
    "来月の初め",
    "今度の週末",
    "今度の休み",
    "次の連休",
    "今度の土曜日",
    "今度の日曜日",
    "今度の祝日",
)


def _hours(*names: str) -> tuple[str, ...]:
    """Write full and half hours as they follow a day: 昨日 + の午前九時半ごろ."""
    return tuple(f"の{name}{half}ごろ" for name in names for half in ("", "半"))


# What may follow a day; the empty one leaves the hour open.
MORNING = ("", "の午前", *_hours("午前九時", "午前十時", "午前十一時"))
AFTERNOON = (
    "の午後",
    "の昼すぎ",
    *_hours("午後一時", "午後二時", "午後三時", "午後四時"),
)
EVENING = ("の夕方", *_hours("午後五時", "午後六時"))
NIGHT = ("の夜", *_hours("夜七時", "夜八時"))
DAYTIME = MORNING + AFTERNOON
OPENING_HOURS = MORNING + AFTERNOON + EVENING
AFTER_WORK = ("", *EVENING, *NIGHT)

FINE_WEATHER = (
    Clause("朝からよく", ichidan("晴れる").progressive),
    Clause("とても", Nominal("いい天気")),
    Clause("風の気持ちいい", Nominal("一日")),
    Clause("雲一つない", Nominal("青空")),
    Clause("風もなく", Nominal("穏やか")),
    Clause("午前中から日が", godan("差す").progressive),
)
POOR_WEATHER = (
    Clause("朝から雨が", godan("降る").progressive),
    Clause("一日中", godan("曇る").progressive),
    Clause("朝から風が", IAdjective("強い")),
    Clause("昼前から", Nominal("雨")),
    Clause("時々雨が", godan("降る")),
    Clause("あまり天気が", IAdjective("いい"), negative=True),
)
ANY_WEATHER = FINE_WEATHER + POOR_WEATHER

_MOMENTS = ("ある日", "ある土曜日", "ある日曜日", "初め", "終わり", "半ば")
_SPRING = (
    Clause("とても", IAdjective("暖かい")),
    Clause("春の風が", godan("吹く").progressive),
    Clause("鳥の声がよく", ichidan("聞こえる")),
    Clause("空が少し", godan("かすむ").progressive),
)
_SUMMER = (
    Clause("とても", IAdjective("暑い")),
    Clause("朝から", IAdjective("蒸し暑い")),
    Clause("せみがにぎやかに", godan("鳴く").progressive),
    Clause("日差しがとても", IAdjective("強い")),
)
_AUTUMN = (
    Clause("風が", IAdjective("涼しい")),
    Clause("空がどこまでも", IAdjective("青い")),
    Clause("とても", IAdjective("過ごしやすい")),
    Clause("空気が", godan("澄む").progressive),
)
_WINTER = (
    Clause("とても", IAdjective("寒い")),
    Clause("朝から雪が少し", godan("降る").progressive),
    Clause("冷たい風が", godan("吹く").progressive),
    Clause("息が", IAdjective("白い")),
)


@dataclass(frozen=True)
class Month:
    """A month, as a list of moments in it, and its weather.

    Attributes:
        moments: 四月のある日, 四月の初め and so on.
        weather: What may be said of a day in it after その日は.
    """

    moments: tuple[str, ...]
    weather: tuple[Clause, ...]


def _month(name: str, season: tuple[Clause, ...], *special: Clause) -> Month:
    return Month(tuple(f"{name}の{moment}" for moment in _MOMENTS), season + special)


MARCH = _month("三月", _SPRING)
APRIL = _month("四月", _SPRING, Clause("桜が", Nominal("満開")))
MAY = _month("五月", _SPRING, Clause("新緑が", Nominal("きれい")))
JULY = _month("七月", _SUMMER)
AUGUST = _month("八月", _SUMMER)
OCTOBER = _month("十月", _AUTUMN)
NOVEMBER = _month("十一月", _AUTUMN, Clause("紅葉が", Nominal("見事")))
DECEMBER = _month("十二月", _WINTER)
JANUARY = _month("一月", _WINTER)
FEBRUARY = _month("二月", _WINTER)
ALL_YEAR = (
    MARCH,
    APRIL,
    MAY,
    JULY,
    AUGUST,
    OCTOBER,
    NOVEMBER,
    DECEMBER,
    JANUARY,
    FEBRUARY,
)
WARM_MONTHS = (APRIL, MAY, JULY, AUGUST, OCTOBER, NOVEMBER)
PLANTING_MONTHS = (APRIL, MAY)
